//! Samples → graph or tree. What is dropped from it afterwards is decided in `trim.rs`.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::rc::Rc;

use hashbrown::HashMap;

use super::frames::Frames;
use super::sums::{Column, Sums};
use super::{Edge, EdgeIndex, Graph, Node, NodeIndex, NodeInfo, Sum, Tags};
use crate::{LabelSetIndex, Profile, Sample};

/// Names the number of a label in a unit.
pub type TagName<'a> = dyn Fn(i64, &str) -> String + 'a;

/// How a graph is built.
#[derive(Clone, Copy, Default)]
pub struct Shape<'a> {
    /// Which of a sample's values.
    pub sample_index: usize,
    /// Whether values are divided by the sum of each sample's first ones.
    pub mean: bool,
    /// Whether each way to a place is a node of its own.
    pub call_tree: bool,
    /// Whether nodes with a negative value are not shown.
    pub drop_negative: bool,
    /// Whether places in different binaries are always different.
    pub object_names: bool,
    /// The only nodes to use, or all. Not for trees, which are trimmed afterwards.
    pub kept: Option<&'a HashSet<NodeInfo>>,
    /// Says by its name whether a node's calls are of interest; there are no others then. All are without this. Not for
    /// trees.
    pub calls_of: Option<&'a dyn Fn(&str) -> bool>,
    /// How the number of a label in a unit is called; without this, labels are left alone.
    pub tag_name: Option<&'a TagName<'a>>,
}

impl Shape<'_> {
    fn column(&self) -> Column {
        Column { sample_index: self.sample_index, mean: self.mean }
    }

    fn is_shown(&self, flat: Sum, cum: Sum) -> bool {
        let is_negative = flat.sum < 0 || flat.sum == 0 && cum.sum < 0;
        (flat.sum != 0 || cum.sum != 0) && !(self.drop_negative && is_negative)
    }
}

impl Graph {
    /// The graph or tree of a profile's samples.
    ///
    /// A sample whose leaf is not kept gives no flat value to anyone. Nodes that sum up to nothing are not listed.
    pub fn new(profile: &Profile, shape: &Shape<'_>) -> Graph {
        let frames = Frames::new(profile, shape);
        let builder = Builder {
            shape,
            graph: Graph::default(),
            edges: HashMap::new(),
            counted: Vec::new(),
            text_labels: HashMap::new(),
        };
        if shape.call_tree { builder.tree(profile, &frames) } else { builder.graph(profile, &frames) }
    }

    /// The nodes of [`Graph::new`] with what was measured in them, but without tags and without the calls between them. A
    /// shape for trees has the nodes of a graph here, and one with nodes to keep has all.
    pub fn without_edges(profile: &Profile, shape: &Shape<'_>) -> Graph {
        let shape = Shape { kept: None, ..*shape };
        let frames = Frames::new(profile, &shape);
        let sums = Sums::new(profile, shape.column(), &frames);
        let mut graph = Graph::default();
        for (info, (flat, cum)) in frames.infos.into_iter().zip(sums.flat.into_iter().zip(sums.cum)) {
            let node = graph.add(info, None);
            (graph.nodes[node.position()].flat, graph.nodes[node.position()].cum) = (flat, cum);
        }
        graph.list(&shape);
        graph
    }

    fn add(&mut self, info: NodeInfo, context: Option<NodeIndex>) -> NodeIndex {
        let index = NodeIndex::new(self.nodes.len());
        self.nodes.push(Node {
            info,
            flat: Sum::default(),
            cum: Sum::default(),
            tags: Tags::default(),
            context,
            name: OnceCell::new(),
            incoming: Vec::new(),
            outgoing: Vec::new(),
        });
        index
    }

    fn list(&mut self, shape: &Shape<'_>) {
        let is_shown = |index: &NodeIndex| shape.is_shown(self[*index].flat, self[*index].cum);
        self.listed = (0..self.nodes.len()).map(NodeIndex::new).filter(is_shown).collect();
    }
}

struct Builder<'a> {
    shape: &'a Shape<'a>,
    graph: Graph,
    edges: HashMap<(NodeIndex, NodeIndex), EdgeIndex>,
    /// For each edge the sample by which it was last counted, as recursion must not count twice.
    counted: Vec<usize>,
    /// The text of sets of labels that were met.
    text_labels: HashMap<LabelSetIndex, Rc<str>>,
}

impl Builder<'_> {
    fn graph(mut self, profile: &Profile, frames: &Frames) -> Graph {
        for info in &frames.infos {
            self.graph.add(info.clone(), None);
        }
        let is_of_interest: Vec<_> = match self.shape.calls_of {
            Some(wanted) => self.graph.nodes.iter().map(|node| wanted(node.name())).collect(),
            None => vec![true; frames.infos.len()],
        };
        let column = self.shape.column();
        let mut counted = vec![usize::MAX; frames.infos.len()];
        for number in 0..profile.samples.len() {
            let sample = profile.samples.at(number);
            let value = column.of(sample);
            if value == Sum::default() {
                continue;
            }
            let labels = self.labels(profile, number);
            let mut caller: Option<NodeIndex> = None;
            let mut residual = false;
            for location in sample.locations.iter().rev() {
                let nodes = frames.of(*location);
                for (depth, node) in nodes.iter().enumerate().rev() {
                    let Some(node) = *node else {
                        residual = true;
                        continue;
                    };
                    if std::mem::replace(&mut counted[node.position()], number) != number {
                        self.count(node, value, labels.as_deref(), sample, false);
                    }
                    let is_wanted = |caller: &NodeIndex| {
                        *caller != node && (is_of_interest[node.position()] || is_of_interest[caller.position()])
                    };
                    if let Some(caller) = caller.filter(is_wanted) {
                        self.call((caller, node), number, value, residual, depth + 1 != nodes.len());
                    }
                    caller = Some(node);
                    residual = false;
                }
            }
            if let Some(leaf) = caller.filter(|_| !residual) {
                self.count(leaf, value, labels.as_deref(), sample, true);
            }
        }
        self.graph.list(self.shape);
        self.graph
    }

    /// Nodes that are not kept are kept all the same: a tree is trimmed when it is there.
    fn tree(mut self, profile: &Profile, frames: &Frames) -> Graph {
        let mut children: HashMap<(Option<NodeIndex>, NodeIndex), NodeIndex> = HashMap::new();
        let column = self.shape.column();
        for (number, sample) in profile.samples.iter().enumerate() {
            let value = column.of(sample);
            if value == Sum::default() {
                continue;
            }
            let labels = self.labels(profile, number);
            let mut caller = None;
            for location in sample.locations.iter().rev() {
                let nodes = frames.of(*location);
                for (depth, place) in nodes.iter().enumerate().rev().filter_map(|(depth, node)| Some((depth, (*node)?)))
                {
                    let node = *children
                        .entry((caller, place))
                        .or_insert_with(|| self.graph.add(frames.infos[place.position()].clone(), caller));
                    self.count(node, value, labels.as_deref(), sample, false);
                    if let Some(caller) = caller {
                        self.call((caller, node), number, value, false, depth + 1 != nodes.len());
                    }
                    caller = Some(node);
                }
            }
            if let Some(leaf) = caller {
                self.count(leaf, value, labels.as_deref(), sample, true);
            }
        }
        self.graph.list(self.shape);
        self.graph
    }

    /// The text labels of a sample, if labels are asked for.
    fn labels(&mut self, profile: &Profile, number: usize) -> Option<Rc<str>> {
        self.shape.tag_name?;
        let labels = profile.samples.at(number).labels;
        let new = || super::tag::text_labels(labels).into();
        Some(self.text_labels.entry(profile.samples.label_set_at(number)).or_insert_with(new).clone())
    }

    fn count(&mut self, node: NodeIndex, value: Sum, labels: Option<&str>, sample: Sample<'_>, is_leaf: bool) {
        let node = &mut self.graph.nodes[node.position()];
        if is_leaf { &mut node.flat } else { &mut node.cum }.add(value);
        if let (Some(labels), Some(tag_name)) = (labels, self.shape.tag_name) {
            node.tags.count(labels, sample, value, is_leaf, tag_name);
        }
    }

    fn call(&mut self, (from, to): (NodeIndex, NodeIndex), sample: usize, value: Sum, residual: bool, inline: bool) {
        let next = self.graph.edges.len();
        let index = *self.edges.entry((from, to)).or_insert_with(|| EdgeIndex::new(next));
        if index.position() < next {
            if std::mem::replace(&mut self.counted[index.position()], sample) != sample {
                let edge = &mut self.graph.edges[index.position()];
                edge.weight.add(value);
                edge.residual |= residual;
                edge.inline &= inline;
            }
            return;
        }
        self.counted.push(sample);
        self.graph.edges.push(Edge { from, to, weight: value, residual, inline, dropped: false });
        self.graph.nodes[from.position()].outgoing.push(index);
        self.graph.nodes[to.position()].incoming.push(index);
    }
}
