//! The formats from before profile.proto → `Profile`: gperftools' binary CPU profiles, the texts of its heap, thread and
//! contention pages, Go's `debug=1` texts, and what Java agents wrote. What profile.proto says is read in `codec.rs`.
//! Never looks into a binary: addresses stay addresses, but for the names that Java profiles carry with them.

mod contention;
mod count;
mod cpu;
mod draft;
mod frames;
mod heap;
mod java;
mod lines;
mod maps;
mod number;
mod thread;

#[cfg(test)]
mod tests;

use crate::{Error, Profile};

/// Reads a profile in one of the older formats, as `go tool pprof` does: values are un-sampled, return addresses become
/// call sites, mappings come from the memory map in the file, and `drop_frames` and `keep_frames` are those of the
/// profile's kind.
///
/// Text that is no UTF-8 gets replacement characters.
///
/// # Errors
///
/// If no format fits, or if the one that fits is damaged.
pub fn decode_legacy(bytes: &[u8]) -> Result<Profile, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let mut result = cpu::read(bytes);
    if matches!(result, Err(Failure::Unrecognized)) {
        let text = String::from_utf8_lossy(bytes);
        for read in TEXTS {
            result = read(&text);
            if !matches!(result, Err(Failure::Unrecognized)) {
                break;
            }
        }
    }
    match result {
        Ok(mut profile) => {
            frames::add_patterns(&mut profile);
            profile.check()?;
            Ok(profile)
        }
        Err(Failure::Unrecognized) => Err(Error::Unrecognized),
        Err(Failure::Damaged(reason)) => Err(Error::Legacy { reason }),
    }
}

/// The text formats, in the order in which they are tried: the first lines of some fit several.
const TEXTS: [fn(&str) -> Outcome<Profile>; 5] = [heap::read, count::read, thread::read, contention::read, java::read];

type Outcome<T> = Result<T, Failure>;

/// Why a reader gave up.
#[derive(Debug, PartialEq)]
enum Failure {
    /// The input is of another format.
    Unrecognized,
    /// It is of this format, but damaged.
    Damaged(String),
}

impl Failure {
    fn in_line(kind: &str, line: &str, reason: &str) -> Failure {
        const LONGEST_QUOTE: usize = 120;
        let quote: String = line.chars().take(LONGEST_QUOTE).collect();
        Failure::Damaged(format!("{kind}: {reason} in {quote:?}"))
    }
}
