//! Story: programs that are easily hurt by a stranger in their process. They do not notice the sampler.

use prof_tests::{Project, host_triple};

#[test]
fn little_stacks_forked_children_and_c11_threads() {
    let project = Project::of("delicate");
    let twice = project.twice(&["test", "--lib", "--", "--test-threads=1"]);
    assert_eq!(twice.ours.code(), 0);

    let seen = twice.cpu.of_test("lib/delicate", "tests::c11_threads").through("burn_in_c11").seconds();
    assert!((0.25..0.4).contains(&seen), "{seen} s of 0.3 s");
    // Their stacks are too small to look into them, but their time counts.
    let seen = twice.cpu.of_test("lib/delicate", "tests::little_stacks").seconds();
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
    let library = project.path("target/allocator.so");
    let compiled = project
        .command("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &project.path("allocator.c")])
        .status()
        .expect("rustc's linker is there");
    assert!(compiled.success());
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
