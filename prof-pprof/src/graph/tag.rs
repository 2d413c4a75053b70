//! What the labels of samples say of a node: how much of its value had which text labels, and of that how much had which
//! number. How they are drawn is in `report/dot/`.

use std::collections::BTreeMap;

use super::Sum;
use crate::{LabelValue, Sample};

/// The labels of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tags {
    /// By all text labels of a sample, joined.
    pub text: BTreeMap<String, Tag>,
    /// By name, below the text labels of the same samples; those without any are below the empty text.
    pub numbers: BTreeMap<String, BTreeMap<String, Tag>>,
}

/// One label, or one set of text labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tag {
    /// How it is called.
    pub name: String,
    /// The unit of `number`; empty for text.
    pub unit: String,
    /// The number; 0 for text.
    pub number: i64,
    /// Over the samples whose leaf the node is.
    pub flat: Sum,
    /// Over the samples that hold the node.
    pub cum: Sum,
}

impl Tag {
    fn count(&mut self, value: Sum, is_leaf: bool) {
        if is_leaf { &mut self.flat } else { &mut self.cum }.add(value);
    }
}

/// The text labels among those of a sample, sorted and joined by what starts a line in DOT.
pub(super) fn text_labels(labels: &[crate::Label]) -> String {
    let text = |label: &crate::Label| match &label.value {
        LabelValue::Text(text) => Some(format!("{}:{text}", label.key)),
        LabelValue::Number { .. } => None,
    };
    let mut labels: Vec<_> = labels.iter().filter_map(text).collect();
    labels.sort();
    labels.join("\\n")
}

impl Tags {
    pub(super) fn count(
        &mut self,
        labels: &str,
        sample: Sample<'_>,
        value: Sum,
        is_leaf: bool,
        name: &dyn Fn(i64, &str) -> String,
    ) {
        if !labels.is_empty() {
            let tag = self.text.entry(labels.to_owned()).or_default();
            tag.name = labels.to_owned();
            tag.count(value, is_leaf);
        }
        for label in sample.labels {
            let LabelValue::Number { number, unit } = &label.value else { continue };
            let unit = if unit.is_empty() { &label.key } else { unit };
            let name = name(*number, unit);
            let numbers = self.numbers.entry(labels.to_owned()).or_default();
            let new = || Tag { name: name.clone(), unit: unit.to_string(), number: *number, ..Tag::default() };
            numbers.entry(name.clone()).or_insert_with(new).count(value, is_leaf);
        }
    }

    /// Drops labels whose flat and cum are both below `cutoff`.
    pub(super) fn drop_light(&mut self, cutoff: u64) {
        let is_heavy =
            |_: &String, tag: &mut Tag| [tag.flat, tag.cum].iter().any(|value| value.sum.unsigned_abs() >= cutoff);
        self.text.retain(is_heavy);
        self.numbers.values_mut().for_each(|numbers| numbers.retain(is_heavy));
    }

    /// How many of them have a flat value.
    pub(super) fn flat_count(&self) -> usize {
        let tags = self.text.values().chain(self.numbers.values().flat_map(BTreeMap::values));
        tags.filter(|tag| tag.flat.sum != 0).count()
    }
}

/// Sorts labels by flat, or by cum and then flat, the heaviest first.
pub fn sort(tags: &mut [Tag], by_flat: bool) {
    tags.sort_by(|one, other| {
        let weight = |sum: Sum| std::cmp::Reverse(sum.sum.unsigned_abs());
        let cum = if by_flat { std::cmp::Ordering::Equal } else { weight(one.cum).cmp(&weight(other.cum)) };
        cum.then_with(|| weight(one.flat).cmp(&weight(other.flat))).then_with(|| one.name.cmp(&other.name))
    });
}
