//! What a profiler makes of each benchmark. How it is made is in `profiler.rs`.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use prof_record::Engine;

/// What a [`Profiler`](crate::Profiler) samples and writes.
///
/// By default the CPU at 999 Hz, no allocations, with a flame graph, into the directory that criterion has for it.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) cpu_rate: u64,
    pub(crate) heap_period: u64,
    pub(crate) engine: Option<Engine>,
    pub(crate) flamegraph: bool,
    pub(crate) directory: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            // Not 1000: what a program does every millisecond would fall between the samples, or into all of them.
            cpu_rate: 999,
            heap_period: 0,
            engine: None,
            flamegraph: true,
            directory: None,
        }
    }
}

impl Options {
    /// Takes `hertz` samples in a second of CPU time, up to 100 000; no CPU profile is made for 0.
    #[must_use]
    pub fn cpu_rate(mut self, hertz: u64) -> Options {
        self.cpu_rate = hertz.min(100_000);
        self
    }

    /// Samples an allocation each `bytes` on average, every one for 1, and makes a memory profile, `mem.pb.gz`; none for 0.
    /// `512 << 10` costs next to nothing.
    #[must_use]
    pub fn heap_period(mut self, bytes: u64) -> Options {
        self.heap_period = bytes;
        self
    }

    /// Samples the CPU in this way, instead of the best that the kernel permits.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Options {
        self.engine = Some(engine);
        self
    }

    /// Whether to draw a flame graph, `flamegraph.svg`: of the CPU profile, or where there is none of the memory profile.
    #[must_use]
    pub fn flamegraph(mut self, is_drawn: bool) -> Options {
        self.flamegraph = is_drawn;
        self
    }

    /// Writes below this directory instead of criterion's, where each benchmark has a directory called by its id:
    /// `DIRECTORY/GROUP/FUNCTION/PARAMETER/cpu.pb.gz`.
    #[must_use]
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Options {
        self.directory = Some(path.into());
        self
    }
}
