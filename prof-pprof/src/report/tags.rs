//! What each label says and how much was measured under it, byte for byte as `go tool pprof -tags` prints it. Which
//! labels there are is decided by a filter before.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::values::ValueOptions;
use crate::measurement::{label, percentage};
use crate::{LabelValue, Profile};

mod columns;

/// The table: for each key its values, those with the most measured first. Numbers that look alike in the unit of the
/// report are one.
///
/// # Panics
///
/// If the profile has no sample type at [`ValueOptions::sample_index`].
pub fn tags(profile: &Profile, options: &ValueOptions) -> String {
    let sample_type = &profile.sample_types[options.sample_index];
    let format = |value| options.format(value, sample_type);
    let total = options.total_of(profile);
    let share = |value| if total > 0 { format!(" ({})", percentage(value, total)) } else { String::new() };
    let mut lines = Vec::new();
    for (key, values) in sums(profile, options) {
        let sum = values.values().fold(0i64, |sum, value| sum.saturating_add(*value));
        lines.push(format!("{key}:\t Total {} of {}{}", format(sum), format(total), share(sum)));
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by_key(|(_, value)| Reverse(value.unsigned_abs()));
        for (name, value) in values {
            lines.push(format!(" \t{}{}:\t {name}", format(value), share(value)));
        }
        lines.push(String::new());
    }
    columns::align(&lines)
}

/// The sum of the values for each key and value of a label, sorted by both.
fn sums<'a>(profile: &'a Profile, options: &ValueOptions) -> BTreeMap<&'a str, BTreeMap<String, i64>> {
    let units = options.label_units_of(profile);
    let mut sums: BTreeMap<&str, BTreeMap<String, i64>> = BTreeMap::new();
    for sample in &profile.samples {
        for tag in sample.labels {
            let name = match &tag.value {
                LabelValue::Text(text) => text.to_string(),
                LabelValue::Number { number, .. } => {
                    label(*number, units.get(&tag.key).map_or("", |unit| unit), &options.unit)
                }
            };
            let sum = sums.entry(&tag.key).or_default().entry(name).or_default();
            *sum = sum.saturating_add(options.value(sample));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Sample, Samples, ValueType};

    fn profile() -> Profile {
        let mut samples = Samples::default();
        for (value, labels) in [
            (500, &[Label::text("test", "a::b"), Label::number("bytes", 1024, "")][..]),
            (1500, &[Label::text("test", "long name"), Label::number("bytes", 2048, "")]),
            (1000, &[Label::text("test", "c"), Label::number("bytes", 1024, "")]),
            (1000, &[]),
        ] {
            samples.push(Sample { values: &[value], labels, ..Sample::default() });
        }
        Profile { sample_types: vec![ValueType::new("cpu", "milliseconds")], samples, ..Profile::default() }
    }

    #[test]
    fn the_table_is_that_of_go() {
        // What `go tool pprof -tags` (go1.27.3) prints for this profile.
        let expected = concat!(
            " bytes: Total 3s of 4s (75.00%)\n",
            "        1.50s (37.50%): 1kB\n",
            "        1.50s (37.50%): 2kB\n",
            "\n",
            " test: Total 3s of 4s (75.00%)\n",
            "       1.50s (37.50%): long name\n",
            "          1s (25.00%): c\n",
            "       500ms (12.50%): a::b\n",
            "\n",
        );
        assert_eq!(tags(&profile(), &ValueOptions::default()), expected);
    }

    #[test]
    fn nothing_has_no_share_and_no_labels_no_table() {
        let mut profile = profile();
        profile.samples.values_mut().for_each(|values| values[0] = 0);
        assert!(tags(&profile, &ValueOptions::default()).starts_with(" bytes: Total 0 of 0\n        0: 1kB\n"));
        profile.samples.retain(|_| false);
        assert_eq!(tags(&profile, &ValueOptions::default()), "");
    }

    #[test]
    fn the_unit_is_that_of_numbers_too() {
        let options = ValueOptions { unit: "mb".into(), total: Some(8000), ..ValueOptions::default() };
        let text = tags(&profile(), &options);
        assert!(text.starts_with(" bytes: Total 3s of 8s (37.50%)\n        3s (37.50%): 0\n"), "{text}");
    }
}
