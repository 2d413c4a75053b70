//! The table of the functions that cost most, byte for byte as `go tool pprof -top` prints it, and the same as data.

use std::collections::HashSet;
use std::fmt::Write;

use super::header::{self, Zone};
use crate::graph::{Graph, Order};
use crate::measurement::{label, percentage, scale};
use crate::{Error, Profile, Text, ValueType};

/// What the table shows. The default is that of `go tool pprof -top`.
#[derive(Debug, Clone, PartialEq)]
pub struct TopOptions {
    /// The sample type, by name or number; without one the profile's default.
    pub sample_index: Option<String>,
    /// How many functions at most.
    pub node_count: Option<usize>,
    /// The value that functions are sorted by.
    pub order: Order,
    /// Functions whose cum is below this share of the total are left out.
    pub node_fraction: f64,
    /// Calls below this share of the total do not decide whether a function counts as inlined.
    pub edge_fraction: f64,
    /// The unit of all values; `minimum` picks one.
    pub unit: String,
    /// The time zone of the profile's date.
    pub zone: Zone,
}

impl Default for TopOptions {
    fn default() -> Self {
        TopOptions {
            sample_index: None,
            node_count: None,
            order: Order::Flat,
            node_fraction: 0.005,
            edge_fraction: 0.001,
            unit: "minimum".into(),
            zone: Zone::default(),
        }
    }
}

/// The table as text.
///
/// # Errors
///
/// If the profile has no such sample type.
pub fn top(profile: &Profile, options: &TopOptions) -> Result<String, Error> {
    let sample_index = profile.sample_index(options.sample_index.as_deref())?;
    let sample_type = &profile.sample_types[sample_index];
    let total = total(profile, sample_index);
    let trimmed = Trimmed::new(profile, sample_index, options);
    let graph = &trimmed.graph;
    let unit = unit(graph, total, sample_type, &options.unit);
    let value = |value| label(value, &sample_type.unit, unit);

    let mut text = String::new();
    for line in header::lines(profile, sample_type, total, &value(total), &options.zone) {
        text.push_str(&line);
        text.push('\n');
    }
    let shown = graph.flat_total();
    let share = percentage(shown, total);
    let (shown, all) = (value(shown), value(total));
    let _ = writeln!(text, "Showing nodes accounting for {shown}, {} of {all} total", share.trim());
    if total != 0 {
        if trimmed.dropped > 0 {
            let plural = if trimmed.dropped > 1 { "s" } else { "" };
            let cutoff = value(cutoff(total, options.node_fraction) as i64);
            let _ = writeln!(text, "Dropped {} node{plural} (cum <= {cutoff})", trimmed.dropped);
        }
        let count = graph.nodes.len();
        if count > 0 && count < trimmed.candidates {
            let _ = writeln!(text, "Showing top {count} nodes out of {}", trimmed.candidates);
        }
    }
    text.push_str("      flat  flat%   sum%        cum   cum%\n");
    let marks = inline_marks(graph);
    let mut sum: i64 = 0;
    for (node, mark) in graph.nodes.iter().zip(marks) {
        sum = sum.saturating_add(node.flat);
        let _ = writeln!(
            text,
            "{:>10} {} {} {:>10} {}  {}{mark}",
            value(node.flat),
            percentage(node.flat, total),
            percentage(sum, total),
            value(node.cum),
            percentage(node.cum, total),
            node.info.printable_name(),
        );
    }
    Ok(text)
}

/// A function and what was measured in it, in the unit of the sample type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopFunction {
    /// Its name for people.
    pub name: Text,
    /// Measured in the function itself.
    pub flat: i64,
    /// Measured in it and all that it called.
    pub cum: i64,
}

/// The `count` functions with the highest flat value, and the sum of all values, as [`TopFunction`]s in the unit of
/// the sample type.
///
/// # Errors
///
/// If the profile has no such sample type.
pub fn top_functions(
    profile: &Profile,
    sample_index: Option<&str>,
    count: usize,
) -> Result<(Vec<TopFunction>, i64), Error> {
    let sample_index = profile.sample_index(sample_index)?;
    let mut graph = Graph::new(profile, sample_index, None);
    graph.sort(Order::Flat);
    let function =
        |node: &crate::graph::Node| TopFunction { name: node.info.printable_name(), flat: node.flat, cum: node.cum };
    Ok((graph.nodes.iter().take(count).map(function).collect(), total(profile, sample_index)))
}

/// A graph of what is worth showing.
struct Trimmed {
    graph: Graph,
    /// Nodes below the cutoff.
    dropped: usize,
    /// Nodes that were left to choose from.
    candidates: usize,
}

impl Trimmed {
    /// After each step the graph is built anew from the samples, because only they say which edges pass over a node
    /// that went.
    fn new(profile: &Profile, sample_index: usize, options: &TopOptions) -> Trimmed {
        let mut graph = Graph::new(profile, sample_index, None);
        let total = graph.flat_total();
        let node_cutoff = cutoff(total, options.node_fraction);
        let all = graph.nodes.len();
        let heavy = graph.nodes.iter().filter(|node| node.cum.unsigned_abs() >= node_cutoff);
        let kept: HashSet<_> = heavy.map(|node| node.info.clone()).collect();
        let dropped = all - kept.len();
        if dropped > 0 {
            graph = Graph::new(profile, sample_index, Some(&kept));
        }
        let candidates = graph.nodes.len();
        graph.sort(options.order);
        if let Some(count) = options.node_count.filter(|count| (1..candidates).contains(count)) {
            let kept = graph.nodes.iter().take(count).map(|node| node.info.clone()).collect();
            graph = Graph::new(profile, sample_index, Some(&kept));
            graph.sort(options.order);
        }
        graph.drop_light_edges(cutoff(total, options.edge_fraction));
        Trimmed { graph, dropped, candidates }
    }
}

fn cutoff(total: i64, fraction: f64) -> u64 {
    ((total as f64 * fraction) as i64).unsigned_abs()
}

/// The sum of the absolute values.
fn total(profile: &Profile, sample_index: usize) -> i64 {
    profile.samples.iter().fold(0, |sum: i64, sample| sum.saturating_add(sample.values[sample_index].saturating_abs()))
}

/// The unit for all values. `minimum` is the one that fits the smallest; if that is another than the total's and more
/// than a hundred times smaller, the one that shows the smallest as a hundredth.
fn unit<'a>(graph: &Graph, total: i64, sample_type: &'a ValueType, wanted: &'a str) -> &'a str {
    if wanted != "minimum" || graph.nodes.is_empty() {
        return wanted;
    }
    let smallest = graph.nodes.iter().map(|node| if node.flat != 0 { node.flat } else { node.cum });
    let smallest = smallest.map(i64::saturating_abs).filter(|value| *value > 0).min().unwrap_or(total);
    let fitting = |value| scale(value, &sample_type.unit, "minimum").unit;
    let unit = if fitting(smallest) != fitting(total) && smallest.saturating_mul(100) < total {
        fitting(smallest.saturating_mul(100))
    } else {
        fitting(smallest)
    };
    if unit.is_empty() { &sample_type.unit } else { unit }
}

/// What stands behind each name: whether the function was inlined into all or some of its callers.
fn inline_marks(graph: &Graph) -> Vec<&'static str> {
    let mut seen = vec![(false, false); graph.nodes.len()];
    for edge in &graph.edges {
        let (inlined, called) = &mut seen[edge.to.position()];
        *inlined |= edge.inline;
        *called |= !edge.inline;
    }
    let mark = |seen| match seen {
        (true, true) => " (partial-inline)",
        (true, false) => " (inline)",
        _ => "",
    };
    seen.into_iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mapping;
    use crate::graph::tests::profile_of;

    fn profile() -> Profile {
        let mut profile = profile_of(&[
            ("main;work+hot", 700_000_000),
            ("main;work", 200_000_000),
            ("main;cold", 199_000_000),
            ("main;rare", 1_000_000),
        ]);
        profile.time_nanos = 1_700_000_000_000_000_000;
        profile.duration_nanos = 1_200_000_000;
        profile.mappings.push(Mapping { filename: "/bin/program".into(), ..Mapping::default() });
        profile.comments = vec!["#hidden".into(), "shown".into()];
        profile
    }

    #[test]
    fn the_table_is_that_of_go() {
        let text = top(&profile(), &TopOptions::default()).unwrap();
        // What `go tool pprof -top` (go1.27.3) prints for this profile.
        let expected = "\
File: program
shown
Type: cpu
Time: 2023-11-14 22:13:20 UTC
Duration: 1.20s, Total samples = 1100ms (91.67%)
Showing nodes accounting for 1099ms, 99.91% of 1100ms total
Dropped 1 node (cum <= 5.50ms)
      flat  flat%   sum%        cum   cum%
     700ms 63.64% 63.64%      700ms 63.64%  hot (inline)
     200ms 18.18% 81.82%      900ms 81.82%  work
     199ms 18.09% 99.91%      199ms 18.09%  cold
         0     0% 99.91%     1100ms   100%  main
";
        assert_eq!(text, expected);
    }

    #[test]
    fn options_choose_what_is_shown() {
        let options = TopOptions {
            node_count: Some(2),
            order: Order::Cum,
            unit: "ms".into(),
            node_fraction: 0.0,
            ..TopOptions::default()
        };
        let text = top(&profile(), &options).unwrap();
        assert!(text.contains("\nShowing top 2 nodes out of 5\n"), "{text}");
        assert!(text.ends_with("200ms 18.18% 18.18%      900ms 81.82%  work\n"), "{text}");
        let options = TopOptions { sample_index: Some("heap".into()), ..TopOptions::default() };
        assert!(top(&profile(), &options).is_err());
    }

    #[test]
    fn a_summary_gets_the_hottest() {
        let (functions, total) = top_functions(&profile(), None, 1).unwrap();
        assert_eq!(total, 1_100_000_000);
        assert_eq!(functions, [TopFunction { name: "hot".into(), flat: 700_000_000, cum: 700_000_000 }]);
    }
}
