//! Labels as frames: pprof's tagroot and tagleaf put the values of labels at the root or the leaf of every stack. Never
//! changes a label.

use std::collections::HashMap;

use crate::measurement::label;
use crate::{Function, FunctionIndex, Label, LabelValue, Line, Location, LocationIndex, Profile, Text};

/// Puts a frame for each key in front of every stack's root (`roots`, the first outermost) or behind its leaf (`leaves`,
/// the last innermost). It is called as the sample's values of the key, numbers shown in `unit`; a sample without the key
/// gets one without a name. Its file is the key.
///
/// Gives whether any sample had one of the keys, for the roots and the leaves.
pub fn add_label_frames(profile: &mut Profile, roots: &[&str], leaves: &[&str], unit: &str) -> (bool, bool) {
    if roots.is_empty() && leaves.is_empty() {
        return (false, false);
    }
    let mut samples = std::mem::take(&mut profile.samples);
    let mut known = HashMap::new();
    let mut found = (false, false);
    samples.for_each_mut(|sample| {
        let (below, any_below) = frames(profile, &mut known, sample.labels, leaves, unit);
        let (above, any_above) = frames(profile, &mut known, sample.labels, roots, unit);
        found = (found.0 | any_above, found.1 | any_below);
        sample.locations.splice(..0, below);
        sample.locations.extend(above);
    });
    profile.samples = samples;
    found
}

type Known = HashMap<(String, Text), LocationIndex>;

/// The frames of the keys, the last key's first.
fn frames(
    profile: &mut Profile,
    known: &mut Known,
    labels: &[Label],
    keys: &[&str],
    unit: &str,
) -> (Vec<LocationIndex>, bool) {
    let mut any = false;
    let mut location = |key: &&str| {
        let values = values(labels, key, unit);
        any |= !values.is_empty();
        let name = values.join(",");
        *known.entry((name, Text::from(*key))).or_insert_with_key(|(name, key)| {
            let function = FunctionIndex::new(profile.functions.len());
            let (name, file) = (Text::from(&**name), key.clone());
            profile.functions.push(Function { name, file, ..Function::default() });
            let lines = vec![Line { function, line: 0, column: 0 }];
            profile.locations.push(Location { lines, ..Location::default() });
            LocationIndex::new(profile.locations.len() - 1)
        })
    };
    let locations = keys.iter().rev().map(&mut location).collect();
    (locations, any)
}

/// The values of a key, text first.
fn values(labels: &[Label], key: &str, to: &str) -> Vec<String> {
    let of_key = || labels.iter().filter(|label| &*label.key == key).map(|label| &label.value);
    let text = of_key().filter_map(|value| match value {
        LabelValue::Text(text) => Some(text.to_string()),
        LabelValue::Number { .. } => None,
    });
    // Where no number has a unit, none is shown.
    let has_units = of_key().any(|value| matches!(value, LabelValue::Number { unit, .. } if !unit.is_empty()));
    let numbers = of_key().filter_map(|value| match value {
        LabelValue::Number { number, unit } if has_units => Some(label(*number, unit, to)),
        LabelValue::Number { number, .. } => Some(label(*number, "", "")),
        LabelValue::Text(_) => None,
    });
    text.chain(numbers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{profile_of, stacks};

    #[test]
    fn values_become_frames() {
        let mut profile = profile_of(&[("main;a", 1), ("main;b", 2)]);
        let labels = [Label::text("test", "x"), Label::text("test", "y"), Label::number("size", 2048, "bytes")];
        profile.samples.set_labels(0, &labels);
        assert_eq!(add_label_frames(&mut profile, &["test", "none"], &["size"], "minimum"), (true, true));
        assert_eq!(profile.check(), Ok(()));
        let stacks: Vec<_> = stacks(&profile).into_iter().map(|(stack, _)| stack.join(";")).collect();
        assert_eq!(stacks, ["2kB;a;main;;x,y", ";b;main;;"]);
    }
}
