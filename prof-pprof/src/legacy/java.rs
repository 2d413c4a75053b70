//! What Java agents wrote: heap and contention pages as text, and the names that follow their addresses, also in binary
//! CPU profiles. The addresses are but numbers of the names, so they are gone from the profile.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::draft::{Draft, keep_used};
use super::heap::unsampled;
use super::number::{decimal, hexadecimal, prefixed, stack};
use super::{Failure, Outcome, maps};
use crate::path::base;
use crate::{Function, FunctionIndex, Label, Line, Profile, Text, ValueType};

/// Bytes allocated between two samples of the heap.
const HEAP_PERIOD: i64 = 512 << 10;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Heap,
    Contention,
}

/// Reads a heap or contention page.
pub(super) fn read(text: &str) -> Outcome<Profile> {
    let (title, mut rest) = text.split_once('\n').ok_or(Failure::Unrecognized)?;
    let kind = match title.trim() {
        "--- heapz 1 ---" => Kind::Heap,
        "--- contentionz 1 ---" => Kind::Contention,
        _ => return Err(Failure::Unrecognized),
    };
    // The header tells the rest.
    let mut draft = Draft::new(&[], ("", ""), 0);
    // Each section ends before the first line that is none of it; a line that nothing ends belongs to the last.
    let mut section = |read: fn(Kind, &str, &mut Draft) -> Outcome<bool>| {
        while let Some((line, after)) = rest.split_once('\n') {
            let line = line.trim();
            if !line.is_empty() && !read(kind, line, &mut draft)? {
                break;
            }
            rest = after;
        }
        Ok(())
    };
    section(attribute)?;
    section(sample)?;
    if draft.profile.sample_types.is_empty() {
        return Err(Failure::Damaged("Java profile: no `resolution` in its header".into()));
    }
    add_names(draft, rest)
}

/// Reads a line of the header, of the form `attribute = value`; false if it is none.
fn attribute(kind: Kind, line: &str, draft: &mut Draft) -> Outcome<bool> {
    static ATTRIBUTE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("([0-9A-Za-z_ ]+)=([0-9A-Za-z_ ]+)").expect("a valid expression"));
    let Some(attribute) = ATTRIBUTE.captures(line) else { return Ok(false) };
    let value = attribute[2].trim();
    let number = || prefixed(value).ok_or_else(|| Failure::in_line("Java profile", line, "no number"));
    let profile = &mut draft.profile;
    match (kind, attribute[1].trim()) {
        (_, "format") if value == "java" => {}
        (Kind::Heap, "resolution") => {
            profile.sample_types = vec![ValueType::new("inuse_objects", "count"), ValueType::new("inuse_space", value)];
        }
        (Kind::Contention, "resolution") => {
            profile.sample_types = vec![ValueType::new("contentions", "count"), ValueType::new("delay", value)];
        }
        (Kind::Contention, "sampling period") => {
            profile.period_type = Some(ValueType::new("contentions", "count"));
            profile.period = number()?;
        }
        (Kind::Contention, "ms since reset") => profile.duration_nanos = number()?.wrapping_mul(1_000_000),
        _ => return Err(Failure::Unrecognized),
    }
    Ok(true)
}

/// Reads a line of the form `value count @ addresses`; false if it is none.
fn sample(kind: Kind, line: &str, draft: &mut Draft) -> Outcome<bool> {
    static SAMPLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("([0-9]+) +([0-9]+) +@ ").expect("a valid expression"));
    let Some(sample) = SAMPLE.captures(line) else { return Ok(false) };
    let damaged = |reason| Failure::in_line("Java profile", line, reason);
    let stack = stack(&line[sample.get_match().end()..]).ok_or_else(|| damaged("an address of more than 64 bits"))?;
    let number = |group| prefixed(&sample[group]).ok_or_else(|| damaged("no number of 64 bits"));
    let (count, value) = (number(2)?, number(1)?);
    if kind == Kind::Heap {
        if count == 0 {
            return Err(damaged("bytes in no object"));
        }
        let (objects, bytes) = unsampled(count, value, HEAP_PERIOD);
        draft.add(stack, &[objects, bytes], vec![Label::number("bytes", value / count, "")]);
    } else {
        let period = if draft.profile.period == 0 { 1 } else { draft.profile.period };
        draft.add(stack, &[count.wrapping_mul(period), value.wrapping_mul(period)], Vec::new());
    }
    Ok(true)
}

/// Gives the locations the names in `text`, lines of the form `0x1f com.example.Class.method (Class.java:12)`.
pub(super) fn add_names(mut draft: Draft, text: &str) -> Outcome<Profile> {
    static NAMED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^0x([0-9A-Fa-f]+)[\t\n\f\r ]+(.*)$").expect("a valid expression"));
    let mut functions: HashMap<Text, FunctionIndex> = HashMap::new();
    for line in text.split('\n') {
        let Some(named) = NAMED.captures(line.trim()) else { continue };
        let address = hexadecimal(&named[1])
            .ok_or_else(|| Failure::in_line("Java profile", line, "an address of more than 64 bits"))?;
        let Some(location) = draft.location(address) else { continue };
        let Place { function, file, line } = Place::read(&named[2]);
        let profile = &mut draft.profile;
        let name = Text::from(function);
        let function = *functions.entry(name.clone()).or_insert_with(|| {
            profile.functions.push(Function { system_name: name.clone(), name, file: file.into(), start_line: 0 });
            FunctionIndex::new(profile.functions.len() - 1)
        });
        let location = &mut profile[location];
        location.lines = vec![Line { function, line, column: 0 }];
        location.address = 0;
    }
    let mut profile = draft.profile;
    keep_used(&mut profile);
    maps::assign(&mut profile);
    for location in &mut profile.locations {
        location.address = 0;
    }
    Ok(profile)
}

/// What is said of a location.
struct Place<'a> {
    function: &'a str,
    file: &'a str,
    line: i64,
}

impl Place<'_> {
    fn read(text: &str) -> Place<'_> {
        static IN_FILE: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^(.*)[\t\n\f\r ]+\((.+):(-?[0-9]+)\)$").expect("a valid expression"));
        static IN_LIBRARY: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^(.*)[\t\n\f\r ]+\((.*)\)$").expect("a valid expression"));
        if let Some((_, [function, file, line])) = IN_FILE.captures(text).map(|found| found.extract()) {
            return Place { function, file, line: decimal(line).filter(|line| *line > 0).unwrap_or(0) };
        }
        if let Some((_, [function, path])) = IN_LIBRARY.captures(text).map(|found| found.extract()) {
            return Place { function, file: base(path), line: 0 };
        }
        // Else it is a state of the virtual machine, such as GC.
        let function = if text.contains("generated stub/JIT") { "STUB" } else { text };
        Place { function, file: "", line: 0 }
    }
}
