//! Profile → profile with fewer frames. Dropping whole call trees below a frame is in `prune.rs`. Never changes what
//! samples sum up to.

use crate::{Builder, Function, Line, Location, Profile, Sample};

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
    profile.samples.for_each_mut(|sample| sample.locations.retain(|location| !emptied[location.position()]));
    merge_equal_samples(profile);
}

/// Part of a program that measures the rest of it, by one of its functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    /// None of it: the program's own.
    Not,
    /// It calls the program's functions, as the wrapper of a test does.
    Wrapper,
    /// The program calls it, as a hook of the allocator.
    Hook,
}

/// Removes the code that measures from the stacks. Whole locations go, with what was inlined into them. What a hook
/// called goes too, as far as it is in the same mapping: the hook's own helpers, but not libc's `malloc` under a hook.
///
/// Samples keep their values, and so the caller of a hook bears the hook's own cost. What becomes equal is merged, as
/// [`merge_equal_samples`] does.
pub fn remove_runtime(profile: &mut Profile, part: impl Fn(&Function) -> Runtime) {
    let parts: Vec<_> = profile.functions.iter().map(part).collect();
    let part_of = |location: &Location| match location.lines.last() {
        Some(outermost) => parts[outermost.function.position()],
        None => Runtime::Not,
    };
    let locations: Vec<_> = profile.locations.iter().map(|location| (part_of(location), location.mapping)).collect();
    profile.samples.for_each_mut(|sample| {
        let at = |location: &crate::LocationIndex| locations[location.position()];
        let outermost_hook = sample.locations.iter().rposition(|location| at(location).0 == Runtime::Hook);
        let hook_mapping = outermost_hook.map(|index| at(&sample.locations[index]).1);
        let mut index = 0;
        sample.locations.retain(|location| {
            let (part, mapping) = at(location);
            let is_below_hook = outermost_hook.is_some_and(|hook| index <= hook) && Some(mapping) == hook_mapping;
            index += 1;
            part == Runtime::Not && !is_below_hook
        });
    });
    merge_equal_samples(profile);
}

/// Sums samples of equal stacks and labels, merges equal locations, functions and mappings, and drops those that no
/// sample needs; the first mapping stays, because it is the main program's.
pub fn merge_equal_samples(profile: &mut Profile) {
    *profile = with_samples(profile, &profile.samples);
}

/// The profile with these of its samples alone, merged as [`merge_equal_samples`] does. What is said of the profile as a
/// whole stays.
pub(crate) fn with_samples<'a>(profile: &Profile, samples: impl IntoIterator<Item = Sample<'a>>) -> Profile {
    let mut builder = Builder::new(profile.sample_types.clone());
    if let Some(main) = profile.mappings.first() {
        builder.mapping(main.clone());
    }
    let mut locations = vec![None; profile.locations.len()];
    let mut stack = Vec::new();
    for sample in samples {
        stack.clear();
        stack.extend(sample.locations.iter().map(|&index| {
            *locations[index.position()].get_or_insert_with(|| {
                let location = &profile[index];
                let mapping = location.mapping.map(|mapping| builder.mapping(profile[mapping].clone()));
                let line = |line: &Line| Line { function: builder.function(profile[line.function].clone()), ..*line };
                let lines = location.lines.iter().map(line).collect();
                builder.location(Location { mapping, lines, ..*location })
            })
        }));
        let labels = builder.label_set(sample.labels);
        builder.add(&stack, labels, sample.values);
    }
    Profile {
        default_sample_type: profile.default_sample_type.clone(),
        drop_frames: profile.drop_frames.clone(),
        keep_frames: profile.keep_frames.clone(),
        time_nanos: profile.time_nanos,
        duration_nanos: profile.duration_nanos,
        period_type: profile.period_type.clone(),
        period: profile.period,
        comments: profile.comments.clone(),
        doc_url: profile.doc_url.clone(),
        ..builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;

    fn stacks(profile: &Profile) -> Vec<(Vec<&str>, i64)> {
        let name = |sample: Sample<'_>| {
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
    fn a_hook_goes_with_its_helpers_and_a_wrapper_alone() {
        let part = |function: &Function| match &*function.name {
            "wrapper" => Runtime::Wrapper,
            "hook" => Runtime::Hook,
            _ => Runtime::Not,
        };
        let mut profile =
            profile_of(&[("main;wrapper;test;hook;std", 1), ("main;wrapper;test;hook+std", 2), ("wrapper;test", 4)]);
        remove_runtime(&mut profile, part);
        assert_eq!(profile.check(), Ok(()));
        assert_eq!(stacks(&profile), [(vec!["test", "main"], 3), (vec!["test"], 4)]);
    }

    #[test]
    fn what_a_hook_calls_in_another_mapping_stays() {
        let mut profile = profile_of(&[("main;hook;libc_malloc", 1)]);
        let of = |name: &str, profile: &Profile| {
            let is = |line: &Line| &*profile[line.function].name == name;
            profile.locations.iter().position(|location| location.lines.iter().any(is)).unwrap()
        };
        let other = crate::MappingIndex::new(profile.mappings.len());
        profile.mappings.push(crate::Mapping { filename: "libc.so".into(), ..Default::default() });
        let malloc = of("libc_malloc", &profile);
        profile.locations[malloc].mapping = Some(other);
        remove_runtime(&mut profile, |f| if &*f.name == "hook" { Runtime::Hook } else { Runtime::Not });
        assert_eq!(stacks(&profile), [(vec!["libc_malloc", "main"], 1)]);
    }

    #[test]
    fn samples_that_become_equal_are_summed() {
        let mut profile = profile_of(&[("own;harness::a", 1), ("own;harness::b", 2)]);
        remove_frames(&mut profile, |function| function.name.starts_with("harness::"));
        assert_eq!(stacks(&profile), [(vec!["own"], 3)]);
    }
}
