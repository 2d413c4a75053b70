//! Story: the profile of the peak says what was in use when most was, of the process and of each test.

use prof_tests::{Evidence, Outcome, Project};

/// Runs with a profile of the peak alone, every allocation seen.
fn peak_profile(project: &Project, arguments: &[&str]) -> (Evidence, Outcome) {
    let path = project.path("target/peak.prof");
    let _ = std::fs::remove_file(&path);
    let ours = ["--peakprofile", "target/peak.prof", "--memprofilerate", "1"];
    let outcome = project.prof(&[&arguments[..1], &ours, &arguments[1..]].concat()).succeeded();
    (Evidence::read(&path), outcome)
}

#[test]
fn a_program_is_seen_at_its_peak() {
    let project = Project::of("heap-ends");
    let (peak, outcome) = peak_profile(&project, &["run"]);
    let kinds: Vec<_> = peak.profile().sample_types.iter().map(|kind| &*kind.kind).collect();
    assert_eq!(kinds, ["peak_objects", "peak_space"]);
    assert_eq!(&*peak.profile().default_sample_type, "peak_space");
    for (function, bytes) in [("held", 10_240), ("at_the_peak", 500_000), ("after_the_peak", 0)] {
        assert_eq!(peak.of_target("bin/heap-ends").through(function).total("peak_space"), bytes, "{function}");
    }
    assert!(outcome.stderr.contains("peak profile    target/peak.prof  ("), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("cpu profile"), "{}", outcome.stderr);
}

#[test]
fn a_test_is_seen_at_its_own_peak() {
    let project = Project::of("heap-ends");
    let (peak, _) = peak_profile(&project, &["test", "--lib", "--", "--test-threads=1"]);
    let kinds: Vec<_> = peak.profile().sample_types.iter().map(|kind| &*kind.kind).collect();
    assert_eq!(kinds, ["peak_objects", "peak_space", "test_peak_objects", "test_peak_space"]);
    let of = |test: &str| peak.of_test("lib/heap_ends", test);
    let peaks = of("tests::peaks");
    assert_eq!(peaks.total("test_peak_space"), 10_240 + 500_000);
    assert_eq!(peaks.total("test_peak_objects"), 12);
    assert_eq!(peaks.through("after_the_peak").total("test_peak_space"), 0);
    assert_eq!(of("tests::leaves_nothing").total("test_peak_space"), 50);
    assert_eq!(of("tests::leaks").total("test_peak_space"), 3000);
    assert_eq!(peak.all().without_label("test").total("test_peak_space"), 0);
}

#[test]
fn the_peak_of_several_threads_is_known_to_the_byte() {
    let project = Project::of("truth");
    let run = ["run", "-q", "--memstats", "--format=json", "--bin", "shift"];
    let (peak, outcome) = peak_profile(&project, &run);
    let said = outcome.stdout.lines().find_map(|line| line.strip_prefix("peak ")).expect("it says so");
    let said: i64 = said.parse().unwrap();
    let doors = ["counted_alloc", "counted_realloc"].map(|function| peak.all().through(function).total("peak_space"));
    assert_eq!(doors.iter().sum::<i64>(), said);
    for (function, bytes, blocks) in [
        ("shift::at_the_peak", 1_234_567, 1),
        // On each of three threads 50 of 500 bytes, 50 of 3000, and their list.
        ("shift::grown", 3 * (50 * 500 + 50 * 3000 + 100 * 24), 3 * 101),
        ("shift::hand_over", 0, 0),
        ("shift::after_the_peak", 0, 0),
    ] {
        let samples = peak.all().through(function);
        assert_eq!((samples.total("peak_space"), samples.total("peak_objects")), (bytes, blocks), "{function}");
    }
    let document = outcome.document();
    assert_eq!(document["rows"][0]["peak_bytes"], peak.all().total("peak_space"), "{document:#}");
}
