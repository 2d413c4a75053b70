//! The sum of profiles of the same sample types, which takes one after the other. How profiles come to be of the same is in
//! `merge.rs`, which of their parts are the same in `places.rs`.

use hashbrown::HashMap;

use super::location::LocationKey;
use super::mapping::Mappings;
use super::places::Places;
use crate::{Builder, Label, LabelSetIndex, LabelValue, LocationIndex, MappingIndex, Profile, Sample, Text};

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
        sum.add(first);
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
    pub(super) fn add(&mut self, profile: &Profile) {
        self.add_header(profile);
        self.builder.reserve(profile);
        let mut places = Places::find(profile, self);
        // The main program's stays the first, whether or not there is a sample in it.
        if !profile.mappings.is_empty() {
            places.mapping(MappingIndex::new(0), self);
        }
        let mut stack = Vec::new();
        let mut label_sets: Vec<Option<LabelSetIndex>> = Vec::new();
        for (position, sample) in profile.samples.iter().enumerate().filter(|(_, sample)| !is_zero(*sample)) {
            stack.clear();
            stack.extend(sample.locations.iter().map(|location| places.location(*location, self)));
            let set = profile.samples.label_set_at(position).position();
            if label_sets.len() <= set {
                label_sets.resize(set + 1, None);
            }
            let labels = *label_sets[set].get_or_insert_with(|| self.builder.label_set(&in_order(sample.labels)));
            self.builder.add(&stack, labels, sample.values);
        }
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
