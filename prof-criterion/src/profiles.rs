//! The record of a benchmark → its profiles, with names and labels and without the frames of what measures. How names are
//! found is in `names.rs`, what measures in `runtime.rs`. Never writes a file.

#![forbid(unsafe_code)]

use std::path::Path;

use prof_pprof::{CpuProfile, HeapProfile, HeapView, Label, Origin, Profile};
use prof_record::Record;

use crate::names::Names;
use crate::{runtime, Options};

/// What was measured of a benchmark, as far as it was asked for.
pub(crate) struct Profiles {
    pub(crate) cpu: Option<Profile>,
    pub(crate) mem: Option<Profile>,
}

impl Profiles {
    /// The profiles that the options ask for.
    pub(crate) fn new(record: &Record, benchmark: &str, options: &Options) -> Profiles {
        let origin = origin(&record.executable);
        let mut names = Names::default();
        let mut finish = |mut profile: Profile| {
            names.give(&mut profile);
            runtime::remove(&mut profile);
            let label = Label::text("bench", benchmark);
            profile.samples.map_labels(|labels| labels.iter().chain([&label]).cloned().collect());
            profile
        };
        let cpu = (options.cpu_rate > 0).then(|| finish(cpu(record, &origin, options.cpu_rate)));
        let is_seen = options.heap_period > 0 && !record.doors.is_empty();
        let mem = is_seen.then(|| finish(mem(record, &origin)));
        Profiles { cpu, mem }
    }
}

fn cpu(record: &Record, origin: &Origin, rate: u64) -> Profile {
    let mut cpu = CpuProfile::new(record.cpu_period);
    cpu.add(record, origin);
    let (mut profile, totals) = cpu.finish(&[]);
    let comment = format!(
        "{TOOL}: engine {}, {rate} Hz, {} samples, {} captures, {} unsampled, {} lost, {} truncated, {} broken",
        record.engine.name(),
        totals.samples,
        totals.captures,
        totals.unsampled_samples,
        totals.lost_samples,
        totals.truncated_samples,
        totals.broken_samples,
    );
    profile.comments.push(comment.into());
    profile
}

fn mem(record: &Record, origin: &Origin) -> Profile {
    let mut mem = HeapProfile::new(record.heap_period, HeapView::Allocations);
    mem.add(record, origin);
    let (mut profile, totals) = mem.finish(&[]);
    let doors: Vec<_> = record.doors.iter().map(|door| door.name()).collect();
    let comment = format!(
        "{TOOL}: engine {}, 1 sample in {} bytes, {} samples, {} lost, {} truncated, {} broken",
        doors.join("+"),
        record.heap_period,
        totals.samples,
        totals.lost_samples,
        totals.truncated_samples,
        totals.broken_samples,
    );
    profile.comments.push(comment.into());
    profile
}

const TOOL: &str = concat!("prof-criterion ", env!("CARGO_PKG_VERSION"));

/// The package, as cargo tells those that it runs, and the benchmark's target.
fn origin(executable: &Path) -> Origin {
    Origin {
        package: std::env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "unknown".into()),
        target: format!("bench/{}", target(&executable.file_stem().unwrap_or_default().to_string_lossy())),
    }
}

/// The target of an executable that cargo called `target-0123456789abcdef`.
fn target(stem: &str) -> &str {
    match stem.rsplit_once('-') {
        Some((target, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => target,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_no_hash() {
        assert_eq!(target("my_bench-0123456789abcdef"), "my_bench");
        assert_eq!(target("my-bench"), "my-bench");
        assert_eq!(target("bench"), "bench");
    }
}
