//! Builds a [`Profile`] so that equal things are kept once: texts, mappings, functions, locations, label sets, and
//! the samples of one stack and label set. What is put in is decided in `from_record.rs` and its kin.

use hashbrown::{DefaultHashBuilder, HashMap};
use indexmap::IndexSet;

use crate::label_sets::LabelSets;
use crate::sample_table::SampleTable;
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
    label_sets: LabelSets,
    samples: SampleTable,
}

/// Distinct items, numbered in the order in which they came.
type Table<T> = IndexSet<T, DefaultHashBuilder>;

impl Builder {
    /// An empty profile whose samples hold values of these types.
    pub fn new(sample_types: Vec<ValueType>) -> Builder {
        Builder { sample_types, ..Builder::default() }
    }

    /// Makes room for these samples.
    pub(crate) fn reserve(&mut self, samples: &Samples) {
        self.samples.reserve(samples.len(), samples.frames(), samples.len() * self.sample_types.len());
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
        MappingIndex::new(self.mappings.insert_full(mapping).0)
    }

    /// The index of a function equal to this one.
    pub fn function(&mut self, function: Function) -> FunctionIndex {
        FunctionIndex::new(self.functions.insert_full(function).0)
    }

    /// The index of a function equal to this one, if there is one.
    pub(crate) fn known_function(&self, function: &Function) -> Option<FunctionIndex> {
        self.functions.get_index_of(function).map(FunctionIndex::new)
    }

    /// The index of a location equal to this one.
    pub fn location(&mut self, location: Location) -> LocationIndex {
        LocationIndex::new(self.locations.insert_full(location).0)
    }

    /// The index of a set of labels equal to this one, in this order.
    pub fn label_set(&mut self, labels: &[Label]) -> LabelSetIndex {
        self.label_sets.index(labels)
    }

    /// Adds `values` to the sample of this stack, leaf first, and set of labels, saturating.
    ///
    /// # Panics
    ///
    /// If there is not one value for each sample type.
    pub fn add(&mut self, stack: &[LocationIndex], labels: LabelSetIndex, values: &[i64]) -> SampleIndex {
        self.add_hashed(self.hash(stack, labels), stack, labels, values)
    }

    /// As [`add`](Self::add), with the [`hash`](Self::hash) of stack and labels, which may so be made on another thread.
    pub(crate) fn add_hashed(
        &mut self,
        hash: u32,
        stack: &[LocationIndex],
        labels: LabelSetIndex,
        values: &[i64],
    ) -> SampleIndex {
        assert_eq!(values.len(), self.sample_types.len(), "one value for each sample type");
        SampleIndex(self.samples.add(hash, stack, labels, values))
    }

    /// What a sample of this stack and set of labels is known by here.
    pub(crate) fn hash(&self, stack: &[LocationIndex], labels: LabelSetIndex) -> u32 {
        self.samples.hash(stack, labels)
    }

    /// The profile. Everything keeps the order in which it was first put in.
    pub fn finish(self) -> Profile {
        Profile {
            samples: self.samples.finish(self.label_sets),
            sample_types: self.sample_types,
            mappings: self.mappings.into_iter().collect(),
            locations: self.locations.into_iter().collect(),
            functions: self.functions.into_iter().collect(),
            ..Profile::default()
        }
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
            let labels = vec![Label::text(builder.text("test"), builder.text(test))];
            let labels = builder.label_set(&labels);
            builder.add(&[location, location], labels, &values).position()
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
