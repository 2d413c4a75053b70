//! Story: programs that bring an allocator of their own, and a C library. The program does not notice the sampler, the
//! CPU profile is right, and where every allocation ends in the C library's `malloc` each is counted once.

use prof_tests::{Evidence, Project};

fn assert_burned(cpu: &Evidence, function: &str, seconds: f64) {
    let seen = cpu.all().through(function).seconds();
    assert!(seen > 0.5 * seconds, "{seen} s seen of {seconds} s in {function}");
}

#[test]
fn jemalloc_works_as_it_did() {
    // Building jemalloc takes a minute, so plain cargo does not do it as well: its results are known.
    let project = Project::of("allocators");
    let ours = project.profiled(&["test", "-p", "jemalloc", "--tests"]).succeeded();
    assert_eq!(
        ours.test_lines(),
        ["tests::burns", "tests::churns", "tests::hoards"].map(|test| format!("test {test} ... ok"))
    );
    assert_tests_are_seen(&project, "jemalloc");

    let ours = project.profiled(&["run", "-p", "jemalloc"]).succeeded();
    assert_eq!(ours.stdout, "churned 1998000\n");
    assert_burned(&project.cpu_profile(), "jemalloc::burn", 0.4);
}

#[test]
fn mimalloc_works_as_it_did() {
    let project = Project::of("allocators");
    let twice = project.twice(&["test", "-p", "mimalloc-user", "--tests"]);
    assert_eq!(twice.ours.code(), 0);
    assert_tests_are_seen(&project, "mimalloc_user");

    let twice = project.twice(&["run", "-p", "mimalloc-user"]);
    assert_eq!(twice.ours.stdout, "churned 1998000\n");
    assert_burned(&twice.cpu, "mimalloc_user::burn", 0.4);
}

/// The CPU is sampled as everywhere. Of the heap only what comes from libc is seen, so what is seen is never too much.
fn assert_tests_are_seen(project: &Project, krate: &str) {
    assert_burned(&project.cpu_profile(), &format!("{krate}::burn"), 0.3);
    let (objects, bytes) = project.heap_profile().of_target(&format!("lib/{krate}")).through("hoard").in_use();
    assert!(objects <= 10 && bytes <= 10_000, "{objects} objects of {bytes} bytes");
}

#[test]
fn a_counting_allocator_and_the_profile_count_the_same() {
    let project = Project::of("allocators");
    // The tests themselves assert what their threads allocated, so they also prove that we add nothing to it.
    let twice = project.twice(&["test", "-p", "counting", "--lib"]);
    assert_eq!(twice.ours.code(), 0);
    for (test, counted) in [
        ("tests::boxes", (25, 25_000)),
        ("tests::grows", (4, 232)),
        ("tests::zeroed", (1, 5000)),
        ("tests::aligned", (3, 768)),
        ("tests::nothing", (0, 0)),
    ] {
        let test = twice.heap.of_test("lib/counting", test);
        assert_eq!(test.allocated(), counted, "{:?}", test.functions());
        assert_eq!(test.in_use(), (0, 0), "{:?}", test.functions());
    }
}

#[test]
fn what_c_does_is_seen() {
    let project = Project::of("allocators");
    let twice = project.twice(&["test", "-p", "c-library", "--lib"]);
    assert_eq!(twice.ours.code(), 0);

    assert_burned(&twice.cpu, "c_burn", 0.6);
    let in_a_c_thread = twice.cpu.all().through("burn_in_a_c_thread");
    assert_eq!(in_a_c_thread.labels("test").into_iter().collect::<Vec<_>>(), ["tests::burns_in_a_c_thread"]);

    // For each of ten rounds: malloc 1000, calloc 4 x 1000, realloc to 1000 and on to 2000, posix_memalign 1000.
    let hoarded = twice.heap.of_test("lib/c_library", "tests::hoards_in_c").through("c_hoard");
    assert_eq!(hoarded.allocated(), (50, 90_000));
    assert_eq!(hoarded.in_use(), (30, 70_000));
}
