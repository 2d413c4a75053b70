//! Story: benchmarks that panic, list nothing or junk, do not hear, or are interrupted. What the others measure is not lost.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use prof_tests::{Outcome, Project};

const BENCH: [&str; 3] = ["bench", "--bench=wild", "--profile-time=3"];

fn wild(project: &Project, mood: &str, arguments: &[&str]) -> Outcome {
    let all = [&BENCH[..], arguments].concat();
    project.profiled_with(&all, &["--cpuprofilerate", "1000"], |command| {
        command.env("WILD", mood);
    })
}

fn labels(project: &Project) -> Vec<String> {
    project.cpu_profile().labels("bench").into_iter().collect()
}

#[test]
fn one_that_panics_is_told_and_the_others_are_measured() {
    let project = Project::of("bench-harnesses");
    let outcome = wild(&project, "", &[]);
    assert_eq!(outcome.code(), 101);
    assert!(outcome.stderr.contains("this benchmark is broken"), "what it printed is shown: {}", outcome.stderr);
    assert!(outcome.stderr.contains("the benchmark broken of wild failed"), "{}", outcome.stderr);
    let found = labels(&project);
    assert!(["first", "last", "slow"].iter().all(|id| found.iter().any(|label| label == id)), "{found:?}");
    // One turn of it takes longer than the time for all: its warm-up is all that there is.
    let cpu = project.cpu_profile();
    assert_eq!(cpu.all().with_label("bench", "slow").labels("phase").into_iter().collect::<Vec<_>>(), ["warmup"]);
    assert!(cpu.all().with_label("bench", "last").labels("phase").is_empty());
    assert!(outcome.stderr.contains("1 benchmark came to no measured iteration"), "{}", outcome.stderr);
}

#[test]
fn one_that_does_not_list_runs_as_a_whole() {
    let project = Project::of("bench-harnesses");
    let outcome = wild(&project, "deaf", &[]).succeeded();
    assert!(outcome.stderr.contains("wild did not list its benchmarks when asked"), "{}", outcome.stderr);
    assert_eq!(labels(&project), ["wild"]);
    assert!(outcome.stdout.contains("deaf: "));

    let outcome = wild(&project, "fails to list", &[]);
    assert!(outcome.stderr.contains("no list today"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("wild failed when it was asked for the list"), "{}", outcome.stderr);

    let outcome = wild(&project, "empty", &[]).succeeded();
    assert!(outcome.stderr.contains("wild has no benchmark"), "{}", outcome.stderr);
}

#[test]
fn what_was_measured_before_an_interruption_is_kept() {
    let project = Project::of("bench-harnesses");
    let mut command = project.profiled_command(&BENCH, &["--cpuprofilerate", "1000"]);
    let mut command = project.heeding("INT", command.env("WILD", ""));
    let mut child = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("(2 of 4") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "it ended before: {said}");
    }
    let interrupt = format!("kill -INT -{}", child.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
    stderr.read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success());
    assert!(!said.contains("(4 of 4"), "{said}");
    let cpu = project.cpu_profile();
    let first = cpu.all().with_label("bench", "first").through("bench_harnesses::work");
    assert!(first.seconds() > 0.0, "{said}");
}
