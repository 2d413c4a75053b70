//! Profiles of a few stacks, and what a graph of them must say.

use super::*;
use crate::{Builder, Function, Line, Location, Profile, ValueType};

/// A profile of stacks such as `root;caller+inlined;leaf`, with their values.
pub(crate) fn profile_of(samples: &[(&str, i64)]) -> Profile {
    let mut builder = Builder::new(vec![ValueType::new("cpu", "nanoseconds")]);
    let labels = builder.label_set(&[]);
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
        let locations: Vec<_> = locations.collect();
        builder.add(&locations, labels, &[*value]);
    }
    builder.finish()
}

/// The stacks of a profile, leaf first, and their first values.
pub(crate) fn stacks(profile: &Profile) -> Vec<(Vec<String>, i64)> {
    let name = |sample: crate::Sample<'_>| {
        let lines = sample.locations.iter().flat_map(|location| &profile[*location].lines);
        lines.map(|line| profile[line.function].name.to_string()).collect()
    };
    profile.samples.iter().map(|sample| (name(sample), sample.values[0])).collect()
}

/// The profile by functions alone.
fn functions(samples: &[(&str, i64)]) -> Profile {
    let mut profile = profile_of(samples);
    crate::aggregate(&mut profile, crate::Granularity::Functions, true, false);
    profile
}

fn values(graph: &Graph) -> Vec<(&str, i64, i64)> {
    graph.nodes().map(|node| (&*node.info.name, node.flat.sum, node.cum.sum)).collect()
}

fn edge<'a>(graph: &'a Graph, from: &str, to: &str) -> Option<&'a Edge> {
    let name = |node: NodeIndex| &*graph[node].info.name;
    let is_it = |edge: &&Edge| !edge.dropped && name(edge.from) == from && name(edge.to) == to;
    graph.edges.iter().find(is_it)
}

fn kept(names: &[&str]) -> std::collections::HashSet<NodeInfo> {
    names.iter().map(|name| NodeInfo { name: (*name).into(), ..NodeInfo::default() }).collect()
}

/// Gives each sample other values; `values` makes them of its position and those that it has.
pub(crate) fn change_values(profile: &mut Profile, values: impl Fn(usize, &[i64]) -> Vec<i64>) {
    let mut samples = crate::Samples::default();
    for (position, sample) in profile.samples.iter().enumerate() {
        samples.push(crate::Sample { values: &values(position, sample.values), ..sample });
    }
    profile.samples = samples;
}

#[test]
fn recursion_counts_once() {
    let mut graph = Graph::new(&functions(&[("main;f;g;f;g;f", 5), ("main;g", 2)]), &Shape::default());
    graph.sort(Order::Cum);
    assert_eq!(values(&graph), [("g", 2, 7), ("main", 0, 7), ("f", 5, 5)]);
    let weight = |from, to| edge(&graph, from, to).map(|edge| edge.weight.sum);
    let weights = [weight("main", "f"), weight("f", "g"), weight("g", "f"), weight("main", "g")];
    assert_eq!(weights, [Some(5), Some(5), Some(5), Some(2)]);
}

#[test]
fn a_leaf_that_is_not_kept_leaves_no_flat_value() {
    let profile = functions(&[("main;f;g;h", 5), ("main;f;h", 1)]);
    let kept_ends = kept(&["main", "h"]);
    let graph = Graph::new(&profile, &Shape { kept: Some(&kept_ends), ..Shape::default() });
    assert!(graph.edges.iter().all(|edge| edge.residual));
    let kept_tops = kept(&["main", "f"]);
    let mut graph = Graph::new(&profile, &Shape { kept: Some(&kept_tops), ..Shape::default() });
    graph.sort(Order::Flat);
    assert_eq!(values(&graph), [("f", 0, 6), ("main", 0, 6)]);
}

#[test]
fn inlined_means_every_time() {
    let graph = Graph::new(&functions(&[("a+b", 1), ("a+c", 1), ("a;c", 1)]), &Shape::default());
    let inline = |to| edge(&graph, "a", to).map(|edge| edge.inline);
    assert_eq!([inline("b"), inline("c")], [Some(true), Some(false)]);
}

#[test]
fn a_tree_has_a_node_for_each_way() {
    let profile = functions(&[("main;a;c", 1), ("main;b;c;d", 2)]);
    let mut graph = Graph::new(&profile, &Shape { call_tree: true, ..Shape::default() });
    graph.sort(Order::Cum);
    assert_eq!(values(&graph), [("main", 0, 3), ("b", 0, 2), ("c", 0, 2), ("d", 2, 2), ("a", 0, 1), ("c", 1, 1)]);
    let heavy = graph.heavy(2).into_iter().filter(|node| &*graph[*node].info.name != "b").collect::<Vec<_>>();
    graph.keep_in_tree(&heavy);
    assert_eq!(values(&graph), [("main", 0, 3), ("c", 0, 2), ("d", 2, 2)]);
    assert!(edge(&graph, "main", "c").is_some_and(|edge| edge.residual && edge.weight.sum == 2));
}

#[test]
fn a_residual_edge_goes_if_there_is_another_way() {
    let profile = functions(&[("main;x;b", 1), ("main;a;b", 5)]);
    let kept = kept(&["main", "a", "b"]);
    let mut graph = Graph::new(&profile, &Shape { kept: Some(&kept), ..Shape::default() });
    assert!(edge(&graph, "main", "b").is_some_and(|edge| edge.residual));
    graph.drop_redundant_edges();
    assert!(edge(&graph, "main", "b").is_none());
    assert!(edge(&graph, "a", "b").is_some());
}

#[test]
fn what_sums_up_to_nothing_is_not_listed_but_still_called() {
    let graph = Graph::new(&functions(&[("main;a;b", 1), ("main;a;c", -1)]), &Shape::default());
    assert_eq!(values(&graph), [("b", 1, 1), ("c", -1, -1)]);
    assert!(edge(&graph, "a", "b").is_some());
}

#[test]
fn names_say_what_is_told_apart() {
    let name = |address, name: &str, file: &str, line, column, object: &str| {
        let (name, file, object) = (name.into(), file.into(), object.into());
        NodeInfo { name, address, file, line, column, object, start_line: 0 }.printable_name().to_string()
    };
    assert_eq!(name(0, "f", "", 0, 0, ""), "f");
    assert_eq!(name(16, "f", "a.rs", 3, 7, ""), "0000000000000010 f a.rs:3:7");
    assert_eq!(name(0, "", "a.rs", 0, 0, "x"), "a.rs");
    assert_eq!(name(0, "", "", 0, 0, "/bin/x"), "[x]");
    assert_eq!(name(0, "", "", 0, 0, ""), "<unknown>");
}
