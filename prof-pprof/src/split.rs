//! Profile → one profile for each value of a label. The work of keeping only what some samples need is in `filter.rs`.
//! Never changes a value or a label.

use std::collections::{BTreeMap, BTreeSet};

use crate::filter::with_samples;
use crate::{LabelValue, Profile, Sample, Text};

/// A profile by the values of a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// A part for each value, sorted by it. Last, if there are any, the samples without the label.
    pub parts: Vec<Part>,
    /// For each of the sample types, by how much the parts together exceed the profile: what samples with several values
    /// of the label count for beyond once. All zero if no sample has several.
    pub repeated: Vec<i64>,
}

/// The samples with one value of a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The value; none for the samples without the label.
    pub value: Option<LabelValue>,
    /// A profile of these samples, with no mapping, location or function that they do not need, but for the main
    /// program's mapping. All else is that of the profile that was split.
    pub profile: Profile,
}

/// Splits a profile by the label `key`.
///
/// A sample with several values of `key` is in the part of each, as it is found by pprof's `-tagfocus=key=value` with each
/// of them, and as `-tags` counts it to each; by how much the sum is thereby too large is in [`Split::repeated`]. A value
/// that a sample has twice counts once. Text and number are different values, and so are equal numbers of different units.
pub fn split(profile: &Profile, key: &str) -> Split {
    let mut of_value: BTreeMap<&LabelValue, Vec<Sample<'_>>> = BTreeMap::new();
    let mut unlabelled = Vec::new();
    let mut repeated = vec![0i64; profile.sample_types.len()];
    for sample in &profile.samples {
        let labels = sample.labels.iter().filter(|label| &*label.key == key);
        let values: BTreeSet<_> = labels.map(|label| &label.value).collect();
        if values.is_empty() {
            unlabelled.push(sample);
        }
        for (number, value) in values.into_iter().enumerate() {
            of_value.entry(value).or_default().push(sample);
            if number > 0 {
                for (sum, value) in repeated.iter_mut().zip(sample.values) {
                    *sum = sum.saturating_add(*value);
                }
            }
        }
    }
    let part = |value, samples| Part { value, profile: with_samples(profile, samples) };
    let mut parts: Vec<_> = of_value.into_iter().map(|(value, samples)| part(Some(value.clone()), samples)).collect();
    if !unlabelled.is_empty() {
        parts.push(part(None, unlabelled));
    }
    Split { parts, repeated }
}

/// The keys of all labels in the profile, sorted.
pub fn label_keys(profile: &Profile) -> BTreeSet<Text> {
    profile.samples.iter().flat_map(|sample| sample.labels).map(|label| label.key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{change_values, profile_of};
    use crate::{Label, Mapping, MappingIndex, Samples, ValueType, decode, encode};

    /// Samples of these stacks, values and labels, with something in every field of the profile.
    fn labelled(samples: &[(&str, i64, &[Label])]) -> Profile {
        let stacks: Vec<_> = samples.iter().map(|(stack, value, _)| (*stack, *value)).collect();
        let plain = profile_of(&stacks);
        assert_eq!(plain.samples.len(), samples.len(), "every stack is different, or samples are merged");
        let mut profile = Profile {
            sample_types: vec![ValueType::new("cpu", "nanoseconds"), ValueType::new("samples", "count")],
            default_sample_type: "cpu".into(),
            drop_frames: "d.*".into(),
            keep_frames: "k".into(),
            time_nanos: 1_700_000_000_000_000_000,
            duration_nanos: 5,
            period_type: Some(ValueType::new("cpu", "nanoseconds")),
            period: 10,
            comments: vec!["one".into(), "two".into()],
            doc_url: "https://example.com".into(),
            mappings: ["main", "libc", "unused"]
                .map(|name| Mapping { filename: name.into(), ..Mapping::default() })
                .into(),
            ..plain
        };
        change_values(&mut profile, |_, values| vec![values[0], 1]);
        for (position, (_, _, labels)) in samples.iter().enumerate() {
            profile.samples.set_labels(position, labels);
        }
        let is_libc = |profile: &Profile, position: usize| {
            let lines = &profile.locations[position].lines;
            lines.iter().any(|line| profile[line.function].name.starts_with("libc"))
        };
        for position in 0..profile.locations.len() {
            let mapping = usize::from(is_libc(&profile, position));
            profile.locations[position].mapping = Some(MappingIndex::new(mapping));
        }
        assert_eq!(profile.check(), Ok(()));
        profile
    }

    fn test(name: &str) -> Label {
        Label::text("test", name)
    }

    fn totals(profile: &Profile) -> Vec<i64> {
        let sum = |index: usize| profile.samples.iter().map(|sample| sample.values[index]).sum();
        (0..profile.sample_types.len()).map(sum).collect()
    }

    fn values(split: &Split) -> Vec<(Option<LabelValue>, Vec<i64>)> {
        split.parts.iter().map(|part| (part.value.clone(), totals(&part.profile))).collect()
    }

    fn text(value: &str) -> Option<LabelValue> {
        Some(LabelValue::Text(value.into()))
    }

    fn number(number: i64, unit: &str) -> Option<LabelValue> {
        Some(LabelValue::Number { number, unit: unit.into() })
    }

    /// What holds for every split: parts are whole profiles, small ones, and sum up to the profile and what is repeated.
    fn check(profile: &Profile, key: &str) -> Split {
        let split = split(profile, key);
        let mut sums = vec![0; profile.sample_types.len()];
        for part in &split.parts {
            assert_eq!(part.profile.check(), Ok(()));
            assert_eq!(decode(&encode(&part.profile)).as_ref(), Ok(&part.profile), "a part survives its bytes");
            assert_eq!(part.profile.mappings.first(), profile.mappings.first(), "the main program's comes first");
            let cleared = |profile: &Profile| Profile {
                samples: Samples::default(),
                mappings: Vec::new(),
                locations: Vec::new(),
                functions: Vec::new(),
                ..profile.clone()
            };
            assert_eq!(cleared(&part.profile), cleared(profile), "what is said of the whole stays");
            assert_everything_is_needed(&part.profile);
            for sample in &part.profile.samples {
                let own: Vec<_> = sample.labels.iter().filter(|label| &*label.key == key).collect();
                match &part.value {
                    Some(value) => assert!(own.iter().any(|label| label.value == *value), "{own:?} of {value:?}"),
                    None => assert!(own.is_empty(), "{own:?}"),
                }
            }
            for (sum, total) in sums.iter_mut().zip(totals(&part.profile)) {
                *sum += total;
            }
        }
        let whole: Vec<_> = totals(profile).iter().zip(&split.repeated).map(|(total, again)| total + again).collect();
        assert_eq!(sums, whole);
        split
    }

    fn assert_everything_is_needed(profile: &Profile) {
        let locations: BTreeSet<_> = profile.samples.iter().flat_map(|sample| sample.locations).collect();
        assert_eq!(locations.len(), profile.locations.len(), "locations");
        let lines = profile.locations.iter().flat_map(|location| &location.lines);
        assert_eq!(
            lines.map(|line| line.function).collect::<BTreeSet<_>>().len(),
            profile.functions.len(),
            "functions"
        );
        let mut mappings: BTreeSet<_> = profile.locations.iter().filter_map(|location| location.mapping).collect();
        mappings.insert(MappingIndex::new(0));
        assert_eq!(mappings.len(), profile.mappings.len(), "mappings");
    }

    #[test]
    fn every_value_has_its_part_and_the_rest_comes_last() {
        let package = Label::text("package", "p");
        let profile = labelled(&[
            ("main;b::x", 1, &[package.clone(), test("b")]),
            ("main;none::x", 2, std::slice::from_ref(&package)),
            ("main;a::x;libc::malloc", 4, &[test("a"), package.clone()]),
            ("main;b::y", 8, &[package.clone(), test("b")]),
            ("main;upper::x", 16, &[test("B")]),
        ]);
        let split = check(&profile, "test");
        let expected = [(text("B"), vec![16, 1]), (text("a"), vec![4, 1]), (text("b"), vec![9, 2]), (None, vec![2, 1])];
        assert_eq!(values(&split), expected);
        assert_eq!(split.repeated, [0, 0]);
        let [_, a, b, none] = &split.parts[..] else { panic!("{split:?}") };
        assert_eq!(a.profile.samples.at(0).labels, [test("a"), package.clone()]);
        assert_eq!(none.profile.samples.at(0).labels, [package]);
        let files =
            |part: &Part| part.profile.mappings.iter().map(|mapping| mapping.filename.clone()).collect::<Vec<_>>();
        assert_eq!((files(a), files(b)), (vec!["main".into(), "libc".into()], vec!["main".into()]));
        assert_eq!(b.profile.samples.len(), 2);
    }

    #[test]
    fn a_sample_with_several_values_is_in_the_part_of_each() {
        let profile = labelled(&[
            ("main;one::x", 1, &[test("a")]),
            ("main;two::x", 10, &[test("b"), test("a")]),
            ("main;three::x", 100, &[test("c"), test("b"), test("a")]),
            ("main;twice::x", 1000, &[test("a"), test("a")]),
        ]);
        let split = check(&profile, "test");
        let expected = [(text("a"), vec![1111, 4]), (text("b"), vec![110, 2]), (text("c"), vec![100, 1])];
        assert_eq!(values(&split), expected);
        assert_eq!(split.repeated, [10 + 2 * 100, 1 + 2]);
        let two = split.parts[1].profile.samples.iter().find(|sample| sample.values[0] == 10).unwrap();
        assert_eq!(two.labels, [test("b"), test("a")], "it keeps its labels");
    }

    #[test]
    fn numbers_are_told_apart_by_their_unit_and_from_text() {
        let bytes = |value, unit| Label::number("bytes", value, unit);
        let profile = labelled(&[
            ("a::x", 1, &[bytes(64, "bytes")]),
            ("b::x", 2, &[bytes(8, "bytes")]),
            ("c::x", 4, &[bytes(64, "")]),
            ("d::x", 8, &[Label::text("bytes", "64")]),
            ("e::x", 16, &[bytes(64, "bytes"), test("t")]),
            ("f::x", 32, &[bytes(-1, "bytes")]),
        ]);
        let split = check(&profile, "bytes");
        let expected = [
            (text("64"), vec![8, 1]),
            (number(-1, "bytes"), vec![32, 1]),
            (number(8, "bytes"), vec![2, 1]),
            (number(64, ""), vec![4, 1]),
            (number(64, "bytes"), vec![17, 2]),
        ];
        assert_eq!(values(&split), expected);
    }

    #[test]
    fn the_order_of_samples_does_not_matter() {
        let samples: [(&str, i64, &[Label]); 4] = [
            ("main;x::x", 1, &[test("b"), test("c")]),
            ("main;y::y", 2, &[]),
            ("main;z::z", 4, &[test("a")]),
            ("main;w::w", -7, &[test("c")]),
        ];
        let mut reversed = samples;
        reversed.reverse();
        let (one, other) = (check(&labelled(&samples), "test"), check(&labelled(&reversed), "test"));
        assert_eq!(values(&one), values(&other));
        assert_eq!(one.repeated, other.repeated);
    }

    #[test]
    fn equal_samples_are_merged() {
        let mut profile = labelled(&[("main;a::x", 1, &[test("a")]), ("main;a::y", 2, &[test("a")])]);
        let twice: Vec<_> = profile.samples.iter().chain([profile.samples.at(0)]).collect();
        profile.samples = twice.into_iter().collect();
        let split = check(&profile, "test");
        assert_eq!(split.parts[0].profile.samples.iter().map(|s| s.values[0]).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn what_is_not_there_gives_nothing_or_the_whole() {
        let profile = labelled(&[("main;a::x", 1, &[test("a")])]);
        let without = check(&profile, "tset");
        assert_eq!(values(&without), [(None, vec![1, 1])]);
        assert_eq!(label_keys(&profile).into_iter().collect::<Vec<_>>(), ["test".into()]);
        assert_eq!(check(&labelled(&[]), "test").parts, []);
    }
}
