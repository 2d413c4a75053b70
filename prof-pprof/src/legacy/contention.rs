//! How long threads waited for locks, as text: gperftools' `/contentionz` page, and Go's `mutex?debug=1` and
//! `block?debug=1`. The same page of a Java agent has a `format` in its header and is left to `java.rs`.

use std::sync::LazyLock;

use regex::Regex;

use super::draft::{Draft, call_site};
use super::lines::{Lines, is_space_or_comment};
use super::number::{decimal, prefixed, stack, whole};
use super::{Failure, Outcome, maps};
use crate::Profile;

/// Reads a contention profile.
pub(super) fn read(text: &str) -> Outcome<Profile> {
    let mut lines = Lines::new(text);
    lines.advance();
    if !["--- contentionz ", "--- mutex:", "--- contention:"].iter().any(|kind| lines.current().starts_with(kind)) {
        return Err(Failure::Unrecognized);
    }
    let sample_types = [("contentions", "count"), ("delay", "nanoseconds")];
    let mut draft = Draft::new(&sample_types, ("contentions", "count"), 1);
    let cycles_per_second = read_header(&mut lines, &mut draft.profile)?;
    // The header ended with the first line that is none of it.
    loop {
        let line = lines.current().trim();
        if line.starts_with("---") {
            break;
        }
        if !is_space_or_comment(line) {
            let (values, stack) = sample(line, draft.profile.period, cycles_per_second)?;
            draft.add(stack.into_iter().map(call_site), &values, Vec::new());
        }
        if !lines.advance() {
            break;
        }
    }
    lines.skip_to_memory_map();
    let mut profile = draft.profile;
    maps::add_lines(&mut profile, &mut lines)?;
    Ok(profile)
}

/// Reads lines of the form `attribute = value`; gives the unit of the delays, 0 if they are not in cycles.
fn read_header(lines: &mut Lines<'_>, profile: &mut Profile) -> Outcome<i64> {
    let mut cycles_per_second = 0;
    while lines.advance() {
        let line = lines.current().trim();
        if is_space_or_comment(line) {
            continue;
        }
        let Some((attribute, value)) = line.split_once('=').filter(|_| !line.starts_with("---")) else { break };
        let number = || prefixed(value.trim()).ok_or(Failure::Unrecognized);
        match attribute.trim() {
            "cycles/second" => cycles_per_second = number()?,
            "sampling period" => profile.period = number()?,
            "ms since reset" => profile.duration_nanos = number()?.wrapping_mul(1_000_000),
            "discarded samples" => {}
            // `format` and `resolution` among them, which Java has.
            _ => return Err(Failure::Unrecognized),
        }
    }
    Ok(cycles_per_second)
}

/// Contentions and nanoseconds of all that a line stands for, and the stack of return addresses.
fn sample(line: &str, period: i64, cycles_per_second: i64) -> Outcome<([i64; 2], Vec<u64>)> {
    static SAMPLE: LazyLock<Regex> = LazyLock::new(|| Regex::new("([0-9]+) *([0-9]+) @").expect("a valid expression"));
    let sample = SAMPLE.captures(line).ok_or(Failure::Unrecognized)?;
    let damaged = || Failure::in_line("contention profile", line, "a number of more than 64 bits");
    let mut delay = decimal(&sample[1]).ok_or_else(damaged)?;
    let mut contentions = decimal(&sample[2]).ok_or_else(damaged)?;
    if period > 0 {
        if cycles_per_second > 0 {
            let cycles_per_nanosecond = cycles_per_second as f64 / 1e9;
            delay = whole(delay as f64 * period as f64 / cycles_per_nanosecond);
        }
        contentions = contentions.wrapping_mul(period);
    }
    Ok(([contentions, delay], stack(&line[sample.get_match().end()..]).ok_or_else(damaged)?))
}
