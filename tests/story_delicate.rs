//! Story: programs that are easily hurt by a stranger in their process. They do not notice the sampler.

use std::path::PathBuf;

use prof_record::Engine;
use prof_tests::{Project, host_triple};

/// A shared library of a C file of the project.
fn compiled(project: &Project, source: &str) -> PathBuf {
    let library = project.path("target").join(source).with_extension("so");
    let mut compiler = project.command("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-g", "-o"]).args([&library, &project.path(source)]);
    assert!(compiler.status().expect("rustc's linker is there").success());
    library
}

#[test]
fn little_stacks_forked_children_and_c11_threads() {
    let project = Project::of("delicate");
    let twice = project.twice(&["test", "--lib", "--", "--test-threads=1"]);
    assert_eq!(twice.ours.code(), 0);

    let seen = twice.cpu.of_test("lib/delicate", "tests::c11_threads").through("burn_in_c11").seconds();
    assert!((0.25..0.4).contains(&seen), "{seen} s of 0.3 s");
    // Too small to look into them from there.
    let seen = twice.cpu.of_test("lib/delicate", "tests::little_stacks").through("work_in_little_room").seconds();
    assert!((0.25..0.4).contains(&seen), "{seen} s of 0.3 s");
    // What is on a stack that nothing is known of is not looked into, but its time counts.
    let seen = twice.cpu.of_test("lib/delicate", "tests::no_room_for_a_signal").seconds();
    assert!((0.25..0.4).contains(&seen), "{seen} s of 0.3 s");
    let (objects, bytes) = twice.heap.of_test("lib/delicate", "tests::little_stacks").allocated();
    assert!(objects >= 300 && bytes >= 300_000, "{objects} objects of {bytes} bytes");
}

#[test]
fn an_allocator_that_counts_from_before_main() {
    let project = Project::of("delicate");
    let twice = project.twice(&["run", "--bin", "counts-from-the-start"]);
    assert!(twice.ours.stdout.contains("calls before main"), "{}", twice.ours.stdout);
}

#[test]
fn a_preloaded_allocator_stays_the_only_one() {
    let project = Project::of("delicate");
    let library = compiled(&project, "allocator.c");
    // Preloaded into the program alone, not into cargo.
    let runner = format!("CARGO_TARGET_{}_RUNNER", host_triple().to_uppercase().replace('-', "_"));
    let preload = format!("env LD_PRELOAD={}", library.display());
    let twice = project.twice_with(&["run", "--bin", "allocates"], |command| {
        command.env(&runner, &preload);
    });
    assert_eq!(twice.ours.stdout, "all well\n");
    // Ten for each of 200 rounds, one of them within `strdup`, and `realloc` and `reallocarray`.
    let (objects, _) = twice.heap.all().through("allocates::allocate").allocated();
    assert!(objects >= 200 * 8, "{objects} objects");
}

#[test]
fn a_program_with_a_use_for_sigprof_has_it() {
    let project = Project::of("delicate");
    for engine in ["perf-clock", "thread-timer"] {
        let arguments = ["test", "--test", "signals"];
        let plain = project.cargo(&arguments).succeeded();
        let ours = project.profiled_with(&arguments, &["--cpuprofilerate", "1000", "--engine", engine], |_| ());
        plain.assert_same(&ours);
    }
}

#[test]
fn a_program_that_becomes_another_is_not_killed_by_a_late_signal() {
    let project = Project::of("delicate");
    let plain = project.cargo(&["run", "--bin", "becomes"]).succeeded();
    for engine in Engine::ALL {
        let flags = ["--cpuprofilerate", "10000", "--engine", engine.name()];
        let ours = project.profiled_with(&["run", "--bin", "becomes"], &flags, |_| ());
        plain.assert_same(&ours);
    }
}

#[test]
fn code_that_is_loaded_later_is_in_the_stacks() {
    let project = Project::of("delicate");
    let plugin = compiled(&project, "plugin.c");
    let twice = project.twice(&["run", "--bin", "loads", "--", plugin.to_str().unwrap()]);
    let seen = |function: &str| twice.cpu.all().through("loads::main").through(function).seconds();
    assert!((0.3..0.5).contains(&seen("plugin_inner")), "{}", seen("plugin_inner"));
    let back = twice.cpu.all().through("plugin_burn").through("back_in_the_program").seconds();
    assert!((0.15..0.25).contains(&back), "{back}");
}
