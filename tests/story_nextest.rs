//! Story: `cargo prof nextest`, where each test is a process of its own. Without cargo-nextest the story is skipped, and
//! says so.

use std::collections::BTreeSet;
use std::fs;

use prof_tests::{Evidence, Outcome, Project, skip};

fn has_nextest(project: &Project, story: &str) -> bool {
    let has = project.cargo(&["nextest", "--version"]).status.success();
    if !has {
        skip(story, "there is no cargo-nextest");
    }
    has
}

/// Runs tests, sampled finely.
fn nextest(project: &Project, arguments: &[&str]) -> Outcome {
    project.profiled(&[&["nextest"], arguments].concat())
}

/// Target and name of each test in a profile.
fn tests(profile: &Evidence) -> BTreeSet<(String, String)> {
    let samples = profile.profile().samples.iter();
    samples.filter_map(|sample| Some((sample.text("target")?.to_string(), sample.text("test")?.to_string()))).collect()
}

fn set(tests: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    tests.iter().map(|(target, test)| ((*target).to_owned(), (*test).to_owned())).collect()
}

#[test]
fn every_process_is_in_the_runs_profiles_however_it_ends() {
    let project = Project::of("nextest");
    if !has_nextest(&project, "every_process_is_in_the_runs_profiles_however_it_ends") {
        return;
    }
    let outcome = nextest(&project, &["run", "--each", "each", "--retries=0"]);
    assert_eq!(outcome.code(), 100, "as nextest ends where a test failed: {}", outcome.stderr);
    assert!(outcome.stderr.contains("TIMEOUT") && outcome.stderr.contains("3 passed"), "{}", outcome.stderr);
    let (cpu, heap) = (project.cpu_profile(), project.heap_profile());
    let burned =
        [("lib/nextest_user", "tests::burns", 0.3), ("test/ends", "burns_too", 0.2), ("test/ends", "fails", 0.1)];
    for (target, test, seconds) in burned {
        let seen = cpu.of_test(target, test).through("nextest_user::burn").seconds();
        assert!(seen > 0.5 * seconds && seen < 1.5 * seconds, "{target} {test}: {seen} s of {seconds} s");
    }
    // Killed after a second; what it did until then is there.
    assert!(cpu.of_test("test/ends", "never_ends").through("nextest_user::burn").seconds() > 0.0);
    let boxes = heap.of_test("lib/nextest_user", "tests::allocates").through("nextest_user::boxes");
    assert_eq!(boxes.allocated(), (1001, 1000 * 40 + 1000 * 8));
    let each = Evidence::read(&project.path("target/profiles/each/tests.burns.cpu.prof"));
    assert_eq!(tests(&each), set(&[("lib/nextest_user", "tests::burns")]));
}

#[test]
fn shards_and_archives_make_the_whole() {
    let project = Project::of("nextest");
    if !has_nextest(&project, "shards_and_archives_make_the_whole") {
        return;
    }
    let archive = project.prof(&["nextest", "archive", "--archive-file", "target/tests.tar.zst"]).succeeded();
    assert!(!archive.stderr.contains("warning"), "{}", archive.stderr);
    let mut seen = BTreeSet::new();
    for shard in ["--partition=slice:1/2", "--partition=slice:2/2"] {
        let from_archive = ["run", "--archive-file", "target/tests.tar.zst", "-E", "test(burns)", shard];
        nextest(&project, &from_archive).succeeded();
        let cpu = project.cpu_profile();
        // Names and targets are those of the build, though what ran was unpacked elsewhere and is gone.
        assert!(!cpu.all().through("nextest_user::burn").is_empty(), "{shard}");
        let tests = tests(&cpu);
        assert_eq!(tests.len(), 1, "{tests:?}");
        seen.extend(tests);
    }
    assert_eq!(seen, set(&[("lib/nextest_user", "tests::burns"), ("test/ends", "burns_too")]));
    let unpacked = fs::read_dir(project.path("target/prof/runs")).map_or(0, Iterator::count);
    assert_eq!(unpacked, 0, "what was unpacked is removed");
}

#[test]
fn what_is_nextests_own_goes_on_to_it() {
    let project = Project::of("nextest");
    if !has_nextest(&project, "what_is_nextests_own_goes_on_to_it") {
        return;
    }
    let outcome = nextest(&project, &["run", "--no-such-flag"]);
    assert_eq!(outcome.code(), 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--no-such-flag"), "{}", outcome.stderr);
    let outcome = nextest(&project, &["run", "no test is called so"]);
    assert_eq!(outcome.code(), 4, "nextest's own status for no tests: {}", outcome.stderr);
    let outcome = project.prof(&["nextest", "list"]);
    assert_eq!(outcome.code(), 2);
    assert!(outcome.stderr.contains("run, archive"), "{}", outcome.stderr);
    let outcome =
        nextest(&project, &["run", "--lib", "-E", "test(allocates)", "--", "--exact", "tests::allocates"]).succeeded();
    assert_eq!(tests(&project.heap_profile()), set(&[("lib/nextest_user", "tests::allocates")]), "{}", outcome.stderr);
}
