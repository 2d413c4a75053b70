//! Builds a [`Profile`] so that equal things are kept once: texts, mappings, functions, locations, stacks, label sets,
//! and the samples of one stack and label set. What is put in is decided in `from_record.rs` and its kin.

use std::hash::Hash;

use hashbrown::HashMap;

use crate::label_sets::LabelSets;
use crate::stack_table::{StackIndex, StackTable};
use crate::{Function, FunctionIndex, Label, LabelSetIndex, Location, LocationIndex, Mapping, MappingIndex, Profile};
use crate::{Samples, Text, ValueType};

/// Names a sample of a [`Builder`]; it will have this position in [`Profile::samples`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SampleIndex(usize);

impl SampleIndex {
    /// The position in [`Profile::samples`].
    pub fn position(self) -> usize {
        self.0
    }
}

/// A profile in the making. It grows with the distinct things that are put in, not with how often they are.
#[derive(Debug, Default)]
pub struct Builder {
    sample_types: Vec<ValueType>,
    texts: HashMap<Text, ()>,
    mappings: Table<Mapping>,
    functions: Table<Function>,
    locations: Table<Location>,
    stacks: StackTable,
    label_sets: LabelSets,
    /// The first sample of each stack, and all others by stack and labels: nearly all stacks have only one.
    first_samples: Vec<Option<u32>>,
    other_samples: HashMap<(StackIndex, LabelSetIndex), u32>,
    /// The stack and the labels of each sample.
    parts: Vec<(StackIndex, LabelSetIndex)>,
    /// The values of all samples, one after the other.
    values: Vec<i64>,
}

impl Builder {
    /// An empty profile whose samples hold values of these types.
    pub fn new(sample_types: Vec<ValueType>) -> Builder {
        Builder { sample_types, ..Builder::default() }
    }

    /// Makes room for what a profile holds.
    pub(crate) fn reserve(&mut self, profile: &Profile) {
        let samples = profile.samples.len();
        self.stacks.reserve(samples, profile.samples.frames());
        self.first_samples.reserve(samples);
        self.parts.reserve(samples);
        self.values.reserve(samples * self.sample_types.len());
    }

    /// The text, shared with all equal ones.
    pub fn text(&mut self, text: &str) -> Text {
        if let Some((known, ())) = self.texts.get_key_value(text) {
            return known.clone();
        }
        let text = Text::from(text);
        self.texts.insert(text.clone(), ());
        text
    }

    /// The index of a mapping equal to this one.
    pub fn mapping(&mut self, mapping: Mapping) -> MappingIndex {
        MappingIndex::new(self.mappings.index(mapping))
    }

    /// The index of a function equal to this one.
    pub fn function(&mut self, function: Function) -> FunctionIndex {
        FunctionIndex::new(self.functions.index(function))
    }

    /// The index of a location equal to this one.
    pub fn location(&mut self, location: Location) -> LocationIndex {
        LocationIndex::new(self.locations.index(location))
    }

    /// The index of a stack equal to this one, leaf first.
    pub fn stack(&mut self, locations: &[LocationIndex]) -> StackIndex {
        self.stacks.index(locations)
    }

    /// The index of a set of labels equal to this one, in this order.
    pub fn label_set(&mut self, labels: &[Label]) -> LabelSetIndex {
        self.label_sets.index(labels)
    }

    /// Adds `values` to the sample of this stack and set of labels, saturating.
    ///
    /// # Panics
    ///
    /// If there is not one value for each sample type.
    pub fn add(&mut self, stack: StackIndex, labels: LabelSetIndex, values: &[i64]) -> SampleIndex {
        let width = self.sample_types.len();
        assert_eq!(values.len(), width, "one value for each sample type");
        let next = self.parts.len();
        let new = u32::try_from(next).expect("there are fewer than 2^32 samples");
        if self.first_samples.len() <= stack.position() {
            self.first_samples.resize(stack.position() + 1, None);
        }
        let first = *self.first_samples[stack.position()].get_or_insert(new);
        let is_first = first == new || self.parts[first as usize].1 == labels;
        let sample = if is_first { first } else { *self.other_samples.entry((stack, labels)).or_insert(new) } as usize;
        if sample == next {
            self.parts.push((stack, labels));
            self.values.resize(self.values.len() + width, 0);
        }
        for (sum, value) in self.values[sample * width..].iter_mut().zip(values) {
            *sum = sum.saturating_add(*value);
        }
        SampleIndex(sample)
    }

    /// The profile. Everything keeps the order in which it was first put in.
    pub fn finish(self) -> Profile {
        let labels = self.parts.iter().map(|(_, labels)| *labels).collect();
        // Nearly always each stack belongs to one sample.
        let is_in_order = self.parts.iter().enumerate().all(|(position, (stack, _))| stack.position() == position);
        let stacks = if is_in_order && self.parts.len() == self.stacks.len() {
            self.stacks.into_columns()
        } else {
            let (mut locations, mut ends) = (Vec::new(), Vec::with_capacity(self.parts.len()));
            for (stack, _) in &self.parts {
                locations.extend_from_slice(self.stacks.get(*stack));
                ends.push(locations.len());
            }
            (locations, ends)
        };
        Profile {
            samples: Samples::of_columns(self.values, stacks, (labels, self.label_sets)),
            sample_types: self.sample_types,
            mappings: self.mappings.into_items(),
            locations: self.locations.into_items(),
            functions: self.functions.into_items(),
            ..Profile::default()
        }
    }
}

/// Distinct items, numbered in the order in which they came.
#[derive(Debug)]
struct Table<T> {
    positions: HashMap<T, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { positions: HashMap::new() }
    }
}

impl<T: Eq + Hash> Table<T> {
    fn index(&mut self, item: T) -> usize {
        let next = self.positions.len();
        *self.positions.entry(item).or_insert(next)
    }

    fn into_items(self) -> Vec<T> {
        let mut items: Vec<_> = self.positions.into_iter().collect();
        items.sort_unstable_by_key(|(_, position)| *position);
        items.into_iter().map(|(item, _)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_things_are_kept_once_and_equal_samples_are_summed() {
        let mut builder = Builder::new(vec![ValueType::new("a", "count"), ValueType::new("b", "count")]);
        let mut sample = |address, test: &str, values: [i64; 2]| {
            let location = builder.location(Location { address, ..Location::default() });
            let stack = builder.stack(&[location, location]);
            let labels = vec![Label::text(builder.text("test"), builder.text(test))];
            let labels = builder.label_set(&labels);
            builder.add(stack, labels, &values).position()
        };
        assert_eq!(sample(1, "x", [1, 10]), 0);
        assert_eq!(sample(1, "y", [2, 20]), 1);
        assert_eq!(sample(2, "x", [3, 30]), 2);
        assert_eq!(sample(1, "x", [4, i64::MAX]), 0);
        let profile = builder.finish();
        assert_eq!(profile.check(), Ok(()));
        assert_eq!(profile.locations.iter().map(|location| location.address).collect::<Vec<_>>(), [1, 2]);
        let values: Vec<_> = profile.samples.iter().map(|sample| sample.values).collect();
        assert_eq!(values, [&[5, i64::MAX][..], &[2, 20], &[3, 30]]);
    }
}
