//! Folded stacks: a line for each stack, `outermost;…;innermost value`, as flame graph tools of all kinds read them. Colours
//! and widths are theirs.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::frames::{Frames, UNKNOWN};
use crate::Profile;

/// The stacks with the sums of their values, sorted by stack; those that sum up to nothing are left out.
///
/// What stands behind the last space of a line is the value, whatever the names are: a `;` in a name becomes `:`, and any
/// other space or control character than a single space inside it goes.
///
/// # Panics
///
/// If a sample has no value at `sample_index`, as [`Profile::sample_index`] gives it.
pub fn folded(profile: &Profile, sample_index: usize) -> String {
    text(profile, |sample| sample.values[sample_index])
}

/// The same, of any value.
pub(super) fn text(profile: &Profile, value: impl Fn(crate::Sample<'_>) -> i64) -> String {
    let frames = Frames::new(profile);
    let names: Vec<String> = frames.all.iter().map(|frame| safe(&frame.name)).collect();
    let mut stacks: BTreeMap<String, i64> = BTreeMap::new();
    for sample in &profile.samples {
        let stack: Vec<&str> = frames.stack(sample).into_iter().map(|frame| &*names[frame]).collect();
        let stack = if stack.is_empty() { UNKNOWN.to_owned() } else { stack.join(";") };
        let sum = stacks.entry(stack).or_default();
        *sum = sum.saturating_add(value(sample));
    }
    let mut text = String::new();
    for (stack, value) in stacks.iter().filter(|(_, value)| **value != 0) {
        let _ = writeln!(text, "{stack} {value}");
    }
    text
}

/// The name without what would end it.
fn safe(name: &str) -> String {
    let words =
        name.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join(" ").replace(';', ":");
    if name.is_empty() { UNKNOWN.into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;

    #[test]
    fn equal_stacks_are_one_line() {
        let profile = profile_of(&[("main;a+b", 1), ("main;a", 2), ("main;a;b", 4), ("z", 8), ("c", 3), ("c", -3)]);
        assert_eq!(folded(&profile, 0), "main;a 2\nmain;a;b 5\nz 8\n");
    }

    #[test]
    fn a_name_ends_where_it_ends() {
        let mut profile = profile_of(&[("main;x", 1)]);
        for function in &mut profile.functions {
            if &*function.name == "x" {
                function.name = " <T as [u8; 4]>::f\n 7 ".into();
            }
        }
        assert_eq!(folded(&profile, 0), "main;<T as [u8: 4]>::f 7 1\n");
        assert_eq!(safe("\t"), "<unknown>");
    }

    #[test]
    fn no_value_is_lost() {
        let mut profile = profile_of(&[("main;x", 1)]);
        profile.samples.push(crate::Sample { values: &[5], ..crate::Sample::default() });
        assert_eq!(folded(&profile, 0), "<unknown> 5\nmain;x 1\n");
    }
}
