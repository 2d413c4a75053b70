//! The callers and callees of each function, byte for byte as `go tool pprof -tree` and `-peek` print them.

use std::fmt::Write;
use std::io;

use super::view::View;
use crate::graph::{EdgeIndex, Graph, NodeIndex};
use crate::measurement::percentage;
use crate::parallel::in_parts;
use crate::{Error, Profile};

const SEPARATOR: &str = "----------------------------------------------------------+-------------\n";
// The spaces and tabs at the end are pprof's.
const LEGEND: &str = "      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t \n";

/// As wide as the columns of a function are.
const BLANKS: &str = "                                                  ";

/// So many nodes are written at once.
const PIECE: usize = 1000;
/// So many are worth a thread of their own.
const WORTH_A_THREAD: usize = 100;

/// The report, made as it is written: of a large profile it is as long as that.
#[derive(Debug, Clone)]
pub(crate) struct Callers {
    /// Without its profile.
    view: View,
    graph: Graph,
    /// The lines above.
    lines: String,
    /// The nodes, each with the sum of all flat values up to it.
    shown: Vec<(NodeIndex, i64)>,
}

impl Callers {
    /// The callers and callees of all nodes, or of those whose names match `pattern`, which the view looks for.
    ///
    /// # Errors
    ///
    /// If `pattern` matches nothing.
    pub(crate) fn new(mut view: View, pattern: Option<&str>) -> Result<Callers, Error> {
        let trimmed = view.trimmed();
        let graph = &trimmed.graph;
        let is_shown =
            |node: &&NodeIndex| view.peeked.as_ref().is_none_or(|peeked| peeked.is_match(graph[**node].name()));
        let mut sum: i64 = 0;
        let up_to = |node: &NodeIndex| {
            sum = sum.saturating_add(graph[*node].flat.value());
            (*node, sum)
        };
        let shown: Vec<_> = graph.listed().iter().filter(is_shown).map(up_to).collect();
        if let Some(pattern) = pattern.filter(|_| shown.is_empty()) {
            return Err(Error::NoMatch { expression: pattern.into() });
        }
        let lines = view.lines(&trimmed).join("\n");
        view.profile = Profile::default();
        Ok(Callers { view, graph: trimmed.graph, lines, shown })
    }

    /// Writes the report.
    pub(crate) fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        out.write_all([&self.lines, "\n", SEPARATOR, LEGEND].concat().as_bytes())?;
        for some in self.shown.chunks(PIECE) {
            let texts = in_parts(some.len(), some.len() / WORTH_A_THREAD, |part| {
                let mut text = String::new();
                some[part]
                    .iter()
                    .for_each(|(node, sum)| with_relatives(&self.view, &self.graph, *node, *sum, &mut text));
                text
            });
            texts.iter().try_for_each(|text| out.write_all(text.as_bytes()))?;
        }
        if self.graph.listed().is_empty() { Ok(()) } else { out.write_all(SEPARATOR.as_bytes()) }
    }
}

/// The lines of a node between those of its callers and callees.
fn with_relatives(view: &View, graph: &Graph, index: NodeIndex, sum: i64, text: &mut String) {
    let node = &graph[index];
    let (flat, cum) = (node.flat.value(), node.cum.value());
    text.push_str(SEPARATOR);
    for edge in graph.sorted(graph.incoming(index)) {
        relative(view, graph, edge, graph[edge].from, cum, text);
    }
    let _ = writeln!(text, "{}                | {}", view.columns(flat, sum, cum), node.name());
    for edge in graph.sorted(graph.outgoing(index)) {
        relative(view, graph, edge, graph[edge].to, cum, text);
    }
}

/// The line of a caller or callee.
fn relative(view: &View, graph: &Graph, edge: EdgeIndex, other: NodeIndex, cum: i64, text: &mut String) {
    let edge = &graph[edge];
    let value = view.value(edge.weight.sum);
    let mark = if edge.inline { " (inline)" } else { "" };
    let blanks = &BLANKS[..BLANKS.len().saturating_sub(value.chars().count())];
    for part in [blanks, &value, " ", &percentage(edge.weight.sum, cum), " |   ", graph[other].name(), mark, "\n"] {
        text.push_str(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;
    use crate::report::{Format, Options};

    fn text(format: &Format, pattern: Option<&str>) -> Result<String, Error> {
        let profile = profile_of(&[("main;work+hot", 3), ("main;cold", 1)]);
        let view = View::new(profile, format, &Options { unit: "ns".into(), ..Options::default() }).unwrap();
        let mut bytes = Vec::new();
        Callers::new(view, pattern)?.write(&mut bytes).unwrap();
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn each_function_stands_between_its_callers_and_callees() {
        let text = text(&Format::Tree, None).unwrap();
        let expected = "\
----------------------------------------------------------+-------------
                                               3ns   100% |   work (inline)
       3ns 75.00% 75.00%        3ns 75.00%                | hot
----------------------------------------------------------+-------------
                                               1ns   100% |   main
       1ns 25.00%   100%        1ns 25.00%                | cold
----------------------------------------------------------+-------------
         0     0%   100%        4ns   100%                | main
                                               3ns 75.00% |   work
                                               1ns 25.00% |   cold
----------------------------------------------------------+-------------
                                               3ns   100% |   main
         0     0%   100%        3ns 75.00%                | work
                                               3ns   100% |   hot (inline)
----------------------------------------------------------+-------------
";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn a_peek_at_nothing_is_an_error() {
        let found = text(&Format::Peek("nowhere".into()), Some("nowhere"));
        assert_eq!(found, Err(Error::NoMatch { expression: "nowhere".into() }));
        let text = text(&Format::Peek("cold".into()), Some("cold")).unwrap();
        assert!(!text.contains("| hot"), "{text}");
    }
}
