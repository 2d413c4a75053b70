//! What the profile of a bench run says: its labels, how much of it is the harness's own work, and how long the measured loop
//! of each benchmark took. What the harness says is in `own_times.rs`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use prof_pprof::{Profile, Sample};
use prof_tests::Evidence;
use regex::Regex;

/// What is wrong with the labels, where these benchmarks of the target ran; in words.
pub fn wrong_labels(evidence: &Evidence, package: &str, target: &str, listed: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, expected) in [("package", package), ("target", target)] {
        let found = evidence.labels(key);
        if found != BTreeSet::from([expected.to_owned()]) {
            wrong.push(format!("samples of the {key} {found:?}, not of {expected} alone"));
        }
    }
    let (listed, found) = (BTreeSet::from_iter(listed.iter().cloned()), evidence.labels("bench"));
    wrong.extend(listed.difference(&found).map(|id| format!("no sample of {id}")));
    wrong.extend(found.difference(&listed).map(|id| format!("samples of {id}, which is not listed")));
    if !evidence.all().without_label("bench").is_empty() {
        wrong.push("samples of no benchmark".to_owned());
    }
    wrong
}

/// The share of the CPU time in which the harness reckoned, drew and wrote, from 0 to 1.
pub fn own_share(evidence: &Evidence) -> f64 {
    let profile = evidence.profile();
    let seconds = |is_counted: &dyn Fn(&Sample) -> bool| -> i64 {
        let counted = profile.samples.iter().filter(|sample| is_counted(sample));
        counted.map(|sample| sample.values.last().copied().unwrap_or(0)).sum()
    };
    let all = seconds(&|_| true);
    if all == 0 { 0.0 } else { seconds(&|sample| is_of_harness(profile, *sample)) as f64 / all as f64 }
}

/// Seconds of CPU time in the measured loop of a benchmark, from a profile with all phases.
pub fn measured(evidence: &Evidence, id: &str) -> f64 {
    evidence.all().with_label("bench", id).with_label("phase", "measure").seconds()
}

fn is_of_harness(profile: &Profile, sample: Sample<'_>) -> bool {
    let lines = sample.locations.iter().flat_map(|location| &profile[*location].lines);
    lines.map(|line| &profile[line.function].name).any(|name| HARNESS.is_match(name))
}

/// Functions in which criterion does not run a benchmark.
static HARNESS: LazyLock<Regex> = LazyLock::new(|| {
    let criterion = "criterion::(analysis|stats|report|plot|kde|html|estimate|connection|csv_report|fs|model)::";
    Regex::new(&format!("^[<&]*({criterion}|criterion_plot::|plotters(_[a-z]+)?::)")).expect("the pattern is right")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_is_not_the_harness() {
        for name in
            ["criterion::analysis::common", "<criterion::stats::univariate::Sample<f64>>::mean", "plotters::drawing::f"]
        {
            assert!(HARNESS.is_match(name), "{name}");
        }
        for name in ["criterion::bencher::Bencher::iter", "a::criterion::stats::x"] {
            assert!(!HARNESS.is_match(name), "{name}");
        }
    }
}
