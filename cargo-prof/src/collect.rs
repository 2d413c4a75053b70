//! The records of all processes of a run → one profile a kind, with names and without the harness's own frames.

pub mod bench_memory;
mod heap;
mod targets;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use prof_pprof::{CpuProfile, CpuTotals, Profile, Runtime};
use prof_record::{Door, Engine, Record};

use crate::Error;
use crate::bench::phase::{self, Keep, LeftOut};
use crate::cli::Cargo;
use crate::exact::benchmem::Benchmem;
use crate::exact::memstats::MemStats;
use crate::symbolize::{Outcome, Sources, symbolize};
use heap::Heap;

pub use targets::{Targets, target_name};

/// What comments begin with.
const TOOL: &str = concat!("cargo-prof ", env!("CARGO_PKG_VERSION"));

/// What a run measured.
pub struct Collected {
    /// The CPU profile, if it was asked for.
    pub cpu: Option<(Profile, CpuTotals)>,
    /// The memory profile, if it was asked for.
    pub mem: Option<heap::Made>,
    /// The profile of the peak, if it was asked for.
    pub peak: Option<heap::Made>,
    /// What was left at the end of each test or process, if exact numbers were asked for.
    pub left: Option<heap::Made>,
    /// The numbers of each test or process, if they were asked for.
    pub stats: Option<MemStats>,
    /// The numbers of each benchmark's iterations, if they were asked for.
    pub benchmem: Option<Benchmem>,
    /// What is not in the CPU profile, of benchmarks that are measured in a loop.
    pub left_out: LeftOut,
    /// The same of the memory profile.
    pub left_out_memory: LeftOut,
    /// How the CPU was sampled, by some process or other.
    engines: BTreeSet<Engine>,
    /// How allocations were seen, in some process or other.
    doors: BTreeSet<Door>,
    /// What the user should know of it.
    pub doubts: Vec<String>,
    /// Whether any test or benchmark ran, or anything was measured.
    has_any: bool,
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Of which subcommand.
    pub cargo: Cargo,
    /// Samples in a second of CPU time, if there is to be a CPU profile.
    pub cpu_rate: Option<u64>,
    /// Mean bytes between two sampled allocations, if anything is to be made of them.
    pub mem_rate: Option<u64>,
    /// Whether there is to be a memory profile.
    pub mem: bool,
    /// Whether there is to be a profile of the peak.
    pub peak: bool,
    /// Whether there are to be exact numbers of each test, and its leaks.
    pub exact: bool,
    /// Which phases of benchmarks are kept.
    pub phases: Keep,
    /// How to sample the CPU; none for the best way that each process has.
    pub engine: Option<Engine>,
}

impl Asked {
    /// Nanoseconds of CPU time between two samples, 0 for none.
    pub fn cpu_period(self) -> u64 {
        self.cpu_rate.map_or(0, |rate| 1_000_000_000 / rate)
    }

    /// Whether processes are to keep what was in use when most was.
    pub fn keeps_peaks(self) -> bool {
        self.peak || self.exact
    }
}

/// Collects the records in `directory`. A record that cannot be read is left out and named among the doubts.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn collect(directory: &Path, asked: Asked, targets: &Targets, sources: &Sources) -> Result<Collected, Error> {
    let mut cpu = asked.cpu_rate.map(|_| CpuProfile::new(asked.cpu_period()));
    let mut heap = Heap::new(asked);
    let mut engines = BTreeSet::new();
    let mut doors = BTreeSet::new();
    let mut has_any = false;
    let mut doubts = Vec::new();
    for path in record_files(directory)? {
        let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
        let record = match Record::parse(&bytes) {
            Ok(record) => record,
            // A process that ended while its record was being created measured nothing.
            Err(prof_record::Error::NotARecord) => continue,
            Err(error) => {
                doubts.push(format!("{} is left out: {error}", path.display()));
                continue;
            }
        };
        let origin = targets.origin(&record);
        let is_any = !record.labels.is_empty() || has_samples(&record);
        if !is_any && asked.cargo != Cargo::Run {
            // A process that was asked for its list of tests.
            continue;
        }
        has_any |= is_any;
        engines.extend((record.engine != Engine::None).then_some(record.engine));
        if let Some(cpu) = &mut cpu {
            doubts.extend(
                refused(&record, asked.engine).map(|why| format!("{} {} {why}", origin.package, origin.target)),
            );
            cpu.add(&record, &origin);
        }
        if let Some(heap) = &mut heap {
            doubts.extend(targets.unseen(&record));
            doors.extend(&record.doors);
            doubts.extend(heap.add(&record, &origin));
        }
    }
    let cpu = cpu.map(|cpu| cpu.finish(&[]));
    let ([mem, peak, left], stats) = heap.map(Heap::finish).unwrap_or_default();
    let (left_out, left_out_memory) = Default::default();
    let mut collected = Collected {
        cpu,
        mem,
        peak,
        left,
        stats,
        benchmem: None,
        left_out,
        left_out_memory,
        engines,
        doors,
        doubts,
        has_any,
    };
    collected.comment(asked);
    collected.comment_peak(asked);
    collected.name(sources);
    collected.tell_phases(asked, targets);
    collected.doubts.sort();
    collected.doubts.dedup();
    Ok(collected)
}

fn record_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(Error::file("read", directory))? {
        let path = entry.map_err(Error::file("read", directory))?.path();
        if path.extension().is_some_and(|extension| extension == "record") {
            files.push(path);
        }
    }
    // The order of a directory is chance; that of a profile is not to be.
    files.sort();
    Ok(files)
}

impl Collected {
    /// Whether nothing was measured, and no test or benchmark ran that could have been.
    pub fn is_empty(&self) -> bool {
        !self.has_any && self.benchmem.as_ref().is_none_or(|benchmem| benchmem.rows.is_empty())
    }

    /// Whether the CPU of any process was sampled.
    pub fn is_cpu_sampled(&self) -> bool {
        !self.engines.is_empty()
    }

    /// The names of the engines: processes of one run may have come by different ones.
    fn engines(&self) -> String {
        if self.engines.is_empty() {
            return Engine::None.name().to_owned();
        }
        self.engines.iter().map(|engine| engine.name()).collect::<Vec<_>>().join("+")
    }

    /// The names of the doors that allocations were seen at: processes of one run may have different ones.
    pub fn doors(&self) -> String {
        if self.doors.is_empty() {
            return "none".to_owned();
        }
        self.doors.iter().map(|door| door.name()).collect::<Vec<_>>().join("+")
    }

    /// Labels the phases of benchmarks, or leaves out those that are not measured.
    fn tell_phases(&mut self, asked: Asked, targets: &Targets) {
        if asked.cargo != Cargo::Bench {
            return;
        }
        let harness = |package: &str, target: &str| targets.bench_harness(package, target);
        let without = |total: u64, left_out: Option<&i64>| {
            total.saturating_sub(left_out.map_or(0, |value| u64::try_from(*value).unwrap_or(0)))
        };
        if let Some((profile, totals)) = &mut self.cpu {
            self.left_out = phase::apply(profile, asked.phases, harness);
            totals.samples = without(totals.samples, self.left_out.values.first());
            totals.nanos = without(totals.nanos, self.left_out.values.last());
            // The comment before counts all samples that were taken.
            profile.comments.extend(self.left_out.text().map(|text| format!("{TOOL}: {text}").into()));
        }
        if let Some((profile, totals)) = &mut self.mem {
            self.left_out_memory = phase::apply(profile, asked.phases, harness);
            let sums = [
                &mut totals.alloc_objects,
                &mut totals.alloc_space,
                &mut totals.inuse_objects,
                &mut totals.inuse_space,
            ];
            for (sum, left_out) in sums.into_iter().zip(&self.left_out_memory.values) {
                *sum -= left_out;
            }
        }
    }

    fn comment(&mut self, asked: Asked) {
        let (engines, doors) = (self.engines(), self.doors());
        if let (Some((profile, totals)), Some(rate)) = (&mut self.cpu, asked.cpu_rate) {
            profile.comments.push(
                format!(
                    "{TOOL}: engine {engines}, {rate} Hz, {} samples, {} captures, {} unsampled, {} lost, {} truncated, {} \
                     broken, {} processes",
                    totals.samples,
                    totals.captures,
                    totals.unsampled_samples,
                    totals.lost_samples,
                    totals.truncated_samples,
                    totals.broken_samples,
                    totals.processes
                )
                .into(),
            );
        }
        if let (Some((profile, totals)), Some(rate)) = (&mut self.mem, asked.mem_rate) {
            profile.comments.push(
                format!(
                    "{TOOL}: engine {doors}, 1 sample in {rate} bytes, {} samples, {} lost, {} truncated, {} broken, {} \
                     processes",
                    totals.samples,
                    totals.lost_samples,
                    totals.truncated_samples,
                    totals.broken_samples,
                    totals.processes
                )
                .into(),
            );
        }
    }

    fn comment_peak(&mut self, asked: Asked) {
        if let (Some((profile, totals)), Some(rate)) = (&mut self.peak, asked.mem_rate) {
            let (processes, lost) = (totals.processes, totals.lost_samples);
            let comment = format!("{TOOL}: peaks, 1 sample in {rate} bytes, {lost} lost, {processes} processes");
            profile.comments.push(comment.into());
        }
    }

    /// Names the code, then takes the harness's own frames out. The profiles are named side by side: reading debug info
    /// is most of what a run costs after its end.
    fn name(&mut self, sources: &Sources) {
        let cpu = self.cpu.as_mut().map(|(profile, _)| profile);
        let [mem, peak, left] =
            [&mut self.mem, &mut self.peak, &mut self.left].map(|made| made.as_mut().map(|(profile, _)| profile));
        let outcomes = std::thread::scope(|scope| {
            let profiles = [cpu, mem, peak, left];
            let threads = profiles.map(|profile| profile.map(|profile| scope.spawn(|| name(profile, sources))));
            threads.map(|thread| thread.map(|thread| thread.join().unwrap_or_default()))
        });
        self.doubts.extend(
            outcomes
                .into_iter()
                .flatten()
                .flat_map(|outcome| outcome.skipped)
                .map(|skipped| format!("the code of {} goes without names: it {}", skipped.path, skipped.reason)),
        );
    }
}

fn has_samples(record: &Record) -> bool {
    let loss = record.loss;
    loss.cpu_samples + loss.cpu_nanos + loss.heap_objects > 0
        || record.cpu.iter().any(|bucket| bucket.samples + bucket.nanos > 0)
        || record.heap.iter().any(|bucket| bucket.allocations > 0)
}

/// Why a process's CPU was not sampled, if it was not.
fn refused(record: &Record, asked: Option<Engine>) -> Option<String> {
    if record.engine != Engine::None {
        return None;
    }
    let by = asked.map_or(String::new(), |engine| format!(" by {}", engine.name()));
    let reason = match record.perf_error {
        0 => String::new(),
        error => format!(": {}", std::io::Error::from_raw_os_error(error)),
    };
    Some(format!("could not be sampled{by}{reason}; `cargo prof doctor` tells what can be done"))
}

fn name(profile: &mut Profile, sources: &Sources) -> Outcome {
    let outcome = symbolize(profile, sources);
    prof_pprof::remove_runtime(profile, |function| part(&function.name));
    outcome
}

/// Which part of the injected crates a function is, or is made for.
fn part(name: &str) -> Runtime {
    let is_of = |path: &str| {
        name.match_indices(path)
            .any(|(at, _)| !name[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
    };
    // A closure of the one may be an argument of a function of std, which then bears its name too.
    if is_of("prof_test::") {
        Runtime::Wrapper
    } else if is_of("prof_harness::") {
        Runtime::Hook
    } else {
        Runtime::Not
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_injected_crates_are_the_runtime() {
        assert_eq!(part("prof_harness::heap::door::malloc"), Runtime::Hook);
        let shim = "<prof_test::wrap::{closure#0} as core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}";
        assert_eq!(part(shim), Runtime::Wrapper);
        assert_eq!(part("my_prof_test::run"), Runtime::Not);
        assert_eq!(part("prof_harnessed::run"), Runtime::Not);
    }

    #[test]
    fn what_is_refused_is_said_with_the_reason() {
        let mut record = Record::parse(&empty_record()).expect("a header is a record");
        record.perf_error = 13;
        let said = refused(&record, Some(Engine::PerfClock)).expect("it has no engine");
        assert!(said.starts_with("could not be sampled by perf-clock: Permission denied"), "{said}");
        record.engine = Engine::ThreadTimer;
        assert_eq!(refused(&record, None), None);
    }

    /// A record in which nothing was recorded.
    pub(super) fn empty_record() -> Vec<u8> {
        use prof_record::layout::{self, header};
        let mut words = [0u64; layout::HEADER_WORDS];
        words[header::MAGIC] = layout::MAGIC;
        words[header::VERSION] = layout::VERSION;
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}
