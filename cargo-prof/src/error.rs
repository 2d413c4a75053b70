//! What can go wrong, each with its way out and its exit status.

use std::fmt;
use std::path::PathBuf;

/// Why a command did not do what was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The command line asks for something that cannot be: status 2.
    Usage(String),
    /// The machine or the project is not as the command needs it: status 96.
    Environment(String),
    /// A file could not be read or written: status 96.
    File {
        /// What was to be done with it.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is no profile: status 96.
    Profile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: prof_pprof::Error,
    },
    /// Cargo failed and has said why itself: its status.
    Cargo(u8),
}

impl Error {
    /// The exit status that tells this class of errors.
    pub fn status(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Environment(_) | Error::File { .. } | Error::Profile { .. } => 96,
            Error::Cargo(status) => *status,
        }
    }

    /// For `map_err` of file operations.
    pub fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { action, path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(text) | Error::Environment(text) => f.write_str(text),
            Error::File { action, path, source } => write!(f, "cannot {action} {}: {source}", path.display()),
            Error::Profile { path, source } => write!(f, "{} is not a profile: {source}", path.display()),
            Error::Cargo(status) => write!(f, "cargo ended with status {status}"),
        }
    }
}

impl std::error::Error for Error {}
