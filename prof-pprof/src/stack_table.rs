//! Distinct stacks, each named by an index, one after the other in one piece of memory: what merging millions of samples
//! looks stacks up in. Never keeps a stack twice.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::LocationIndex;

/// Names a stack of a [`Builder`](crate::Builder).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StackIndex(u32);

impl StackIndex {
    pub(crate) fn position(self) -> usize {
        self.0 as usize
    }
}

/// Stacks, leaf first, none of them twice.
#[derive(Debug, Default)]
pub(crate) struct StackTable {
    locations: Vec<LocationIndex>,
    /// Where each stack ends in `locations`.
    ends: Vec<usize>,
    /// The stacks by their hashes, which are kept: to hash all of them again would be most of the work.
    known: HashTable<(u64, StackIndex)>,
    hasher: DefaultHashBuilder,
}

impl StackTable {
    /// Makes room for so many more stacks of so many frames in all.
    pub(crate) fn reserve(&mut self, stacks: usize, frames: usize) {
        self.locations.reserve(frames);
        self.ends.reserve(stacks);
        self.known.reserve(stacks, |(hash, _)| *hash);
    }

    /// The index of a stack equal to this one.
    pub(crate) fn index(&mut self, stack: &[LocationIndex]) -> StackIndex {
        let hash = self.hasher.hash_one(stack);
        let (locations, ends) = (&self.locations, &self.ends);
        let is_same = |(other, index): &(u64, StackIndex)| *other == hash && at(locations, ends, *index) == stack;
        if let Some((_, known)) = self.known.find(hash, is_same) {
            return *known;
        }
        let index = StackIndex(u32::try_from(ends.len()).expect("there are fewer than 2^32 stacks"));
        self.locations.extend_from_slice(stack);
        self.ends.push(self.locations.len());
        self.known.insert_unique(hash, (hash, index), |(hash, _)| *hash);
        index
    }

    /// The stack of an index.
    pub(crate) fn get(&self, index: StackIndex) -> &[LocationIndex] {
        at(&self.locations, &self.ends, index)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All stacks one after the other, and where each ends.
    pub(crate) fn into_columns(self) -> (Vec<LocationIndex>, Vec<usize>) {
        (self.locations, self.ends)
    }
}

fn at<'a>(locations: &'a [LocationIndex], ends: &[usize], index: StackIndex) -> &'a [LocationIndex] {
    let position = index.position();
    let start = if position == 0 { 0 } else { ends[position - 1] };
    &locations[start..ends[position]]
}
