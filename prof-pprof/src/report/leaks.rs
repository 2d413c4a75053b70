//! What tests left in use at their ends, by stack: a profile with the view [`HeapView::Left`](crate::HeapView), named, →
//! the leaks in it, told apart from what is set up once (`leaks/once.rs`) and from what is allowed. As text in
//! `leaks/text.rs`. Never guesses whether a block is still reachable: that it was not freed is all that is known.

mod once;
mod text;

use std::collections::{BTreeMap, HashMap};

use regex::Regex;

use crate::{Error, Label, LabelValue, Location, Profile, Sample, Text};
use once::Origin;

pub use text::{LeaksOptions, leaks_text};

/// Whose a leak is: a test or benchmark, or a process without one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// The package.
    pub package: Text,
    /// The target in it.
    pub target: Text,
    /// The test or benchmark, if it is one's.
    pub test: Option<Text>,
}

/// What is to be thought of blocks that were left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// A leak.
    Leak,
    /// Set up at the first use, and meant to stay: a `OnceLock`'s value, the buffer of standard output, and their like.
    OneTime,
    /// A leak that the user allows.
    Allowed,
}

/// Blocks that one owner left from one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Whose they are.
    pub owner: Owner,
    /// What is to be thought of them.
    pub verdict: Verdict,
    /// How many.
    pub blocks: i64,
    /// Their bytes.
    pub bytes: i64,
    /// How many of them were freed after their owner's end.
    pub freed_later: i64,
    /// Where they were allocated, the innermost frame first.
    pub stack: Vec<Frame>,
}

/// A function on the way to an allocation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// The function's name, or that of its binary in brackets.
    pub function: Text,
    /// The source file; empty if unknown.
    pub file: Text,
    /// The line in it; 0 if unknown.
    pub line: i64,
    /// Whether it belongs to what every program has: the standard library, the allocator, libc.
    pub is_plumbing: bool,
}

/// What may be left without being a leak: regular expressions for names of functions and files.
#[derive(Debug, Clone, Default)]
pub struct Allowed(Vec<Regex>);

impl Allowed {
    /// Allows what has a frame whose function or file the expression matches anywhere.
    ///
    /// # Errors
    ///
    /// If it is no regular expression.
    pub fn add(&mut self, expression: &str) -> Result<(), Error> {
        let regex = Regex::new(expression).map_err(|error| {
            let reason = error.to_string();
            // The lines before show where in the expression.
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Error::Expression { expression: expression.to_owned(), reason }
        })?;
        self.0.push(regex);
        Ok(())
    }

    /// Allows what the expressions in a list allow: one a line, but for empty lines and those that begin with `#`.
    ///
    /// # Errors
    ///
    /// The number of the first line, from 1, that is no regular expression, and why.
    pub fn add_list(&mut self, list: &str) -> Result<(), (usize, Error)> {
        let lines = list.lines().map(str::trim).enumerate();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            self.add(line).map_err(|error| (number + 1, error))?;
        }
        Ok(())
    }

    fn matches(&self, frame: &Frame) -> bool {
        self.0.iter().any(|regex| regex.is_match(&frame.function) || regex.is_match(&frame.file))
    }
}

/// All that was left, the owner with most leaked bytes first, and of each owner the stack with most bytes.
///
/// # Errors
///
/// If the profile has no values of [`HeapView::Left`](crate::HeapView).
pub fn leaks(profile: &Profile, allowed: &Allowed) -> Result<Vec<Leak>, Error> {
    let [blocks, bytes, later] = [
        profile.sample_index(Some("left_objects"))?,
        profile.sample_index(Some("left_space"))?,
        profile.sample_index(Some("late_objects"))?,
    ];
    let frames: Vec<_> = profile.locations.iter().map(|location| frames_at(profile, location)).collect();
    let mut known: HashMap<(Owner, Vec<Frame>), [i64; 3]> = HashMap::new();
    for sample in profile.samples.iter().filter(|sample| sample.values[blocks] != 0) {
        let stack = sample.locations.iter().flat_map(|location| frames[location.position()].clone()).collect();
        let sums = known.entry((owner(sample), stack)).or_default();
        for (sum, value) in sums.iter_mut().zip([blocks, bytes, later]) {
            *sum = sum.saturating_add(sample.values[value]);
        }
    }
    let mut leaks: Vec<_> = known
        .into_iter()
        .map(|((owner, stack), [blocks, bytes, freed_later])| {
            let verdict = verdict(&stack, allowed);
            Leak { owner, verdict, blocks, bytes, freed_later, stack }
        })
        .collect();
    let mut leaked: BTreeMap<Owner, i64> = BTreeMap::new();
    for leak in &leaks {
        *leaked.entry(leak.owner.clone()).or_default() += if leak.verdict == Verdict::Leak { leak.bytes } else { 0 };
    }
    leaks.sort_by(|one, other| {
        let order = |leak: &Leak| (-leaked[&leak.owner], leak.owner.clone(), leak.verdict, -leak.bytes, -leak.blocks);
        order(one).cmp(&order(other)).then_with(|| one.stack.cmp(&other.stack))
    });
    Ok(leaks)
}

fn verdict(stack: &[Frame], allowed: &Allowed) -> Verdict {
    let origins = stack.iter().map(|frame| match Origin::of(&frame.function, &frame.file) {
        Origin::Own if frame.is_plumbing => Origin::Plumbing,
        origin => origin,
    });
    if once::is_one_time(origins) {
        Verdict::OneTime
    } else if stack.iter().any(|frame| allowed.matches(frame)) {
        Verdict::Allowed
    } else {
        Verdict::Leak
    }
}

fn frames_at(profile: &Profile, location: &Location) -> Vec<Frame> {
    let binary = location.mapping.map_or("", |mapping| &profile[mapping].filename);
    let binary = binary.rsplit('/').next().unwrap_or_default();
    let is_of_system = once::is_of_system(binary);
    let frame = |function: Text, file: Text, line| {
        let is_plumbing = is_of_system || Origin::of(&function, &file).is_plumbing();
        Frame { function, file, line, is_plumbing }
    };
    if location.lines.is_empty() {
        let name = if binary.is_empty() { format!("{:#x}", location.address) } else { format!("[{binary}]") };
        return vec![frame(name.into(), "".into(), 0)];
    }
    let lines = location.lines.iter().map(|line| (&profile[line.function], line.line));
    lines.map(|(function, line)| frame(function.name.clone(), function.file.clone(), line)).collect()
}

fn owner(sample: Sample<'_>) -> Owner {
    let label = |key: &str| sample.labels.iter().find(|label| &*label.key == key).and_then(text_of);
    Owner {
        package: label("package").unwrap_or_default(),
        target: label("target").unwrap_or_default(),
        test: label("test").or_else(|| label("bench")),
    }
}

fn text_of(label: &Label) -> Option<Text> {
    match &label.value {
        LabelValue::Text(text) => Some(text.clone()),
        LabelValue::Number { .. } => None,
    }
}

#[cfg(test)]
mod tests;
