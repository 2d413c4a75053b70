//! The labels at a node: boxes for the heaviest text labels, and at each of them boxes for numbers, joined to ranges where
//! there are many.

use std::fmt::Write;

use crate::graph::{Graph, MOST_TAGS, NodeIndex, Sum, Tag, tag};
use crate::measurement::{label, scale};
use crate::report::view::View;

/// The boxes of a node, and the lines to them; empty if it has no labels.
pub(super) fn nodelets(view: &View, graph: &Graph, index: NodeIndex, number: usize) -> String {
    let tags = &graph[index].tags;
    // A node without callees shows what was in those that were dropped, too.
    let by_flat = graph.outgoing(index).next().is_some();
    let mut text_tags: Vec<_> = tags.text.values().cloned().collect();
    tag::sort(&mut text_tags, by_flat);
    text_tags.truncate(MOST_TAGS);
    let mut text = String::new();
    for (position, tag) in text_tags.iter().enumerate() {
        let weight = if by_flat { tag.flat } else { tag.cum }.value();
        if weight == 0 {
            continue;
        }
        let weight = view.value(weight);
        let own = format!("N{number}_{position}");
        // Without escapes, as labels are written by pprof.
        boxed(&own, &tag.name, &weight, &mut text);
        arrow(&format!("N{number}"), &own, &weight, "", &mut text);
        if let Some(numbers) = tags.numbers.get(&tag.name) {
            self::numbers(view, numbers.values().cloned().collect(), by_flat, &own, &mut text);
        }
    }
    if let Some(numbers) = tags.numbers.get("") {
        self::numbers(view, numbers.values().cloned().collect(), by_flat, &format!("N{number}"), &mut text);
    }
    text
}

fn boxed(own: &str, name: &str, weight: &str, text: &mut String) {
    let _ = writeln!(text, "{own} [label = \"{name}\" id=\"{own}\" fontsize=8 shape=box3d tooltip=\"{weight}\"]");
}

fn arrow(from: &str, to: &str, weight: &str, style: &str, text: &mut String) {
    let label = format!("label=\" {weight}\" weight=100 tooltip=\"{weight}\" labeltooltip=\"{weight}\"{style}");
    let _ = writeln!(text, "{from} -> {to} [{label}]");
}

fn numbers(view: &View, tags: Vec<Tag>, by_flat: bool, source: &str, text: &mut String) {
    for (position, tag) in collapsed(tags, by_flat).iter().enumerate() {
        let (flat, cum) = (tag.flat.value(), tag.cum.value());
        let (weight, style) = if by_flat || flat == cum { (flat, "") } else { (cum, " style=\"dotted\"") };
        if weight != 0 {
            let (weight, own) = (view.value(weight), format!("N{source}_{position}"));
            boxed(&own, &tag.name, &weight, text);
            arrow(source, &own, &weight, style, text);
        }
    }
}

/// The labels, sorted. If there are too many, each joins the nearest of the heaviest.
fn collapsed(mut tags: Vec<Tag>, by_flat: bool) -> Vec<Tag> {
    tag::sort(&mut tags, by_flat);
    if tags.len() <= MOST_TAGS {
        return tags;
    }
    let rest = tags.split_off(MOST_TAGS);
    let mut groups: Vec<_> = tags.into_iter().map(|tag| vec![tag]).collect();
    for tag in rest {
        let distance = |group: &[Tag]| {
            let heaviest = &group[0];
            (scale(heaviest.number, &heaviest.unit, &tag.unit).value - tag.number as f64).abs()
        };
        let mut nearest = 0;
        for other in 1..groups.len() {
            if distance(&groups[other]) < distance(&groups[nearest]) {
                nearest = other;
            }
        }
        groups[nearest].push(tag);
    }
    let mut joined: Vec<_> = groups.iter().map(|group| joined(group)).collect();
    tag::sort(&mut joined, by_flat);
    joined
}

/// One label for a group, named by its smallest and largest number.
fn joined(group: &[Tag]) -> Tag {
    let (mut least, mut most) = (&group[0], &group[0]);
    let (mut flat, mut cum) = (Sum::default(), Sum::default());
    for tag in group {
        let in_unit_of = |other: &Tag| scale(tag.number, &tag.unit, &other.unit).value as i64;
        if in_unit_of(least) < least.number {
            least = tag;
        }
        if in_unit_of(most) > most.number {
            most = tag;
        }
        flat.add(tag.flat);
        cum.add(tag.cum);
    }
    let name = |tag: &Tag| label(tag.number, &tag.unit, "auto");
    let name = if group.len() == 1 { name(least) } else { format!("{}..{}", name(least), name(most)) };
    let sum = |value: Sum| Sum { sum: value.value(), divisor: 0 };
    Tag { name, flat: sum(flat), cum: sum(cum), ..Tag::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_numbers_become_ranges() {
        let of = |(number, flat): (i64, i64)| Tag {
            name: number.to_string(),
            unit: "bytes".into(),
            number,
            flat: Sum { sum: flat, divisor: 0 },
            ..Tag::default()
        };
        let tags = [(1024, 100), (4096, 90), (1 << 20, 80), (16, 70), (2048, 2), (8, 1)].map(of).to_vec();
        let names: Vec<_> = collapsed(tags, true).into_iter().map(|tag| (tag.name, tag.flat.sum)).collect();
        let expected = [("1kB..2kB", 102), ("4kB", 90), ("1MB", 80), ("8B..16B", 71)];
        assert_eq!(names, expected.map(|(name, flat)| (name.to_owned(), flat)));
    }
}
