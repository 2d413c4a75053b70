//! Profile → profile with fewer frames. Dropping whole call trees below a frame is in `prune.rs`. Never changes what
//! samples sum up to.

use crate::{Builder, Function, Location, Profile};

/// Removes the frames of all functions for which `unwanted` holds, wherever they stand.
///
/// A location that loses all its lines leaves its stacks; a sample may be left with an empty stack but keeps its
/// values. Locations without any lines stay. Samples that become equal are merged, and what nothing refers to any more
/// is gone, as [`merge_equal_samples`] does.
pub fn remove_frames(profile: &mut Profile, mut unwanted: impl FnMut(&Function) -> bool) {
    let unwanted: Vec<_> = profile.functions.iter().map(&mut unwanted).collect();
    let emptied: Vec<_> = profile
        .locations
        .iter_mut()
        .map(|location| {
            let was_empty = location.lines.is_empty();
            location.lines.retain(|line| !unwanted[line.function.position()]);
            location.lines.is_empty() && !was_empty
        })
        .collect();
    for sample in &mut profile.samples {
        sample.locations.retain(|location| !emptied[location.position()]);
    }
    merge_equal_samples(profile);
}

/// Sums samples of equal stacks and labels, merges equal locations, functions and mappings, and drops those that no
/// sample needs; the first mapping stays, because it is the main program's.
pub fn merge_equal_samples(profile: &mut Profile) {
    let mut builder = Builder::new(std::mem::take(&mut profile.sample_types));
    if let Some(main) = profile.mappings.first() {
        builder.mapping(main.clone());
    }
    let mut locations = vec![None; profile.locations.len()];
    for sample in &profile.samples {
        let stack = sample.locations.iter().map(|&index| {
            *locations[index.position()].get_or_insert_with(|| {
                let mut location = Location { lines: Vec::new(), ..profile[index].clone() };
                location.mapping = location.mapping.map(|mapping| builder.mapping(profile[mapping].clone()));
                location.lines.extend(profile[index].lines.iter().map(|line| {
                    let function = builder.function(profile[line.function].clone());
                    crate::Line { function, ..*line }
                }));
                builder.location(location)
            })
        });
        let stack = stack.collect();
        let stack = builder.stack(stack);
        let labels = builder.label_set(sample.labels.clone());
        builder.add(stack, labels, &sample.values);
    }
    let merged = builder.finish();
    profile.sample_types = merged.sample_types;
    profile.samples = merged.samples;
    profile.mappings = merged.mappings;
    profile.locations = merged.locations;
    profile.functions = merged.functions;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;

    fn stacks(profile: &Profile) -> Vec<(Vec<&str>, i64)> {
        let name = |sample: &crate::Sample| {
            let lines = sample.locations.iter().flat_map(|location| &profile[*location].lines);
            lines.map(|line| &*profile[line.function].name).collect()
        };
        profile.samples.iter().map(|sample| (name(sample), sample.values[0])).collect()
    }

    #[test]
    fn frames_vanish_and_values_stay() {
        // `+` joins a frame to the one that it was inlined into.
        let mut profile = profile_of(&[("own;harness::a", 1), ("own;harness::a+work", 2), ("own;work", 4)]);
        let other = profile_of(&[("harness::a", 8)]);
        remove_frames(&mut profile, |function| function.name.starts_with("harness::"));
        assert_eq!(profile.check(), Ok(()));
        assert_eq!(stacks(&profile), [(vec!["own"], 1), (vec!["work", "own"], 2), (vec!["work", "own"], 4)]);
        assert!(profile.functions.iter().all(|function| &*function.name != "harness::a"));
        let mut profile = other;
        remove_frames(&mut profile, |_| true);
        assert_eq!(stacks(&profile), [(vec![], 8)]);
    }

    #[test]
    fn samples_that_become_equal_are_summed() {
        let mut profile = profile_of(&[("own;harness::a", 1), ("own;harness::b", 2)]);
        remove_frames(&mut profile, |function| function.name.starts_with("harness::"));
        assert_eq!(stacks(&profile), [(vec!["own"], 3)]);
    }
}
