//! A record as data: what one process measured. Where its bytes come from is in `parse.rs`.

use std::path::PathBuf;

/// What one profiled process measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The process.
    pub pid: u32,
    /// The program that it ran.
    pub executable: PathBuf,
    /// Nanoseconds since the Unix epoch at which sampling began.
    pub started: u64,
    /// Nanoseconds of wall time from the start of sampling to the last thing that was recorded.
    pub duration: u64,
    /// How the CPU was sampled.
    pub engine: Engine,
    /// Why not by [`Engine::PerfClock`]: the number of the kernel's error, 0 if it was not asked or did not refuse.
    pub perf_error: i32,
    /// How often a thread was interrupted for CPU samples: the distinct moments that were seen. One may count for several
    /// samples.
    pub cpu_captures: u64,
    /// Nanoseconds of CPU time between two samples, 0 if the CPU was not sampled.
    pub cpu_period: u64,
    /// Mean bytes between two sampled allocations, 0 if allocations were not sampled.
    pub heap_period: u64,
    /// Whether the process's `malloc` was the harness's own; if not, no allocation could be seen.
    pub sees_malloc: bool,
    /// The ways in which allocations were seen.
    pub doors: Vec<Door>,
    /// The most bytes that were in use at a time, un-sampled, if the peaks were kept.
    pub heap_peak: Option<u64>,
    /// What could not be recorded.
    pub loss: Loss,
    /// The code that was mapped.
    pub mappings: Vec<Mapping>,
    /// The tests and benchmarks that ran.
    pub labels: Vec<Label>,
    /// The distinct stacks.
    pub stacks: Vec<Stack>,
    /// CPU time by stack and label.
    pub cpu: Vec<CpuBucket>,
    /// Sampled allocations by stack, label and size.
    pub heap: Vec<HeapBucket>,
}

/// How the CPU was sampled. The best comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Engine {
    /// Not at all.
    None,
    /// `setitimer`: one timer on the CPU time of the whole process.
    ProcessTimer,
    /// A `timer_create` timer on each thread's CPU clock, at the kernel's tick.
    ThreadTimer,
    /// A `perf_event_open` task clock on each thread, at any rate.
    PerfClock,
}

impl Engine {
    /// Those that sample, the best first.
    pub const ALL: [Engine; 3] = [Engine::PerfClock, Engine::ThreadTimer, Engine::ProcessTimer];

    /// The name that profiles, messages and `--engine` use.
    pub fn name(self) -> &'static str {
        match self {
            Engine::None => "none",
            Engine::ProcessTimer => "process-timer",
            Engine::ThreadTimer => "thread-timer",
            Engine::PerfClock => "perf-clock",
        }
    }

    /// The number that stands for it in a record file.
    pub fn number(self) -> u64 {
        match self {
            Engine::None => 0,
            Engine::ThreadTimer => 1,
            Engine::PerfClock => 2,
            Engine::ProcessTimer => 3,
        }
    }

    /// The engine that a number stands for; [`Engine::None`] for a number that is none's.
    pub fn numbered(number: u64) -> Engine {
        Engine::ALL.into_iter().find(|engine| engine.number() == number).unwrap_or(Engine::None)
    }
}

/// A way in which the harness sees allocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Door {
    /// `malloc` and its kin, of libc or whatever stands in for it.
    Malloc,
    /// jemalloc's functions as `tikv-jemallocator` and `jemallocator` name them (`_rjem_…`).
    Jemalloc,
    /// mimalloc's functions (`mi_…`).
    Mimalloc,
    /// snmalloc's functions for Rust (`sn_rust_…`).
    Snmalloc,
    /// `prof_harness::Alloc` in the program's source.
    Wrapper,
}

impl Door {
    /// All of them.
    pub const ALL: [Door; 5] = [Door::Malloc, Door::Jemalloc, Door::Mimalloc, Door::Snmalloc, Door::Wrapper];

    /// The bit that stands for it in a record file.
    pub fn bit(self) -> u64 {
        1 << self as u64
    }

    /// What it is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            Door::Malloc => "malloc",
            Door::Jemalloc => "jemalloc",
            Door::Mimalloc => "mimalloc",
            Door::Snmalloc => "snmalloc",
            Door::Wrapper => "prof_harness::Alloc",
        }
    }
}

/// What could not be recorded, in un-scaled events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loss {
    /// CPU samples for which there was no room.
    pub cpu_samples: u64,
    /// Nanoseconds that those samples stood for.
    pub cpu_nanos: u64,
    /// Sampled allocations for which there was no room.
    pub heap_objects: u64,
    /// Their bytes.
    pub heap_bytes: u64,
    /// Parts of the record that the end of the process left unfinished.
    pub torn_entries: u64,
}

/// A piece of executable memory and the file behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
    /// Offset of `start` in the file.
    pub file_offset: u64,
    /// The file, or a name in brackets such as `[vdso]`.
    pub path: PathBuf,
    /// The GNU build id, empty if there is none.
    pub build_id: Vec<u8>,
}

/// What a label names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LabelKind {
    /// A test function.
    Test,
    /// A benchmark.
    Bench,
}

/// A test or benchmark that samples belong to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    /// What `name` names.
    pub kind: LabelKind,
    /// Its full name, as its harness prints it.
    pub name: String,
    /// The most bytes of its blocks that were in use at a time, un-sampled; 0 if the peaks were not kept.
    pub heap_peak: u64,
}

/// Program counters, leaf first, as captured: the first of a CPU sample is where the thread was interrupted, all
/// others are return addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stack {
    /// The program counters, leaf first.
    pub pcs: Vec<u64>,
    /// Whether `pcs[0]` is an interrupted instruction (CPU) instead of a return address (allocations).
    pub leaf_is_interrupted: bool,
    /// Whether it was cut before the root, at the depth limit or because there was no room to unwind.
    pub truncated: bool,
    /// Whether the root was not reached because a frame's caller could not be found.
    pub broken: bool,
    /// Whether there is no stack: CPU time that passed without an interruption, before a test or thread ended.
    pub unsampled: bool,
}

/// CPU time of one stack under one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuBucket {
    /// Index into [`Record::stacks`].
    pub stack: usize,
    /// Index into [`Record::labels`].
    pub label: Option<usize>,
    /// Clock ticks: samples, with those that the kernel merged into one signal.
    pub samples: u64,
    /// Nanoseconds of CPU time that they stand for.
    pub nanos: u64,
}

/// Sampled allocations of one size at one stack under one label, un-scaled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeapBucket {
    /// Index into [`Record::stacks`].
    pub stack: usize,
    /// Index into [`Record::labels`].
    pub label: Option<usize>,
    /// Bytes asked for, by each of these allocations.
    pub size: u64,
    /// How many were sampled.
    pub allocations: u64,
    /// How many of those were freed.
    pub frees: u64,
    /// How many of those were freed after the label's test or benchmark had ended.
    pub late_frees: u64,
    /// How many were in use when the process had most bytes in use; 0 if the peaks were not kept.
    pub at_peak: u64,
    /// How many were in use when the label had most bytes in use; 0 without a label, or if the peaks were not kept.
    pub at_label_peak: u64,
}

impl HeapBucket {
    /// How many were in use when the label's test or benchmark ended, or the process without one.
    pub fn left(&self) -> u64 {
        (self.allocations + self.late_frees).saturating_sub(self.frees)
    }
}
