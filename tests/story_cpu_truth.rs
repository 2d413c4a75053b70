//! Story: the CPU profile says the truth. Programs burn known shares in named functions and tell by the kernel's own
//! clocks what they spent; the profile agrees as far as its samples can tell.

use std::collections::BTreeMap;

use prof_tests::{Evidence, Project, bound};

/// What a program says it spent, in seconds by name.
fn spent(stdout: &str) -> BTreeMap<String, f64> {
    let words = stdout.lines().filter_map(|line| line.split_once(' '));
    words.map(|(name, nanoseconds)| (name.to_owned(), nanoseconds.parse::<f64>().unwrap() / 1e9)).collect()
}

/// Samples that are independent of each other. A thread's timer fires with the kernel's tick at best; what it is
/// credited with beyond that repeats a sample.
fn independent_samples(cpu: &Evidence, tick_seconds: f64) -> f64 {
    let samples = cpu.all().total("samples") as f64;
    if cpu.comments().contains("thread-timer") { samples.min(cpu.all().seconds() / tick_seconds) } else { samples }
}

/// Compares the share of each function among them with what the program says.
fn shares_agree(cpu: &Evidence, spent: &BTreeMap<String, f64>, functions: &[&str]) -> Result<(), String> {
    let seen: Vec<f64> = functions.iter().map(|function| cpu.all().through(function).seconds()).collect();
    let samples = independent_samples(cpu, spent["tick"]);
    let (all_seen, all_spent) = (seen.iter().sum::<f64>(), functions.iter().map(|name| spent[*name]).sum::<f64>());
    for (function, seen) in functions.iter().zip(seen) {
        let (share, truth) = (seen / all_seen, spent[*function] / all_spent);
        if !bound::share_agrees(share, truth, samples) {
            return Err(format!("{function}: {share} sampled, {truth} spent, in {samples} samples"));
        }
    }
    Ok(())
}

/// The profile's seconds are those of the process, within five in a hundred.
fn totals_agree(cpu: &Evidence, spent: f64) -> Result<(), String> {
    let seen = cpu.all().seconds();
    if (seen / spent - 1.0).abs() > 0.05 { Err(format!("{seen} s sampled of {spent} s")) } else { Ok(()) }
}

#[test]
fn three_to_one_is_three_to_one() {
    let project = Project::of("truth");
    bound::retried_for_longer(3000, |milliseconds| {
        let ours = project.profiled(&["run", "-q", "--bin", "spin", "--", &milliseconds.to_string()]).succeeded();
        let (cpu, spent) = (project.cpu_profile(), spent(&ours.stdout));
        totals_agree(&cpu, spent["process"])?;
        shares_agree(&cpu, &spent, &["three_parts", "one_part"])
    });
}

#[test]
fn threads_count_by_what_they_burn() {
    let project = Project::of("truth");
    bound::retried_for_longer(3000, |milliseconds| {
        let ours = project.profiled(&["run", "-q", "--bin", "crowd", "--", &milliseconds.to_string()]).succeeded();
        let (cpu, spent) = (project.cpu_profile(), spent(&ours.stdout));
        totals_agree(&cpu, spent["process"])?;
        shares_agree(&cpu, &spent, &["share_4", "share_3", "share_2", "share_1"])
    });
}

#[test]
fn threads_shorter_than_a_few_ticks_count_as_well() {
    let project = Project::of("truth");
    bound::retried_for_longer(3000, |milliseconds| {
        let ours = project.profiled(&["run", "-q", "--bin", "swarm", "--", &milliseconds.to_string()]).succeeded();
        totals_agree(&project.cpu_profile(), spent(&ours.stdout)["process"])
    });
}

#[test]
fn tests_count_by_what_they_burn() {
    let project = Project::of("truth");
    project.profiled(&["test", "--test", "amounts", "burns", "--", "--test-threads=1"]).succeeded();
    let cpu = project.cpu_profile();
    for (test, burned) in [("burns_three_parts", 0.9), ("burns_one_part", 0.3)] {
        let seen = cpu.of_test("test/amounts", test).seconds();
        assert!((seen / burned - 1.0).abs() < 0.05, "{test}: {seen} s sampled of {burned} s");
    }
}
