//! The assembly of functions with what was measured at each instruction, laid out as `go tool pprof -disasm` does. What
//! stands in source files is shown by `list.rs`. Never reads a binary: its symbols and instructions are handed in.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::iter;

use super::view::View;
use crate::expression::{expression, expression_of_option};
use crate::graph::{Graph, Node, Sum};
use crate::path::base;
use crate::{Error, Line, Mapping, Profile};

/// How instructions are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Syntax {
    /// As GNU tools do: the source first, `%` before registers.
    #[default]
    Att,
    /// As Intel's manuals do: the destination first.
    Intel,
}

/// Which symbols are asked for: those of which it matches a name, or that hold the address.
pub struct Wanted<'a> {
    /// Whether a name is one of those asked for.
    pub is_match: &'a dyn Fn(&str) -> bool,
    /// An address, if one is asked for.
    pub address: Option<u64>,
}

/// A piece of code with a name, in a file that a mapping names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Symbol {
    /// What it is called: the name that was asked for, or all names at its address.
    pub names: Vec<String>,
    /// Its first address in the file's own terms, which instructions are shown with.
    pub start: u64,
    /// The address after its last, in the same terms.
    pub end: u64,
    /// What is added to an address of the file for the address in the profile, modulo 2⁶⁴.
    pub slide: u64,
}

/// An instruction and where it comes from. What is not known is empty or 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instruction {
    /// Its address in the file's own terms.
    pub address: u64,
    /// Itself.
    pub text: String,
    /// The function in the source, the innermost inlined one.
    pub function: String,
    /// The path of the source file.
    pub file: String,
    /// The line in it.
    pub line: i64,
}

/// Code to disassemble.
pub trait Code {
    /// The symbols of the mapping's file that are wanted. An address is one of the profile.
    ///
    /// # Errors
    ///
    /// Why the file cannot be read; then its symbols are missing, and this is told.
    fn symbols(&mut self, mapping: &Mapping, wanted: &Wanted<'_>) -> Result<Vec<Symbol>, String>;

    /// The instructions of each of these symbols that [`symbols`](Code::symbols) gave for the mapping, by address.
    ///
    /// # Errors
    ///
    /// Why they cannot be had; then there is no report.
    fn instructions(
        &mut self,
        mapping: &Mapping,
        symbols: &[&Symbol],
        syntax: Syntax,
    ) -> Result<Vec<Vec<Instruction>>, String>;
}

/// For reports that show no code.
pub(super) struct NoCode;

impl Code for NoCode {
    fn symbols(&mut self, _: &Mapping, _: &Wanted<'_>) -> Result<Vec<Symbol>, String> {
        Ok(Vec::new())
    }

    fn instructions(&mut self, _: &Mapping, _: &[&Symbol], _: Syntax) -> Result<Vec<Vec<Instruction>>, String> {
        Ok(Vec::new())
    }
}

/// The instructions of all symbols that have samples and whose names match `pattern`, or that hold the address that it is.
/// Files that cannot be read are told of in `notices`. `inlined_into` is for the error that there is no such symbol.
///
/// # Errors
///
/// If `pattern` is no regular expression or matches nothing, or if code cannot be disassembled.
pub(crate) fn disasm(
    view: &mut View,
    pattern: &str,
    inlined_into: &[String],
    code: &mut dyn Code,
    notices: &mut Vec<String>,
) -> Result<String, Error> {
    let wanted = expression_of_option("argument", pattern)?;
    let address = unsigned(pattern);
    let wanted = Wanted { is_match: &|name| wanted.is_match(name), address };
    let graph = view.untrimmed();
    let mappings = mappings(view, &graph, &wanted);
    let mut nodes: Vec<&Node> = graph.nodes().collect();
    nodes.sort_by_key(|node| node.info.address);
    let (mut has_symbols, mut found) = (false, Vec::new());
    for (number, mapping) in mappings.iter().enumerate() {
        let symbols = code.symbols(mapping, &wanted).unwrap_or_else(|reason| {
            notices.push(reason);
            Vec::new()
        });
        has_symbols |= !symbols.is_empty();
        let with_samples = |symbol: Symbol| {
            let nodes = nodes_of(&nodes, &symbol);
            (!nodes.is_empty()).then_some(Found { mapping: number, symbol, nodes })
        };
        found.extend(symbols.into_iter().filter_map(with_samples));
    }
    if found.is_empty() {
        return Err(match address {
            None => Error::NoSymbol { expression: pattern.into(), inlined_into: inlined_into.to_vec() },
            Some(address) if has_symbols => Error::NoSamplesAt { address },
            Some(address) => Error::NoSymbolAt { address },
        });
    }
    let syntax = if view.options.intel_syntax { Syntax::Intel } else { Syntax::Att };
    let mut listings = vec![Vec::new(); found.len()];
    for (number, mapping) in mappings.iter().enumerate() {
        let of_mapping = || found.iter().enumerate().filter(|(_, found)| found.mapping == number);
        let symbols: Vec<_> = of_mapping().map(|(_, found)| &found.symbol).collect();
        if symbols.is_empty() {
            continue;
        }
        let instructions = code.instructions(mapping, &symbols, syntax).map_err(|reason| Error::Code { reason })?;
        for ((position, _), instructions) in of_mapping().zip(instructions) {
            listings[position] = instructions;
        }
    }
    let mut sorted: Vec<_> = found.iter().zip(listings).collect();
    sorted.sort_by(|(one, _), (other, _)| {
        let (one, other) = (&one.symbol, &other.symbol);
        one.names.first().cmp(&other.names.first()).then_with(|| one.start.cmp(&other.start))
    });
    let mut text = format!("Total: {}\n", view.value(view.total));
    for (Found { symbol, nodes, .. }, instructions) in sorted {
        for (name, what) in symbol.names.iter().zip(iter::once("ROUTINE").chain(iter::repeat("    AKA"))) {
            let _ = writeln!(text, "{what} ======================== {name}");
        }
        let _ = writeln!(text, "{}", view.of_routine(nodes));
        write_instructions(view, &measured(instructions, nodes, symbol.slide), &mut text);
    }
    Ok(text)
}

/// A symbol with samples.
struct Found<'a> {
    /// Which of the mappings it is in.
    mapping: usize,
    symbol: Symbol,
    /// By address.
    nodes: Vec<&'a Node>,
}

/// Those of the nodes, which are sorted by address, that lie in the symbol.
fn nodes_of<'a>(nodes: &[&'a Node], symbol: &Symbol) -> Vec<&'a Node> {
    let first = symbol.start.wrapping_add(symbol.slide);
    let behind = &nodes[nodes.partition_point(|node| node.info.address < first)..];
    let length = symbol.end.saturating_sub(symbol.start);
    behind.iter().copied().take_while(|node| node.info.address - first < length).collect()
}

/// The functions that those whose names match `pattern` are inlined into. A view no longer knows.
pub(crate) fn inlined_into(profile: &Profile, pattern: &str) -> Vec<String> {
    let Ok(expression) = expression(pattern) else { return Vec::new() };
    let matches: Vec<bool> = profile.functions.iter().map(|function| expression.is_match(&function.name)).collect();
    let is_match = |line: &Line| matches[line.function.position()];
    let split = profile.locations.iter().filter_map(|location| location.lines.split_last());
    let matching = split.filter(|(_, inlined)| inlined.iter().any(is_match));
    let outermost: BTreeSet<_> = matching.map(|(outermost, _)| profile[outermost.function].name.to_string()).collect();
    outermost.into_iter().collect()
}

/// The mappings with samples in functions that match, or around the address. Also by the name alone, which pprof forgets:
/// there an expression with `^` or `$` finds nothing, because an address stands before the name and the line behind it.
fn mappings<'a>(view: &'a View, graph: &Graph, wanted: &Wanted<'_>) -> Vec<&'a Mapping> {
    let is_match = |node: &&Node| (wanted.is_match)(&node.info.name) || (wanted.is_match)(node.name());
    let with_file = graph.nodes().filter(|node| !node.info.object.is_empty());
    let matching: HashSet<_> = with_file.filter(is_match).map(|node| &node.info.object).collect();
    let holds = |mapping: &Mapping, address| mapping.start <= address && address <= mapping.limit;
    let is_wanted = |mapping: &&Mapping| {
        matching.contains(&mapping.filename) || wanted.address.is_some_and(|address| holds(mapping, address))
    };
    view.profile.mappings.iter().filter(is_wanted).collect()
}

/// An instruction with its samples.
struct Measured {
    instruction: Instruction,
    flat: i64,
    cum: i64,
}

/// Each instruction has all samples up to the next one, should one lie in the middle of it. Where the binary does not say
/// what source it comes from, the samples may.
fn measured(instructions: Vec<Instruction>, nodes: &[&Node], slide: u64) -> Vec<Measured> {
    let next = instructions.iter().skip(1).map(|instruction| instruction.address);
    let next: Vec<u64> = next.chain([u64::MAX]).collect();
    let mut nodes = nodes.iter().peekable();
    let measured = |(mut instruction, next): (Instruction, u64)| {
        let (mut flat, mut cum) = (Sum::default(), Sum::default());
        while let Some(node) = nodes.next_if(|node| node.info.address.wrapping_sub(slide) < next) {
            flat.add(node.flat);
            cum.add(node.cum);
            let info = &node.info;
            if instruction.file.is_empty() {
                instruction.file = info.file.to_string();
            }
            if instruction.line == 0 {
                instruction.line = info.line;
            }
            if instruction.function.is_empty() {
                instruction.function = info.name.to_string();
            }
        }
        Measured { instruction, flat: flat.value(), cum: cum.value() }
    };
    instructions.into_iter().zip(next).map(measured).collect()
}

/// The lines of a symbol. Where it comes from stands behind an instruction whenever that changes.
fn write_instructions(view: &View, all: &[Measured], text: &mut String) {
    let mut before = ("", "", 0);
    for Measured { instruction, flat, cum } in all {
        let file = if instruction.file.is_empty() { "" } else { base(&instruction.file) };
        let (function, line) = (&*instruction.function, instruction.line);
        let mut place = String::new();
        if before != (function, file, line) {
            before = (function, file, line);
            if !function.is_empty() {
                let _ = write!(place, "{function} ");
            }
            place.push_str(file);
            if !file.is_empty() && line != 0 {
                let _ = write!(place, ":{line}");
            }
        }
        let (flat, cum) = (view.value_or_dot(*flat), view.value_or_dot(*cum));
        let is_long = instruction.text.len() >= 40;
        if !place.is_empty() && is_long {
            let _ = writeln!(text, "{:>74};{place}", "");
        }
        let _ = write!(text, "{flat:>10} {cum:>10} {:>10x}: ", instruction.address);
        let _ = if place.is_empty() || is_long {
            writeln!(text, "{}", instruction.text)
        } else {
            writeln!(text, "{:<40};{place}", instruction.text)
        };
    }
}

/// A number as Go writes them: decimal, or with a prefix in another base, and underscores between prefix and digits.
fn unsigned(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = match lower.split_at_checked(2) {
        Some(("0x", rest)) => (16, rest),
        Some(("0b", rest)) => (2, rest),
        Some(("0o", rest)) => (8, rest),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    let is_prefixed = digits.len() != lower.len();
    let is_torn = digits.ends_with('_') || digits.contains("__") || digits.contains('_') && !is_prefixed;
    // What the standard library takes as a sign is none here.
    if is_torn || digits.starts_with('+') {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

#[cfg(test)]
mod tests;
