//! The source of functions with what was measured in each line, byte for byte as `go tool pprof -list` prints it. Instead of
//! source lines, `disasm.rs` shows instructions. Never reads a file: sources are handed in.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use super::view::{View, sums};
use crate::expression::expression_of_option;
use crate::graph::Node;
use crate::{Error, Text};

/// Gives the text of a source file by its name in a profile, or says in words for people why there is none. Bytes, because
/// not all sources are UTF-8.
pub type Source<'a> = dyn FnMut(&str) -> Result<Arc<[u8]>, String> + 'a;

/// So many lines are shown around those with samples.
const MARGIN: i64 = 5;

/// The lines of all functions whose names match `pattern`, one part for each function and file.
///
/// # Errors
///
/// If `pattern` is no regular expression or matches nothing.
pub(crate) fn list(view: &mut View, pattern: &str, source: &mut Source<'_>) -> Result<Vec<u8>, Error> {
    let wanted = expression_of_option("argument", pattern)?;
    let graph = view.untrimmed();
    let mut functions: BTreeMap<Text, BTreeMap<Text, Vec<&Node>>> = BTreeMap::new();
    for node in graph.nodes().filter(|node| wanted.is_match(&node.info.name)) {
        let files = functions.entry(node.info.name.clone()).or_default();
        if !node.info.file.is_empty() {
            files.entry(node.info.file.clone()).or_default().push(node);
        }
    }
    if functions.is_empty() {
        return Err(Error::NoMatch { expression: pattern.into() });
    }
    let mut text = format!("Total: {}\n", view.value(view.total)).into_bytes();
    for (name, files) in &functions {
        if files.is_empty() {
            let _ = writeln!(text, "No source information for {name}");
        }
        for (file, nodes) in files {
            let _ = writeln!(text, "ROUTINE ======================== {name} in {file}");
            let _ = writeln!(text, "{}", view.of_routine(nodes));
            let shown = shown(nodes);
            // Nothing to show of a file, nothing to miss: the debug info of some functions has them begin behind their end.
            if shown.is_empty() {
                continue;
            }
            match source(file) {
                Ok(source) => lines(view, nodes, &source, shown, &mut text),
                Err(reason) => drop(writeln!(text, " Error: {reason}")),
            }
        }
    }
    Ok(text)
}

/// The numbers of the lines from the function's beginning to its last sample, with some around.
fn shown(nodes: &[&Node]) -> Range<i64> {
    let start_of = |node: &&Node| match node.info.start_line {
        0 => node.info.line.saturating_sub(MARGIN),
        start => start,
    };
    let start = nodes.iter().map(start_of).min().unwrap_or(1).max(1);
    let last = nodes.iter().map(|node| node.info.line).max().unwrap_or(0);
    start..last.saturating_add(MARGIN + 1)
}

/// Lines of one file with their values.
fn lines(view: &View, nodes: &[&Node], source: &[u8], shown: Range<i64>, text: &mut Vec<u8>) {
    let mut samples: BTreeMap<i64, Vec<&Node>> = BTreeMap::new();
    for node in nodes {
        samples.entry(node.info.line).or_default().push(node);
    }
    let wanted = source_lines(source).zip(1..).skip_while(|(_, number)| *number < shown.start);
    for (line, number) in wanted.take_while(|(_, number)| shown.contains(number)) {
        let (flat, cum) = samples.get(&number).map_or((0, 0), |nodes| sums(nodes));
        let _ = write!(text, "{:>10} {:>10} {number:>6}:", view.value_or_dot(flat), view.value_or_dot(cum));
        text.extend_from_slice(line);
        text.push(b'\n');
    }
}

/// The lines without their ends. Behind the last end of a line there is none.
fn source_lines(source: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = source.split_inclusive(|byte| *byte == b'\n');
    lines.map(|line| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;
    use crate::graph::tests::profile_of;
    use crate::report::{Format, Options};

    const TEXT: &[u8] = b"fn hot() {\r\n    step();\n    \xff\n}\n\nfn main() {\n    hot();\n}";

    /// `main`, of line 6, calls `hot`, of line 1, in line 7.
    fn profile() -> Profile {
        times(1)
    }

    /// The same with all values that many times.
    fn times(factor: i64) -> Profile {
        let samples = [("main;hot+step", 3_000_000), ("main;hot", 1_000_000), ("main;gone", 5)];
        let mut profile = profile_of(&samples.map(|(stack, value)| (stack, factor * value)));
        let name_of = |profile: &Profile, position: usize| profile.functions[position].name.to_string();
        for position in 0..profile.functions.len() {
            let (file, start_line) = match &*name_of(&profile, position) {
                "main" => ("src/./a.rs", 6),
                "hot" => ("src/./a.rs", 1),
                "gone" => ("gone.rs", 0),
                _ => ("", 0),
            };
            (profile.functions[position].file, profile.functions[position].start_line) = (file.into(), start_line);
        }
        for position in 0..profile.locations.len() {
            for depth in 0..profile.locations[position].lines.len() {
                let function = profile.locations[position].lines[depth].function.position();
                let line = match &*name_of(&profile, function) {
                    "main" => 7,
                    "hot" => 2,
                    _ => 40,
                };
                profile.locations[position].lines[depth].line = line;
            }
        }
        profile
    }

    fn listed(profile: Profile, pattern: &str, options: Options) -> Result<String, Error> {
        let mut view = View::new(profile, &Format::List(pattern.into()), &options)?;
        let mut source = |file: &str| match file {
            "src/a.rs" => Ok(TEXT.into()),
            _ => Err(format!("open {file}: no such file or directory")),
        };
        list(&mut view, pattern, &mut source).map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    #[test]
    fn lines_bear_what_was_measured_in_them() {
        // As `go tool pprof -list` (go1.27.3) prints it.
        let expected = "\
Total: 4ms
ROUTINE ======================== hot in src/a.rs
       1ms        4ms (flat, cum)   100% of Total
         .          .      1:fn hot() {
       1ms        4ms      2:    step();
         .          .      3:    \u{fffd}
         .          .      4:}
         .          .      5:
         .          .      6:fn main() {
         .          .      7:    hot();
ROUTINE ======================== main in src/a.rs
         0        4ms (flat, cum)   100% of Total
         .          .      6:fn main() {
         .        4ms      7:    hot();
         .          .      8:}
";
        assert_eq!(listed(profile(), "^(hot|main)$", Options::default()).unwrap(), expected);
    }

    #[test]
    fn inlined_functions_may_count_to_their_caller() {
        let options = Options { no_inlines: true, unit: "us".into(), ..Options::default() };
        let text = listed(profile(), "hot|step", options).unwrap();
        assert!(text.contains("    4000us     4000us      2:    step();\n"), "{text}");
        assert!(!text.contains("step\n"), "{text}");
    }

    #[test]
    fn what_has_no_source_says_so() {
        let text = listed(profile(), "gone|step", Options::default()).unwrap();
        assert!(text.contains("gone in gone.rs\n       5ns        5ns (flat, cum)"), "{text}");
        assert!(text.contains("\n Error: open gone.rs: no such file or directory\n"), "{text}");
        assert!(text.ends_with("No source information for step\n"), "{text}");
        assert_eq!(
            listed(profile(), "nowhere", Options::default()),
            Err(Error::NoMatch { expression: "nowhere".into() })
        );
        let mut behind = profile();
        behind.functions.iter_mut().for_each(|function| function.start_line = 100);
        let text = listed(behind, "gone", Options::default()).unwrap();
        assert!(text.ends_with("of Total\n"), "{text}");
    }

    #[test]
    fn a_base_may_outweigh_what_is_left() {
        let text = listed(times(-2), "hot", Options::default()).unwrap();
        assert!(text.contains("      -2ms       -8ms      2:    step();\n"), "{text}");
        let options = Options { drop_negative: true, ..Options::default() };
        assert!(listed(times(-2), "hot", options).is_err());
    }
}
