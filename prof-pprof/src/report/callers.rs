//! The callers and callees of each function, byte for byte as `go tool pprof -tree` and `-peek` print them.

use std::fmt::Write;

use super::view::View;
use crate::Error;
use crate::graph::{EdgeIndex, Graph, NodeIndex};
use crate::measurement::percentage;

const SEPARATOR: &str = "----------------------------------------------------------+-------------\n";
// The spaces and tabs at the end are pprof's.
const LEGEND: &str = "      flat  flat%   sum%        cum   cum%   calls calls% + context \t \t \n";

/// The callers and callees of all nodes, or of those whose names match `pattern`.
///
/// # Errors
///
/// If `pattern` is no regular expression or matches nothing.
pub(crate) fn callers(view: &mut View, pattern: Option<&str>) -> Result<String, Error> {
    let wanted = view.peeked.clone();
    let trimmed = view.trimmed();
    let graph = &trimmed.graph;
    let mut text = view.lines(&trimmed).join("\n");
    text.push('\n');
    text.push_str(SEPARATOR);
    text.push_str(LEGEND);
    let mut sum: i64 = 0;
    let mut any = false;
    for index in graph.listed() {
        let node = &graph[*index];
        let name = node.name();
        if wanted.as_ref().is_some_and(|wanted| !wanted.is_match(name)) {
            continue;
        }
        any = true;
        let (flat, cum) = (node.flat.value(), node.cum.value());
        text.push_str(SEPARATOR);
        for edge in graph.sorted(graph.incoming(*index)) {
            relative(view, graph, edge, graph[edge].from, cum, &mut text);
        }
        sum = sum.saturating_add(flat);
        let _ = writeln!(text, "{}                | {name}", view.columns(flat, sum, cum));
        for edge in graph.sorted(graph.outgoing(*index)) {
            relative(view, graph, edge, graph[edge].to, cum, &mut text);
        }
    }
    if !graph.listed().is_empty() {
        text.push_str(SEPARATOR);
    }
    match pattern {
        Some(pattern) if !any => Err(Error::NoMatch { expression: pattern.into() }),
        _ => Ok(text),
    }
}

/// The line of a caller or callee.
fn relative(view: &View, graph: &Graph, edge: EdgeIndex, other: NodeIndex, cum: i64, text: &mut String) {
    let edge = &graph[edge];
    let _ = writeln!(
        text,
        "{:>50} {} |   {}{}",
        view.value(edge.weight.sum),
        percentage(edge.weight.sum, cum),
        graph[other].name(),
        if edge.inline { " (inline)" } else { "" },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;
    use crate::report::{Format, Options};

    fn view(format: &Format) -> View {
        let profile = profile_of(&[("main;work+hot", 3), ("main;cold", 1)]);
        View::new(profile, format, &Options { unit: "ns".into(), ..Options::default() }).unwrap()
    }

    #[test]
    fn each_function_stands_between_its_callers_and_callees() {
        let text = callers(&mut view(&Format::Tree), None).unwrap();
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
        let peek = Format::Peek("nowhere".into());
        let found = callers(&mut view(&peek), Some("nowhere"));
        assert_eq!(found, Err(Error::NoMatch { expression: "nowhere".into() }));
        let text = callers(&mut view(&Format::Peek("cold".into())), Some("cold")).unwrap();
        assert!(!text.contains("| hot"), "{text}");
    }
}
