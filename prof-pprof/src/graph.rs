//! Profile → functions (or lines, files, addresses) and the calls between them, with flat and cum values as pprof defines
//! them. How it is built is in `graph/build.rs`, how it is cut down to what is worth showing in `graph/trim.rs`; what is
//! printed of it is in `report/`. Never changes the profile.

use std::sync::OnceLock;

use crate::Text;
use crate::path::base;
use crate::position::Position;

mod build;
mod frames;
mod order;
mod sums;
pub mod tag;
mod trim;

pub use build::{Calls, Shape, TagName};
pub use order::Order;
pub use tag::{Tag, Tags};
pub(crate) use trim::MOST_TAGS;

/// What a node stands for. What is not told apart is empty or 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct NodeInfo {
    /// The function's name.
    pub name: Text,
    /// The address in the profile.
    pub address: u64,
    /// The source file.
    pub file: Text,
    /// Where the function begins in it; known only where `object` is.
    pub start_line: i64,
    /// The line in the file.
    pub line: i64,
    /// The column in the line.
    pub column: i64,
    /// The file behind the mapping, for nodes without a name and for reports that ask for it.
    pub object: Text,
}

impl NodeInfo {
    /// The name for people: address, function, file and line, as far as they are told apart; else the binary in brackets,
    /// else `<unknown>`.
    pub fn printable_name(&self) -> Text {
        // By far the most common, and shared rather than copied.
        if self.address == 0 && self.line == 0 && self.file.is_empty() && !self.name.is_empty() {
            return self.name.clone();
        }
        self.name_parts().join(" ").into()
    }

    /// The parts of the name for people.
    pub fn name_parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if self.address != 0 {
            parts.push(format!("{:016x}", self.address));
        }
        if !self.name.is_empty() {
            parts.push(self.name.to_string());
        }
        if self.line != 0 && self.column != 0 {
            parts.push(format!("{}:{}:{}", self.file, self.line, self.column));
        } else if self.line != 0 {
            parts.push(format!("{}:{}", self.file, self.line));
        } else if !self.file.is_empty() {
            parts.push(self.file.to_string());
        } else if self.name.is_empty() && !self.object.is_empty() {
            parts.push(format!("[{}]", base(&self.object)));
        } else if self.name.is_empty() {
            parts.push("<unknown>".into());
        }
        parts
    }
}

/// A sum of values, and what it is to be divided by if a mean is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// The sum.
    pub sum: i64,
    /// The divisor; 0 for none.
    pub divisor: i64,
}

impl Sum {
    /// The mean if there is a divisor, else the sum.
    pub fn value(self) -> i64 {
        if self.divisor == 0 { self.sum } else { self.sum.wrapping_div(self.divisor) }
    }

    pub(crate) fn add(&mut self, other: Sum) {
        self.sum = self.sum.saturating_add(other.sum);
        self.divisor = self.divisor.saturating_add(other.divisor);
    }
}

/// A function, or another place, with what was measured in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Which place.
    pub info: NodeInfo,
    /// Over the samples that have it as their leaf.
    pub flat: Sum,
    /// Over the samples that have it anywhere, each counted once.
    pub cum: Sum,
    /// What the labels of those samples say of it; empty unless asked for.
    pub tags: Tags,
    /// In a tree, the node that it was reached from.
    pub context: Option<NodeIndex>,
    /// Made when it is first asked for.
    name: OnceLock<Text>,
    incoming: Vec<EdgeIndex>,
    outgoing: Vec<EdgeIndex>,
}

impl Node {
    /// The name for people, [`NodeInfo::printable_name`].
    pub fn name(&self) -> &Text {
        self.name.get_or_init(|| self.info.printable_name())
    }
}

/// Names a node of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(Position);

impl NodeIndex {
    fn new(position: usize) -> NodeIndex {
        NodeIndex(Position::new(position))
    }

    fn position(self) -> usize {
        self.0.get()
    }
}

/// Names an edge of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EdgeIndex(Position);

impl EdgeIndex {
    fn new(position: usize) -> EdgeIndex {
        EdgeIndex(Position::new(position))
    }

    fn position(self) -> usize {
        self.0.get()
    }
}

/// Calls from one place to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The caller.
    pub from: NodeIndex,
    /// The callee.
    pub to: NodeIndex,
    /// Over the samples that hold this call, each counted once.
    pub weight: Sum,
    /// Whether places between the two were left out.
    pub residual: bool,
    /// Whether the callee was inlined every time.
    pub inline: bool,
    /// Whether it was dropped.
    dropped: bool,
}

/// Places and the calls between them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    listed: Vec<NodeIndex>,
}

impl Graph {
    /// The nodes to be shown, in their order. Edges may lead to others, which sum up to nothing.
    pub fn listed(&self) -> &[NodeIndex] {
        &self.listed
    }

    /// The nodes to be shown.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.listed.iter().map(|index| &self[*index])
    }

    /// The edges into a node.
    pub fn incoming(&self, node: NodeIndex) -> impl Iterator<Item = (EdgeIndex, &Edge)> {
        self.kept(&self[node].incoming)
    }

    /// The edges out of a node.
    pub fn outgoing(&self, node: NodeIndex) -> impl Iterator<Item = (EdgeIndex, &Edge)> {
        self.kept(&self[node].outgoing)
    }

    /// The sum of all flat values of nodes to be shown.
    pub fn flat_total(&self) -> i64 {
        self.nodes().fold(0, |sum: i64, node| sum.saturating_add(node.flat.value()))
    }

    fn kept<'a>(&'a self, edges: &'a [EdgeIndex]) -> impl Iterator<Item = (EdgeIndex, &'a Edge)> {
        edges.iter().map(|index| (*index, &self[*index])).filter(|(_, edge)| !edge.dropped)
    }
}

impl std::ops::Index<NodeIndex> for Graph {
    type Output = Node;

    fn index(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.position()]
    }
}

impl std::ops::Index<EdgeIndex> for Graph {
    type Output = Edge;

    fn index(&self, index: EdgeIndex) -> &Edge {
        &self.edges[index.position()]
    }
}

#[cfg(test)]
pub(crate) mod tests;
