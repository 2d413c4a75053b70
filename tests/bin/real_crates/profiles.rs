//! Checks what the two profiles of a run say against what the run itself said: labels, CPU time, whose functions they
//! hold. Reading is `prof-pprof`'s. Never judges the tests' results, which is done in `results.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use prof_pprof::{Profile, Sample};
use prof_tests::{Evidence, commented};
use regex::Regex;

/// How many things wrong of a kind are named.
const NAMED: usize = 3;

/// What a profile must agree with.
pub struct Truth<'a> {
    /// The package whose tests ran.
    pub package: &'a str,
    /// The names of the tests of each target that cargo ran, by its label.
    pub tests: &'a BTreeMap<String, BTreeSet<String>>,
    /// The labels of all targets by their paths: a test may start an example or a binary of its package.
    pub targets: &'a BTreeMap<String, String>,
    /// CPU time of the run, with cargo's own.
    pub cpu: Duration,
}

/// What a profile says of how it was made.
#[derive(Debug, Default, Clone, Copy)]
pub struct Made {
    /// Samples taken.
    pub samples: u64,
    /// Samples that found no room.
    pub lost: u64,
    /// Samples whose stack was cut or broken.
    pub without_root: u64,
}

/// Reads a CPU profile and checks it. What is wrong is put into `wrong`, in words.
pub fn check_cpu(path: &Path, truth: &Truth, wrong: &mut Vec<String>) -> Option<Made> {
    let evidence = read(path, wrong)?;
    let profile = evidence.profile();
    check(profile, truth, wrong);
    let nanos: i64 = profile.samples.iter().map(|sample| sample.values.last().copied().unwrap_or(0)).sum();
    let sampled = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
    if sampled > truth.cpu {
        wrong.push(format!(
            "{:.2} s of CPU time sampled in a run that took {:.2} s",
            seconds(sampled),
            seconds(truth.cpu)
        ));
    }
    made(profile, wrong)
}

/// Reads a memory profile and checks it. What is wrong is put into `wrong`, in words.
pub fn check_memory(path: &Path, truth: &Truth, wrong: &mut Vec<String>) -> Option<Made> {
    let evidence = read(path, wrong)?;
    let profile = evidence.profile();
    check(profile, truth, wrong);
    // alloc_objects, alloc_space, inuse_objects, inuse_space
    let is_right = |sample: Sample<'_>| match sample.values[..] {
        [objects, space, live_objects, live_space] => {
            (0..=objects).contains(&live_objects) && (0..=space).contains(&live_space)
        }
        _ => false,
    };
    let impossible = profile.samples.iter().find(|sample| !is_right(*sample));
    wrong.extend(impossible.map(|sample| format!("more in use than was allocated: {:?}", sample.values)));
    made(profile, wrong)
}

fn read(path: &Path, wrong: &mut Vec<String>) -> Option<Evidence> {
    Evidence::checked(path).map_err(|error| wrong.push(error)).ok()
}

/// What holds for both kinds.
fn check(profile: &Profile, truth: &Truth, wrong: &mut Vec<String>) {
    let mut found = BTreeSet::new();
    for sample in &profile.samples {
        found.extend(wrong_labels(sample, truth));
    }
    let functions = profile.functions.iter().filter(|function| OURS.is_match(&function.name));
    found.extend(functions.map(|function| format!("a function of ours: {}", function.name)));
    wrong.extend(found.into_iter().take(NAMED));
}

fn wrong_labels(sample: Sample<'_>, truth: &Truth) -> Option<String> {
    let label = |key| sample.text(key).map(|text| &**text);
    let (package, target, test) = (label("package"), label("target"), label("test"));
    let (Some(package), Some(target)) = (package, target) else {
        return Some(format!("a sample without package or target: {:?}", sample.labels));
    };
    if package != truth.package {
        return Some(format!("a sample of package {package}, target {target}"));
    }
    if truth.targets.values().all(|known| known != target) {
        return Some(format!("a sample of {target}, which is no target of the package"));
    }
    // What cargo did not run as a test has no tests.
    let has_result = |test: &str| truth.tests.get(target).is_some_and(|tests| tests.contains(test));
    let test = test.filter(|test| !has_result(test))?;
    Some(format!("a sample of the test {test}, which {target} has no result of"))
}

/// The numbers in the comment that `cargo prof` leaves in each profile.
fn made(profile: &Profile, wrong: &mut Vec<String>) -> Option<Made> {
    let [samples, lost, truncated, broken] =
        ["samples", "lost", "truncated", "broken"].map(|word| commented(profile, word));
    let (Some(samples), Some(lost), Some(truncated), Some(broken)) = (samples, lost, truncated, broken) else {
        wrong.push(format!("no comment says how many samples were taken: {:?}", profile.comments));
        return None;
    };
    Some(Made { samples, lost, without_root: truncated + broken })
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

static OURS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(^|[^\w])prof_(harness|test)::").expect("the pattern is right"));
