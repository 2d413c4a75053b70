//! Why a benchmark has no profile, or not all of it. Who tells it is in `profiler.rs`.

#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a benchmark has no profile, or not all of it.
#[derive(Debug)]
pub(crate) enum Error {
    /// The sampler does not start, or does not hand over what it saw.
    Sampler(Box<dyn std::error::Error>),
    /// No door leads to the program's allocator.
    UnseenAllocations,
    /// A file or directory cannot be written.
    File(PathBuf, io::Error),
    /// A flame graph cannot be drawn.
    Flamegraph(prof_pprof::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Sampler(error) => write!(f, "not profiled: {error}"),
            Error::UnseenAllocations => f.write_str(
                "no memory profile: the program brings a malloc of its own; prof_harness::Alloc around its allocator shows it",
            ),
            Error::File(path, error) => write!(f, "cannot write {}: {error}", path.display()),
            Error::Flamegraph(error) => write!(f, "no flame graph: {error}"),
        }
    }
}

impl std::error::Error for Error {}
