//! Story: programs that bring an allocator of their own, and a C library. The program does not notice the sampler, the
//! CPU profile is right, and where every allocation ends in the C library's `malloc` each is counted once.

use prof_tests::{Evidence, Project};

fn assert_burned(cpu: &Evidence, function: &str, seconds: f64) {
    let seen = cpu.all().through(function).seconds();
    assert!(seen > 0.5 * seconds, "{seen} s seen of {seconds} s in {function}");
}

#[test]
fn jemalloc_works_as_it_did() {
    an_allocator_works_as_it_did("jemalloc", "jemalloc");
}

#[test]
fn mimalloc_works_as_it_did() {
    an_allocator_works_as_it_did("mimalloc-user", "mimalloc_user");
}

fn an_allocator_works_as_it_did(package: &str, krate: &str) {
    let project = Project::of("allocators");
    let twice = project.twice(&["test", "-p", package, "--tests"]);
    assert_eq!(twice.ours.code(), 0);
    assert_burned(&twice.cpu, &format!("{krate}::burn"), 0.3);
    assert!(twice.heap.of_test(&format!("lib/{krate}"), "tests::hoards").through("hoard").in_use() <= (10, 10_000));

    let twice = project.twice(&["run", "-p", package]);
    assert_eq!(twice.ours.stdout, "churned 1998000\n");
    assert_burned(&twice.cpu, &format!("{krate}::burn"), 0.4);
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
