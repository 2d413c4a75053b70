//! Story: a package whose tests end in every way that tests can end, well and badly. Each way looks the same with and
//! without `cargo prof`, and the profile knows every test that ran, whatever became of it.

use prof_tests::{Evidence, Project, Selection};

/// A test that burns this long was seen for at least half of it; how exactly is told by the story of the CPU's truth.
fn assert_burned(selection: &Selection<'_>, seconds: f64) {
    let seen = selection.seconds();
    assert!(seen > 0.5 * seconds, "{seen} s seen of {seconds} s, in {:?}", selection.functions());
}

/// Tests and targets that allocated under a label.
fn tests_of(heap: &Evidence, target: &str) -> Vec<String> {
    heap.of_target(target).labels("test").into_iter().collect()
}

#[test]
fn every_end_of_a_test_is_what_it_was() {
    let project = Project::in_awkward_folder("outcomes");
    let twice = project.twice(&["test", "--no-fail-fast", "--", "--test-threads=1"]);
    assert_eq!(twice.ours.code(), 101);

    passing_tests_have_their_labels(&twice.heap);
    failing_tests_have_their_labels(&twice.heap);
    threads_carry_the_label_of_their_test(&twice.cpu, &twice.heap);
    what_ends_the_process_does_not_end_the_profile(&twice.cpu);
    assert_eq!(twice.cpu.labels("package").into_iter().collect::<Vec<_>>(), ["outcomes"]);
}

fn passing_tests_have_their_labels(heap: &Evidence) {
    let tests = tests_of(heap, "lib/outcomes");
    for test in ["tests::passes", "tests::prints", "tests::returns_ok", "tests::nested::deeply::passes"] {
        assert!(tests.contains(&test.to_owned()), "{test} not in {tests:?}");
    }
    assert!(!tests.iter().any(|test| test.contains("ignored")), "{tests:?}");
    assert_eq!(tests_of(heap, "bin/outcomes"), ["tests::greets"]);
    assert_eq!(heap.of_test("lib/outcomes", "tests::passes").through("tests::passes").allocated(), (1, 64));
}

fn failing_tests_have_their_labels(heap: &Evidence) {
    let tests = tests_of(heap, "test/a_failing");
    for test in ["fails", "fails_with_output", "panics_with_other_words", "passes_beside_them", "returns_err"] {
        assert!(tests.contains(&test.to_owned()), "{test} not in {tests:?}");
    }
}

fn threads_carry_the_label_of_their_test(cpu: &Evidence, heap: &Evidence) {
    for (function, test, seconds) in [
        ("in_a_joined_thread", "joined", 0.6),
        ("in_a_scoped_thread", "scoped", 0.6),
        ("in_a_nested_thread", "nested", 0.3),
    ] {
        let burned = cpu.all().through(function);
        assert_burned(&burned, seconds);
        assert_eq!(burned.labels("test").into_iter().collect::<Vec<_>>(), [test]);
        assert!(burned.without_label("test").is_empty(), "{function} without a label");
    }

    // The thread that outlives its test works for nobody, or for the process; never for a test that did not start it.
    for left_behind in [cpu, heap].map(|profile| profile.all().through("in_a_thread_left_behind")) {
        assert!(left_behind.labels("test").is_empty(), "{:?}", left_behind.labels("test"));
    }
}

fn what_ends_the_process_does_not_end_the_profile(cpu: &Evidence) {
    for target in ["test/c_exits_zero", "test/d_exits_three", "test/e_aborts"] {
        assert_burned(&cpu.of_test(target, "ends_the_process"), 0.3);
    }
    // 1.6 s were burned, and what was sampled up to a second before the end is there.
    for target in ["test/f_killed", "test/g_terminated"] {
        assert_burned(&cpu.of_test(target, "is_stopped_by_a_signal"), 0.6);
    }
}

#[test]
fn names_and_options_choose_the_tests() {
    let project = Project::in_awkward_folder("outcomes");

    let twice = project.twice(&["test", "--lib", "nested"]);
    assert_eq!(tests_of(&twice.heap, "lib/outcomes"), ["tests::nested::deeply::passes"]);

    let twice = project.twice(&["test", "--lib", "--", "--exact", "tests::passes", "tests::prints"]);
    assert_eq!(tests_of(&twice.heap, "lib/outcomes"), ["tests::passes", "tests::prints"]);

    let twice = project.twice(&["test", "--lib", "--", "--skip", "burns", "--nocapture", "--test-threads=1"]);
    assert!(twice.ours.stdout.contains("to stdout: 6") && twice.ours.stderr.contains("to stderr: 8"));

    let twice = project.twice(&["test", "--lib", "--", "--ignored", "--test-threads=1"]);
    assert_eq!(twice.ours.code(), 101);
    assert!(!twice.heap.of_test("lib/outcomes", "tests::is_ignored").is_empty());

    let twice = project.twice(&["test", "--test", "b_threads", "--example", "tour"]);
    let targets: Vec<_> = twice.heap.labels("target").into_iter().collect();
    assert_eq!(targets, ["example/tour", "test/b_threads"]);
    assert_eq!(tests_of(&twice.heap, "example/tour"), ["example_is_right"]);
}

#[test]
fn nothing_runs_where_nothing_is_to_run() {
    let project = Project::in_awkward_folder("outcomes");
    for arguments in [
        &["test", "--", "--list"][..],
        &["test", "--", "--list", "--format=terse"],
        &["test", "--no-run"],
        &["test", "--lib", "no_test_has_this_name"],
    ] {
        let plain = project.cargo(arguments);
        plain.assert_same(&project.profiled(arguments));
    }
}

#[test]
fn the_first_failing_target_stops_the_run() {
    let project = Project::in_awkward_folder("outcomes");
    let twice = project.twice(&["test", "--", "--test-threads=1"]);
    assert_eq!(twice.ours.code(), 101);
    let targets: Vec<_> = twice.heap.labels("target").into_iter().collect();
    assert_eq!(targets, ["bin/outcomes", "lib/outcomes", "test/a_failing"]);
}

#[test]
fn doctests_run_as_they_did() {
    let project = Project::of("doctests");
    for (arguments, code) in
        [(&["test"][..], 0), (&["test", "--features", "failing"], 101), (&["test", "--doc"], 0), (&["test", "half"], 0)]
    {
        let plain = project.cargo(arguments);
        assert_eq!(plain.code(), code, "{}", plain.stdout);
        plain.assert_same(&project.profiled(arguments));
    }
}
