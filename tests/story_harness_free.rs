//! Story: tests and benchmarks with a main function of their own, hand-written or criterion's. The whole process is
//! profiled, under the labels `package` and `target`.

use prof_tests::{Evidence, Project};

fn assert_only_target(profile: &Evidence, target: &str) {
    assert_eq!(profile.labels("target").into_iter().collect::<Vec<_>>(), [target]);
    assert!(profile.labels("test").is_empty() && profile.labels("bench").is_empty());
}

#[test]
fn a_test_with_its_own_main_is_profiled_whole() {
    let project = Project::of("custom-harness");
    let twice = project.twice(&["test", "--test", "own-main", "--", "one", "two words"]);
    assert!(twice.ours.stdout.contains(r#"own main with ["one", "two words"]"#));
    assert_only_target(&twice.cpu, "test/own-main");
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
    let work = twice.cpu.all().through("work_of_the_bench");
    assert!(work.seconds() > 0.2, "{} s seen of 0.4 s", work.seconds());
}

#[test]
fn criterion_measures_and_is_profiled() {
    let project = Project::of("criterion-bench");
    // Building criterion takes its time, so plain cargo does not do it as well: what it prints is known.
    let ours = project.profiled_with(&["bench"], &["--cpuprofilerate", "1000"], |_| ()).succeeded();
    let with_a_time = ours.stdout.lines().filter_map(|line| line.split_once("time:"));
    assert_eq!(with_a_time.map(|(name, _)| name.trim()).collect::<Vec<_>>(), ["sum", "list"], "{}", ours.stdout);

    let cpu = project.cpu_profile();
    assert_only_target(&cpu, "bench/sums");
    for function in ["criterion_bench::sum_below", "criterion_bench::list_below"] {
        let seconds = cpu.all().through(function).seconds();
        assert!(seconds > 0.35, "{seconds} s seen of 0.7 s in {function}");
    }
    assert!(!project.heap_profile().all().through("criterion_bench::list_below").is_empty());
}
