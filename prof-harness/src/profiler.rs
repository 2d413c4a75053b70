//! Profiling from within a program: [`Profiler`] starts the samplers for a stretch of it and hands over what they saw. For
//! programs that want it in their source; `cargo prof` needs none of it.

#![forbid(unsafe_code)]

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prof_record::{Engine, Record, Settings};

use crate::session::{self, Code, Failure};
use crate::{label, sys};

/// What a [`Profiler`] samples, and where its record goes.
///
/// By default the CPU every 10 ms of CPU time, no allocations, and a temporary file that [`Profiler::stop`] removes.
#[derive(Debug, Clone)]
pub struct Options {
    settings: Settings,
    path: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            settings: Settings { cpu_period: 10_000_000, heap_period: 0, keeps_peaks: false, engine: None },
            path: None,
        }
    }
}

impl Options {
    /// Samples the CPU after every `period` of a thread's CPU time, or not at all for [`Duration::ZERO`]. Periods below 10 µs
    /// and above an hour are taken as these.
    #[must_use]
    pub fn cpu_period(mut self, period: Duration) -> Options {
        let bounded = period.clamp(Duration::from_micros(10), Duration::from_secs(3600));
        self.settings.cpu_period = if period.is_zero() { 0 } else { bounded.as_nanos() as u64 };
        self
    }

    /// Samples the CPU in this way, instead of the best that the kernel permits. The first profiler of a process decides for
    /// those that come after it.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Options {
        self.settings.engine = Some(engine);
        self
    }

    /// Samples an allocation each `bytes` on average, every one for 1, or none for 0.
    #[must_use]
    pub fn heap_period(mut self, bytes: u64) -> Options {
        self.settings.heap_period = bytes;
        self
    }

    /// Writes the record to the file `path`, which must not exist, and leaves it there. It is written all the while, so that
    /// it is there also if the process is killed.
    #[must_use]
    pub fn record(mut self, path: impl Into<PathBuf>) -> Options {
        self.path = Some(path.into());
        self
    }
}

/// The samplers at work, until this is stopped or dropped. One at a time in a process.
///
/// ```
/// use prof_harness::{Options, Profiler};
///
/// let profiler = Profiler::start(Options::default())?;
/// let sum: u64 = (0..1_000_000).sum();
/// let record = profiler.stop()?;
/// println!("{sum}, in {} samples", record.cpu.iter().map(|bucket| bucket.samples).sum::<u64>());
/// # Ok::<(), prof_harness::ProfilerError>(())
/// ```
#[derive(Debug)]
#[must_use = "the samplers stop when this is dropped"]
pub struct Profiler {
    path: PathBuf,
    is_temporary: bool,
}

/// Why a [`Profiler`] did not start, or its record cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProfilerError {
    /// The samplers are at work already, for another profiler or for `cargo prof`.
    Running,
    /// The process is a forked child; the samplers are its parent's.
    Forked,
    /// The options switch both samplers off.
    Nothing,
    /// The kernel has no memory for the samplers.
    Memory,
    /// The engine that was asked for is not permitted, or no engine is; with the kernel's word on task clocks.
    Engine(Option<io::Error>),
    /// The record file cannot be written or read.
    File(PathBuf, io::Error),
    /// The record file is not what was written.
    Record(PathBuf, prof_record::Error),
}

impl fmt::Display for ProfilerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfilerError::Running => f.write_str("this process is being profiled already; stop that first"),
            ProfilerError::Forked => f.write_str("a forked child cannot stop its parent's profiler"),
            ProfilerError::Nothing => f.write_str("both samplers are off; give a CPU or a heap period"),
            ProfilerError::Memory => f.write_str("the kernel has no memory for the samplers"),
            ProfilerError::Engine(None) => f.write_str("the CPU cannot be sampled in the way asked for"),
            ProfilerError::Engine(Some(error)) => {
                write!(f, "the CPU cannot be sampled in the way asked for: {error}; `cargo prof doctor` tells why")
            }
            ProfilerError::File(path, error) => write!(f, "cannot use the record file {}: {error}", path.display()),
            ProfilerError::Record(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for ProfilerError {}

impl Profiler {
    /// Starts the samplers, on all threads.
    ///
    /// # Errors
    ///
    /// If they are at work already, or what the options ask for cannot be had.
    pub fn start(options: Options) -> Result<Profiler, ProfilerError> {
        let is_temporary = options.path.is_none();
        let path = options.path.unwrap_or_else(temporary_path);
        let path = std::path::absolute(&path).map_err(|error| ProfilerError::File(path, error))?;
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|error| ProfilerError::File(path.clone(), error.into()))?;
        session::start(&name, options.settings, Code::MayGo).map_err(|failure| match failure {
            Failure::Running => ProfilerError::Running,
            Failure::Nothing => ProfilerError::Nothing,
            Failure::Memory => ProfilerError::Memory,
            Failure::Record(error) => ProfilerError::File(path.clone(), io::Error::from_raw_os_error(error)),
            Failure::Engine(error) => {
                let _ = std::fs::remove_file(&path);
                ProfilerError::Engine((error != 0).then(|| io::Error::from_raw_os_error(error)))
            }
        })?;
        label::begin_process(None);
        Ok(Profiler { path, is_temporary })
    }

    /// The record file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stops the samplers and returns what they saw.
    ///
    /// # Errors
    ///
    /// If the record file cannot be read, or in a forked child.
    pub fn stop(self) -> Result<Record, ProfilerError> {
        // Dropping it would stop what no longer runs.
        let mut profiler = std::mem::ManuallyDrop::new(self);
        let path = std::mem::take(&mut profiler.path);
        if !session::stop() {
            return Err(ProfilerError::Forked);
        }
        let bytes = std::fs::read(&path);
        if profiler.is_temporary {
            let _ = std::fs::remove_file(&path);
        }
        match bytes {
            Ok(bytes) => Record::parse(&bytes).map_err(|error| ProfilerError::Record(path, error)),
            Err(error) => Err(ProfilerError::File(path, error)),
        }
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        if session::stop() && self.is_temporary {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn temporary_path() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (pid, nanos, count) = (sys::process_id(), sys::unix_nanos(), COUNT.fetch_add(1, Ordering::Relaxed));
    std::env::temp_dir().join(format!("prof-{pid}-{nanos}-{count}.record"))
}
