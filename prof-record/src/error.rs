//! What can be wrong with a record file as a whole. Damage inside it is skipped and counted, see `parse.rs`.

use std::fmt;

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin with a record's header.
    NotARecord,
    /// The record was written by a harness of another version.
    Version {
        /// The version that the record states.
        found: u64,
        /// The version that this crate reads.
        known: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotARecord => write!(f, "not a record of a profiled process"),
            Error::Version { found, known } => write!(
                f,
                "record version {found}, this cargo-prof reads version {known}; rebuild with the same cargo-prof"
            ),
        }
    }
}

impl std::error::Error for Error {}
