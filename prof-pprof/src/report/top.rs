//! The table of the functions that cost most, byte for byte as `go tool pprof -top` prints it, and the same as data.

use std::fmt::Write;

use super::header::Zone;
use super::options::{Format, Options};
use super::view::View;
use crate::graph::{Edge, Graph, Node, NodeIndex, Order};
use crate::{Error, Profile, Text};

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

impl From<&TopOptions> for Options {
    fn from(options: &TopOptions) -> Options {
        Options {
            sample_index: options.sample_index.clone().unwrap_or_default(),
            node_count: options.node_count.map_or(0, |count| i64::try_from(count).unwrap_or(i64::MAX)),
            order: options.order,
            node_fraction: options.node_fraction,
            edge_fraction: options.edge_fraction,
            unit: options.unit.clone(),
            zone: options.zone.clone(),
            ..Options::default()
        }
    }
}

/// The table as text.
///
/// # Errors
///
/// If the profile has no such sample type.
pub fn top(profile: &Profile, options: &TopOptions) -> Result<String, Error> {
    Ok(text(&mut View::new(profile.clone(), &Format::Text, &options.into())?))
}

/// The table of a view.
pub(crate) fn text(view: &mut View) -> String {
    let trimmed = view.trimmed();
    let mut text = view.lines(&trimmed).join("\n");
    text.push_str("\n      flat  flat%   sum%        cum   cum%\n");
    let mut sum: i64 = 0;
    for index in trimmed.graph.listed() {
        let node = &trimmed.graph[*index];
        let (flat, cum) = (node.flat.value(), node.cum.value());
        sum = sum.saturating_add(flat);
        let mark = inline_mark(&trimmed.graph, *index);
        let _ = writeln!(text, "{}  {}{mark}", view.columns(flat, sum, cum), node.name());
    }
    text
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
    let options = Options { sample_index: sample_index.unwrap_or_default().into(), trim: false, ..Options::default() };
    let mut view = View::new(profile.clone(), &Format::Text, &options)?;
    let trimmed = view.trimmed();
    let function =
        |node: &Node| TopFunction { name: node.name().clone(), flat: node.flat.value(), cum: node.cum.value() };
    Ok((trimmed.graph.nodes().take(count).map(function).collect(), view.total))
}

/// What stands behind a name: whether the function was inlined into all or some of its callers.
fn inline_mark(graph: &Graph, node: NodeIndex) -> &'static str {
    let is_inlined = |(_, edge): (_, &Edge)| edge.inline;
    match (graph.incoming(node).any(is_inlined), graph.incoming(node).all(is_inlined)) {
        (true, true) => " (inline)",
        (true, false) => " (partial-inline)",
        _ => "",
    }
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
