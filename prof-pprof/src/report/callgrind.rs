//! The graph in callgrind's format, for kcachegrind, byte for byte as `go tool pprof -callgrind` writes it.

use std::collections::HashMap;
use std::fmt::Write;

use super::view::View;
use crate::Text;
use crate::graph::{Graph, NodeIndex, NodeInfo};

/// The costs of each address and the calls from there.
pub(crate) fn callgrind(view: &mut View) -> String {
    let trimmed = view.trimmed();
    let graph = &trimmed.graph;
    let told_apart = told_apart(graph);
    let mut text = String::from("positions: instr line\n");
    let _ = writeln!(text, "events: {}({})", view.sample_type.kind, view.unit);
    let (mut objects, mut files, mut functions) = (Names::default(), Names::default(), Names::default());
    let mut before: Option<&NodeInfo> = None;
    for index in graph.listed() {
        let node = &graph[*index];
        let info = &node.info;
        let of = |info: &NodeInfo| (info.object.clone(), info.file.clone(), info.name.clone());
        if before.is_none_or(|before| of(before) != of(info)) {
            let (object, file) = (objects.short(&info.object), files.short(&info.file));
            let _ = writeln!(text, "\nob={object}\nfl={file}\nfn={}", functions.short(&info.name));
        }
        let cost = view.whole(node.flat.value());
        let _ = writeln!(text, "{} {} {cost}", address(before, info.address), info.line);
        for edge in graph.sorted(graph.outgoing(*index)) {
            let edge = &graph[edge];
            let callee = &graph[edge.to].info;
            let name = told_apart.get(&edge.to).map_or("", |name| name);
            let _ = writeln!(text, "cfl={}\ncfn={}", files.short(&callee.file), functions.short(name));
            // How often it was called is not known.
            let _ = writeln!(text, "calls=0 {} {}", address(before, callee.address), callee.line);
            let _ = writeln!(text, "* * {}", view.whole(edge.weight.sum));
        }
        before = Some(info);
    }
    text
}

/// The names of callees. Where different functions would have one name in one file, as in a tree, each gets a number,
/// because viewers make them one otherwise.
fn told_apart(graph: &Graph) -> HashMap<NodeIndex, String> {
    type Function = (Option<NodeIndex>, NodeInfo);
    let mut functions: HashMap<(Text, Text), HashMap<Function, usize>> = HashMap::new();
    let mut number_of = HashMap::new();
    for index in graph.listed() {
        let (info, context) = (&graph[*index].info, graph[*index].context);
        let mut whole = info.clone();
        if info.address != 0 || info.line != 0 {
            (whole.address, whole.line, whole.column) = (0, 0, 0);
        }
        let known = functions.entry((info.file.clone(), info.name.clone())).or_default();
        let next = known.len() + 1;
        number_of.insert(*index, *known.entry((context, whole)).or_insert(next));
    }
    let name = |(index, number): (NodeIndex, usize)| {
        let info = &graph[index].info;
        let name = match functions[&(info.file.clone(), info.name.clone())].len() {
            1 => info.name.to_string(),
            many => format!("{} [{number}/{many}]", info.name),
        };
        (index, name)
    };
    number_of.into_iter().map(name).collect()
}

/// Names are written out once and then called by number.
#[derive(Default)]
struct Names {
    known: HashMap<String, usize>,
}

impl Names {
    fn short(&mut self, name: &str) -> String {
        if name.is_empty() {
            return String::new();
        }
        if let Some(number) = self.known.get(name) {
            return format!("({number})");
        }
        let number = self.known.len() + 1;
        self.known.insert(name.to_owned(), number);
        format!("({number}) {name}")
    }
}

/// An address, as the distance from the one before if that is shorter.
fn address(before: Option<&NodeInfo>, address: u64) -> String {
    let absolute = format!("{address:#x}");
    match before {
        None => absolute,
        Some(before) if before.address == address => "*".into(),
        Some(before) => {
            let relative = format!("{:+}", address.wrapping_sub(before.address).cast_signed());
            if relative.len() < absolute.len() { relative } else { absolute }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;
    use crate::report::{Format, Options};

    #[test]
    fn a_tree_numbers_the_ways_to_a_function() {
        let profile = profile_of(&[("main;a;c", 1), ("main;b;c", 2)]);
        let options = Options { unit: "ns".into(), call_tree: true, ..Options::default() };
        let text = callgrind(&mut View::new(profile, &Format::Callgrind, &options).unwrap());
        let expected = "\
positions: instr line
events: cpu(ns)

ob=
fl=
fn=(1) c
0x1 1 2
* 1 1

ob=
fl=
fn=(2) a
* 1 0
cfl=
cfn=(3) c [2/2]
calls=0 * 1
* * 1

ob=
fl=
fn=(4) b
* 1 0
cfl=
cfn=(5) c [1/2]
calls=0 * 1
* * 2
";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn addresses_are_written_short() {
        let before = NodeInfo { address: 0x1000, ..NodeInfo::default() };
        assert_eq!(address(None, 0), "0x0");
        assert_eq!([0x1000, 0x1010, 0xfff, 0x10].map(|at| address(Some(&before), at)), ["*", "+16", "-1", "0x10"]);
    }
}
