//! Bytes → `Profile`, whatever the format and the compression. How a message of profile.proto is read is in `message.rs`,
//! how gzip is undone in `inflate.rs`.

use super::ids::OriginalIds;
use super::inflate;
use super::message::Message;
use crate::legacy::decode_legacy;
use crate::{Error, Profile};

/// Reads a profile from the bytes of a profile.proto message, gzipped or plain.
///
/// Strings that are no UTF-8 get replacement characters. References to a mapping that is not there count as none, as
/// in other tools.
///
/// # Errors
///
/// If the bytes are no profile, are damaged, or expand to more than 16 MiB + 100 times their size.
pub fn decode(bytes: &[u8]) -> Result<Profile, Error> {
    message(bytes).map(|(profile, _)| profile)
}

/// Reads a profile in pprof's format or in one of those before it, gzipped or not: all that `go tool pprof` reads.
///
/// # Errors
///
/// As [`decode`], and if the bytes are in one of the older formats, but damaged.
pub fn decode_any(bytes: &[u8]) -> Result<Profile, Error> {
    decode_any_with_ids(bytes).map(|(profile, _)| profile)
}

/// [`decode_any`], and the ids that the file gives to mappings and locations, which `go tool pprof -raw` shows.
///
/// # Errors
///
/// As [`decode_any`].
pub fn decode_any_with_ids(bytes: &[u8]) -> Result<(Profile, OriginalIds), Error> {
    let error = match message(bytes) {
        // Neither is the fault of what was compressed.
        Err(error @ (Error::Concatenated | Error::Gzip { .. } | Error::TooLarge { .. } | Error::Empty)) => {
            return Err(error);
        }
        Err(error) => error,
        read => return read,
    };
    let legacy = if inflate::is_gzip(bytes) { decode_legacy(&inflate::whole(bytes)?) } else { decode_legacy(bytes) };
    match legacy {
        Err(Error::Unrecognized) => Err(error),
        read => read.map(|profile| (profile, OriginalIds::default())),
    }
}

fn message(bytes: &[u8]) -> Result<(Profile, OriginalIds), Error> {
    let mut message = Message::new();
    if inflate::is_gzip(bytes) {
        inflate::pieces(bytes, |piece| message.read(&piece))?;
    } else {
        message.read(bytes)?;
    }
    message.finish()
}
