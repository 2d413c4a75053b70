//! Judges the benchmarks of one crate: run for a time and measured, the profiles compared with what the harness says. How it
//! is told is in `document.rs`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use prof_tests::Evidence;
use prof_tests::published;
use prof_tests::workshop::Workshop;

use crate::own_times;
use crate::profiles;
use crate::run::Benches;
use crate::selection::Selected;
use crate::used;

/// The largest share of the harness's own work in a profile.
pub const OWN_SHARE: f64 = 0.01;
/// How far the CPU time of the loops may be from what the harness measured.
pub const DEVIATION: f64 = 0.03;
/// How much less CPU time may be sampled than the kernel counts: what a process does before the sampler is set up and while
/// the record is written.
pub const UNSAMPLED: f64 = 0.05;
/// Seconds of the harness's measurement. Where others used the processor meanwhile, it is repeated for longer.
pub const MEASUREMENTS: [u32; 3] = [2, 4, 8];

/// What came of a crate.
pub struct Judged {
    /// The version of criterion.
    pub criterion: String,
    /// How many benchmarks it lists.
    pub listed: usize,
    /// How many of them are labels of samples.
    pub labelled: usize,
    /// The share of the harness's own work in the profile, from 0 to 1.
    pub own_share: f64,
    /// The last measurement.
    pub compared: Compared,
    /// What is wrong, in words.
    pub wrong: Vec<String>,
}

/// A measurement by the harness, and the profile of it.
pub struct Compared {
    /// CPU time of the measured loops by what the harness measured.
    pub ratio: f64,
    /// The same of each benchmark.
    pub ratios: BTreeMap<String, f64>,
    /// Sampled CPU time, in all phases, by what the kernel counted for the processes.
    pub sampled: f64,
    /// The share of the time in which something waited for a processor, from 0 to 1.
    pub waited: f64,
}

impl Compared {
    /// Whether the harness measured how others used the processor.
    pub fn is_busy(&self) -> bool {
        !is_near(self.ratio) && self.ratio < 1.0 && self.waited > DEVIATION
    }
}

/// Runs and judges.
///
/// # Errors
///
/// If the crate cannot be obtained, or its benchmarks do not build or run.
pub fn judge(workshop: &Workshop, selected: &Selected) -> Result<Judged, String> {
    let source = published::obtain(selected.name, selected.version, &workshop.folder)?;
    let criterion = source.locked("criterion")?.join(", ");
    let benches = Benches::build(workshop, selected, &source)?;
    let listed = benches.listed()?;
    if listed.is_empty() {
        return Err(format!("{} selects no benchmark of {}", selected.filter, selected.bench));
    }

    let target = format!("bench/{}", selected.bench);
    let evidence = Evidence::checked(&benches.profiled()?)?;
    let mut wrong = profiles::wrong_labels(&evidence, selected.name, &target, &listed);
    let labels = evidence.labels("bench");
    let labelled = listed.iter().filter(|id| labels.contains(*id)).count();
    let own_share = profiles::own_share(&evidence);
    if own_share > OWN_SHARE {
        wrong.push(format!("{:.1} % of the CPU time is the harness's own work", own_share * 100.0));
    }

    let mut compared = compare(&benches, MEASUREMENTS[0], &listed)?;
    for seconds in MEASUREMENTS.into_iter().skip(1) {
        if is_near(compared.ratio) {
            break;
        }
        compared = compare(&benches, seconds, &listed)?;
    }
    if !is_near(compared.ratio) && !compared.is_busy() {
        wrong.push(format!("{:.3} of the time that the harness measured is in the profile", compared.ratio));
    }
    if !(1.0 - UNSAMPLED..=1.0 + DEVIATION).contains(&compared.sampled) {
        wrong.push(format!("{:.3} of the CPU time that the kernel counted is in the profile", compared.sampled));
    }
    Ok(Judged { criterion, listed: listed.len(), labelled, own_share, compared, wrong })
}

fn is_near(ratio: f64) -> bool {
    (ratio - 1.0).abs() <= DEVIATION
}

fn compare(benches: &Benches, seconds: u32, listed: &[String]) -> Result<Compared, String> {
    let (started, before) = (Instant::now(), used::waited());
    let measured = benches.measured(seconds)?;
    let waited = before.zip(used::waited()).map_or(Duration::ZERO, |(before, after)| after.saturating_sub(before));
    let waited = waited.as_secs_f64() / started.elapsed().as_secs_f64();

    let evidence = Evidence::checked(&measured.profile)?;
    let own = own_times::seconds(&measured.home)?;
    let missing = listed.iter().find(|id| !own.contains_key(*id));
    if let Some(missing) = missing {
        return Err(format!("criterion does not say how long {missing} took"));
    }
    let in_loops = own.keys().map(|id| profiles::measured(&evidence, id)).sum::<f64>();
    let ratios = own.iter().map(|(id, seconds)| (id.clone(), profiles::measured(&evidence, id) / seconds)).collect();
    let sampled = evidence.all().seconds() / used::seconds(&measured.used)?;
    Ok(Compared { ratio: in_loops / own.values().sum::<f64>(), ratios, sampled, waited })
}
