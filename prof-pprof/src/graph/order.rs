//! In which order nodes and edges are shown. What is shown at all is decided in `trim.rs`.

use std::cmp::{Ordering, Reverse};

use super::{Edge, EdgeIndex, Graph, Node, NodeIndex, NodeInfo};
use crate::Text;

/// By what nodes are sorted, the largest first. Equal ones are sorted by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By [`Node::flat`].
    #[default]
    Flat,
    /// By [`Node::cum`].
    Cum,
    /// By how much a drawing would lose without them: large ones, and those where ways fork or join.
    Entropy,
}

impl Graph {
    /// Sorts the nodes to be shown.
    pub fn sort(&mut self, order: Order) {
        let key = |index| Key::new(self, index, order);
        let mut listed: Vec<_> = self.listed.iter().copied().map(key).collect();
        listed.sort_by(|one, other| {
            let (a, b) = (&self[one.index].info, &self[other.index].info);
            one.weight_and_name().cmp(&other.weight_and_name()).then_with(|| one.last.cmp(&other.last)).then_with(
                || {
                    // Rarely needed, and not cheap.
                    if a == b { Ordering::Equal } else { written_out(a).cmp(&written_out(b)) }
                },
            )
        });
        self.listed = listed.into_iter().map(|key| key.index).collect();
    }

    /// The edges, heaviest first, then by the names of caller and callee.
    pub fn sorted<'a>(&'a self, edges: impl Iterator<Item = (EdgeIndex, &'a Edge)>) -> Vec<EdgeIndex> {
        let mut edges: Vec<_> = edges.map(|(index, _)| index).collect();
        edges.sort_by(|one, other| {
            let (one, other) = (&self[*one], &self[*other]);
            let weight = |edge: &Edge| Reverse(edge.weight.sum.unsigned_abs());
            let name = |node: NodeIndex| self[node].name();
            let by_callers = || name(one.from).cmp(name(other.from));
            let by_callees = || name(one.to).cmp(name(other.to));
            weight(one).cmp(&weight(other)).then_with(by_callers).then_with(by_callees)
        });
        edges
    }

    fn entropy_score(&self, index: NodeIndex) -> u64 {
        let node = &self[index];
        let weights = |edges: &[EdgeIndex]| self.kept(edges).map(|(_, edge)| edge.weight.sum).collect::<Vec<_>>();
        let (incoming, outgoing) = (weights(&node.incoming), weights(&node.outgoing));
        // Where ways begin or end is worth as much as a fork.
        let of = |weights: &[i64], own| if weights.is_empty() { 1.0 } else { entropy(weights, own) };
        let score = of(&incoming, 0) + of(&outgoing, node.flat.sum);
        let score = integer(score * node.cum.sum as f64).wrapping_add(node.flat.sum);
        // The least integer has no absolute value, and so comes last.
        if score == i64::MIN { 0 } else { score.unsigned_abs() }
    }
}

/// By what a node is sorted.
struct Key {
    index: NodeIndex,
    weight: Reverse<u64>,
    name: Text,
    last: Reverse<u64>,
}

impl Key {
    fn new(graph: &Graph, index: NodeIndex, order: Order) -> Key {
        let node = &graph[index];
        let (flat, cum) = (Reverse(node.flat.sum.unsigned_abs()), Reverse(node.cum.sum.unsigned_abs()));
        let (weight, last) = match order {
            Order::Flat => (flat, cum),
            Order::Cum => (cum, flat),
            Order::Entropy => (Reverse(graph.entropy_score(index)), flat),
        };
        Key { index, weight, name: node.name().clone(), last }
    }

    fn weight_and_name(&self) -> (Reverse<u64>, &str) {
        (self.weight, &self.name)
    }
}

/// The entropy of weights and a node's own value, in bits.
fn entropy(weights: &[i64], own: i64) -> f64 {
    let positive = weights.iter().filter(|weight| **weight > 0);
    let total = positive.fold(own, |sum, weight| sum.saturating_add(*weight));
    if total == 0 {
        return 0.0;
    }
    // An edge of no weight makes the sum no number.
    let share = |weight: i64| weight.unsigned_abs() as f64 / total as f64;
    let own = Some(own).filter(|own| *own > 0);
    let shares = weights.iter().copied().chain(own).map(share);
    shares.fold(0.0, |score, share| score - share * share.log2())
}

/// The integral part. What does not fit, or is no number, is the least integer, as processors convert it.
fn integer(number: f64) -> i64 {
    if number.abs() < i64::MAX as f64 { number as i64 } else { i64::MIN }
}

/// All that tells nodes of one name apart, as text that sorts as pprof's does.
fn written_out(info: &NodeInfo) -> String {
    let NodeInfo { name, address, file, start_line, line, column, object } = info;
    format!("{name}  {address} {file} {start_line} {line} {column} {object}")
}

impl Node {
    /// The value that decides in which unit a report is shown: flat, or cum if there is none.
    pub fn smallest_value(&self) -> u64 {
        match self.flat.value().unsigned_abs() {
            0 => self.cum.value().unsigned_abs(),
            flat => flat,
        }
    }
}
