//! Story: at rate 1 the heap profile says the truth to the byte: what was allocated, and what was kept.

use prof_tests::Project;

#[test]
fn what_a_program_hoards_is_counted_to_the_byte() {
    let project = Project::of("truth");
    project.profiled(&["run", "-q", "--bin", "hoard"]).succeeded();
    let heap = project.heap_profile();
    // As in Go, one asks of a program what it holds.
    assert_eq!(&*heap.profile().default_sample_type, "inuse_space");
    for (function, allocated, in_use) in [
        ("keep_small", (1000, 24_000), (1000, 24_000)),
        ("keep_large", (3, 3 << 20), (3, 3 << 20)),
        ("keep_half", (200, 102_400), (100, 51_200)),
        ("drop_all", (500, 50_000), (0, 0)),
        ("grow_and_keep", (30, 1120), (10, 640)),
        ("keep_on_a_thread", (21, 6993), (21, 6993)),
    ] {
        let samples = heap.of_target("bin/hoard").through(function);
        assert_eq!(samples.allocated(), allocated, "{function} allocated");
        assert_eq!(samples.in_use(), in_use, "{function} keeps");
    }
}

#[test]
fn what_a_test_allocates_is_counted_to_the_byte() {
    let project = Project::of("truth");
    project.profiled(&["test", "--test", "amounts"]).succeeded();
    let heap = project.heap_profile();
    // And of a test what it allocates.
    assert_eq!(&*heap.profile().default_sample_type, "alloc_space");
    for (test, allocated, in_use) in [("keeps_ten", (10, 10_000), (10, 10_000)), ("drops_twenty", (20, 1000), (0, 0))] {
        let test = heap.of_test("test/amounts", test);
        assert_eq!(test.allocated(), allocated, "{:?}", test.functions());
        assert_eq!(test.in_use(), in_use, "{:?}", test.functions());
    }
    // What the start of a thread allocates is std's affair; what the thread does is ours.
    let on_a_thread = heap.of_test("test/amounts", "keeps_five_on_a_thread").through("five_of_77");
    assert_eq!(on_a_thread.in_use(), (5, 385));
}

#[test]
fn ten_million_operations_on_four_threads_are_counted_to_the_byte() {
    let project = Project::of("truth");
    // About two in three allocate, grow or free.
    let run = ["run", "-q", "--release", "--bin", "barter", "--", "4000000"];
    let ours = project.profiled(&run).succeeded();
    let heap = project.heap_profile();
    let said = |what: &str| {
        let line = ours.stdout.lines().find_map(|line| line.strip_prefix(what)).expect("it says so");
        let numbers: Vec<i64> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
        (numbers[0], numbers[1])
    };
    assert!(said("allocated").0 > 6_000_000);
    let doors = ["counted_alloc", "counted_zeroed", "counted_realloc"].map(|function| heap.all().through(function));
    let sum = |parts: [(i64, i64); 3]| parts.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    assert_eq!(sum(doors.each_ref().map(|door| door.allocated())), said("allocated"));
    assert_eq!(sum(doors.each_ref().map(|door| door.in_use())), said("in_use"));
}

#[test]
fn a_coarse_rate_estimates_the_same_amount() {
    let project = Project::of("truth");
    // Each block of 1 MiB is surely sampled at a mean distance of 16 KiB: the chance to miss one is e^-64.
    project.profiled_with(&["run", "-q", "--bin", "hoard"], &["--memprofilerate", "16384"], |_| ()).succeeded();
    let large = project.heap_profile().all().through("keep_large").in_use();
    assert_eq!(large.0, 3);
    assert!((large.1 - (3 << 20)).abs() <= 3, "{} bytes", large.1);
}
