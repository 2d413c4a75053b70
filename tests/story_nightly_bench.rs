//! Story: `#[bench]` functions, which only a nightly toolchain runs. Without one the story is skipped, and says so.

use std::process::Command;

use prof_tests::{Project, skip};

#[test]
fn bench_functions_have_their_labels() {
    let has_nightly = Command::new("cargo").args(["+nightly", "--version"]).output();
    if !has_nightly.is_ok_and(|output| output.status.success()) {
        return skip("bench_functions_have_their_labels", "there is no nightly toolchain");
    }
    let project = Project::of("nightly-bench");

    let twice = project.twice(&["+nightly", "bench"]);
    assert_eq!(twice.ours.code(), 0);
    let benches: Vec<_> = twice.cpu.of_target("lib/nightly_bench").labels("bench").into_iter().collect();
    assert_eq!(benches, ["tests::list_of_few", "tests::sum_of_many"]);
    let sums = twice.cpu.all().with_label("bench", "tests::sum_of_many").through("nightly_bench::sum_below");
    assert!(sums.seconds() > 0.1, "{} s", sums.seconds());
    assert!(twice.cpu.labels("test").is_empty());

    let twice = project.twice(&["+nightly", "test"]);
    assert_eq!(twice.ours.code(), 0);
    assert!(!twice.heap.of_test("lib/nightly_bench", "tests::sums").is_empty());
}
