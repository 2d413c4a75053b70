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

/// Runs a cargo command plainly and, with each of these engines, profiled, which must not make a difference.
fn with_each(engines: &[Engine], arguments: &[&str], rate: &str, check: impl Fn(&Project, Engine)) {
    let project = Project::of("delicate");
    let plain = project.cargo(arguments).succeeded();
    for &engine in engines {
        let ours = project.profiled_with(arguments, &["--cpuprofilerate", rate, "--engine", engine.name()], |_| ());
        plain.assert_same(&ours);
        check(&project, engine);
    }
}

/// What comes after all that is sampled as ever.
fn sees_what_goes_on(project: &Project, engine: Engine) {
    let seen = project.cpu_profile().all().through("goes_on").seconds();
    assert!((0.25..0.35).contains(&seen), "{seen} s of 0.3 s, {engine:?}");
}

#[test]
fn a_program_with_a_use_for_sigprof_has_it() {
    with_each(&Engine::ALL, &["test", "--test", "signals"], "1000", |project, engine| {
        // Also while the timer is the program's.
        let profile = project.cpu_profile();
        let test = profile.of_test("test/signals", "its_timer_goes_off");
        let seen = test.clone().through("work_while_it_has_the_timer").seconds();
        assert!((0.35..0.45).contains(&seen), "{seen} s of 0.4 s, {engine:?}");
        let seen = test.through("burn").seconds();
        assert!((0.6..0.8).contains(&seen), "{seen} s of 0.7 s, {engine:?}");
    });
}

#[test]
fn a_program_that_waits_for_its_signals_is_not_woken_by_others() {
    with_each(&Engine::ALL, &["run", "--bin", "suspends"], "1000", sees_what_goes_on);
    // The signals of a timer for all threads come at any moment.
    let engines = [Engine::PerfClock, Engine::ThreadTimer];
    with_each(&engines, &["test", "--test", "polls"], "1000", |_, _| ());
}

#[test]
fn a_program_that_reads_sigprof_from_a_descriptor_has_its_own() {
    with_each(&Engine::ALL, &["test", "--test", "descriptor"], "1000", |project, engine| {
        let profile = project.cpu_profile();
        let test = profile.of_test("test/descriptor", "blocked_before_and_after");
        // Of one timer for all, no signal is any more sent.
        if engine != Engine::ProcessTimer {
            let (all, seen) = (test.clone().seconds(), test.through("burn").seconds());
            assert!((0.27..0.35).contains(&all) && seen > 0.07, "{all} s of 0.3 s, {seen} s of 0.1 s, {engine:?}");
        }
    });
}

#[test]
fn a_program_that_ignores_sigprof_hands_that_on() {
    with_each(&Engine::ALL, &["run", "--bin", "ignores"], "1000", sees_what_goes_on);
}

#[test]
fn a_program_that_fails_to_become_another_is_still_sampled() {
    with_each(&Engine::ALL, &["run", "--bin", "lists"], "1000", sees_what_goes_on);
}

#[test]
fn a_program_that_becomes_another_is_not_killed_by_a_late_signal() {
    with_each(&Engine::ALL, &["run", "--bin", "becomes"], "10000", |_, _| ());
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
