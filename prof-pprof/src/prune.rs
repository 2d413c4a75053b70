//! Drops what a profile itself calls uninteresting: `drop_frames` and `keep_frames`. Removing single frames is in
//! `filter.rs`.

use std::collections::HashMap;

use regex::Regex;

use crate::expression::expression;
use crate::{Error, LocationIndex, Profile, Text};

/// Drops frames of functions that `drop_frames` matches and `keep_frames` does not, with all that they call, as every
/// pprof tool does on reading. Does nothing without `drop_frames`.
///
/// A frame is only dropped below one that is kept, so that no stack vanishes whole.
///
/// # Errors
///
/// If one of the two is no regular expression.
pub fn prune_uninteresting(profile: &mut Profile) -> Result<(), Error> {
    if profile.drop_frames.is_empty() {
        return Ok(());
    }
    let drop = whole(&profile.drop_frames)?;
    let keep = if profile.keep_frames.is_empty() { None } else { Some(whole(&profile.keep_frames)?) };
    let mut known: HashMap<Text, bool> = HashMap::new();
    let mut matches = |name: &Text| {
        *known.entry(name.clone()).or_insert_with(|| {
            let name = without_arguments(name);
            drop.is_match(name) && !keep.as_ref().is_some_and(|keep| keep.is_match(name))
        })
    };
    let functions = &profile.functions;
    let cuts: Vec<_> = profile
        .locations
        .iter_mut()
        .map(|location| {
            let name = |line: &crate::Line| &functions[line.function.position()].name;
            let matched = location.lines.iter().rposition(|line| !name(line).is_empty() && matches(name(line)));
            match matched {
                None => Cut::None,
                Some(position) if position + 1 == location.lines.len() => Cut::Whole,
                Some(position) => {
                    location.lines.drain(..=position);
                    Cut::Below
                }
            }
        })
        .collect();
    if cuts.iter().any(|cut| *cut != Cut::None) {
        profile.samples.for_each_mut(|sample| cut(sample.locations, &cuts));
    }
    Ok(())
}

/// Drops the frames below the innermost one of a function that `from` matches, which itself stays.
pub fn prune_from(profile: &mut Profile, from: &Regex) {
    let matching: Vec<_> = profile
        .functions
        .iter()
        .map(|function| !function.name.is_empty() && from.is_match(without_arguments(&function.name)))
        .collect();
    let matches: Vec<_> = profile
        .locations
        .iter_mut()
        .map(|location| {
            let innermost = location.lines.iter().position(|line| matching[line.function.position()]);
            location.lines.drain(..innermost.unwrap_or(0));
            innermost.is_some()
        })
        .collect();
    profile.samples.for_each_mut(|sample| {
        let innermost = sample.locations.iter().position(|location| matches[location.position()]);
        sample.locations.drain(..innermost.unwrap_or(0));
    });
}

/// What a match in a location means for the stacks that hold it.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    None,
    /// Its outermost frame matches: it goes, with all below.
    Whole,
    /// An inlined frame matches: what is below goes.
    Below,
}

fn cut(stack: &mut Vec<LocationIndex>, cuts: &[Cut]) {
    let mut below_kept_frame = false;
    for position in (0..stack.len()).rev() {
        match cuts[stack[position].position()] {
            Cut::None => below_kept_frame = true,
            _ if !below_kept_frame => {}
            Cut::Whole => {
                stack.drain(..=position);
                return;
            }
            Cut::Below => {
                stack.drain(..position);
                return;
            }
        }
    }
}

fn whole(pattern: &str) -> Result<Regex, Error> {
    expression(&format!("^({pattern})$")).map_err(|error| match error {
        Error::Expression { reason, .. } => Error::Pattern { pattern: pattern.into(), reason },
        other => other,
    })
}

/// The name up to its argument list, which begins with the first parenthesis that is not part of a C++ name.
fn without_arguments(name: &str) -> &str {
    // PowerPC's function entry points.
    let name = name.strip_prefix('.').unwrap_or(name);
    let mut from = 0;
    while let Some(found) = name[from..].find('(') {
        let open = from + found;
        if name[open..].starts_with("(anonymous namespace)") {
            from = open + "(anonymous namespace)".len();
        } else if name[..open].ends_with("operator") && name[open..].starts_with("()") {
            from = open + "()".len();
        } else {
            return &name[..open];
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;

    fn pruned(stack: &str) -> Vec<String> {
        let mut profile = profile_of(&[(stack, 1)]);
        profile.drop_frames = "alloc.*|drop".into();
        profile.keep_frames = "alloc_keep".into();
        prune_uninteresting(&mut profile).unwrap();
        let lines = profile.samples.at(0).locations.iter().flat_map(|location| &profile[*location].lines);
        lines.map(|line| profile[line.function].name.to_string()).collect()
    }

    #[test]
    fn a_match_goes_with_all_that_it_calls() {
        assert_eq!(pruned("main;alloc(int);leaf"), ["main"]);
        assert_eq!(pruned("main;alloc_keep;leaf"), ["leaf", "alloc_keep", "main"]);
        assert_eq!(pruned("main;work+alloc;leaf"), ["work", "main"]);
        assert_eq!(pruned("main;dropped"), ["dropped", "main"]);
        // Nothing is kept above, so nothing is dropped.
        assert_eq!(pruned("alloc;drop"), ["drop", "alloc"]);
    }

    #[test]
    fn what_is_below_the_innermost_match_goes() {
        let mut profile = profile_of(&[("main;a;b;a;c", 1), ("main;a::x(int)+c;d", 2), ("main;d", 4)]);
        prune_from(&mut profile, &expression("^(a|a::x)$").unwrap());
        let stacks: Vec<_> = crate::graph::tests::stacks(&profile).into_iter().map(|(stack, _)| stack).collect();
        assert_eq!(stacks, [vec!["a", "b", "a", "main"], vec!["a::x(int)", "main"], vec!["d", "main"]]);
    }

    #[test]
    fn an_argument_list_is_no_part_of_the_name() {
        assert_eq!(without_arguments("f(g(int))"), "f");
        assert_eq!(without_arguments("(anonymous namespace)::f(int)"), "(anonymous namespace)::f");
        assert_eq!(without_arguments("a::operator()(int)"), "a::operator()");
        assert_eq!(without_arguments(".f"), "f");
    }
}
