//! Samples in columns, none of them of the same stack and labels as another: what merging millions of samples looks each up
//! in. What is put in is decided in `builder.rs` and by those who use it.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::label_sets::LabelSets;
use crate::{LabelSetIndex, LocationIndex, Samples};

/// Samples of distinct stacks and labels, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct SampleTable {
    /// All stacks one after the other, leaf first.
    locations: Vec<LocationIndex>,
    /// Where the stack of each sample ends in `locations`.
    ends: Vec<usize>,
    labels: Vec<LabelSetIndex>,
    /// The values of all samples, one after the other.
    values: Vec<i64>,
    known: HashTable<Known>,
    hasher: DefaultHashBuilder,
}

/// A sample, and half of its hash: to hash all stacks again when the table grows would be most of the work.
#[derive(Debug, Clone, Copy)]
struct Known {
    hash: u32,
    sample: u32,
}

impl Known {
    /// A whole hash again.
    fn spread(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl SampleTable {
    /// Makes room for so many more samples with so many frames and values in all.
    pub(crate) fn reserve(&mut self, samples: usize, frames: usize, values: usize) {
        self.locations.reserve(frames);
        self.ends.reserve(samples);
        self.labels.reserve(samples);
        self.values.reserve(values);
        self.known.reserve(samples, |known| known.spread());
    }

    /// Adds values to those of the sample of this stack and labels, whose [`hash`](Self::hash) this is, saturating; there are as
    /// many of each. Gives its position.
    pub(crate) fn add(&mut self, hash: u32, stack: &[LocationIndex], labels: LabelSetIndex, values: &[i64]) -> usize {
        let next = self.ends.len();
        let new = Known { hash, sample: u32::try_from(next).expect("there are fewer than 2^32 samples") };
        let is_same = |known: &Known| {
            let sample = known.sample as usize;
            known.hash == new.hash && self.labels[sample] == labels && self.stack(sample) == stack
        };
        if let Some(known) = self.known.find(new.spread(), is_same) {
            let sample = known.sample as usize;
            for (sum, value) in self.values[sample * values.len()..].iter_mut().zip(values) {
                *sum = sum.saturating_add(*value);
            }
            return sample;
        }
        self.locations.extend_from_slice(stack);
        self.ends.push(self.locations.len());
        self.labels.push(labels);
        self.values.extend_from_slice(values);
        self.known.insert_unique(new.spread(), new, |known| known.spread());
        next
    }

    /// The samples, whose labels are in `label_sets`.
    pub(crate) fn finish(self, label_sets: LabelSets) -> Samples {
        Samples::of_columns(self.values, (self.locations, self.ends), (self.labels, label_sets))
    }

    fn stack(&self, sample: usize) -> &[LocationIndex] {
        let start = if sample == 0 { 0 } else { self.ends[sample - 1] };
        &self.locations[start..self.ends[sample]]
    }

    /// What the table knows this stack and labels by.
    pub(crate) fn hash(&self, stack: &[LocationIndex], labels: LabelSetIndex) -> u32 {
        // Two locations at once, which is twice as fast as one after the other.
        let mut hasher = self.hasher.build_hasher();
        let number = |location: LocationIndex| location.position() as u64;
        let (pairs, rest) = stack.as_chunks();
        pairs.iter().for_each(|[one, other]| hasher.write_u64(number(*one) << 32 | number(*other)));
        rest.iter().for_each(|last| hasher.write_u64(number(*last)));
        hasher.write_u64((stack.len() as u64) << 32 | labels.position() as u64);
        let hash = hasher.finish();
        (hash >> 32) as u32 ^ hash as u32
    }
}
