//! Cuts a graph down to what is worth showing. That whole nodes went from a graph, other than a tree, shows only when it is
//! built anew of the rest, because only the samples say which edges then pass over them; see `report/view.rs`.

use std::collections::{HashSet, VecDeque};

use super::{EdgeIndex, Graph, NodeIndex, NodeInfo};

/// As many labels of a kind are drawn at most at one node.
pub(crate) const MOST_TAGS: usize = 4;

impl Graph {
    /// The nodes whose cum is at least `cutoff`.
    pub fn heavy(&self, cutoff: u64) -> Vec<NodeIndex> {
        let is_heavy = |index: &NodeIndex| self[*index].cum.sum.unsigned_abs() >= cutoff;
        self.listed.iter().copied().filter(is_heavy).collect()
    }

    /// The first `count` nodes. If labels are drawn, they take room as nodes do.
    pub fn first(&self, count: usize, with_tags: bool) -> Vec<NodeIndex> {
        let mut last = count;
        if with_tags {
            let mut room = 0;
            for (position, node) in self.nodes().enumerate() {
                room += node.tags.flat_count().min(MOST_TAGS) + 1;
                if room >= count {
                    last = position + 1;
                    break;
                }
            }
        }
        self.listed.iter().copied().take(last).collect()
    }

    /// What these nodes stand for.
    pub fn infos(&self, nodes: &[NodeIndex]) -> HashSet<NodeInfo> {
        nodes.iter().map(|index| self[*index].info.clone()).collect()
    }

    /// Drops labels below `cutoff`.
    pub fn drop_light_tags(&mut self, cutoff: u64) {
        for index in &self.listed {
            self.nodes[index.position()].tags.drop_light(cutoff);
        }
    }

    /// Drops edges into nodes to be shown whose weight is below `cutoff`, and gives how many.
    pub fn drop_light_edges(&mut self, cutoff: u64) -> usize {
        let mut dropped = 0;
        for node in &self.listed {
            for edge in &self.nodes[node.position()].incoming {
                let edge = &mut self.edges[edge.position()];
                if !edge.dropped && edge.weight.sum.unsigned_abs() < cutoff {
                    edge.dropped = true;
                    dropped += 1;
                }
            }
        }
        dropped
    }

    /// Drops all other nodes of a tree. What they called is called by their callers instead.
    pub fn keep_in_tree(&mut self, kept: &[NodeIndex]) {
        let kept: HashSet<_> = kept.iter().copied().collect();
        let listed = std::mem::take(&mut self.listed);
        for node in listed {
            if kept.contains(&node) {
                self.listed.push(node);
                continue;
            }
            let into = self.incoming(node).next().map(|(index, _)| index);
            let out: Vec<_> = self.outgoing(node).map(|(index, _)| index).collect();
            let Some(into) = into else {
                // Without a caller, what it called are roots.
                out.iter().for_each(|index| self.edges[index.position()].dropped = true);
                continue;
            };
            let (caller, inline) = (self[into].from, self[into].inline);
            self.edges[into.position()].dropped = true;
            for index in out {
                let edge = &mut self.edges[index.position()];
                (edge.from, edge.residual) = (caller, true);
                edge.inline &= inline;
                self.nodes[caller.position()].outgoing.push(index);
            }
        }
        self.drop_redundant_edges();
    }

    /// Drops residual edges whose callee can be reached from the caller some other way, lightest first, but none that is
    /// heavier than one that is not residual.
    pub fn drop_redundant_edges(&mut self) {
        for position in (0..self.listed.len()).rev() {
            let edges = self.sorted(self.incoming(self.listed[position]));
            for edge in edges.into_iter().rev() {
                if !self[edge].residual {
                    break;
                }
                if self.is_redundant(edge) {
                    self.edges[edge.position()].dropped = true;
                }
            }
        }
    }

    fn is_redundant(&self, redundant: EdgeIndex) -> bool {
        let (from, to) = (self[redundant].from, self[redundant].to);
        let mut seen = HashSet::from([to]);
        let mut queue = VecDeque::from([to]);
        while let Some(node) = queue.pop_front() {
            for (index, edge) in self.incoming(node) {
                if index == redundant || seen.contains(&edge.from) {
                    continue;
                }
                if edge.from == from {
                    return true;
                }
                seen.insert(edge.from);
                queue.push_back(edge.from);
            }
        }
        false
    }
}
