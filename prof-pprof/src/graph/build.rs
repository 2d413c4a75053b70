//! Samples → graph or tree. What is dropped from it afterwards is decided in `trim.rs`.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::{Edge, EdgeIndex, Graph, Node, NodeIndex, NodeInfo, Sum, Tags};
use crate::path::clean;
use crate::{Line, Location, Profile, Sample, Text};

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
    /// How the number of a label in a unit is called; without this, labels are left alone.
    pub tag_name: Option<&'a TagName<'a>>,
}

impl Shape<'_> {
    fn value(&self, sample: Sample<'_>) -> Sum {
        Sum { sum: sample.values[self.sample_index], divisor: if self.mean { sample.values[0] } else { 0 } }
    }

    fn info(&self, profile: &Profile, location: &Location, line: Option<&Line>, files: &[Text]) -> NodeInfo {
        let object = || location.mapping.map_or(Text::default(), |m| profile[m].filename.clone());
        let Some(line) = line else {
            return NodeInfo { address: location.address, object: object(), ..NodeInfo::default() };
        };
        let function = &profile[line.function];
        let mut info = NodeInfo {
            name: function.name.clone(),
            address: location.address,
            file: files[line.function.position()].clone(),
            line: line.line,
            column: line.column,
            ..NodeInfo::default()
        };
        // A name is enough: functions of one name in two binaries are one node.
        if self.object_names || info.name.is_empty() {
            (info.object, info.start_line) = (object(), function.start_line);
        }
        info
    }
}

impl Graph {
    /// The graph or tree of a profile's samples.
    ///
    /// A sample whose leaf is not kept gives no flat value to anyone. Nodes that sum up to nothing are not listed.
    pub fn new(profile: &Profile, shape: &Shape<'_>) -> Graph {
        let mut graph = Builder { shape, graph: Graph::default(), edges: HashMap::new(), counted: Vec::new() };
        let infos = Infos::new(profile, shape);
        if shape.call_tree {
            graph.tree(profile, &infos)
        } else {
            graph.graph(profile, &infos)
        }
        graph.finish()
    }
}

/// The distinct infos of a profile, and for each location those of its lines.
struct Infos {
    distinct: Vec<NodeInfo>,
    of_location: Vec<Vec<usize>>,
}

impl Infos {
    fn new(profile: &Profile, shape: &Shape<'_>) -> Infos {
        let file = |function: &crate::Function| match &*function.file {
            "" => Text::default(),
            file => {
                let clean = clean(file);
                if clean == file { function.file.clone() } else { clean.into() }
            }
        };
        let files: Vec<_> = profile.functions.iter().map(file).collect();
        let mut known = HashMap::new();
        let mut distinct = Vec::new();
        let mut number = |info: NodeInfo| {
            *known.entry(info).or_insert_with_key(|info| {
                distinct.push(info.clone());
                distinct.len() - 1
            })
        };
        let of_location = profile
            .locations
            .iter()
            .map(|location| {
                if location.lines.is_empty() {
                    return vec![number(shape.info(profile, location, None, &files))];
                }
                let lines = location.lines.iter();
                lines.map(|line| number(shape.info(profile, location, Some(line), &files))).collect()
            })
            .collect();
        Infos { distinct, of_location }
    }
}

struct Builder<'a> {
    shape: &'a Shape<'a>,
    graph: Graph,
    edges: HashMap<(NodeIndex, NodeIndex), EdgeIndex>,
    /// For each edge the sample by which it was last counted, as recursion must not count twice.
    counted: Vec<usize>,
}

impl Builder<'_> {
    fn graph(&mut self, profile: &Profile, infos: &Infos) {
        let is_kept = |info: &NodeInfo| self.shape.kept.is_none_or(|kept| kept.contains(info));
        let kept: Vec<_> = infos.distinct.iter().map(is_kept).collect();
        let mut nodes = Vec::with_capacity(kept.len());
        for (info, kept) in infos.distinct.iter().zip(kept) {
            nodes.push(kept.then(|| self.node(info.clone(), None)));
        }
        let mut counted = vec![None; self.graph.nodes.len()];
        for (number, sample) in profile.samples.iter().enumerate() {
            let value = self.shape.value(sample);
            if value == Sum::default() {
                continue;
            }
            let labels = self.labels(sample);
            let mut caller: Option<NodeIndex> = None;
            let mut residual = false;
            for location in sample.locations.iter().rev() {
                let frames = &infos.of_location[location.position()];
                for (depth, info) in frames.iter().enumerate().rev() {
                    let Some(node) = nodes[*info] else {
                        residual = true;
                        continue;
                    };
                    if counted[node.position()].replace(number) != Some(number) {
                        self.count(node, value, labels.as_deref(), sample, false);
                    }
                    if let Some(caller) = caller.filter(|caller| *caller != node) {
                        self.call((caller, node), number, value, residual, depth + 1 != frames.len());
                    }
                    caller = Some(node);
                    residual = false;
                }
            }
            if let Some(leaf) = caller.filter(|_| !residual) {
                self.count(leaf, value, labels.as_deref(), sample, true);
            }
        }
    }

    fn tree(&mut self, profile: &Profile, infos: &Infos) {
        let mut children: HashMap<(Option<NodeIndex>, usize), NodeIndex> = HashMap::new();
        for (number, sample) in profile.samples.iter().enumerate() {
            let value = self.shape.value(sample);
            if value == Sum::default() {
                continue;
            }
            let labels = self.labels(sample);
            let mut caller = None;
            for location in sample.locations.iter().rev() {
                let frames = &infos.of_location[location.position()];
                for (depth, info) in frames.iter().enumerate().rev() {
                    let node = match children.get(&(caller, *info)) {
                        Some(node) => *node,
                        None => {
                            let node = self.node(infos.distinct[*info].clone(), caller);
                            children.insert((caller, *info), node);
                            node
                        }
                    };
                    self.count(node, value, labels.as_deref(), sample, false);
                    if let Some(caller) = caller {
                        self.call((caller, node), number, value, false, depth + 1 != frames.len());
                    }
                    caller = Some(node);
                }
            }
            if let Some(leaf) = caller {
                self.count(leaf, value, labels.as_deref(), sample, true);
            }
        }
    }

    fn node(&mut self, info: NodeInfo, context: Option<NodeIndex>) -> NodeIndex {
        let index = u32::try_from(self.graph.nodes.len()).expect("a graph has fewer than 2^32 nodes");
        self.graph.nodes.push(Node {
            info,
            flat: Sum::default(),
            cum: Sum::default(),
            tags: Tags::default(),
            context,
            name: OnceCell::new(),
            incoming: Vec::new(),
            outgoing: Vec::new(),
        });
        NodeIndex(index)
    }

    fn labels(&self, sample: Sample<'_>) -> Option<String> {
        self.shape.tag_name.map(|_| super::tag::text_labels(sample))
    }

    fn count(&mut self, node: NodeIndex, value: Sum, labels: Option<&str>, sample: Sample<'_>, is_leaf: bool) {
        let node = &mut self.graph.nodes[node.position()];
        if is_leaf { &mut node.flat } else { &mut node.cum }.add(value);
        if let (Some(labels), Some(tag_name)) = (labels, self.shape.tag_name) {
            node.tags.count(labels, sample, value, is_leaf, tag_name);
        }
    }

    fn call(&mut self, (from, to): (NodeIndex, NodeIndex), sample: usize, value: Sum, residual: bool, inline: bool) {
        if let Some(index) = self.edges.get(&(from, to)) {
            let counted = &mut self.counted[index.position()];
            if std::mem::replace(counted, sample) != sample {
                let edge = &mut self.graph.edges[index.position()];
                edge.weight.add(value);
                edge.residual |= residual;
                edge.inline &= inline;
            }
            return;
        }
        let index = EdgeIndex(u32::try_from(self.graph.edges.len()).expect("a graph has fewer than 2^32 edges"));
        self.edges.insert((from, to), index);
        self.counted.push(sample);
        self.graph.edges.push(Edge { from, to, weight: value, residual, inline, dropped: false });
        self.graph.nodes[from.position()].outgoing.push(index);
        self.graph.nodes[to.position()].incoming.push(index);
    }

    fn finish(self) -> Graph {
        let mut graph = self.graph;
        let is_shown = |node: &Node| {
            let (flat, cum) = (node.flat.sum, node.cum.sum);
            let is_negative = flat < 0 || flat == 0 && cum < 0;
            (flat != 0 || cum != 0) && !(self.shape.drop_negative && is_negative)
        };
        let nodes = (0..).map(NodeIndex).zip(&graph.nodes);
        graph.listed = nodes.filter(|(_, node)| is_shown(node)).map(|(index, _)| index).collect();
        graph
    }
}
