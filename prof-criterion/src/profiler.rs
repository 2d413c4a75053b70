//! Criterion's `Profiler` trait, of every version: start and stop around each benchmark. What is sampled is in `sampler.rs`,
//! what is made of it in `profiles.rs`, where it goes in `write.rs`. Never fails a benchmark.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::path::Path;

use crate::error::Error;
use crate::profiles::Profiles;
use crate::sampler::{self, Sampler};
use crate::{write, Options};

/// Profiles each benchmark that criterion runs with `--profile-time`.
///
/// It is for `Criterion::with_profiler`. While another profiler is at work in the process, as under `cargo prof bench`, it
/// does nothing and says nothing. What it cannot do it says in a line on standard error; the benchmark goes on.
#[derive(Debug)]
pub struct Profiler {
    options: Options,
    running: Option<Sampler>,
}

impl Profiler {
    /// A profiler that samples and writes what the options say.
    pub fn new(options: Options) -> Profiler {
        Profiler { options, running: None }
    }

    fn start(&mut self, benchmark: &str) {
        // One that was not stopped belongs to no benchmark any more, and would be in the way.
        self.running = None;
        match sampler::start(&self.options) {
            Ok(sampler) => self.running = sampler,
            Err(error) => tell(benchmark, &error),
        }
    }

    fn stop(&mut self, benchmark: &str, directory: &Path) {
        let Some(sampler) = self.running.take() else { return };
        let record = match sampler.stop() {
            Ok(record) => record,
            Err(error) => return tell(benchmark, &error),
        };
        if self.options.heap_period > 0 && record.doors.is_empty() {
            tell(benchmark, &Error::UnseenAllocations);
        }
        let profiles = Profiles::new(&record, benchmark, &self.options);
        let directory = write::directory(&self.options, benchmark, directory);
        for error in write::all(&directory, &profiles, benchmark, &self.options) {
            tell(benchmark, &error);
        }
    }
}

impl Default for Profiler {
    fn default() -> Profiler {
        Profiler::new(Options::default())
    }
}

fn tell(benchmark: &str, error: &Error) {
    // `eprintln!` panics where standard error is closed.
    let _ = writeln!(std::io::stderr(), "prof-criterion: {benchmark}: {error}");
}

macro_rules! implement {
    ($feature:literal, $criterion:ident $($more:tt)*) => {
        #[cfg(feature = $feature)]
        impl $criterion::profiler::Profiler for Profiler {
            fn start_profiling(&mut self, benchmark_id: &str, _benchmark_dir: &Path) {
                self.start(benchmark_id);
            }

            fn stop_profiling(&mut self, benchmark_id: &str, benchmark_dir: &Path) {
                self.stop(benchmark_id, benchmark_dir);
            }
        }
    };
}

crate::for_each_criterion!(implement);
