//! The sum of profiles of the same sample types, which takes one after the other. How profiles come to be of the same is in
//! `merge.rs`, which of their locations are the same in `location.rs`.

use hashbrown::HashMap;

use super::location::Locations;
use crate::{
    Builder, Label, LabelSetIndex, LabelValue, Line, Location, LocationIndex, Mapping, MappingIndex, Profile, Sample,
    Text,
};

/// So many frames are worth a thread of their own.
const WORTH_A_THREAD: usize = 1 << 18;

/// What was summed up.
#[derive(Debug)]
pub(super) struct Sum {
    /// All but the tables and the samples.
    header: Profile,
    /// The default sample type of the first profile.
    first_default: Text,
    builder: Builder,
    mappings: Mappings,
    locations: Locations,
}

impl Sum {
    /// Nothing yet, of the sample types of `first`.
    pub(super) fn new(first: &Profile) -> Sum {
        let header = Profile {
            sample_types: first.sample_types.clone(),
            period_type: first.period_type.clone(),
            drop_frames: first.drop_frames.clone(),
            keep_frames: first.keep_frames.clone(),
            ..Profile::default()
        };
        Sum {
            builder: Builder::new(header.sample_types.clone()),
            header,
            first_default: first.default_sample_type.clone(),
            mappings: Mappings::default(),
            locations: Locations::default(),
        }
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
        self.add_header(&profile);
        self.builder.reserve(&profile);
        let moved = self.places(&profile);
        // Nearly all of the work, and on all processors: a location after the other becomes that of the sum.
        let stacks = profile.samples.locations_mut();
        let is_one = stacks.len() <= WORTH_A_THREAD;
        // To ask for the processors takes longer than a small profile does.
        let threads = if is_one { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
        let part = stacks.len().div_ceil(threads).max(WORTH_A_THREAD);
        std::thread::scope(|scope| {
            for part in stacks.chunks_mut(part) {
                let moved = &moved;
                let translate = move || {
                    for location in part {
                        // One that only samples of zeros have went nowhere.
                        *location = moved[location.position()].unwrap_or(*location);
                    }
                };
                if is_one { translate() } else { drop(scope.spawn(translate)) }
            }
        });
        let mut label_sets: Vec<Option<LabelSetIndex>> = Vec::new();
        for (position, sample) in profile.samples.iter().enumerate().filter(|(_, sample)| !is_zero(*sample)) {
            let stack = self.builder.stack(sample.locations);
            let set = profile.samples.label_set_at(position).position();
            if label_sets.len() <= set {
                label_sets.resize(set + 1, None);
            }
            let labels = *label_sets[set].get_or_insert_with(|| self.builder.label_set(&in_order(sample.labels)));
            self.builder.add(stack, labels, sample.values);
        }
    }

    /// Where each of the profile's locations is in the sum, if a sample has it, in the order of their first samples.
    fn places(&mut self, profile: &Profile) -> Vec<Option<LocationIndex>> {
        let Sum { builder, mappings, locations, .. } = self;
        let mut places = vec![None; profile.mappings.len()];
        let mut placed = |mapping: MappingIndex, builder: &mut Builder| {
            *places[mapping.position()].get_or_insert_with(|| mappings.place(&profile[mapping], builder))
        };
        // The main program's stays the first, whether or not there is a sample in it.
        if !profile.mappings.is_empty() {
            placed(MappingIndex::new(0), builder);
        }
        let mut moved = vec![None; profile.locations.len()];
        let mut functions = vec![None; profile.functions.len()];
        for index in profile.samples.iter().filter(|sample| !is_zero(*sample)).flat_map(|sample| sample.locations) {
            if moved[index.position()].is_some() {
                continue;
            }
            let location = &profile[*index];
            let place = location.mapping.map(|mapping| placed(mapping, builder));
            for line in &location.lines {
                functions[line.function.position()]
                    .get_or_insert_with(|| builder.function(profile[line.function].clone()));
            }
            let function = |line: &Line| functions[line.function.position()].unwrap_or(line.function);
            let lines = location.lines.iter().map(|line| Line { function: function(line), ..*line });
            let own = Location {
                mapping: place.map(|place| place.mapping),
                address: location.address.wrapping_add(place.map_or(0, |place| place.offset)),
                lines: Vec::new(),
                is_folded: location.is_folded,
            };
            let start = place.map_or(0, |place| place.start);
            moved[index.position()] = Some(locations.index(&own, lines, start, builder));
        }
        moved
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

/// Where a mapping went.
#[derive(Clone, Copy)]
struct Place {
    mapping: MappingIndex,
    /// The merged mapping's first address.
    start: u64,
    /// What is added to an address in the original.
    offset: u64,
}

/// The mappings so far, by what makes two of them the same code.
#[derive(Debug, Default)]
struct Mappings {
    known: HashMap<(u64, u64, Text), (MappingIndex, u64)>,
}

impl Mappings {
    fn place(&mut self, mapping: &Mapping, builder: &mut Builder) -> Place {
        // Whole pages, because loaders differ in where they end.
        let size = mapping.limit.wrapping_sub(mapping.start).wrapping_add(0xfff) & !0xfff;
        let file = if mapping.build_id.is_empty() { &mapping.filename } else { &mapping.build_id };
        let key = (size, mapping.file_offset, file.clone());
        let (index, start) =
            *self.known.entry(key).or_insert_with(|| (builder.mapping(mapping.clone()), mapping.start));
        Place { mapping: index, start, offset: start.wrapping_sub(mapping.start) }
    }
}
