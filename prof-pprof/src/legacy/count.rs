//! Go's profiles of things that are counted, as text: `goroutine profile: total 3`, `threadcreate`, and those that a
//! program makes itself. The names that stand in their comments are not read.

use std::sync::LazyLock;

use regex::Regex;

use super::draft::{Draft, call_site};
use super::lines::{Lines, is_space_or_comment};
use super::number::{addresses, prefixed};
use super::{Failure, Outcome, maps};
use crate::Profile;

/// Reads a profile of counts.
pub(super) fn read(text: &str) -> Outcome<Profile> {
    static HEADER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^([^\t\n\f\r ]+) profile: total [0-9]+$").expect("a valid expression"));
    static SAMPLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("^([0-9]+) @((?: 0x[0-9a-f]+)+)$").expect("a valid expression"));
    let mut lines = Lines::new(text);
    lines.skip_comments();
    let kind = &HEADER.captures(lines.current()).ok_or(Failure::Unrecognized)?[1];
    let mut draft = Draft::new(&[(kind, "count")], (kind, "count"), 1);
    while lines.advance() {
        let line = lines.current();
        if is_space_or_comment(line) {
            continue;
        }
        if line.starts_with("---") {
            break;
        }
        let damaged = |reason: &str| Failure::in_line(&format!("{kind} profile"), line, reason);
        let sample = SAMPLE.captures(line).ok_or_else(|| damaged("no `count @ addresses`"))?;
        let count = prefixed(&sample[1]).ok_or_else(|| damaged("a count of more than 64 bits"))?;
        let stack = addresses(&sample[2]).ok_or_else(|| damaged("an address of more than 64 bits"))?;
        draft.add(stack.into_iter().map(call_site), &[count], Vec::new());
    }
    lines.skip_to_memory_map();
    let mut profile = draft.profile;
    maps::add_lines(&mut profile, &mut lines)?;
    Ok(profile)
}
