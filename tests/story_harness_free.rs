//! Story: tests and benchmarks with a main function of their own. The whole process is profiled, under the labels `package`
//! and `target`, and a benchmark's under its target's name. Those of criterion and divan are in `story_benches.rs`.

use prof_tests::{Evidence, Project};

fn assert_only_target(profile: &Evidence, target: &str) {
    assert_eq!(profile.labels("target").into_iter().collect::<Vec<_>>(), [target]);
    assert!(profile.labels("test").is_empty());
}

#[test]
fn a_test_with_its_own_main_is_profiled_whole() {
    let project = Project::of("custom-harness");
    let twice = project.twice(&["test", "--test", "own-main", "--", "one", "two words"]);
    assert!(twice.ours.stdout.contains(r#"own main with ["one", "two words"]"#));
    assert_only_target(&twice.cpu, "test/own-main");
    assert!(twice.cpu.labels("bench").is_empty());
    let work = twice.cpu.all().through("work_of_the_test");
    assert!(work.seconds() > 0.2, "{} s seen of 0.4 s", work.seconds());
    // 50 boxes, the list of them, and nothing but.
    assert_eq!(twice.heap.all().through("work_of_the_test").allocated(), (51, 50 * 100 + 50 * 8));

    let twice = project.twice(&["test", "--test", "own-main", "--", "--please-fail"]);
    assert_eq!(twice.ours.code(), 9);
    assert!(!twice.cpu.all().through("work_of_the_test").is_empty());
}

#[test]
fn a_bench_with_its_own_main_is_profiled_whole() {
    let project = Project::of("custom-harness");
    let twice = project.twice(&["bench", "--bench", "own-bench"]);
    assert!(twice.ours.stdout.contains(r#"own bench with ["--bench"]"#), "{}", twice.ours.stdout);
    assert_only_target(&twice.cpu, "bench/own-bench");
    assert_eq!(twice.cpu.labels("bench").into_iter().collect::<Vec<_>>(), ["own-bench"]);
    let work = twice.cpu.all().through("work_of_the_bench");
    assert!(work.seconds() > 0.2, "{} s seen of 0.4 s", work.seconds());
}
