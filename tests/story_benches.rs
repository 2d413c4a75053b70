//! Story: `cargo prof bench` with criterion, old and new, and divan, whose bench files stay as they are: each benchmark is a
//! label, and in the profile is the loop that is measured. Benchmarks that make trouble are in `story_benches_wild.rs`.

use std::collections::BTreeSet;

use prof_tests::{Evidence, Outcome, Project};

const IDS: [&str; 4] = ["a group/of (odd) names/batched", "a group/of (odd) names/x+y/1.5 / 2", "plain", "plain 2"];

/// Runs benches for a short time, sampled finely.
fn bench(project: &Project, arguments: &[&str]) -> Outcome {
    let ours = ["--cpuprofilerate", "1000", "--memprofilerate", "1"];
    project.profiled_with(&[&["bench"], arguments].concat(), &ours, |_| ())
}

fn labels(profile: &Evidence, target: &str) -> BTreeSet<String> {
    profile.of_target(target).labels("bench")
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn every_benchmark_is_a_label_in_every_version() {
    let project = Project::of("bench-harnesses");
    let targets = ["--bench=criterion-3", "--bench=criterion-5", "--bench=criterion-8", "--bench=divan", "--bench=own"];
    let outcome = bench(&project, &[&targets[..], &["--profile-time", "3"]].concat()).succeeded();
    let (cpu, heap) = (project.cpu_profile(), project.heap_profile());
    for target in ["bench/criterion-3", "bench/criterion-5", "bench/criterion-8"] {
        assert_eq!(labels(&cpu, target), set(&IDS), "{target}");
        for id in IDS {
            let all = cpu.of_target(target).with_label("bench", id);
            let work = all.clone().through("bench_harnesses::work").seconds();
            // Nothing but the loop, which is mostly work where no input and no thread is made for each turn of it.
            let least = if [IDS[0], "plain 2"].contains(&id) { 0.0 } else { 0.8 };
            assert!(work > least * all.seconds(), "{target} {id}: {work} s of {} s", all.seconds());
            assert!(all.clone().through("bench_harnesses::prepare").is_empty(), "{target} {id}");
            assert!(all.through("warm_up").is_empty(), "{target} {id}");
        }
        // Its one thread a turn is made in the loop, and has none of criterion's functions on its stack.
        let threads = cpu.of_target(target).with_label("bench", "plain 2");
        assert!(!threads.through("bench_harnesses::work").not_through("main").is_empty(), "{target}");
        let batched = heap.of_target(target).with_label("bench", IDS[0]).through("bench_harnesses::allocate");
        let (objects, bytes) = batched.allocated();
        assert!(objects > 0 && objects % 11 == 0 && bytes == objects / 11 * 160, "{objects} objects in {bytes} bytes");
        assert!(heap.of_target(target).through("bench_harnesses::prepare").is_empty(), "{target}");
    }
    let divan = ["divan::inner::prepared", "divan::with_argument::100", "divan::with_argument::1000"];
    assert_eq!(labels(&cpu, "bench/divan"), set(&divan));
    assert!(cpu.of_target("bench/divan").through("bench_harnesses::prepare").is_empty());
    for id in divan {
        assert!(
            !cpu.of_target("bench/divan").with_label("bench", id).through("bench_harnesses::work").is_empty(),
            "{id}"
        );
    }
    assert_eq!(labels(&cpu, "bench/own"), set(&["own"]));
    assert!(outcome.stdout.contains("own bench: "));
    // Each is named as it begins, and what is not in the profile is told.
    for line in ["Profiling plain (1 of 4)", "Profiling divan::with_argument::100 (1 of 3)", "left out: "] {
        assert!(outcome.stderr.contains(line), "{line}\n{}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("of own"), "one without a harness has no progress");
    assert!(cpu.comments().contains("left out: "), "{}", cpu.comments());
}

#[test]
fn filters_and_arguments_work_as_in_cargo() {
    let project = Project::of("bench-harnesses");
    let arguments = ["--bench=criterion-5", "--bench=divan", "--profile-time=1.5", "plain", "--", "--noplot"];
    // divan does not know that flag, and says so once.
    let outcome = bench(&project, &arguments);
    assert_ne!(outcome.code(), 0);
    assert_eq!(outcome.stderr.matches("error: unexpected argument").count(), 1, "{}", outcome.stderr);
    assert_eq!(labels(&project.cpu_profile(), "bench/criterion-5"), set(&["plain", "plain 2"]));

    bench(&project, &["--bench=criterion-5", "--profile-time=1.5", "--", "--exact", "plain"]).succeeded();
    assert_eq!(labels(&project.cpu_profile(), "bench/criterion-5"), set(&["plain"]));
    bench(&project, &["--bench=divan", "--profile-time=1.5", "1000"]).succeeded();
    assert_eq!(labels(&project.cpu_profile(), "bench/divan"), set(&["divan::with_argument::1000"]));

    let outcome = bench(&project, &["--bench=criterion-5", "--bench=divan", "nothing is called so"]).succeeded();
    for target in ["criterion-5", "divan"] {
        assert!(outcome.stderr.contains(&format!("{target} has no benchmark that these arguments select")));
    }
    assert!(outcome.stderr.contains("no profile is written"), "{}", outcome.stderr);
    // What measures nothing is cargo's and criterion's own business.
    let listed = bench(&project, &["--bench=criterion-8", "--", "--list"]).succeeded();
    assert_eq!(
        listed.stdout.lines().filter(|line| line.ends_with(": benchmark")).count(),
        IDS.len(),
        "{}",
        listed.stdout
    );
}

#[test]
fn a_measurement_is_criterions_own_with_its_phases_labelled() {
    let project = Project::of("bench-harnesses");
    let outcome =
        bench(&project, &["--bench=criterion-8", "--bench=divan", "--measure", "--each=each", "100", "--no-fail-fast"]);
    assert!(outcome.stdout.contains("with_argument"), "divan's table is on the terminal: {}", outcome.stdout);
    let outcome = bench(&project, &["--bench=criterion-8", "--measure", "--each=each", "plain"]).succeeded();
    let with_a_time = outcome.stdout.lines().filter_map(|line| line.split_once("time:"));
    assert_eq!(with_a_time.map(|(id, _)| id.trim()).collect::<Vec<_>>(), ["plain", "plain 2"], "{}", outcome.stdout);
    let cpu = project.cpu_profile();
    let phases = cpu.all().labels("phase");
    assert!(set(&["warmup", "measure", "setup"]).is_subset(&phases), "{phases:?}");
    let of_phase = |phase| cpu.all().with_label("bench", "plain").with_label("phase", phase);
    assert!(!of_phase("warmup").through("bench_harnesses::work").is_empty());
    assert!(!of_phase("measure").through("bench_harnesses::work").is_empty());
    assert!(of_phase("measure").through("warm_up").is_empty());
    assert!(of_phase("setup").not_through("bench_harnesses::prepare").seconds() < of_phase("measure").seconds());

    let each = project.path("target/profiles/each");
    let of_plain = Evidence::read(&each.join("plain.cpu.prof"));
    assert_eq!(of_plain.labels("bench"), set(&["plain"]));
    let seconds = cpu.all().with_label("bench", "plain").seconds();
    assert!((of_plain.all().seconds() - seconds).abs() < 1e-6);
    assert!(each.join("plain_2.mem.prof").exists() && each.join("index.json").exists());
}

#[test]
fn what_cannot_be_asked_is_said_before_anything_is_built() {
    let project = Project::of("bench-harnesses");
    for (arguments, words) in [
        (&["--profile-time", "1"][..], "--profile-time 1 is not a number of seconds above 1"),
        (&["--profile-time", "soon"], "--profile-time soon is not"),
        (&["--profile-time", "3", "--measure"], "leave --profile-time out"),
    ] {
        let outcome = bench(&project, arguments);
        assert_eq!(outcome.code(), 2, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
}
