//! Heap profiles as text: those of gperftools and TCMalloc (`heapprofile`, `heap_v2`, `heapz_v2`, `growthz`,
//! `fragmentationz`), and Go's `heap?debug=1`. The heap page of a Java agent is read in `java.rs`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::draft::{Draft, call_site};
use super::lines::{Lines, announces_memory_map, is_space_or_comment};
use super::number::{decimal, stack, whole};
use super::{Failure, Outcome, maps};
use crate::{Label, Profile};

const INUSE: [(&str, &str); 2] = [("objects", "count"), ("space", "bytes")];
// The last is what a report shows unless asked otherwise.
const ALLOC_AND_INUSE: [(&str, &str); 4] =
    [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")];

/// Reads a heap profile.
pub(super) fn read(text: &str) -> Outcome<Profile> {
    let mut lines = Lines::new(text);
    lines.advance();
    let header = Header::read(lines.current())?;
    let sample_types = if header.has_alloc { &ALLOC_AND_INUSE[..] } else { &INUSE };
    let mut draft = Draft::new(sample_types, ("space", "bytes"), header.period);
    while lines.advance() {
        let line = lines.current().trim();
        if is_space_or_comment(line) {
            continue;
        }
        if announces_memory_map(line) {
            break;
        }
        let damaged = |reason: &str| Failure::in_line("heap profile", line, reason);
        let (values, block, stack) = sample(line, &header).map_err(damaged)?;
        draft.add(stack.into_iter().map(call_site), &values, vec![Label::number("bytes", block, "")]);
    }
    lines.skip_to_memory_map();
    let mut profile = draft.profile;
    maps::add_lines(&mut profile, &mut lines)?;
    Ok(profile)
}

struct Header {
    /// Bytes allocated between two samples.
    period: i64,
    /// Whether a block is sampled with a probability that depends on its size, and the values are those of the sampled.
    is_sampled: bool,
    has_alloc: bool,
}

impl Header {
    fn read(line: &str) -> Outcome<Header> {
        static HEADER: LazyLock<Regex> = LazyLock::new(|| {
            let totals = r"heap profile: *([0-9]+): *([0-9]+) *\[ *([0-9]+): *([0-9]+) *\]";
            Regex::new(&format!("{totals}(?: *@ *(heap[_a-z0-9]*)/?([0-9]*)| @ (growthz?|fragmentationz?))"))
                .expect("a valid expression")
        });
        let header = HEADER.captures(line).ok_or(Failure::Unrecognized)?;
        let Some(kind) = header.get(5) else {
            return Ok(Header { period: 1, is_sampled: false, has_alloc: false });
        };
        let rate = match &header[6] {
            "" => 0,
            digits => decimal(digits).ok_or(Failure::Unrecognized)?,
        };
        let (period, is_sampled) = match kind.as_str() {
            "heap_v2" | "heapz_v2" => (rate, true),
            "heapprofile" => (1, false),
            // Go writes twice the rate, for readers that took it for the older way of sampling.
            "heap" => (rate / 2, true),
            _ => return Err(Failure::Unrecognized),
        };
        let differs = |alloc: usize, inuse: usize| header[alloc] != header[inuse] && &header[alloc] != "0";
        Ok(Header { period, is_sampled, has_alloc: differs(3, 1) || differs(4, 2) })
    }
}

/// The values of a line, the size of a block, and the stack of return addresses.
fn sample(line: &str, header: &Header) -> Result<(Vec<i64>, i64, Vec<u64>), &'static str> {
    static SAMPLE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(-?[0-9]+): *(-?[0-9]+) *\[ *([0-9]+): *([0-9]+) *\] @").expect("a valid expression")
    });
    let sample = SAMPLE.captures(line).ok_or("no `count: bytes [count: bytes] @ addresses`")?;
    let mut values = Vec::with_capacity(4);
    let mut block = 0;
    let mut add = |sample: &Captures<'_>, first: usize| {
        let number = |group| decimal(&sample[group]).ok_or("a number of more than 64 bits");
        let (count, bytes) = (number(first)?, number(first + 1)?);
        if count == 0 && bytes != 0 {
            return Err("bytes in no object");
        }
        if count != 0 {
            block = bytes.wrapping_div(count);
        }
        let scaled = if header.is_sampled { unsampled(count, bytes, header.period) } else { (count, bytes) };
        values.extend([scaled.0, scaled.1]);
        Ok(())
    };
    if header.has_alloc {
        add(&sample, 3)?;
    }
    add(&sample, 1)?;
    let stack = stack(&line[sample.get_match().end()..]).ok_or("an address of more than 64 bits")?;
    Ok((values, block, stack))
}

/// What a number of sampled blocks stands for: a block of s bytes is sampled with the probability 1 − exp(−s/period).
pub(super) fn unsampled(count: i64, bytes: i64, period: i64) -> (i64, i64) {
    if count == 0 || bytes == 0 {
        return (0, 0);
    }
    if period <= 1 {
        return (count, bytes);
    }
    let block = bytes as f64 / count as f64;
    let scale = 1.0 / (1.0 - (-block / period as f64).exp());
    (whole(count as f64 * scale), whole(bytes as f64 * scale))
}
