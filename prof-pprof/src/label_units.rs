//! The units of numeric labels, one for each key. How they are printed is in `measurement.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{LabelValue, Profile, Text};

/// The unit of each key that has numbers: the first that the profile names. For a key without any, numbers of `alignment`
/// and `request` are bytes, and all other keys are units themselves, as `bytes` is.
///
/// Reports take the units of the whole profile, before a filter removes the sample that names one.
pub fn label_units(profile: &Profile) -> BTreeMap<Text, Text> {
    let mut units: BTreeMap<Text, Text> = BTreeMap::new();
    for label in profile.samples.label_sets().flatten() {
        if let LabelValue::Number { unit, .. } = &label.value {
            let known = units.entry(label.key.clone()).or_default();
            if known.is_empty() {
                *known = unit.clone();
            }
        }
    }
    for (key, unit) in &mut units {
        if unit.is_empty() {
            *unit = if ["alignment", "request"].contains(&&**key) { "bytes".into() } else { key.clone() };
        }
    }
    units
}

/// What is worth telling of the units: which keys have others beside the one that is used, one line each.
pub(crate) fn other_units(profile: &Profile, units: &BTreeMap<Text, Text>) -> Vec<String> {
    let mut others: BTreeMap<&Text, BTreeSet<&str>> = BTreeMap::new();
    for label in profile.samples.label_sets().flatten() {
        match &label.value {
            LabelValue::Number { unit, .. } if !unit.is_empty() && units.get(&label.key) != Some(unit) => {
                others.entry(&label.key).or_default().insert(unit);
            }
            _ => {}
        }
    }
    let notice = |(key, others): (&Text, BTreeSet<&str>)| {
        let others = others.into_iter().collect::<Vec<_>>().join(", ");
        format!("For tag {key} used unit {}, also encountered unit(s) {others}", units[key])
    };
    others.into_iter().map(notice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Sample};

    #[test]
    fn the_first_unit_counts_and_keys_may_stand_for_theirs() {
        let labels = [
            Label::number("size", 1, ""),
            Label::number("size", 1, "kb"),
            Label::number("size", 1, "mb"),
            Label::number("request", 1, ""),
            Label::number("bytes", 1, ""),
            Label::text("text", "1"),
        ];
        let sample = |label| Sample { labels: std::slice::from_ref(label), ..Sample::default() };
        let profile = Profile { samples: labels.iter().map(sample).collect(), ..Profile::default() };
        let units = label_units(&profile);
        let units: Vec<_> = units.iter().map(|(key, unit)| (&**key, &**unit)).collect();
        assert_eq!(units, [("bytes", "bytes"), ("request", "bytes"), ("size", "kb")]);
        let told = other_units(&profile, &label_units(&profile));
        assert_eq!(told, ["For tag size used unit kb, also encountered unit(s) mb"]);
    }
}
