//! Samples → tree, in which each way to a place is a node of its own. Graphs are made in `build.rs`. Nodes that are not to be
//! kept are there all the same: a tree is cut when it is there.

use hashbrown::HashMap;

use super::super::frames::Frames;
use super::super::{Edge, EdgeIndex, Graph, NodeIndex, Sum, tag};
use super::Shape;
use crate::{LabelSetIndex, Profile};

/// The tree of a profile's samples.
pub(super) fn tree(profile: &Profile, shape: &Shape<'_>, frames: &Frames) -> Graph {
    let mut graph = Graph::default();
    // The node of a place under a caller, and the edge to it.
    let mut children: HashMap<(Option<NodeIndex>, NodeIndex), (NodeIndex, Option<EdgeIndex>)> = HashMap::new();
    let mut texts: HashMap<LabelSetIndex, String> = HashMap::new();
    for (number, sample, value) in shape.column().of(profile, 0..profile.samples.len()) {
        let text = shape.tag_name.map(|name| {
            let new = || tag::text_labels(sample.labels);
            (&*texts.entry(profile.samples.label_set_at(number)).or_insert_with(new), name)
        });
        let mut caller: Option<NodeIndex> = None;
        for location in sample.locations.iter().rev() {
            let places = frames.of(*location);
            for (depth, place) in places.iter().enumerate().rev().filter_map(|(depth, place)| Some((depth, (*place)?)))
            {
                let (node, edge) = *children.entry((caller, place)).or_insert_with(|| {
                    let node = graph.add(frames.infos[place.position()].clone(), caller);
                    let weight = Sum::default();
                    let edge = |from| Edge { from, to: node, weight, residual: false, inline: true, dropped: false };
                    (node, caller.map(|caller| graph.connect(edge(caller))))
                });
                graph.nodes[node.position()].cum.add(value);
                if let Some((text, name)) = text {
                    graph.nodes[node.position()].tags.count(text, sample, value, false, name);
                }
                if let Some(edge) = edge {
                    let edge = &mut graph.edges[edge.position()];
                    edge.weight.add(value);
                    edge.inline &= depth + 1 != places.len();
                }
                caller = Some(node);
            }
        }
        if let Some(leaf) = caller {
            let leaf = &mut graph.nodes[leaf.position()];
            leaf.flat.add(value);
            if let Some((text, name)) = text {
                leaf.tags.count(text, sample, value, true, name);
            }
        }
    }
    graph
}
