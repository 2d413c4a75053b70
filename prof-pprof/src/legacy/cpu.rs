//! gperftools' CPU profiles: words of 32 or 64 bits in either byte order, five of header, then stacks, each as a count,
//! its depth and its addresses; after them the text of `/proc/self/maps`. Java agents put names there instead, which
//! `java.rs` reads.

use std::collections::HashMap;

use super::draft::{Draft, interrupted, remove_repeated_leaves};
use super::{Failure, Outcome, java, maps};
use crate::Profile;

/// Reads a binary CPU profile.
pub(super) fn read(bytes: &[u8]) -> Outcome<Profile> {
    for (size, big_endian) in [(4, false), (4, true), (8, false), (8, true)] {
        let mut words = Words { rest: Some(bytes), size, big_endian };
        let header = [words.next(), words.next(), words.next(), words.next(), words.next()];
        let [0, 3, kind @ (0 | 1), period, 0] = header else { continue };
        // All that was read is there: a word beyond the end would be 0, but the fifth is expected to be.
        if period > 0 && words.rest.is_some() {
            return if kind == 0 { native(words, period) } else { java_agent(words, period) };
        }
    }
    Err(Failure::Unrecognized)
}

fn native(mut words: Words<'_>, period: u64) -> Outcome<Profile> {
    let mut draft = draft(period);
    read_samples(&mut words, &mut draft, true)?;
    remove_signal_frames(&mut draft.profile);
    let mut profile = draft.profile;
    maps::add(&mut profile, &words.text())?;
    remove_repeated_leaves(&mut profile);
    Ok(profile)
}

fn java_agent(mut words: Words<'_>, period: u64) -> Outcome<Profile> {
    let mut draft = draft(period);
    read_samples(&mut words, &mut draft, false)?;
    java::add_names(draft, &words.text())
}

/// The file gives the period in microseconds.
fn draft(period: u64) -> Draft {
    let sample_types = [("samples", "count"), ("cpu", "nanoseconds")];
    Draft::new(&sample_types, ("cpu", "nanoseconds"), (period as i64).wrapping_mul(1000))
}

fn read_samples(words: &mut Words<'_>, draft: &mut Draft, are_return_addresses: bool) -> Outcome<()> {
    while !words.is_at_end() {
        let (count, depth) = (words.next(), words.next());
        // A stack that says to be deeper than the file is long is none, and must not get memory.
        let most = words.rest.ok_or(Failure::Unrecognized)?.len() / 4;
        let depth = usize::try_from(depth).ok().filter(|depth| *depth <= most).ok_or(Failure::Unrecognized)?;
        let addresses: Vec<_> = (0..depth).map(|_| words.next()).collect();
        if count == 0 && addresses == [0] {
            break;
        }
        let count = count as i64;
        let values = [count, count.wrapping_mul(draft.profile.period)];
        if are_return_addresses {
            draft.add(interrupted(addresses), &values, Vec::new());
        } else {
            draft.add(addresses, &values, Vec::new());
        }
    }
    Ok(())
}

/// Removes the caller of the leaf, up to two times, if nearly all stacks have the same: it is a frame of the signal
/// handler.
fn remove_signal_frames(profile: &mut Profile) {
    const MOST_FRAMES: usize = 2;
    /// One of so many samples may differ.
    const ALIKE: usize = 32;
    for _ in 0..MOST_FRAMES {
        let enough = profile.samples.len() - profile.samples.len() / ALIKE;
        let mut counts = HashMap::new();
        for sample in &profile.samples {
            if let Some(caller) = sample.locations.get(1) {
                *counts.entry(*caller).or_insert(0usize) += 1;
            }
        }
        let Some((frame, _)) = counts.into_iter().find(|(_, count)| *count >= enough) else { return };
        profile.samples.for_each_mut(|sample| {
            if sample.locations.get(1) == Some(&frame) {
                sample.locations.remove(1);
            }
        });
    }
}

/// The words of a file. Those beyond its end are 0.
struct Words<'a> {
    /// What was not read yet; none once more was asked for than was there.
    rest: Option<&'a [u8]>,
    /// Bytes of a word, 4 or 8.
    size: usize,
    big_endian: bool,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> u64 {
        let split = self.rest.and_then(|rest| rest.split_at_checked(self.size));
        self.rest = split.map(|(_, rest)| rest);
        let word = split.map_or(&[][..], |(word, _)| word);
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if self.big_endian { word.iter().fold(0, add) } else { word.iter().rev().fold(0, add) }
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_none_or(<[u8]>::is_empty)
    }

    /// What follows, as text.
    fn text(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(self.rest.unwrap_or_default())
    }
}
