//! The flags of `go tool pprof` and how Go reads a command line: one dash or two, `-name=value` or `-name value`, none behind
//! the first argument that is not a flag. What they mean together is in `request.rs`.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// What stands behind a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing, or `=true` or `=false`.
    Switch,
    /// An integer.
    Integer,
    /// A number.
    Number,
    /// Text.
    Text,
}

/// A flag.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its name without dashes.
    pub name: &'static str,
    /// What stands behind it.
    pub kind: Kind,
    /// What it does, for people.
    pub help: &'static str,
}

/// The flags that were given, each with its last value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flags {
    values: BTreeMap<&'static str, Value>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Switch(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

/// Why a command line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// `-h` or `-help`.
    Help,
    /// In the words of Go.
    Wrong(String),
}

impl Flags {
    /// Reads the flags in front of the other arguments, and gives both.
    ///
    /// # Errors
    ///
    /// If there is no such flag, or its value is none of its kind.
    pub fn parse(arguments: &[OsString]) -> Result<(Flags, &[OsString]), Unreadable> {
        let mut flags = Flags::default();
        let mut rest = arguments;
        while let Some((first, behind)) = rest.split_first() {
            let argument = first.to_string_lossy();
            let Some(body) = argument.strip_prefix('-').filter(|body| !body.is_empty()) else { break };
            if argument == "--" {
                rest = behind;
                break;
            }
            rest = behind;
            let body = body.strip_prefix('-').unwrap_or(body);
            if body.starts_with(['-', '=']) {
                return wrong(format!("bad flag syntax: {argument}"));
            }
            let (name, value) = match body.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (body, None),
            };
            let Some(flag) = all().find(|flag| flag.name == name) else {
                return match name {
                    "h" | "help" => Err(Unreadable::Help),
                    name => wrong(format!("flag provided but not defined: -{name}")),
                };
            };
            let value = match (flag.kind, value) {
                (Kind::Switch, None) => "true".to_owned(),
                (_, Some(value)) => value.to_owned(),
                (_, None) => {
                    let Some((next, behind)) = rest.split_first() else {
                        return wrong(format!("flag needs an argument: -{name}"));
                    };
                    rest = behind;
                    next.to_string_lossy().into_owned()
                }
            };
            flags.values.insert(flag.name, read(flag, value)?);
        }
        Ok((flags, rest))
    }

    /// Whether a flag was given at all.
    pub fn is_given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.switch(name) == Some(true)
    }

    /// What a switch was set to.
    pub fn switch(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some(Value::Switch(on)) => Some(*on),
            _ => None,
        }
    }

    /// The text of a flag; empty if it was not given.
    pub fn text(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// The integer of a flag.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(Value::Integer(integer)) => Some(*integer),
            _ => None,
        }
    }

    /// The number of a flag.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.values.get(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

fn wrong<T>(text: String) -> Result<T, Unreadable> {
    Err(Unreadable::Wrong(text))
}

fn read(flag: &Flag, value: String) -> Result<Value, Unreadable> {
    let invalid =
        |value: &str| Unreadable::Wrong(format!("invalid value {value:?} for flag -{}: parse error", flag.name));
    Ok(match flag.kind {
        Kind::Text => Value::Text(value),
        Kind::Integer => Value::Integer(integer(&value).ok_or_else(|| invalid(&value))?),
        Kind::Number => Value::Number(value.parse().map_err(|_| invalid(&value))?),
        Kind::Switch => match &*value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Switch(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Switch(false),
            other => return wrong(format!("invalid boolean value {other:?} for -{}: parse error", flag.name)),
        },
    })
}

/// An integer as in Go's source: decimal, or with `0x`, `0o`, `0b` or `0` in front.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.to_ascii_lowercase();
    let (radix, digits) = match digits.split_at_checked(2) {
        Some(("0x", rest)) => (16, rest),
        Some(("0o", rest)) => (8, rest),
        Some(("0b", rest)) => (2, rest),
        Some((start, _)) if start.starts_with('0') => (8, &digits[1..]),
        _ => (10, &*digits),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
}

/// All flags.
pub fn all() -> impl Iterator<Item = &'static Flag> {
    FORMATS.iter().chain(OPTIONS).chain(CHOICES).chain(SOURCES).chain(SHORTCUTS)
}

const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: Kind::Switch, help }
}

const fn text(name: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: Kind::Text, help }
}

const fn integer_flag(name: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: Kind::Integer, help }
}

const fn number(name: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: Kind::Number, help }
}

/// What to make of the profile.
pub const FORMATS: &[Flag] = &[
    switch("callgrind", "the graph in callgrind's format"),
    switch("comments", "the profile's comments"),
    text("disasm", "the assembly of functions that match, with samples"),
    switch("dot", "the graph in Graphviz's language"),
    switch("eog", "show the graph in eog"),
    switch("evince", "show the graph in evince"),
    switch("folded", "all stacks, a line each, for flame graph tools (not in Go)"),
    switch("gif", "the graph as GIF image"),
    switch("gv", "show the graph in gv"),
    switch("kcachegrind", "show the graph in kcachegrind"),
    text("list", "the source of functions that match, with samples"),
    switch("pdf", "the graph as PDF"),
    text("peek", "callers and callees of functions that match"),
    switch("png", "the graph as PNG image"),
    switch("proto", "the profile itself, gzipped"),
    switch("ps", "the graph as PostScript"),
    switch("raw", "the profile itself as text"),
    switch("svg", "the graph as SVG image"),
    switch("tags", "all labels"),
    switch("text", "the functions that cost most"),
    switch("top", "the functions that cost most"),
    switch("topproto", "the functions that cost most, as a profile"),
    switch("traces", "all samples with their stacks"),
    switch("tree", "callers and callees of each function"),
    switch("web", "show the graph in the browser"),
    text("weblist", "source and assembly in the browser"),
];

/// How to make it.
pub const OPTIONS: &[Flag] = &[
    switch("call_tree", "a node for each way to a function"),
    switch("compact_labels", "no lines about the profile as a whole"),
    number("divide_by", "divide all values"),
    switch("drop_negative", "leave out what is below zero"),
    number("edgefraction", "leave out edges below this share of the total"),
    text("focus", "only samples with a matching frame"),
    text("hide", "no matching frames"),
    text("ignore", "no samples with a matching frame"),
    switch("intel_syntax", "assembly in Intel's syntax"),
    switch("mean", "divide each value by the first one, a count"),
    integer_flag("nodecount", "so many nodes at most"),
    number("nodefraction", "leave out nodes below this share of the total"),
    switch("noinlines", "count inlined functions to their callers"),
    switch("normalize", "scale to the base profile"),
    text("output", "the file to write to"),
    text("prune_from", "nothing below the innermost matching frame"),
    switch("relative_percentages", "shares of what the filters leave"),
    text("sample_index", "the sample type, by name or number"),
    text("show", "only matching frames"),
    text("show_from", "nothing above the outermost matching frame"),
    switch("showcolumns", "tell columns apart"),
    text("source_path", "where source files are"),
    text("tagfocus", "only samples with matching labels, or numbers in a range"),
    text("taghide", "no labels with a matching key"),
    text("tagignore", "no samples with matching labels, or numbers in a range"),
    text("tagleaf", "labels that become frames below the leaf"),
    text("tagroot", "labels that become frames above the root"),
    text("tagshow", "only labels with a matching key"),
    switch("trim", "leave out what is small"),
    text("trim_path", "prefixes that source files lose"),
    text("unit", "the unit of all values"),
];

/// Of which one at most is chosen in each group.
pub const CHOICES: &[Flag] = &[
    switch("functions", "a node for each function"),
    switch("filefunctions", "a node for each function in a file"),
    switch("files", "a node for each file"),
    switch("lines", "a node for each line"),
    switch("addresses", "a node for each address"),
    switch("cum", "sort by what was measured in a function and all that it called"),
    switch("flat", "sort by what was measured in a function itself"),
];

/// Where profiles and names come from.
pub const SOURCES: &[Flag] = &[
    text("add_comment", "a comment to add to the profile"),
    switch("all_frames", "do not drop the frames that the profile asks to drop"),
    text("base", "a profile to subtract"),
    text("buildid", "the build id of the main binary"),
    text("diff_base", "a profile to compare with"),
    text("http", "serve a web interface"),
    switch("no_browser", "open no browser for it"),
    integer_flag("seconds", "how long to profile"),
    text("symbolize", "where names come from: none, local, fastlocal, remote, force, demangle=none|full|templates"),
    integer_flag("timeout", "how long to wait for a profile"),
    text("tls_ca", "certificates to trust"),
    text("tls_cert", "a certificate to show"),
    text("tls_key", "its key"),
    text("tools", "where tools for binaries are"),
];

/// Sample types by older names.
pub const SHORTCUTS: &[Flag] = &[
    switch("inuse_space", "-sample_index=inuse_space"),
    switch("inuse_objects", "-sample_index=inuse_objects"),
    switch("alloc_space", "-sample_index=alloc_space"),
    switch("alloc_objects", "-sample_index=alloc_objects"),
    switch("total_delay", "-sample_index=delay"),
    switch("contentions", "-sample_index=contentions"),
    switch("mean_delay", "-mean -sample_index=delay"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<(Flags, Vec<String>), Unreadable> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let (flags, rest) = Flags::parse(&arguments)?;
        Ok((flags, rest.iter().map(|argument| argument.to_string_lossy().into_owned()).collect()))
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let (flags, rest) =
            parse("-top --cum -nodecount 0x10 -nodefraction=.5 -trim=F -focus=a=b c.prof -flat").unwrap();
        assert!(flags.is_on("top") && flags.is_on("cum") && !flags.is_on("flat"));
        assert_eq!(flags.integer("nodecount"), Some(16));
        assert_eq!(
            (flags.number("nodefraction"), flags.switch("trim"), flags.text("focus")),
            (Some(0.5), Some(false), "a=b")
        );
        assert_eq!(rest, ["c.prof", "-flat"]);
        assert_eq!(parse("-top -- -x").unwrap().1, ["-x"]);
        assert_eq!(parse("-top -").unwrap().1, ["-"]);
    }

    #[test]
    fn what_is_wrong_is_said_as_go_says_it() {
        for (line, expected) in [
            ("-x", "flag provided but not defined: -x"),
            ("-focus", "flag needs an argument: -focus"),
            ("-nodecount=x", "invalid value \"x\" for flag -nodecount: parse error"),
            ("-trim=x", "invalid boolean value \"x\" for -trim: parse error"),
            ("---top", "bad flag syntax: ---top"),
        ] {
            assert_eq!(parse(line).unwrap_err(), Unreadable::Wrong(expected.into()));
        }
        assert_eq!(parse("-help").unwrap_err(), Unreadable::Help);
    }
}
