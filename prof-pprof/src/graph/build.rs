//! Samples → graph. Their sums are made in `sums.rs`, trees in `build/tree.rs`; what is dropped from either afterwards is
//! decided in `trim.rs`.

use std::collections::HashSet;
use std::sync::OnceLock;

use hashbrown::HashMap;

use super::frames::Frames;
use super::sums::{Call, Column, Counted, Sums, Wanted};
use super::{Edge, EdgeIndex, Graph, Node, NodeIndex, NodeInfo, Sum, Tags, tag};
use crate::{LabelSetIndex, Profile};

mod tree;

/// Names the number of a label in a unit.
pub type TagName<'a> = dyn Fn(i64, &str) -> String + 'a;

/// Which calls a graph has.
#[derive(Clone, Copy, Default)]
pub enum Calls<'a> {
    /// All of them.
    #[default]
    All,
    /// Those from and to nodes for whose names this holds.
    Of(&'a dyn Fn(&str) -> bool),
    /// Those to nodes that are inlined anywhere.
    IntoInlined,
}

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
    /// Which calls there are. All in trees.
    pub calls: Calls<'a>,
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
        let mut graph = if shape.call_tree {
            tree::tree(profile, shape, &frames)
        } else {
            let wanted = match shape.calls {
                Calls::All => Wanted::CallsOf(vec![true; frames.infos.len()]),
                Calls::Of(names) => {
                    Wanted::CallsOf(frames.infos.iter().map(|info| names(&info.printable_name())).collect())
                }
                Calls::IntoInlined => Wanted::CallsInto(frames.are_inlined()),
            };
            let sums = Sums::new(profile, shape.column(), &frames, &wanted);
            let mut graph = Graph::of(sums, frames.infos.iter().cloned());
            if let Some(tag_name) = shape.tag_name {
                graph.tag(profile, shape.column(), &frames, tag_name);
            }
            graph
        };
        graph.list(shape);
        graph
    }

    /// The nodes of [`Graph::new`] with what was measured in them, but without tags and without the calls between them. A
    /// shape for trees has the nodes of a graph here, and one with nodes to keep has all.
    pub fn without_edges(profile: &Profile, shape: &Shape<'_>) -> Graph {
        let frames = Frames::new(profile, &Shape { kept: None, ..*shape });
        let sums = Sums::new(profile, shape.column(), &frames, &Wanted::Nodes);
        let mut graph = Graph::of(sums, frames.infos);
        graph.list(shape);
        graph
    }

    fn of(sums: Sums, infos: impl IntoIterator<Item = NodeInfo>) -> Graph {
        let mut graph = Graph::default();
        for (info, (flat, cum)) in infos.into_iter().zip(sums.flat.into_iter().zip(sums.cum)) {
            let node = graph.add(info, None);
            (graph.nodes[node.position()].flat, graph.nodes[node.position()].cum) = (flat, cum);
        }
        for call in sums.calls {
            let Call { from, to, weight, residual, inline, .. } = call;
            graph.connect(Edge { from, to, weight, residual, inline, dropped: false });
        }
        graph
    }

    /// Counts what the labels of samples say of their nodes.
    fn tag(&mut self, profile: &Profile, column: Column, frames: &Frames, name: &TagName<'_>) {
        let mut texts: HashMap<LabelSetIndex, String> = HashMap::new();
        let mut counted = Counted::none(frames);
        let samples = column.of(profile, 0..profile.samples.len());
        for (number, sample, value) in samples.filter(|(_, sample, _)| !sample.labels.is_empty()) {
            let new = || tag::text_labels(sample.labels);
            let text = &*texts.entry(profile.samples.label_set_at(number)).or_insert_with(new);
            // Outermost first, so that the leaf comes last.
            let nodes = sample.locations.iter().rev().flat_map(|location| frames.of(*location).iter().rev());
            let mut leaf = None;
            for node in nodes {
                leaf = *node;
                if let Some(node) = *node
                    && counted.is_first(node, number)
                {
                    self.nodes[node.position()].tags.count(text, sample, value, false, name);
                }
            }
            if let Some(leaf) = leaf {
                self.nodes[leaf.position()].tags.count(text, sample, value, true, name);
            }
        }
    }

    fn add(&mut self, info: NodeInfo, context: Option<NodeIndex>) -> NodeIndex {
        let index = NodeIndex::new(self.nodes.len());
        self.nodes.push(Node {
            info,
            flat: Sum::default(),
            cum: Sum::default(),
            tags: Tags::default(),
            context,
            name: OnceLock::new(),
            incoming: Vec::new(),
            outgoing: Vec::new(),
        });
        index
    }

    fn connect(&mut self, edge: Edge) -> EdgeIndex {
        let index = EdgeIndex::new(self.edges.len());
        self.nodes[edge.from.position()].outgoing.push(index);
        self.nodes[edge.to.position()].incoming.push(index);
        self.edges.push(edge);
        index
    }

    fn list(&mut self, shape: &Shape<'_>) {
        let is_shown = |index: &NodeIndex| shape.is_shown(self[*index].flat, self[*index].cum);
        self.listed = (0..self.nodes.len()).map(NodeIndex::new).filter(is_shown).collect();
    }
}
