//! Distinct sets of labels, each named by an index: many samples have the same few. Which sample has which is in
//! `samples.rs`. Never sorts labels: sets are equal only in the same order.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::Label;
use crate::position::Position;

/// Names a set of labels of a [`Builder`](crate::Builder) or of [`Samples`](crate::Samples).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelSetIndex(Position);

impl LabelSetIndex {
    pub(crate) fn position(self) -> usize {
        self.0.get()
    }
}

/// Sets of labels, none of them twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelSets {
    items: Vec<Arc<[Label]>>,
    known: HashMap<Arc<[Label]>, LabelSetIndex>,
}

impl LabelSets {
    /// The index of a set of these labels, in this order.
    pub(crate) fn index(&mut self, labels: &[Label]) -> LabelSetIndex {
        if let Some(known) = self.known.get(labels) {
            return *known;
        }
        let index = LabelSetIndex(Position::new(self.items.len()));
        let labels: Arc<[Label]> = labels.into();
        self.items.push(labels.clone());
        self.known.insert(labels, index);
        index
    }

    /// The labels of a set.
    pub(crate) fn get(&self, index: LabelSetIndex) -> &[Label] {
        &self.items[index.position()]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}
