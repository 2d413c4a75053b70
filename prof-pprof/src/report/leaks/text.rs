//! Leaks as text for people: the innermost frames of their own code first, and what was set up once in one line.

use std::fmt::Write as _;

use super::once::path;
use super::{Frame, Leak, Owner, Verdict};
use crate::measurement::label;

/// What of the leaks is told, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaksOptions {
    /// Lists what was set up once and what is allowed as well, instead of a sum.
    pub shows_all: bool,
    /// The folder of the project: files in it are named without it.
    pub root: String,
}

/// Frames that are told of a stack.
const FRAMES: usize = 8;
/// The same where nobody's own code is on it.
const FRAMES_OF_PLUMBING: usize = 3;

/// The leaks, as [`leaks`](super::leaks) sorts them, without a newline at the end.
pub fn leaks_text(leaks: &[Leak], options: &LeaksOptions) -> String {
    let of = |verdict| leaks.iter().filter(move |leak| leak.verdict == verdict);
    let mut text = match summed(of(Verdict::Leak)) {
        (0, ..) => "leaks: none".to_owned(),
        (blocks, bytes, owners) => format!("leaks: {} left by {}", amount(blocks, bytes), counted_owners(&owners)),
    };
    let mut owner = None;
    for leak in leaks.iter().filter(|leak| options.shows_all || leak.verdict == Verdict::Leak) {
        if owner != Some(&leak.owner) {
            owner = Some(&leak.owner);
            let Owner { package, target, test } = &leak.owner;
            let _ = write!(text, "\n\n  {package} {target}");
            let _ = test.as_ref().map(|test| write!(text, " {test}"));
        }
        let _ = write!(text, "\n    {}", amount(leak.blocks, leak.bytes));
        if leak.freed_later > 0 {
            let _ = write!(text, ", {} of them freed later", leak.freed_later);
        }
        text.push_str(match leak.verdict {
            Verdict::Leak => "",
            Verdict::OneTime => " (one-time)",
            Verdict::Allowed => " (allowed)",
        });
        frames(&mut text, &leak.stack, &options.root);
    }
    let mut fold = |verdict, what: &str| {
        let (blocks, bytes, owners) = summed(of(verdict));
        if blocks > 0 && !options.shows_all {
            let amount = amount(blocks, bytes);
            let _ = write!(text, "\n\n  {what}: {amount} of {}; --leaks=all lists them", counted_owners(&owners));
        }
    };
    fold(Verdict::OneTime, "one-time initialisation");
    fold(Verdict::Allowed, "allowed");
    text
}

/// Blocks, bytes, and whose they are.
fn summed<'a>(leaks: impl Iterator<Item = &'a Leak>) -> (i64, i64, Vec<&'a Owner>) {
    let (mut blocks, mut bytes, mut owners) = (0i64, 0i64, Vec::new());
    for leak in leaks {
        blocks = blocks.saturating_add(leak.blocks);
        bytes = bytes.saturating_add(leak.bytes);
        // They are sorted by owner.
        if owners.last() != Some(&&leak.owner) {
            owners.push(&leak.owner);
        }
    }
    (blocks, bytes, owners)
}

fn amount(blocks: i64, bytes: i64) -> String {
    format!("{} ({})", counted(blocks, "block", "blocks"), label(bytes, "bytes", "auto"))
}

fn counted_owners(owners: &[&Owner]) -> String {
    let count = owners.len() as i64;
    if owners.iter().any(|owner| owner.test.is_some()) {
        counted(count, "test", "tests")
    } else {
        counted(count, "program", "programs")
    }
}

fn counted(count: i64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// The frames of their own code, or the innermost of all if there are none such.
fn frames(text: &mut String, stack: &[Frame], root: &str) {
    let mut told: Vec<_> = stack.iter().filter(|frame| !frame.is_plumbing).collect();
    if told.is_empty() {
        for frame in stack.iter().take(FRAMES_OF_PLUMBING) {
            let _ = write!(text, "\n        {}", path(&frame.function));
        }
        return;
    }
    // What `#[test]` makes of a test is a closure around it.
    if let [.., test, closure] = &told[..]
        && closure.function.strip_prefix(&*test.function).is_some_and(|rest| rest.starts_with("::{"))
    {
        told.pop();
    }
    let width = told.iter().take(FRAMES).map(|frame| frame.function.chars().count()).max().unwrap_or(0).min(60);
    for frame in told.iter().take(FRAMES) {
        let place = if frame.line > 0 { format!("{}:{}", short(&frame.file, root), frame.line) } else { String::new() };
        let line = format!("        {:width$}  {place}", frame.function);
        let _ = write!(text, "\n{}", line.trim_end());
    }
    if told.len() > FRAMES {
        let _ = write!(text, "\n        and {} more", told.len() - FRAMES);
    }
}

/// A file without the folder of the project, or of the registry that it comes from.
fn short<'a>(file: &'a str, root: &str) -> &'a str {
    if let Some(inside) = file.strip_prefix(root).and_then(|inside| inside.strip_prefix('/')) {
        return inside;
    }
    let in_registry = file.split_once("/registry/src/").and_then(|(_, rest)| rest.split_once('/'));
    in_registry.map_or(file, |(_, rest)| rest)
}
