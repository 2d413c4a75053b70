//! Symbols of binaries → their instructions, each with the source that it comes from. Processors are in files of their own;
//! binaries and debug info are read in `symbolize/`, and what is shown of instructions is made in `prof-pprof`. Never shows
//! the code of another build than the one that was profiled.

mod aarch64;
mod x86;

use std::collections::HashMap;
use std::path::Path;

use object::{Architecture, Object};
use prof_pprof::Mapping;
use prof_pprof::report::{Code, Instruction, Symbol, Syntax, Wanted};

use crate::symbolize::{Binary, BinaryFile, DebugInfo, Sections, SkipReason, Slot, Split, demangle, places};

/// Disassembles the binaries that mappings name.
#[derive(Debug, Default)]
pub struct Disassembler;

impl Code for Disassembler {
    fn symbols(&mut self, mapping: &Mapping, wanted: &Wanted<'_>) -> Result<Vec<Symbol>, String> {
        let file = BinaryFile::open(mapping).map_err(|reason| skipped(mapping, &reason))?;
        let binary = file.binary(mapping).map_err(|reason| skipped(mapping, &reason))?;
        let address = wanted.address.and_then(|address| in_file(&binary, mapping, address));
        let mut found = Vec::new();
        for (start, (end, names)) in binary.routines() {
            let Some(slide) = slide(&binary, mapping, start) else { continue };
            let names = if address.is_some_and(|address| (start..end).contains(&address)) {
                names.into_iter().map(readable).collect()
            } else {
                let is_match = |name: &&str| (wanted.is_match)(name) || (wanted.is_match)(&readable(name));
                Vec::from_iter(names.into_iter().find(is_match).map(readable))
            };
            if !names.is_empty() {
                found.push(Symbol { names, start, end, slide });
            }
        }
        Ok(found)
    }

    fn instructions(
        &mut self,
        mapping: &Mapping,
        symbols: &[&Symbol],
        syntax: Syntax,
    ) -> Result<Vec<Vec<Instruction>>, String> {
        let file = BinaryFile::open(mapping).map_err(|reason| skipped(mapping, &reason))?;
        let binary = file.binary(mapping).map_err(|reason| skipped(mapping, &reason))?;
        let sections = Sections::load(&binary);
        let split = Split::find(&sections, Path::new(&*mapping.filename));
        let debug_info = sections.as_ref().and_then(|sections| DebugInfo::new(sections, &split));
        let targets = Targets { slots: binary.slots(), binary: &binary };
        let listing = |symbol: &&Symbol| {
            let code = binary.code(symbol.start, symbol.end).unwrap_or_default();
            let mut instructions = match binary.object.architecture() {
                Architecture::X86_64 | Architecture::X86_64_X32 => {
                    x86::decode(64, code, symbol.start, syntax, &targets)
                }
                Architecture::I386 => x86::decode(32, code, symbol.start, syntax, &targets),
                Architecture::Aarch64 => aarch64::decode(code, symbol.start, &targets),
                other => {
                    return Err(format!(
                        "{} is code for {other:?}; only that for x86 and AArch64 can be disassembled",
                        mapping.filename
                    ));
                }
            };
            for instruction in &mut instructions {
                let frames = debug_info.as_ref().map(|info| info.frames(instruction.address)).unwrap_or_default();
                let symbol = binary.covering(instruction.address).map(|(name, _)| name);
                if let Some(place) = places(frames, symbol).into_iter().next() {
                    (instruction.function, instruction.file) = (place.name.to_string(), place.file.to_string());
                    instruction.line = place.line;
                }
            }
            Ok(instructions)
        };
        symbols.iter().map(listing).collect()
    }
}

/// What addresses in instructions lead to.
struct Targets<'a> {
    slots: HashMap<u64, Slot<'a>>,
    binary: &'a Binary<'a>,
}

impl Targets<'_> {
    /// A function's name and how far the address is behind its beginning, as `name+0x10`.
    fn code(&self, address: u64) -> Option<String> {
        let (name, start) = self.binary.covering(address)?;
        let name = readable(name);
        Some(if address == start { name } else { format!("{name}+{:#x}", address - start) })
    }

    /// What stands in a slot of that address.
    fn slot(&self, address: u64) -> Option<String> {
        match self.slots.get(&address)? {
            Slot::Named(name) => Some(readable(name)),
            Slot::Address(address) => self.code(*address),
        }
    }
}

fn readable(name: &str) -> String {
    demangle(name).unwrap_or_else(|| name.to_owned())
}

fn skipped(mapping: &Mapping, reason: &SkipReason) -> String {
    format!("{} {reason}", mapping.filename)
}

/// The address in the file's own terms. Where a mapping does not say where it lies, addresses are in these already.
fn in_file(binary: &Binary<'_>, mapping: &Mapping, address: u64) -> Option<u64> {
    if mapping.start == 0 {
        return Some(address);
    }
    binary.address_at(address.checked_sub(mapping.start)?.checked_add(mapping.file_offset)?)
}

/// What is added to an address of the file for that in the profile; none if it does not lie in the mapping.
fn slide(binary: &Binary<'_>, mapping: &Mapping, address: u64) -> Option<u64> {
    if mapping.start == 0 {
        return Some(0);
    }
    let into = binary.offset_of(address)?.checked_sub(mapping.file_offset)?;
    let in_profile = mapping.start.wrapping_add(into);
    (into < mapping.limit.wrapping_sub(mapping.start)).then(|| in_profile.wrapping_sub(address))
}

#[cfg(test)]
mod tests;
