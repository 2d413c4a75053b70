//! Profile → profile with fewer samples or frames, by names that people give: pprof's focus, ignore, hide, show, show_from.
//! Labels are in `label_filter.rs`, whole call trees that a profile itself calls uninteresting in `prune.rs`.

use regex::Regex;

use crate::{Location, Profile};

/// What to keep. A name is that of a function, its file, or the file behind the mapping.
#[derive(Debug, Default)]
pub struct NameFilter {
    /// Only samples with a matching frame.
    pub focus: Option<Regex>,
    /// No samples with a matching frame.
    pub ignore: Option<Regex>,
    /// No matching frames.
    pub hide: Option<Regex>,
    /// Only matching frames.
    pub show: Option<Regex>,
}

/// Which of the expressions of a [`NameFilter`] matched anything; those that were not given did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    /// `focus`.
    pub focus: bool,
    /// `ignore`.
    pub ignore: bool,
    /// `hide`.
    pub hide: bool,
    /// `show`.
    pub show: bool,
}

impl NameFilter {
    /// Drops the samples and frames that are not wanted. Samples left without any frame go, unless nothing is asked for.
    pub fn apply(&self, profile: &mut Profile) -> Matched {
        let absent = |expression: &Option<Regex>| expression.is_none();
        let mut matched = Matched {
            focus: absent(&self.focus),
            ignore: absent(&self.ignore),
            hide: absent(&self.hide),
            show: absent(&self.show),
        };
        if [&self.focus, &self.ignore, &self.hide, &self.show].into_iter().all(absent) {
            return matched;
        }
        let mut focused = vec![None; profile.locations.len()];
        let mut hidden = vec![false; profile.locations.len()];
        let mut any_hidden = false;
        let names = Names::new(profile, [&self.focus, &self.ignore, &self.hide, &self.show]);
        let [focus, ignore, hide, show] = [0, 1, 2, 3].map(|number| names.of(number));
        for (position, location) in profile.locations.iter_mut().enumerate() {
            if self.ignore.is_some() && ignore.location(location) {
                matched.ignore = true;
                focused[position] = Some(false);
            } else if self.focus.is_none() || focus.location(location) {
                matched.focus = true;
                focused[position] = Some(true);
            }
            if self.hide.is_some() && hide.location(location) {
                matched.hide = true;
                if hide.mapping(location) {
                    location.lines.clear();
                } else {
                    location.lines.retain(|line| !hide.function(line));
                }
                hidden[position] = location.lines.is_empty();
            }
            if self.show.is_some() {
                if !show.mapping(location) {
                    location.lines.retain(|line| show.function(line));
                }
                if location.lines.is_empty() {
                    hidden[position] = true;
                } else {
                    matched.show = true;
                }
            }
            any_hidden |= hidden[position];
        }
        profile.samples.retain_mut(|sample| {
            let mut is_focused = false;
            for location in &*sample.locations {
                match focused[location.position()] {
                    Some(true) => is_focused = true,
                    Some(false) => return false,
                    None => {}
                }
            }
            if is_focused && any_hidden {
                sample.locations.retain(|location| !hidden[location.position()]);
                return !sample.locations.is_empty();
            }
            is_focused
        });
        matched
    }
}

/// Drops the frames above the outermost one that matches, and samples without any. Gives whether anything matched.
pub fn show_from(profile: &mut Profile, outermost: &Regex) -> bool {
    let outermost = Some(outermost.clone());
    let names = Names::new(profile, [&outermost]);
    let names = names.of(0);
    let matches: Vec<bool> = profile
        .locations
        .iter_mut()
        .map(|location| {
            if names.mapping(location) {
                return true;
            }
            let last = location.lines.iter().rposition(|line| names.function(line));
            if let Some(last) = last {
                location.lines.truncate(last + 1);
            }
            last.is_some()
        })
        .collect();
    profile.samples.retain_mut(|sample| {
        let last = sample.locations.iter().rposition(|location| matches[location.position()]);
        if let Some(last) = last {
            sample.locations.truncate(last + 1);
        }
        last.is_some()
    });
    matches.contains(&true)
}

/// What each expression says of each function and mapping. Asked once for each, not once for each place in the code.
struct Names<const N: usize> {
    functions: [Vec<bool>; N],
    mappings: [Vec<bool>; N],
}

impl<const N: usize> Names<N> {
    fn new(profile: &Profile, expressions: [&Option<Regex>; N]) -> Names<N> {
        let of_functions = |expression: &Regex| {
            let functions = profile.functions.iter();
            functions.map(|f| expression.is_match(&f.name) || expression.is_match(&f.file)).collect()
        };
        let of_mappings = |expression: &Regex| {
            profile.mappings.iter().map(|mapping| expression.is_match(&mapping.filename)).collect()
        };
        Names {
            functions: expressions.map(|expression| expression.as_ref().map(of_functions).unwrap_or_default()),
            mappings: expressions.map(|expression| expression.as_ref().map(of_mappings).unwrap_or_default()),
        }
    }

    fn of(&self, number: usize) -> Answers<'_> {
        Answers { functions: &self.functions[number], mappings: &self.mappings[number] }
    }
}

/// What one expression says. Not to be asked if there is none.
#[derive(Clone, Copy)]
struct Answers<'a> {
    functions: &'a [bool],
    mappings: &'a [bool],
}

impl Answers<'_> {
    fn location(self, location: &Location) -> bool {
        location.lines.iter().any(|line| self.function(line)) || self.mapping(location)
    }

    fn function(self, line: &crate::Line) -> bool {
        self.functions[line.function.position()]
    }

    fn mapping(self, location: &Location) -> bool {
        location.mapping.is_some_and(|mapping| self.mappings[mapping.position()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::expression;
    use crate::graph::tests::{profile_of, stacks};

    fn filtered(focus: &str, ignore: &str, hide: &str, show: &str) -> Vec<(Vec<String>, i64)> {
        let mut profile = profile_of(&[("main;a;b", 1), ("main;a::x+c", 2), ("main;d", 4)]);
        let optional = |pattern: &str| (!pattern.is_empty()).then(|| expression(pattern).unwrap());
        let [focus, ignore, hide, show] = [focus, ignore, hide, show].map(optional);
        NameFilter { focus, ignore, hide, show }.apply(&mut profile);
        stacks(&profile)
    }

    fn stack(frames: &str, value: i64) -> (Vec<String>, i64) {
        (frames.split(';').map(str::to_owned).collect(), value)
    }

    #[test]
    fn samples_go_by_their_frames() {
        assert_eq!(filtered("^a$", "", "", ""), [stack("b;a;main", 1)]);
        assert_eq!(filtered("", "b|c", "", ""), [stack("d;main", 4)]);
        assert_eq!(filtered("main", "^c$", "", ""), [stack("b;a;main", 1), stack("d;main", 4)]);
    }

    #[test]
    fn frames_go_by_their_names() {
        let without_main = [stack("b;a", 1), stack("c;a::x", 2), stack("d", 4)];
        assert_eq!(filtered("", "", "main", ""), without_main);
        assert_eq!(filtered("", "", "", "^[bc]$"), [stack("b", 1), stack("c", 2)]);
    }

    #[test]
    fn what_is_above_the_outermost_match_goes() {
        let mut profile = profile_of(&[("main;a;b;a;c", 1), ("main;a::x+c", 2), ("main;d", 4)]);
        assert!(show_from(&mut profile, &expression("^[ac]$").unwrap()));
        assert_eq!(stacks(&profile), [stack("c;a;b;a", 1), stack("c", 2)]);
        assert!(!show_from(&mut profile, &expression("nowhere").unwrap()));
        assert!(profile.samples.is_empty());
    }
}
