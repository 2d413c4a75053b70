//! Profile → functions and the calls between them, with flat and cum values as pprof defines them. What is printed of
//! it is in `report/`. Never changes the profile.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::{Location, Profile, Text};

/// What a node stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeInfo {
    /// The function's name; empty if unknown.
    pub name: Text,
    /// The file behind the mapping, for nodes without a name; empty if unknown.
    pub object: Text,
}

impl NodeInfo {
    /// The name for people: the function, else the file in brackets, else `<unknown>`.
    pub fn printable_name(&self) -> Text {
        if !self.name.is_empty() {
            self.name.clone()
        } else if !self.object.is_empty() {
            let file = self.object.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            format!("[{}]", if file.is_empty() { "/" } else { file }).into()
        } else {
            "<unknown>".into()
        }
    }
}

/// A function with what was measured in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Which function.
    pub info: NodeInfo,
    /// Sum over the samples that have it as their leaf.
    pub flat: i64,
    /// Sum over the samples that have it anywhere, each counted once.
    pub cum: i64,
}

/// Names one of [`Graph::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(usize);

impl NodeIndex {
    /// The position in [`Graph::nodes`].
    pub fn position(self) -> usize {
        self.0
    }
}

/// Calls from one function to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The caller.
    pub from: NodeIndex,
    /// The callee.
    pub to: NodeIndex,
    /// Sum over the samples that hold this call, each counted once.
    pub weight: i64,
    /// Whether functions between the two were left out.
    pub residual: bool,
    /// Whether the callee was inlined every time.
    pub inline: bool,
}

/// Functions and the calls between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// The functions with any value.
    pub nodes: Vec<Node>,
    /// The calls between them.
    pub edges: Vec<Edge>,
}

/// By what nodes are sorted, the largest first. Equal ones are sorted by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By [`Node::flat`].
    #[default]
    Flat,
    /// By [`Node::cum`].
    Cum,
}

impl Graph {
    /// The graph of the values at `sample_index`, of the nodes in `kept`, or of all.
    ///
    /// A sample whose leaf is not kept gives no flat value to anyone.
    pub fn new(profile: &Profile, sample_index: usize, kept: Option<&HashSet<NodeInfo>>) -> Graph {
        let (mut nodes, of_location) = nodes(profile, kept);
        let mut edges = Edges::default();
        // The sample by which a node was last counted, as recursion must not count twice.
        let mut counted = vec![None; nodes.len()];
        for (number, sample) in profile.samples.iter().enumerate() {
            let value = sample.values[sample_index];
            if value == 0 {
                continue;
            }
            let mut caller: Option<NodeIndex> = None;
            let mut residual = false;
            for location in sample.locations.iter().rev() {
                let frames = &of_location[location.position()];
                for (depth, node) in frames.iter().enumerate().rev() {
                    let Some(node) = *node else {
                        residual = true;
                        continue;
                    };
                    if counted[node.0].replace(number) != Some(number) {
                        let cum = &mut nodes[node.0].cum;
                        *cum = cum.saturating_add(value);
                    }
                    if let Some(caller) = caller.filter(|caller| *caller != node) {
                        edges.add(caller, node, number, value, residual, depth + 1 != frames.len());
                    }
                    caller = Some(node);
                    residual = false;
                }
            }
            if let Some(leaf) = caller.filter(|_| !residual) {
                let flat = &mut nodes[leaf.0].flat;
                *flat = flat.saturating_add(value);
            }
        }
        Graph { nodes, edges: edges.edges }.without_empty_nodes()
    }

    /// Sorts the nodes; edges follow.
    pub fn sort(&mut self, order: Order) {
        let mut old: Vec<_> = std::mem::take(&mut self.nodes).into_iter().enumerate().collect();
        old.sort_by_cached_key(|(_, node)| {
            let (flat, cum) = (Reverse(node.flat.unsigned_abs()), Reverse(node.cum.unsigned_abs()));
            let (first, last) = match order {
                Order::Flat => (flat, cum),
                Order::Cum => (cum, flat),
            };
            (first, node.info.printable_name(), last, node.info.clone())
        });
        let mut moved = vec![None; old.len()];
        for (position, (before, node)) in old.into_iter().enumerate() {
            moved[before] = Some(NodeIndex(position));
            self.nodes.push(node);
        }
        self.follow(&moved);
    }

    /// The sum of all flat values.
    pub fn flat_total(&self) -> i64 {
        self.nodes.iter().fold(0, |sum: i64, node| sum.saturating_add(node.flat))
    }

    /// Drops edges whose weight is below `cutoff`.
    pub fn drop_light_edges(&mut self, cutoff: u64) {
        self.edges.retain(|edge| edge.weight.unsigned_abs() >= cutoff);
    }

    fn without_empty_nodes(mut self) -> Graph {
        let mut moved = Vec::with_capacity(self.nodes.len());
        let mut kept = 0;
        for node in &self.nodes {
            let used = node.flat != 0 || node.cum != 0;
            moved.push(used.then_some(NodeIndex(kept)));
            kept += usize::from(used);
        }
        self.nodes.retain(|node| node.flat != 0 || node.cum != 0);
        self.follow(&moved);
        self
    }

    /// Makes the edges follow nodes to where they moved; those of dropped nodes go.
    fn follow(&mut self, moved: &[Option<NodeIndex>]) {
        self.edges.retain_mut(|edge| match (moved[edge.from.0], moved[edge.to.0]) {
            (Some(from), Some(to)) => {
                (edge.from, edge.to) = (from, to);
                true
            }
            _ => false,
        });
    }
}

/// The nodes, and for each location the nodes of its lines.
fn nodes(profile: &Profile, kept: Option<&HashSet<NodeInfo>>) -> (Vec<Node>, Vec<Vec<Option<NodeIndex>>>) {
    let mut nodes = Vec::new();
    let mut known: HashMap<NodeInfo, NodeIndex> = HashMap::new();
    let mut node = |info: NodeInfo| {
        if kept.is_some_and(|kept| !kept.contains(&info)) {
            return None;
        }
        Some(*known.entry(info).or_insert_with_key(|info| {
            nodes.push(Node { info: info.clone(), flat: 0, cum: 0 });
            NodeIndex(nodes.len() - 1)
        }))
    };
    let object = |location: &Location| location.mapping.map_or(Text::default(), |m| profile[m].filename.clone());
    let of_location = profile
        .locations
        .iter()
        .map(|location| {
            if location.lines.is_empty() {
                return vec![node(NodeInfo { object: object(location), ..NodeInfo::default() })];
            }
            let info = |line: &crate::Line| {
                let name = profile[line.function].name.clone();
                // A name is enough: functions of one name in two files are one node.
                let object = if name.is_empty() { object(location) } else { Text::default() };
                NodeInfo { name, object }
            };
            location.lines.iter().map(|line| node(info(line))).collect()
        })
        .collect();
    (nodes, of_location)
}

#[derive(Default)]
struct Edges {
    edges: Vec<Edge>,
    known: HashMap<(NodeIndex, NodeIndex), usize>,
    /// The sample by which an edge was last counted.
    counted: Vec<usize>,
}

impl Edges {
    fn add(&mut self, from: NodeIndex, to: NodeIndex, sample: usize, value: i64, residual: bool, inline: bool) {
        match self.known.get(&(from, to)) {
            Some(&position) if self.counted[position] == sample => {}
            Some(&position) => {
                let edge = &mut self.edges[position];
                edge.weight = edge.weight.saturating_add(value);
                edge.residual |= residual;
                edge.inline &= inline;
                self.counted[position] = sample;
            }
            None => {
                self.known.insert((from, to), self.edges.len());
                self.edges.push(Edge { from, to, weight: value, residual, inline });
                self.counted.push(sample);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Builder, Function, Line, ValueType};

    /// A profile of stacks such as `root;caller+inlined;leaf`, with their values.
    pub(crate) fn profile_of(samples: &[(&str, i64)]) -> Profile {
        let mut builder = Builder::new(vec![ValueType::new("cpu", "nanoseconds")]);
        let labels = builder.label_set(Vec::new());
        for (number, (stack, value)) in samples.iter().enumerate() {
            let locations = stack.split(';').rev().enumerate().map(|(depth, frames)| {
                let lines = frames.split('+').rev().map(|name| {
                    let name = builder.text(name);
                    let function = builder.function(Function { name, ..Function::default() });
                    Line { function, line: 1, column: 0 }
                });
                let lines = lines.collect();
                // Every place in every sample is an address of its own, as when each call is made elsewhere.
                let address = if frames.contains("::") { (number * 1000 + depth) as u64 + 1 } else { 1 };
                builder.location(Location { address, lines, ..Location::default() })
            });
            let locations = locations.collect();
            let stack = builder.stack(locations);
            builder.add(stack, labels, &[*value]);
        }
        builder.finish()
    }

    fn values(graph: &Graph) -> Vec<(&str, i64, i64)> {
        graph.nodes.iter().map(|node| (&*node.info.name, node.flat, node.cum)).collect()
    }

    #[test]
    fn recursion_counts_once() {
        let mut graph = Graph::new(&profile_of(&[("main;f;g;f;g;f", 5), ("main;g", 2)]), 0, None);
        graph.sort(Order::Cum);
        assert_eq!(values(&graph), [("g", 2, 7), ("main", 0, 7), ("f", 5, 5)]);
        let edge = |from: usize, to: usize| {
            let edge = graph.edges.iter().find(|edge| (edge.from.0, edge.to.0) == (from, to));
            edge.map(|edge| edge.weight)
        };
        assert_eq!((edge(1, 2), edge(2, 0), edge(0, 2), edge(1, 0)), (Some(5), Some(5), Some(5), Some(2)));
    }

    #[test]
    fn a_leaf_that_is_not_kept_leaves_no_flat_value() {
        let profile = profile_of(&[("main;f;g;h", 5), ("main;f;h", 1)]);
        let kept = ["main", "h"].map(|name| NodeInfo { name: name.into(), ..NodeInfo::default() }).into();
        let graph = Graph::new(&profile, 0, Some(&kept));
        assert!(graph.edges.iter().all(|edge| edge.residual));
        let kept = ["main", "f"].map(|name| NodeInfo { name: name.into(), ..NodeInfo::default() }).into();
        let mut graph = Graph::new(&profile, 0, Some(&kept));
        graph.sort(Order::Flat);
        assert_eq!(values(&graph), [("f", 0, 6), ("main", 0, 6)]);
    }

    #[test]
    fn inlined_means_every_time() {
        let graph = Graph::new(&profile_of(&[("a+b", 1), ("a+c", 1), ("a;c", 1)]), 0, None);
        let inline: Vec<_> = graph.edges.iter().map(|edge| (&*graph.nodes[edge.to.0].info.name, edge.inline)).collect();
        assert_eq!(inline, [("b", true), ("c", false)]);
    }
}
