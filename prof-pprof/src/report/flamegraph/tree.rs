//! Profile → the tree of its stacks, functions of one name under the same callers merged. How it is drawn is in `svg.rs`.
//! Never drops anything.

use std::collections::BTreeMap;

use crate::report::frames::frames;
use crate::{Label, Profile, Text};

/// The stacks of a profile as a tree. Its root stands for all of them.
pub(super) struct Tree {
    /// The root is the first.
    nodes: Vec<Node>,
}

/// A function under a chain of callers.
#[derive(Default)]
pub(super) struct Node {
    /// Its name for people.
    pub(super) name: Text,
    /// Sum of the values of the samples that run through it.
    pub(super) value: i64,
    /// Sum of their absolute values. It is never less than that of its callees together, also in a difference of profiles.
    pub(super) weight: u64,
    /// What it called, by name.
    callees: BTreeMap<Text, usize>,
}

/// A node on a walk over the tree, and where it is.
pub(super) struct Visit<'a> {
    pub(super) node: &'a Node,
    /// Its position in the tree.
    position: usize,
    /// How many callers it has, the root among them.
    pub(super) depth: usize,
    /// The weight of all that lies left of it.
    pub(super) start: u64,
}

impl Tree {
    /// The tree of the values at `sample_index`, of the samples with labels that are wanted.
    pub(super) fn new(profile: &Profile, sample_index: usize, is_wanted: impl Fn(&[Label]) -> bool) -> Tree {
        let names = |location| frames(profile, location).into_iter().map(|frame| frame.name).collect();
        let names: Vec<Vec<Text>> = profile.locations.iter().map(names).collect();
        let mut tree = Tree { nodes: vec![Node { name: "all".into(), ..Node::default() }] };
        for sample in &profile.samples {
            let value = sample.values[sample_index];
            if value == 0 || !is_wanted(sample.labels) {
                continue;
            }
            let mut position = 0;
            tree.nodes[position].add(value);
            for name in sample.locations.iter().rev().flat_map(|location| &names[location.position()]) {
                position = tree.callee(position, name);
                tree.nodes[position].add(value);
            }
        }
        tree
    }

    /// The root.
    pub(super) fn root(&self) -> &Node {
        &self.nodes[0]
    }

    /// Walks over the nodes for which `enter` holds, each before its callees, which are not looked at if it does not.
    pub(super) fn walk<'a>(&'a self, mut enter: impl FnMut(&Visit<'a>) -> bool) {
        // Stacks may be deeper than that of the thread which draws them.
        let mut ahead = vec![Visit { node: self.root(), position: 0, depth: 0, start: 0 }];
        while let Some(visit) = ahead.pop() {
            if !enter(&visit) {
                continue;
            }
            let first = ahead.len();
            let mut start = visit.start;
            for &position in self.nodes[visit.position].callees.values() {
                let node = &self.nodes[position];
                ahead.push(Visit { node, position, depth: visit.depth + 1, start });
                start = start.saturating_add(node.weight);
            }
            ahead[first..].reverse();
        }
    }

    /// How many nodes there are, the root among them.
    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }

    fn callee(&mut self, caller: usize, name: &Text) -> usize {
        if let Some(&known) = self.nodes[caller].callees.get(name) {
            return known;
        }
        let position = self.nodes.len();
        self.nodes.push(Node { name: name.clone(), ..Node::default() });
        self.nodes[caller].callees.insert(name.clone(), position);
        position
    }
}

impl Node {
    fn add(&mut self, value: i64) {
        self.value = self.value.saturating_add(value);
        self.weight = self.weight.saturating_add(value.unsigned_abs());
    }
}
