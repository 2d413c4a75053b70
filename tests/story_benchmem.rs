//! Story: `cargo prof bench --benchmem` tells the time of an iteration of each benchmark, and to the byte what it allocates,
//! with every harness, as `go test -bench . -benchmem` does. What cannot be told is left open, with the reason.

use std::process::Command;

use prof_tests::{Project, skip};
use serde_json::Value;

#[track_caller]
fn row<'a>(document: &'a Value, target: &str, name: &str) -> &'a Value {
    prof_tests::row(&document["benchmarks"], target, name)
}

/// Fails unless an iteration of the benchmark allocates so many blocks, and bytes in all.
#[track_caller]
fn allocates(document: &Value, target: &str, name: &str, blocks: f64, bytes: f64) {
    let row = row(document, target, name);
    assert!(row["iterations"].as_u64() > Some(0), "{row:#}");
    assert_eq!(row["allocations_per_iteration"], blocks, "{row:#}");
    assert_eq!(row["bytes_per_iteration"], bytes, "{row:#}");
}

/// The reasons why something is not known of a benchmark.
#[track_caller]
fn unknown(row: &Value) -> String {
    row["unknown"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

#[test]
fn criterion_and_divan_count_their_iterations() {
    let project = Project::of("bench-harnesses");
    let targets = ["memory-criterion-3", "memory-criterion-8", "memory-divan", "own"];
    let targets = targets.map(|target| format!("--bench={target}"));
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let ours = ["bench", "--benchmem", "--format=json"];
    let outcome = project.prof(&[&ours[..], &targets].concat()).succeeded();
    let document = outcome.document();
    assert_eq!((&document["version"], &document["rows"]), (&1.into(), &Value::Array(Vec::new())));
    for target in ["bench/memory-criterion-3", "bench/memory-criterion-8"] {
        allocates(&document, target, "none", 0.0, 0.0);
        allocates(&document, target, "three", 3.0, 96.0);
        for (name, blocks, bytes) in [
            ("batches/small", 2.0, 128.0),
            ("batches/by reference", 2.0, 128.0),
            ("batches/of one", 2.0, 128.0),
            ("large drop", 4.0, 64.0),
        ] {
            // Names in the older form do not tell the set-up of a batch of one from its routine.
            let row = row(&document, target, name);
            if row["iterations"].is_null() && name.starts_with("batches/") {
                assert!(unknown(row).starts_with("criterion's batches of one iteration"), "{row:#}");
            } else {
                allocates(&document, target, name, blocks, bytes);
            }
        }
        let threads = row(&document, target, "threads");
        assert!(threads["bytes"].is_null() && unknown(threads).contains("on other threads"), "{threads:#}");
        assert!(threads["ns_per_iteration"].as_f64() > Some(0.0), "{threads:#}");
    }
    let divan = |name: &str| format!("memory_divan::{name}");
    for (name, blocks, bytes) in [
        ("as_asked::1", 1.0, 32.0),
        ("as_asked::3", 3.0, 96.0),
        ("none", 0.0, 0.0),
        ("from_inputs", 2.0, 128.0),
        ("from_references", 2.0, 128.0),
        ("on_threads", 2.0, 256.0),
    ] {
        allocates(&document, "bench/memory-divan", &divan(name), blocks, bytes);
    }
    // Threads take memory of their own.
    let threads = row(&document, "bench/memory-divan", &divan("with_threads"));
    let of_threads = threads["bytes_per_iteration"].as_f64().unwrap() - 50.0 * 5000.0;
    assert!((0.0..5000.0).contains(&of_threads), "{threads:#}");
    for row in document["benchmarks"].as_array().unwrap().iter().filter(|row| row["target"] != "bench/own") {
        assert!(row["ns_per_iteration"].as_f64() > Some(0.0), "{row:#}");
    }
    let own = row(&document, "bench/own", "own");
    assert!(own["ns_per_iteration"].is_null() && unknown(own).contains("iterations are not known"), "{own:#}");
    // What the harnesses print of their measurement is there as well.
    assert!(outcome.stdout.contains("time:  ") && outcome.stdout.contains("╰─ none"), "{}", outcome.stdout);
}

#[test]
fn a_profile_is_of_the_ordinary_run_alone() {
    let project = Project::of("bench-harnesses");
    let arguments = ["bench", "--bench=memory-criterion-8", "--bench=memory-divan", "--profile-time=2", "three|none"];
    let outcome = project.profiled_with(&arguments, &["--benchmem", "--cpuprofilerate", "1000"], |_| ()).succeeded();
    let table: Vec<_> = outcome.stderr.lines().skip_while(|line| !line.starts_with("benchmark ")).collect();
    assert_eq!(
        table[0].split_whitespace().collect::<Vec<_>>(),
        ["benchmark", "ns/iter", "B/op", "allocs/op", "target"]
    );
    let names: Vec<_> = table[1..].iter().filter_map(|line| line.split_once("  ")).map(|(name, _)| name).collect();
    assert_eq!(names[..3], ["memory_divan::none", "none", "three"], "{}", outcome.stderr);
    let three: Vec<_> = table[3].split_whitespace().collect();
    assert_eq!(three[1..4], ["–", "96", "3"], "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("note: – for none and 1 more: criterion measures no time when it runs for a profile")
    );
    let cpu = project.cpu_profile();
    assert!(!cpu.all().with_label("bench", "three").through("bench_harnesses::blocks").is_empty());
    assert!(outcome.stderr.contains("of CPU time, 3 processes)"), "{}", outcome.stderr);
}

#[test]
fn bench_functions_run_single_iterations() {
    let has_nightly = Command::new("cargo").args(["+nightly", "--version"]).output();
    if !has_nightly.is_ok_and(|output| output.status.success()) {
        return skip("bench_functions_run_single_iterations", "there is no nightly toolchain");
    }
    let project = Project::of("nightly-bench");
    let outcome = project.prof(&["+nightly", "bench", "--benchmem", "--format=json"]).succeeded();
    let document = outcome.document();
    allocates(&document, "lib/nightly_bench", "tests::list_of_few", 1.0, 800.0);
    allocates(&document, "lib/nightly_bench", "tests::sum_of_many", 0.0, 0.0);
    allocates(&document, "bench/memory", "three_blocks", 3.0, 96.0);
    allocates(&document, "bench/memory", "prepared", 1.0, 64.0);
    allocates(&document, "bench/memory", "set_up_once", 2.0, 32.0);
    let threads = row(&document, "bench/memory", "on_threads");
    let of_threads = threads["bytes_per_iteration"].as_f64().unwrap() - 5.0 * 5000.0;
    assert!((0.0..5000.0).contains(&of_threads), "{threads:#}");
    let around = row(&document, "bench/memory", "with_a_thread_around");
    assert!(around["bytes"].is_null() && unknown(around).contains("on other threads"), "{around:#}");
    assert_eq!(document["benchmarks"].as_array().unwrap().len(), 7);
    // The times are those that libtest prints.
    for row in document["benchmarks"].as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let line = outcome.stdout.lines().find(|line| line.starts_with(&format!("test {name} "))).unwrap();
        let printed = line.split_once("bench:").unwrap().1.split_once("ns/iter").unwrap().0.trim().replace(',', "");
        let printed: f64 = printed.parse().unwrap();
        assert!((row["ns_per_iteration"].as_f64().unwrap() - printed).abs() < 0.0051, "{row:#}\n{line}");
    }
    let notes = document["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
}
