//! Story: `--leaks` lists what a test leaves, by stack; what is set up once is told apart, what is allowed is none, and
//! `--fail-on-leak` makes a status of the rest.

use std::fs;

use prof_tests::{Outcome, Project};

const LEAKED: i32 = 3;

/// Runs the tests of the library that have this in their names, one after the other.
fn of_tests(project: &Project, ours: &[&str], names: &[&str]) -> Outcome {
    project.prof(&[&["test", "--lib"], ours, &["--", "--test-threads=1", "--exact"], names].concat())
}

#[test]
fn a_leak_is_told_with_its_stack_its_size_and_its_test() {
    let project = Project::of("heap-ends");
    let outcome = of_tests(&project, &["--leaks"], &["tests::leaks", "tests::leaves_nothing"]).succeeded();
    let listed = outcome.stderr.split_once("\nleaks: ").unwrap_or_else(|| panic!("{}", outcome.stderr)).1;
    assert!(
        listed.starts_with("3 blocks (2.93kB) left by 1 test\n\n  heap-ends lib/heap_ends tests::leaks\n"),
        "{listed}"
    );
    let frames: Vec<_> = listed.lines().filter(|line| line.starts_with("        ")).map(str::trim).collect();
    assert!(frames[0].starts_with("heap_ends::block") && frames[1].starts_with("heap_ends::leak_three"), "{frames:?}");
    assert!(frames[1].contains("  src/lib.rs:"), "{frames:?}");
    assert!(frames[2].starts_with("heap_ends::tests::leaks") && frames.len() == 3, "{frames:?}");
    assert!(!outcome.stderr.contains("cpu profile"), "{}", outcome.stderr);
}

#[test]
fn what_is_set_up_once_is_no_leak() {
    let project = Project::of("heap-ends");
    let outcome = of_tests(&project, &["--fail-on-leak"], &["tests::sets_up_once"]);
    assert_eq!(outcome.code(), 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\nleaks: none\n\n  one-time initialisation: "), "{}", outcome.stderr);

    let all = of_tests(&project, &["--leaks=all"], &["tests::sets_up_once"]).succeeded();
    assert!(all.stderr.contains("(one-time)") && all.stderr.contains("heap_ends::tests::LAZY"), "{}", all.stderr);
}

#[test]
fn a_leak_changes_the_status_of_tests_that_pass() {
    let project = Project::of("heap-ends");
    let leaking = of_tests(&project, &["--fail-on-leak"], &["tests::leaks", "tests::leaks_on_a_thread"]);
    assert_eq!(leaking.code(), LEAKED, "{}", leaking.stderr);
    assert!(leaking.stdout.contains("test result: ok. 2 passed"), "{}", leaking.stdout);
    assert!(leaking.stderr.contains("error: 5 blocks are leaked"), "{}", leaking.stderr);
    assert_eq!(of_tests(&project, &["--leaks"], &["tests::leaks"]).code(), 0);
    let clean = of_tests(&project, &["--fail-on-leak"], &["tests::leaves_nothing", "tests::peaks"]);
    assert_eq!(clean.code(), 0, "{}", clean.stderr);

    let failing = project.prof(&["test", "--fail-on-leak", "--test", "failing"]);
    assert_eq!(failing.code(), 101, "{}", failing.stderr);
    assert!(failing.stderr.contains("leak_three") && !failing.stderr.contains("error: 3 blocks"), "{}", failing.stderr);
}

#[test]
fn what_is_allowed_is_no_leak() {
    let project = Project::of("heap-ends");
    let names = ["tests::leaks", "tests::leaks_on_a_thread"];
    let some = of_tests(&project, &["--fail-on-leak", "--allow-leak", "leak_three$"], &names);
    assert_eq!(some.code(), LEAKED);
    assert!(some.stderr.contains("error: 2 blocks are leaked"), "{}", some.stderr);

    let list = project.path("target/allowed leaks.txt");
    fs::write(&list, "# known\n\n^heap_ends::leak_three\n  leak_two_\n").unwrap();
    let all = of_tests(&project, &["--fail-on-leak", "--allow-leaks", "target/allowed leaks.txt"], &names);
    assert_eq!(all.code(), 0, "{}", all.stderr);
    assert!(all.stderr.contains("\n  allowed: 5 blocks "), "{}", all.stderr);
    let by_file = of_tests(&project, &["--fail-on-leak", "--allow-leak", r"src/lib\.rs$"], &names);
    assert_eq!(by_file.code(), 0, "{}", by_file.stderr);
}

#[test]
fn what_a_program_leaves_at_its_end_is_listed_likewise() {
    let project = Project::of("heap-ends");
    let outcome = project.prof(&["run", "-q", "--fail-on-leak"]);
    assert_eq!(outcome.code(), LEAKED, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(" left by 1 program\n\n  heap-ends bin/heap-ends\n"), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("heap_ends::held") && !outcome.stderr.contains("at_the_peak"),
        "{}",
        outcome.stderr
    );
    let allowed = project.prof(&["run", "-q", "--fail-on-leak", "--allow-leak", "::held$"]);
    assert_eq!(allowed.code(), 0, "{}", allowed.stderr);
}

#[test]
fn a_program_that_a_test_starts_is_not_the_tests() {
    let project = Project::of("heap-ends");
    let outcome = project.prof(&["test", "--leaks", "--test", "own-main"]).succeeded();
    assert!(outcome.stderr.contains("\nleaks: 3 blocks (2.93kB) left by 1 program\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\n  not counted: 11 blocks (10kB) "), "{}", outcome.stderr);
}

#[test]
fn scripts_get_the_leaks_as_well() {
    let project = Project::of("heap-ends");
    let outcome = of_tests(&project, &["--leaks", "--format", "json"], &["tests::leaks", "tests::sets_up_once"]);
    let document = outcome.document();
    let leaks = document["leaks"].as_array().unwrap();
    let verdicts: Vec<_> = leaks.iter().map(|leak| leak["verdict"].as_str().unwrap()).collect();
    assert_eq!((leaks[0]["name"].as_str(), leaks[0]["blocks"].as_u64()), (Some("tests::leaks"), Some(3)));
    assert!(verdicts[0] == "leak" && verdicts[1..].iter().all(|verdict| *verdict == "one-time"), "{document:#}");
    let functions: Vec<_> = leaks[0]["stack"].as_array().unwrap().iter().map(|frame| &frame["function"]).collect();
    assert!(functions.contains(&&"heap_ends::leak_three".into()), "{functions:?}");
}

#[test]
fn what_is_freed_after_the_end_of_a_test_was_left_nevertheless() {
    let project = Project::of("heap-ends");
    let late = |ours: &[&str]| {
        project.prof(&[&["test", "--leaks", "--test", "late"], ours, &["--", "--test-threads=1"]].concat()).succeeded()
    };
    let outcome = late(&["--memstats", "--format", "json"]);
    let document = outcome.document();
    let find = |list: &str, name: &str| {
        let found = document[list].as_array().unwrap().iter().find(|entry| entry["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} among the {list} in {document:#}")).clone()
    };
    for (name, blocks, bytes, freed_later) in [
        ("b_hands_over_what_is_freed_late", 4, 1000, 4),
        ("c_hands_over_what_is_grown_late", 3, 1200, 3),
        ("d_leaves_for_good", 1, 90, 0),
    ] {
        let row = find("rows", name);
        assert_eq!((&row["left_blocks"], &row["left_bytes"]), (&blocks.into(), &bytes.into()), "{row}");
        let leak = find("leaks", name);
        assert_eq!((&leak["verdict"], &leak["freed_later"]), (&"leak".into(), &freed_later.into()), "{leak}");
        assert_eq!((&leak["blocks"], &leak["bytes"]), (&blocks.into(), &bytes.into()), "{leak}");
    }
    assert_eq!(find("rows", "e_waits_for_the_thread")["left_blocks"], 0);
    let listed = late(&[]).stderr;
    for text in [
        "4 blocks (1000B), 4 of them freed later",
        "3 blocks (1.17kB), 3 of them freed later",
        // What the thread has allocated then is no test's.
        "not counted: 3 blocks (2.34kB) ",
    ] {
        assert!(listed.contains(text), "{listed}");
    }
}
