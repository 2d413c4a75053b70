//! The sum of profiles of the same sample types, which takes one after the other. How profiles come to be of the same is in
//! `merge.rs`, which of their parts are the same in `places.rs`.

use hashbrown::HashMap;

use super::location::LocationKey;
use super::mapping::Mappings;
use super::places::Places;
use crate::parallel::{of_each, parts};
use crate::{Builder, Label, LabelSetIndex, LabelValue, LocationIndex, Profile, Sample, Samples, Text};

/// So many frames are worth a thread of their own.
const WORTH_A_THREAD: usize = 1 << 18;

/// What was summed up.
#[derive(Debug)]
pub(super) struct Sum {
    /// All but the tables and the samples.
    header: Profile,
    /// The default sample type of the first profile.
    first_default: Text,
    pub(super) builder: Builder,
    pub(super) mappings: Mappings,
    pub(super) locations: HashMap<LocationKey, LocationIndex>,
}

impl Sum {
    /// The sum of one profile.
    pub(super) fn of(first: &Profile) -> Sum {
        let header = Profile {
            sample_types: first.sample_types.clone(),
            period_type: first.period_type.clone(),
            drop_frames: first.drop_frames.clone(),
            keep_frames: first.keep_frames.clone(),
            ..Profile::default()
        };
        let mut sum = Sum {
            builder: Builder::new(header.sample_types.clone()),
            header,
            first_default: first.default_sample_type.clone(),
            mappings: Mappings::default(),
            locations: HashMap::default(),
        };
        sum.add_samples(first, first.samples.clone());
        sum
    }

    /// What the sum says of itself.
    pub(super) fn header(&self) -> &Profile {
        &self.header
    }

    /// The default sample type of the first profile, which may be none.
    pub(super) fn first_default(&self) -> &Text {
        &self.first_default
    }

    /// Adds a profile. A sample of zeros is left out.
    pub(super) fn add(&mut self, mut profile: Profile) {
        let samples = std::mem::take(&mut profile.samples);
        self.add_samples(&profile, samples);
    }

    /// Adds the profile with these samples instead of its own.
    fn add_samples(&mut self, profile: &Profile, mut samples: Samples) {
        self.add_header(profile);
        self.builder.reserve(&samples);
        let places = Places::of(profile, &samples, self);
        let labels = self.label_sets(&samples);
        // Nearly all of the work but to look samples up, and so on all processors.
        let builder = &self.builder;
        let parts = parts(samples.len(), samples.frames() / WORTH_A_THREAD);
        let hashes = of_each(samples.stacks_in_parts(parts), |stacks| {
            let hash = |(stack, set): (&mut [LocationIndex], LabelSetIndex)| {
                for location in stack.iter_mut() {
                    // One that only samples of zeros have went nowhere.
                    *location = places[location.position()].unwrap_or(*location);
                }
                labels[set.position()].map_or(0, |labels| builder.hash(stack, labels))
            };
            stacks.map(hash).collect::<Vec<u32>>()
        });
        for (position, hash) in hashes.into_iter().flatten().enumerate() {
            let sample = samples.at(position);
            if let Some(labels) = labels[samples.label_set_at(position).position()].filter(|_| !is_zero(sample)) {
                self.builder.add_hashed(hash, sample.locations, labels, sample.values);
            }
        }
    }

    /// Where the sets of labels went, if a sample has them.
    fn label_sets(&mut self, samples: &Samples) -> Vec<Option<LabelSetIndex>> {
        let mut sets = Vec::new();
        for (position, sample) in samples.iter().enumerate() {
            let set = samples.label_set_at(position).position();
            if sets.len() <= set {
                sets.resize(set + 1, None);
            }
            if sets[set].is_none() && !is_zero(sample) {
                sets[set] = Some(self.builder.label_set(&in_order(sample.labels)));
            }
        }
        sets
    }

    fn add_header(&mut self, profile: &Profile) {
        let header = &mut self.header;
        for comment in &profile.comments {
            if !header.comments.contains(comment) {
                header.comments.push(comment.clone());
            }
        }
        if header.time_nanos == 0 || profile.time_nanos < header.time_nanos {
            header.time_nanos = profile.time_nanos;
        }
        if header.period == 0 || header.period < profile.period {
            header.period = profile.period;
        }
        header.duration_nanos = header.duration_nanos.saturating_add(profile.duration_nanos);
        for (own, other) in
            [(&mut header.default_sample_type, &profile.default_sample_type), (&mut header.doc_url, &profile.doc_url)]
        {
            if own.is_empty() {
                own.clone_from(other);
            }
        }
    }

    /// The sum, which may hold samples that cancelled each other out.
    pub(super) fn finish(self) -> Profile {
        let Profile { mappings, locations, functions, samples, .. } = self.builder.finish();
        Profile { mappings, locations, functions, samples, ..self.header }
    }
}

/// Whether nothing was measured.
pub(super) fn is_zero(sample: Sample<'_>) -> bool {
    sample.values.iter().all(|value| *value == 0)
}

/// Labels sorted by key, text before numbers; the values of each key in their order.
fn in_order(labels: &[Label]) -> Vec<Label> {
    let mut labels = labels.to_vec();
    labels.sort_by(|one, other| {
        let key = |label: &Label| (matches!(label.value, LabelValue::Number { .. }), label.key.clone());
        key(one).cmp(&key(other))
    });
    labels
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::graph::tests::{profile_of, stacks};
    use crate::merge;

    /// More frames than one thread is given, with stacks and labels that come again, in an order of their own.
    fn large(seed: usize) -> Profile {
        let mut profile = profile_of(&[("main;a;b;c", 0), ("main;d;e", 0)]);
        let locations: Vec<_> = profile.samples.iter().flat_map(|sample| sample.locations).copied().collect();
        let labels = [Label::text("seed", seed.to_string()), Label::text("a", "b"), Label::number("n", 1, "")];
        profile.samples = Samples::default();
        for number in 0..2 * WORTH_A_THREAD / 40 {
            let stack: Vec<_> = (0..50).map(|depth| locations[(number * seed * 7 + depth * number) % 5]).collect();
            let labels = &labels[number % 3..];
            profile.samples.push(Sample { locations: &stack, values: &[number as i64 % 3], labels });
        }
        profile
    }

    #[test]
    fn a_sum_made_on_all_processors_is_that_of_its_parts() {
        let profiles = [large(1), large(3)];
        let mut expected: BTreeMap<(Vec<String>, String), i64> = BTreeMap::new();
        for profile in &profiles {
            for ((stack, value), sample) in stacks(profile).into_iter().zip(&profile.samples) {
                *expected.entry((stack, format!("{:?}", in_order(sample.labels)))).or_default() += value;
            }
        }
        expected.retain(|_, value| *value != 0);
        let merged = merge(profiles).unwrap();
        assert_eq!(merged.check(), Ok(()));
        assert_eq!(merged.samples.len(), expected.len());
        for ((stack, value), sample) in stacks(&merged).into_iter().zip(&merged.samples) {
            assert_eq!(expected[&(stack, format!("{:?}", sample.labels))], value);
        }
    }
}
