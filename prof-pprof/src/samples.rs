//! The samples of a profile, in columns: all stacks one after the other, all values, and for each sample which of the
//! distinct sets of labels it has. A profile of millions of samples so takes four bytes for a frame and no allocation for a
//! sample. What samples mean is in `profile.rs`. Never merges two.

use std::fmt;
use std::ops::Range;

use crate::label_sets::LabelSets;
use crate::{Label, LabelSetIndex, LabelValue, LocationIndex, Text};

/// Values measured at one stack under one set of labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample<'a> {
    /// The stack, leaf first.
    pub locations: &'a [LocationIndex],
    /// One value for each of [`Profile::sample_types`](crate::Profile::sample_types).
    pub values: &'a [i64],
    /// What else is known of these values.
    pub labels: &'a [Label],
}

impl<'a> Sample<'a> {
    /// The value of the first label of that key, if it is text.
    pub fn text(&self, key: &str) -> Option<&'a Text> {
        self.labels.iter().find(|label| &*label.key == key).and_then(|label| match &label.value {
            LabelValue::Text(text) => Some(text),
            LabelValue::Number { .. } => None,
        })
    }
}

/// A sample that may be changed, but for its labels.
#[derive(Debug)]
pub struct SampleMut<'a> {
    /// The stack, leaf first.
    pub locations: &'a mut Vec<LocationIndex>,
    /// One value for each of [`Profile::sample_types`](crate::Profile::sample_types).
    pub values: &'a mut [i64],
    /// What else is known of these values.
    pub labels: &'a [Label],
}

/// The samples of a profile, in their order.
#[derive(Clone, Default)]
pub struct Samples {
    /// How many values each sample has.
    width: usize,
    locations: Vec<LocationIndex>,
    /// Where the stack of each sample ends in `locations`; it begins where the one before ends.
    ends: Vec<usize>,
    values: Vec<i64>,
    /// Which of `label_sets` each sample has.
    labels: Vec<LabelSetIndex>,
    label_sets: LabelSets,
}

impl Samples {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many frames their stacks have in all.
    pub fn frames(&self) -> usize {
        self.locations.len()
    }

    /// How many values each sample has; 0 if there is no sample.
    pub fn width(&self) -> usize {
        if self.is_empty() { 0 } else { self.width }
    }

    /// The sample at a position.
    ///
    /// # Panics
    ///
    /// If there are not that many.
    pub fn at(&self, position: usize) -> Sample<'_> {
        Sample {
            locations: &self.locations[self.stack_start(position)..self.ends[position]],
            values: &self.values[position * self.width..][..self.width],
            labels: self.label_sets.get(self.labels[position]),
        }
    }

    /// All of them.
    pub fn iter(&self) -> Iter<'_> {
        Iter { samples: self, positions: 0..self.len() }
    }

    /// Adds one at the end.
    ///
    /// # Panics
    ///
    /// If it has another number of values than those before.
    pub fn push(&mut self, sample: Sample<'_>) {
        if self.is_empty() {
            self.width = sample.values.len();
        }
        assert_eq!(sample.values.len(), self.width, "all samples have as many values");
        self.locations.extend_from_slice(sample.locations);
        self.ends.push(self.locations.len());
        self.values.extend_from_slice(sample.values);
        self.labels.push(self.label_sets.index(sample.labels));
    }

    /// Samples in columns: the values of each, all stacks and where each ends, and the set of labels that each has.
    pub(crate) fn of_columns(
        values: Vec<i64>,
        (locations, ends): (Vec<LocationIndex>, Vec<usize>),
        (labels, label_sets): (Vec<LabelSetIndex>, LabelSets),
    ) -> Samples {
        let width = values.len().checked_div(ends.len()).unwrap_or(0);
        assert_eq!((values.len(), labels.len()), (width * ends.len(), ends.len()), "columns fit");
        Samples { width, locations, ends, values, labels, label_sets }
    }

    /// Which set of labels the sample at a position has. Equal sets have equal indices.
    pub(crate) fn label_set_at(&self, position: usize) -> LabelSetIndex {
        self.labels[position]
    }

    /// Keeps those for which `is_wanted` holds.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(Sample<'_>) -> bool) {
        let (mut kept, mut start, mut kept_end) = (0, 0, 0);
        for position in 0..self.len() {
            let stack = start..self.ends[position];
            start = stack.end;
            let sample = Sample {
                locations: &self.locations[stack.clone()],
                values: &self.values[position * self.width..][..self.width],
                labels: self.label_sets.get(self.labels[position]),
            };
            if is_wanted(sample) {
                let length = stack.len();
                self.locations.copy_within(stack, kept_end);
                kept_end += length;
                self.keep(position, kept, kept_end);
                kept += 1;
            }
        }
        self.locations.truncate(kept_end);
        self.truncate(kept);
    }

    /// Changes each, and keeps those for which `change` then says so.
    pub fn retain_mut(&mut self, mut change: impl FnMut(SampleMut<'_>) -> bool) {
        let mut stacks = Rewritten { old: std::mem::take(&mut self.locations), kept: 0, new: None };
        let mut stack = Vec::new();
        let (mut kept, mut start) = (0, 0);
        for position in 0..self.len() {
            let end = self.ends[position];
            stack.clear();
            stack.extend_from_slice(&stacks.old[start..end]);
            start = end;
            let sample = SampleMut {
                locations: &mut stack,
                values: &mut self.values[position * self.width..][..self.width],
                labels: self.label_sets.get(self.labels[position]),
            };
            if change(sample) {
                let kept_end = stacks.put(&stack, end);
                self.keep(position, kept, kept_end);
                kept += 1;
            }
        }
        self.locations = stacks.finish();
        self.truncate(kept);
    }

    /// Changes each.
    pub fn for_each_mut(&mut self, mut change: impl FnMut(SampleMut<'_>)) {
        self.retain_mut(|sample| {
            change(sample);
            true
        });
    }

    /// The values of each.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut [i64]> {
        // Without any value there is nothing to change.
        self.values.chunks_exact_mut(self.width.max(1))
    }

    /// Keeps these of the values of each, in this order.
    pub fn keep_values(&mut self, positions: &[usize]) {
        self.values = self.iter().flat_map(|sample| positions.iter().map(|value| sample.values[*value])).collect();
        self.width = positions.len();
    }

    /// All frames, for one location to become another.
    pub(crate) fn locations_mut(&mut self) -> &mut [LocationIndex] {
        &mut self.locations
    }

    /// The stacks of consecutive parts of the samples, for one location to become another, each with its set of labels.
    pub(crate) fn stacks_in_parts(
        &mut self,
        parts: Vec<Range<usize>>,
    ) -> Vec<impl Iterator<Item = (&mut [LocationIndex], LabelSetIndex)>> {
        let (mut rest, mut start) = (&mut self.locations[..], 0);
        let ends = &self.ends;
        let labels = &self.labels;
        let part = |part: Range<usize>| {
            let end = if part.is_empty() { start } else { ends[part.end - 1] };
            let (mut own, others) = std::mem::take(&mut rest).split_at_mut(end - start);
            let mut own_start = start;
            (rest, start) = (others, end);
            ends[part.clone()].iter().zip(&labels[part]).map(move |(end, labels)| {
                let (stack, others) = std::mem::take(&mut own).split_at_mut(end - own_start);
                (own, own_start) = (others, *end);
                (stack, *labels)
            })
        };
        parts.into_iter().map(part).collect()
    }

    /// The distinct sets of labels that samples have, in the order of their first sample.
    pub fn label_sets(&self) -> impl Iterator<Item = &[Label]> {
        let mut is_new = vec![true; self.label_sets.len()];
        let sets = self.labels.iter().filter(move |set| std::mem::take(&mut is_new[set.position()]));
        sets.map(|set| self.label_sets.get(*set))
    }

    /// Changes the labels of all samples, each distinct set once.
    pub fn map_labels(&mut self, mut change: impl FnMut(&[Label]) -> Vec<Label>) {
        let old = std::mem::take(&mut self.label_sets);
        let mut changed = vec![None; old.len()];
        for set in &mut self.labels {
            let new = *changed[set.position()].get_or_insert_with(|| self.label_sets.index(&change(old.get(*set))));
            *set = new;
        }
    }

    /// Gives the sample at a position other labels.
    pub fn set_labels(&mut self, position: usize, labels: &[Label]) {
        self.labels[position] = self.label_sets.index(labels);
    }

    fn stack_start(&self, position: usize) -> usize {
        if position == 0 { 0 } else { self.ends[position - 1] }
    }

    /// Moves all but the stack of a sample to where the next kept one belongs.
    fn keep(&mut self, position: usize, kept: usize, stack_end: usize) {
        self.ends[kept] = stack_end;
        self.labels[kept] = self.labels[position];
        let values = position * self.width;
        self.values.copy_within(values..values + self.width, kept * self.width);
    }

    fn truncate(&mut self, kept: usize) {
        self.ends.truncate(kept);
        self.labels.truncate(kept);
        self.values.truncate(kept * self.width);
    }
}

/// Stacks that are written over the old ones as long as they do not grow beyond these, and into new memory from then on.
struct Rewritten {
    old: Vec<LocationIndex>,
    kept: usize,
    new: Option<Vec<LocationIndex>>,
}

impl Rewritten {
    /// Adds a stack; what is before `read` in the old ones was read. Gives where it ends.
    fn put(&mut self, stack: &[LocationIndex], read: usize) -> usize {
        if let Some(new) = &mut self.new {
            new.extend_from_slice(stack);
            return new.len();
        }
        let end = self.kept + stack.len();
        if end <= read {
            self.old[self.kept..end].copy_from_slice(stack);
            self.kept = end;
            return end;
        }
        let mut new = Vec::with_capacity(self.old.len());
        new.extend_from_slice(&self.old[..self.kept]);
        new.extend_from_slice(stack);
        self.new.insert(new).len()
    }

    fn finish(mut self) -> Vec<LocationIndex> {
        self.old.truncate(self.kept);
        self.new.unwrap_or(self.old)
    }
}

/// Goes over [`Samples`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    samples: &'a Samples,
    positions: Range<usize>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Sample<'a>;

    fn next(&mut self) -> Option<Sample<'a>> {
        self.positions.next().map(|position| self.samples.at(position))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.positions.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Samples {
    type Item = Sample<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> Extend<Sample<'a>> for Samples {
    fn extend<I: IntoIterator<Item = Sample<'a>>>(&mut self, samples: I) {
        samples.into_iter().for_each(|sample| self.push(sample));
    }
}

impl<'a> FromIterator<Sample<'a>> for Samples {
    fn from_iter<I: IntoIterator<Item = Sample<'a>>>(iter: I) -> Samples {
        let mut samples = Samples::default();
        samples.extend(iter);
        samples
    }
}

impl<'a, const N: usize> From<[Sample<'a>; N]> for Samples {
    fn from(samples: [Sample<'a>; N]) -> Samples {
        samples.into_iter().collect()
    }
}

impl PartialEq for Samples {
    fn eq(&self, other: &Samples) -> bool {
        self.iter().eq(other)
    }
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests;
