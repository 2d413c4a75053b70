//! The graph in Graphviz's language, byte for byte as `go tool pprof -dot` writes it. The labels at nodes are in
//! `dot/nodelet.rs`, names in `dot/name.rs`, colours in `dot/color.rs`. Nothing is laid out or drawn here.

use std::collections::HashMap;
use std::fmt::Write;

use super::view::View;
use crate::graph::{EdgeIndex, Graph, NodeIndex};
use crate::measurement::percentage;
use crate::path::base;

mod color;
mod name;
mod nodelet;

use color::Ground;

/// The numbers of the nodes that are shown, from 1.
type Numbers = HashMap<NodeIndex, usize>;

/// The graph with its legend.
pub(crate) fn dot(view: &mut View) -> String {
    let trimmed = view.trimmed();
    let graph = &trimmed.graph;
    let main = view.profile.mappings.first().map(|main| main.filename.clone()).filter(|file| !file.is_empty());
    let title = main.as_deref().map(base);
    let mut text =
        format!("digraph \"{}\" {{\nnode [style=filled fillcolor=\"#f8f8f8\"]\n", title.unwrap_or("unnamed"));
    legend(&view.lines(&trimmed), title, &mut text);
    let numbers: Numbers = graph.listed().iter().copied().zip(1..).collect();
    let largest = graph.nodes().map(|node| node.flat.value().unsigned_abs()).max().unwrap_or(0);
    let mut with_nodelets = HashMap::new();
    for index in graph.listed() {
        node(view, graph, *index, numbers[index], largest, &mut text);
        let nodelets = nodelet::nodelets(view, graph, *index, numbers[index]);
        with_nodelets.insert(*index, !nodelets.is_empty());
        text.push_str(&nodelets);
    }
    let edges = graph.listed().iter().flat_map(|index| graph.outgoing(*index));
    for index in graph.sorted(edges) {
        edge(view, graph, index, &numbers, with_nodelets[&graph[index].from], &mut text);
    }
    text.push_str("}\n");
    text
}

fn legend(lines: &[String], title: Option<&str>, text: &mut String) {
    let escaped: Vec<_> = lines.iter().map(|line| name::escaped(line)).collect();
    let _ = write!(text, "subgraph cluster_L {{ \"{}\" [shape=box fontsize=16", escaped[0]);
    let _ = write!(text, " label=\"{}\\l\"", escaped.join("\\l"));
    if let Some(title) = title {
        let _ = write!(text, " tooltip=\"{title}\"");
    }
    text.push_str("] }\n");
}

fn node(view: &View, graph: &Graph, index: NodeIndex, number: usize, largest: u64, text: &mut String) {
    let node = &graph[index];
    let (flat, cum) = (node.flat.value(), node.cum.value());
    let share = |value| percentage(value, view.total).trim().to_owned();
    let mut label = name::lines(&node.info);
    let mut shown_cum = view.value(flat);
    match flat {
        0 => label.push('0'),
        _ => label.push_str(&format!("{shown_cum} ({})", share(flat))),
    }
    if cum != flat {
        shown_cum = view.value(cum);
        let space = if flat == 0 { " " } else { "\\n" };
        label.push_str(&format!("{space}of {shown_cum} ({})", share(cum)));
    }
    let weight = cum as f64 / view.total.unsigned_abs() as f64;
    let _ = writeln!(
        text,
        "N{number} [label=\"{label}\" id=\"node{number}\" fontsize={} shape=box tooltip=\"{} ({shown_cum})\" \
         color=\"{}\" fillcolor=\"{}\"]",
        font_size(flat, largest),
        name::escaped(node.name()),
        color::of(weight, Ground::Fore),
        color::of(weight, Ground::Back),
    );
}

/// From 8 to 24, by the root of the share in the largest flat value, so that small ones can be told apart.
fn font_size(flat: i64, largest: u64) -> i32 {
    let share = if largest == 0 { 0.0 } else { flat.unsigned_abs() as f64 / largest as f64 };
    8 + (16.0 * share.sqrt()).ceil() as i32
}

fn edge(view: &View, graph: &Graph, index: EdgeIndex, numbers: &Numbers, has_nodelets: bool, text: &mut String) {
    let edge = &graph[index];
    let value = edge.weight.value();
    let shown = view.value(value);
    // An edge to a node that is not shown, because it sums up to nothing, leads to the number that none has.
    let number = |node: NodeIndex| numbers.get(&node).copied().unwrap_or(0);
    let inline = if edge.inline { "\\n (inline)" } else { "" };
    let _ = write!(text, "N{} -> N{} [label=\" {shown}{inline}\"", number(edge.from), number(edge.to));
    if view.total != 0 {
        let part = |of: i64| 1 + value.wrapping_mul(of).wrapping_div(view.total).unsigned_abs().min(of.unsigned_abs());
        for (attribute, part) in [("weight", part(100)), ("penwidth", part(5))] {
            if part > 1 {
                let _ = write!(text, " {attribute}={part}");
            }
        }
        let share = value as f64 / view.total.unsigned_abs() as f64;
        let _ = write!(text, " color=\"{}\"", color::of(share, Ground::Fore));
    }
    let escaped = |node: NodeIndex| name::escaped(graph[node].name());
    let arrow = if edge.residual { "..." } else { "->" };
    let tooltip = format!("\"{} {arrow} {} ({shown})\"", escaped(edge.from), escaped(edge.to));
    let _ = write!(text, " tooltip={tooltip} labeltooltip={tooltip}");
    if edge.residual {
        text.push_str(" style=\"dotted\"");
    }
    if has_nodelets {
        // Callees keep away from the labels.
        text.push_str(" minlen=2");
    }
    text.push_str("]\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label;
    use crate::graph::tests::profile_of;
    use crate::report::{Format, Options};

    fn drawn(samples: &[(&str, i64)], options: &Options) -> String {
        let mut profile = profile_of(samples);
        profile.samples.set_labels(0, &[Label::text("test", "x"), Label::number("bytes", 2048, "bytes")]);
        dot(&mut View::new(profile, &Format::Dot, options).unwrap())
    }

    #[test]
    fn nodes_edges_and_labels_are_drawn() {
        let text = drawn(&[("main;a::b+c", 3), ("main;d", 1)], &Options::default());
        assert!(text.starts_with("digraph \"unnamed\" {\nnode [style=filled fillcolor=\"#f8f8f8\"]\n"), "{text}");
        assert!(text.contains("N2 [label=\"c\\n3ns (75.00%)\" id=\"node2\" fontsize=24 shape=box"), "{text}");
        assert!(text.contains("N2_0 [label = \"test:x\""), "{text}");
        assert!(text.contains("NN2_0_0 [label = \"2kB\""), "{text}");
        assert!(text.contains("label=\" 3ns\\n (inline)\""), "{text}");
        assert!(text.ends_with("}\n"), "{text}");
    }

    #[test]
    fn what_was_passed_over_is_dotted() {
        // Two labels at the first node take the room of two.
        let options = Options { node_count: 4, ..Options::default() };
        let text = drawn(&[("main;x;y;a", 90), ("main;b", 1)], &options);
        assert!(text.contains("tooltip=\"main ... a (90ns)\""), "{text}");
        assert!(text.contains("style=\"dotted\""), "{text}");
        assert!(text.contains("Showing top 2 nodes out of 5"), "{text}");
    }
}
