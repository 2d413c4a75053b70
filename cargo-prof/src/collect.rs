//! The records of all processes of a run → one profile a kind, with names and without the harness's own frames.

mod heap;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, TargetKind};
use prof_pprof::{CpuProfile, CpuTotals, Origin, Profile, Runtime};
use prof_record::{Door, Engine, Record};

use crate::Error;
use crate::cli::Cargo;
use crate::exact::memstats::MemStats;
use crate::inject::made::{Made, hexadecimal};
use crate::symbolize::{Outcome, Sources, symbolize};
use heap::Heap;

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
        has_any |= !record.labels.is_empty() || has_samples(&record);
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
    let mut collected = Collected { cpu, mem, peak, left, stats, engines, doors, doubts, has_any };
    collected.comment(asked);
    collected.comment_peak(asked);
    collected.name(sources);
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
        !self.has_any
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

    fn comment(&mut self, asked: Asked) {
        let tool = concat!("cargo-prof ", env!("CARGO_PKG_VERSION"));
        let (engines, doors) = (self.engines(), self.doors());
        if let (Some((profile, totals)), Some(rate)) = (&mut self.cpu, asked.cpu_rate) {
            profile.comments.push(
                format!(
                    "{tool}: engine {engines}, {rate} Hz, {} samples, {} captures, {} unsampled, {} lost, {} truncated, {} \
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
                    "{tool}: engine {doors}, 1 sample in {rate} bytes, {} samples, {} lost, {} truncated, {} broken, {} \
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
            let tool = concat!("cargo-prof ", env!("CARGO_PKG_VERSION"));
            let (processes, lost) = (totals.processes, totals.lost_samples);
            let comment = format!("{tool}: peaks, 1 sample in {rate} bytes, {lost} lost, {processes} processes");
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

/// The project's executables, to find the one that a record is of.
pub struct Targets {
    known: Vec<Target>,
    by_build_id: HashMap<String, usize>,
    by_path: HashMap<PathBuf, usize>,
}

/// A target of the project.
struct Target {
    origin: Origin,
    allocators: BTreeSet<String>,
}

impl Targets {
    /// Names the executables that were made by what cargo says of the project.
    pub fn new(made: &[Made], metadata: &Metadata) -> Targets {
        let mut targets = Targets { known: Vec::new(), by_build_id: HashMap::new(), by_path: HashMap::new() };
        for (index, made) in made.iter().enumerate() {
            let origin = Origin { package: made.package.clone(), target: target_name(made, metadata) };
            targets.known.push(Target { origin, allocators: made.allocators.clone() });
            if let Some(build_id) = &made.build_id {
                targets.by_build_id.insert(build_id.clone(), index);
            }
            targets.by_path.insert(made.executable.clone(), index);
        }
        targets
    }

    fn find(&self, record: &Record) -> Option<&Target> {
        let program = record.mappings.iter().find(|mapping| mapping.path == record.executable);
        let by_build_id = program.and_then(|mapping| self.by_build_id.get(&hexadecimal(&mapping.build_id)));
        let index = by_build_id.or_else(|| self.by_path.get(&record.executable))?;
        self.known.get(*index)
    }

    fn origin(&self, record: &Record) -> Origin {
        self.find(record).map(|target| target.origin.clone()).unwrap_or_else(|| Origin {
            package: "unknown".into(),
            target: record.executable.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        })
    }

    /// What the memory profile does not see of a process.
    fn unseen(&self, record: &Record) -> Vec<String> {
        let Origin { package, target } = self.origin(record);
        // The program says itself what is to be seen.
        if record.doors.contains(&Door::Wrapper) {
            return Vec::new();
        }
        if !record.doors.contains(&Door::Malloc) {
            return vec![format!("{package} {target} brings a malloc of its own: its allocations are not seen")];
        }
        let is_seen = |allocator: &&String| record.doors.iter().any(|door| door.name() == *allocator);
        let allocators = self.find(record).map(|target| &target.allocators).into_iter().flatten();
        let mut unseen: Vec<String> = allocators
            .filter(|allocator| !is_seen(allocator))
            .map(|allocator| {
                format!(
                    "{package} {target} brings {allocator}, and its linker cannot show us what it gives: those allocations are \
                     not seen"
                )
            })
            .collect();
        if !record.sees_malloc {
            unseen.push(format!(
                "{package} {target} brings a malloc of its own: what shared libraries allocate from it is not seen"
            ));
        }
        unseen
    }
}

/// A target's name with its kind before it, as `lib/serde` or `bench/parse`: a library and a binary may share the name.
pub fn target_name(made: &Made, metadata: &Metadata) -> String {
    let packages = metadata.packages.iter().filter(|package| *package.name == made.package);
    let targets = packages.flat_map(|package| &package.targets).filter(|target| {
        target.src_path.as_std_path() == made.source && target.kind.first() != Some(&TargetKind::CustomBuild)
    });
    let fits = |name: &str| match &made.name {
        Some(binary) => name == binary,
        None => name.replace('-', "_") == made.crate_name,
    };
    match targets.filter(|target| fits(&target.name)).min_by_key(|target| made.name.is_some() && !target.is_bin()) {
        Some(target) => {
            let kind = match target.kind.first() {
                Some(TargetKind::Bin) => "bin",
                Some(TargetKind::Example) => "example",
                Some(TargetKind::Test) => "test",
                Some(TargetKind::Bench) => "bench",
                _ => "lib",
            };
            format!("{kind}/{}", target.name)
        }
        None => made.name.clone().unwrap_or_else(|| made.crate_name.clone()),
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
