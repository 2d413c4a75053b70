//! What holds of every profile that was read: it is whole, it is read back as it was written, it merges with itself, and
//! reports over its samples can be made. Which bytes it came from is the matter of `decode.rs` and `legacy.rs`. Never
//! reads a damaged one itself.

use prof_pprof::report::{ValueOptions, Zone, comments, raw, tags, traces};
use prof_pprof::{
    Granularity, Label, LabelValue, OriginalIds, Profile, aggregate, decode, encode, label_units, merge,
    prune_uninteresting, subtract,
};

/// Two bytes make a sample type, and the reports are made for each.
const MOST_SAMPLE_TYPES: usize = 3;
/// A stack names the same few functions again and again, which only a text has to repeat.
const LONGEST_TEXT: usize = 16 << 20;

/// Does with the profile what pprof does.
pub fn survives(profile: &Profile, ids: &OriginalIds) {
    assert_eq!(profile.check(), Ok(()));
    assert!(*ids == OriginalIds::default() || ids.locations.len() == profile.locations.len());
    is_read_back(profile);
    merges(profile);
    let zone = Zone::default();
    raw(profile, ids, &zone);
    comments(profile);
    assert!(label_units(profile).len() <= profile.samples.iter().map(|sample| sample.labels.len()).sum());
    let is_short = length(profile) <= LONGEST_TEXT;
    for sample_index in 0..profile.sample_types.len().min(MOST_SAMPLE_TYPES) {
        let options = ValueOptions { sample_index, mean: sample_index > 0, ..ValueOptions::default() };
        tags(profile, &options);
        let mut coarse = profile.clone();
        aggregate(&mut coarse, Granularity::Lines, sample_index == 0, true);
        if is_short {
            traces(&coarse, &options, &zone);
        }
    }
    let mut pruned = profile.clone();
    if prune_uninteresting(&mut pruned).is_ok() {
        assert_eq!(pruned.samples.len(), profile.samples.len());
        assert_eq!(pruned.check(), Ok(()));
    }
}

/// The same profile comes back, but for labels that the format cannot tell from none.
fn is_read_back(profile: &Profile) {
    let again = decode(&encode(profile)).expect("what was written is read back");
    assert_eq!(again.samples.len(), profile.samples.len());
    if !profile.samples.label_sets().flatten().any(is_lost) {
        assert!(again == *profile, "{profile:?} came back as {again:?}");
    }
}

fn is_lost(label: &Label) -> bool {
    match &label.value {
        LabelValue::Text(text) => text.is_empty(),
        LabelValue::Number { number, unit } => *number == 0 && unit.is_empty(),
    }
}

/// With itself, unless no sample type has a kind of its own, and with itself without its last sample type.
fn merges(profile: &Profile) {
    let of_kind = |kind| profile.sample_types.iter().filter(|other| other.kind == kind).count();
    let is_named = profile.sample_types.iter().any(|sample_type| of_kind(sample_type.kind.clone()) == 1);
    let merged = merge([profile.clone(), profile.clone()]);
    assert_eq!(merged.is_ok(), is_named);
    if let Ok(merged) = merged {
        assert!(merged.samples.len() <= profile.samples.len());
        assert_eq!(merged.check(), Ok(()));
        is_read_back(&merged);
    }
    let Some(narrow) = profile.sample_types.len().checked_sub(1).filter(|width| *width > 0) else { return };
    let mut narrower = profile.clone();
    narrower.sample_types.truncate(narrow);
    narrower.samples.keep_values(&(0..narrow).collect::<Vec<_>>());
    let outcomes = [
        merge([profile.clone(), narrower.clone()]),
        merge([narrower.clone(), profile.clone(), narrower]),
        subtract(profile.clone(), profile.clone(), true),
    ];
    for merged in outcomes.iter().flatten() {
        assert_eq!(merged.check(), Ok(()));
    }
}

/// About how many bytes the names in all stacks have, written out.
fn length(profile: &Profile) -> usize {
    let of_location = |position: usize| -> usize {
        let lines = &profile.locations[position].lines;
        lines.iter().map(|line| 64 + profile[line.function].name.len() + profile[line.function].file.len()).sum()
    };
    let lengths: Vec<_> = (0..profile.locations.len()).map(of_location).collect();
    profile.samples.iter().flat_map(|sample| sample.locations).map(|location| lengths[location.position()]).sum()
}
