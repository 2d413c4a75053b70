//! Story: crates that forbid, deny or do without. What is added to their build trips no lint, and a build script that
//! looks for a nightly compiler finds what it finds without us.

use prof_tests::Project;

#[test]
fn lints_and_no_std_are_not_tripped() {
    let project = Project::of("strict");
    let twice = project.twice(&["test", "--workspace", "--all-targets"]);
    assert_eq!(twice.ours.code(), 0);
    assert!(!twice.ours.stderr.contains("warning"), "{}", twice.ours.stderr);

    let targets: Vec<_> = twice.heap.labels("target").into_iter().collect();
    let expected = [
        "bin/denies",
        "lib/denies",
        "lib/no_std",
        "lib/no_std_but_tests",
        "test/from_outside",
        "test/own-main",
        "test/strict",
    ];
    assert_eq!(targets, expected);
    assert!(!twice.heap.of_test("lib/no_std", "tests::counts").through("no_std::below").is_empty());

    let twice = project.twice(&["run", "-p", "denies"]);
    assert_eq!(twice.ours.stdout, "7\n");
}

#[test]
fn a_build_script_sees_the_compiler_that_it_saw() {
    let project = Project::of("nightly-probe");
    for arguments in [&["run"][..], &["test", "--", "--nocapture", "--test-threads=1"], &["run", "--release"]] {
        let twice = project.twice(arguments);
        let unchanged = "RUSTC_BOOTSTRAP: absent";
        assert!(twice.ours.stdout.contains(unchanged), "{}", twice.ours.stdout);
    }
}
