//! The stacks of all threads at one moment, as gperftools' `/threadz` page lists them.

use std::sync::LazyLock;

use regex::Regex;

use super::draft::{Draft, interrupted, remove_repeated_leaves};
use super::lines::{Lines, announces_memory_map};
use super::number::addresses;
use super::{Failure, Outcome, maps};
use crate::Profile;

/// Reads a list of threads.
pub(super) fn read(text: &str) -> Outcome<Profile> {
    static PAGE: LazyLock<Regex> = LazyLock::new(|| Regex::new("--- threadz [0-9]+ ---").expect("a valid expression"));
    static THREAD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"--- Thread [0-9A-Fa-f]+ \(name: .*/[0-9]+\) stack: ---").expect("a valid expression")
    });
    let mut lines = Lines::new(text);
    lines.skip_comments();
    let mut line = lines.current();
    if PAGE.is_match(line) {
        while lines.advance() {
            line = lines.current();
            if announces_memory_map(line) || line.starts_with('-') {
                break;
            }
        }
    } else if !THREAD.is_match(line) {
        return Err(Failure::Unrecognized);
    }
    let mut draft = Draft::new(&[("thread", "count")], ("thread", "count"), 1);
    while !announces_memory_map(line) && !line.starts_with("---- no stack trace for") {
        if !THREAD.is_match(line) {
            return Err(Failure::Unrecognized);
        }
        let stack;
        (stack, line) = read_stack(&mut lines)?;
        if !stack.is_empty() {
            draft.add(interrupted(stack), &[1], Vec::new());
        } else if let Some(previous) = draft.profile.samples.values_mut().next_back() {
            // The same stack as that of the thread before.
            previous[0] += 1;
        }
    }
    lines.skip_to_memory_map();
    let mut profile = draft.profile;
    maps::add_lines(&mut profile, &mut lines)?;
    remove_repeated_leaves(&mut profile);
    Ok(profile)
}

/// The addresses of a stack, none if it is that of the thread before, and the line after it.
fn read_stack<'a>(lines: &mut Lines<'a>) -> Outcome<(Vec<u64>, &'a str)> {
    let mut stack = Vec::new();
    let mut is_same = false;
    let mut line = "";
    while lines.advance() {
        line = lines.current().trim();
        if line.starts_with("---") {
            break;
        }
        if line.contains("same as previous thread") {
            is_same = true;
            continue;
        }
        let found = addresses(line)
            .ok_or_else(|| Failure::in_line("list of threads", line, "an address of more than 64 bits"))?;
        stack.extend(found);
    }
    if is_same {
        stack.clear();
    }
    Ok((stack, line))
}
