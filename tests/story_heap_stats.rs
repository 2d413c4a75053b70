//! Story: `--memstats` counts for each test what it allocates, has in use at most and leaves, to the byte, for people and
//! for scripts.

use prof_tests::Project;
use serde_json::Value;

#[track_caller]
fn row<'a>(document: &'a Value, target: &str, name: &str) -> &'a Value {
    prof_tests::row(&document["rows"], target, name)
}

#[test]
fn each_test_has_a_row_that_is_true_to_the_byte() {
    let project = Project::of("heap-ends");
    let outcome = project.prof(&["test", "--memstats", "--format", "json", "--lib"]).succeeded();
    let document = outcome.document();
    assert_eq!(document["version"], 1);
    let row = |name| row(&document, "lib/heap_ends", name);
    for (name, allocations, bytes, left) in [
        ("tests::leaks", 3, 3000, (3, 3000)),
        ("tests::leaves_nothing", 20, 1000, (0, 0)),
        ("tests::peaks", 13, 710_240, (0, 0)),
    ] {
        let row = row(name);
        assert_eq!((&row["allocations"], &row["bytes"]), (&allocations.into(), &bytes.into()), "{row}");
        assert_eq!((&row["left_blocks"], &row["left_bytes"]), (&left.0.into(), &left.1.into()), "{row}");
        assert_eq!((&row["kind"], &row["package"]), (&"test".into(), &"heap-ends".into()));
    }
    let bytes: Vec<_> = document["rows"].as_array().unwrap().iter().map(|row| row["bytes"].as_u64()).collect();
    assert!(bytes.is_sorted_by(|one, other| one >= other), "{bytes:?}");
    assert!(!outcome.stderr.contains("profile  "), "{}", outcome.stderr);
}

#[test]
fn each_test_has_its_own_peak() {
    let project = Project::of("heap-ends");
    let outcome = project.prof(&["test", "--memstats", "--format", "json", "--lib"]).succeeded();
    let document = outcome.document();
    for (name, peak) in [("tests::leaks", 3000), ("tests::leaves_nothing", 50), ("tests::peaks", 510_240)] {
        assert_eq!(row(&document, "lib/heap_ends", name)["peak_bytes"], peak, "{name}");
    }
}

#[test]
fn a_program_is_a_row_and_its_last_line_may_have_no_end() {
    let project = Project::of("heap-ends");
    let outcome = project.prof(&["run", "-q", "--memstats", "--format=json"]).succeeded();
    assert!(outcome.stdout.starts_with("no end of line\n{"), "{}", outcome.stdout);
    let document = outcome.document();
    let row = row(&document, "bin/heap-ends", "heap-ends");
    assert_eq!(row["kind"], "process");
    assert!(row["bytes"].as_u64() >= Some(710_240) && row["left_bytes"].as_u64() >= Some(10_240), "{row}");
}

#[test]
fn people_get_a_table_and_scripts_a_file_beside_the_profiles_that_were_asked_for() {
    let project = Project::of("heap-ends");
    let file = |name: &str| project.path("target").join(name);
    for name in ["stats.json", "mem.prof"] {
        let _ = std::fs::remove_file(file(name));
    }
    let runs = || std::fs::read_dir(project.path("target/prof/runs")).map_or(0, Iterator::count);
    let runs_before = runs();
    let ours = ["--memstats", "--outputdir", "target", "--report", "stats.json"];
    let outcome = project.prof(&[&["test", "--lib"], &ours[..]].concat()).succeeded();
    assert_eq!(runs(), runs_before, "a run folder was left");
    let table: Vec<_> = outcome.stderr.lines().skip_while(|line| !line.starts_with("allocations ")).collect();
    assert!(table[1].ends_with("heap-ends lib/heap_ends tests::peaks"), "{}", outcome.stderr);
    assert_eq!(table.len(), 6, "{}", outcome.stderr);
    let report = || serde_json::from_slice::<Value>(&std::fs::read(file("stats.json")).unwrap()).unwrap();
    assert_eq!(row(&report(), "lib/heap_ends", "tests::leaks")["bytes"], 3000);
    assert!(!file("mem.prof").exists());

    let with_profile = project.prof(&[&["test", "--lib", "--memprofile", "mem.prof"], &ours[..]].concat()).succeeded();
    assert!(with_profile.stderr.contains("memory profile  target/mem.prof"), "{}", with_profile.stderr);
    assert!(file("mem.prof").exists());
}

#[test]
fn a_test_with_a_main_of_its_own_is_a_row_and_the_program_that_it_starts_is_none() {
    let project = Project::of("heap-ends");
    let outcome = project.prof(&["test", "--memstats", "--format", "json", "--test", "own-main"]).succeeded();
    let document = outcome.document();
    let rows = document["rows"].as_array().unwrap();
    let targets: Vec<_> = rows.iter().map(|row| (row["target"].as_str(), row["kind"].as_str())).collect();
    assert_eq!(targets, [(Some("test/own-main"), Some("process"))]);
}
