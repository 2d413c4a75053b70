//! An object file: where its segments lie, its build id, its symbols and their code. What its debug info says is in
//! `dwarf.rs`; code is taken apart in `disassemble.rs`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::fs::File;

use object::{
    Object, ObjectSection, ObjectSegment, ObjectSymbol, ObjectSymbolTable, ReadCache, RelocationTarget, SymbolIndex,
    SymbolKind,
};
use prof_pprof::Mapping;

use super::SkipReason;

/// The file of a binary.
pub(crate) struct BinaryFile {
    cache: ReadCache<File>,
    file: File,
}

impl BinaryFile {
    /// The file that a mapping names.
    pub(crate) fn open(mapping: &Mapping) -> Result<BinaryFile, SkipReason> {
        let file = File::open(&*mapping.filename).and_then(|file| Ok((file.try_clone()?, file)));
        let (again, file) = file.map_err(|error| SkipReason::Unreadable(error.to_string()))?;
        Ok(BinaryFile { cache: ReadCache::new(again), file })
    }

    /// The binary, if it is the one that was mapped.
    pub(crate) fn binary(&self, mapping: &Mapping) -> Result<Binary<'_>, SkipReason> {
        let binary = Binary::parse(self).map_err(|error| SkipReason::NotAnObject(error.to_string()))?;
        let found = binary.build_id();
        if !found.is_empty() && !mapping.build_id.is_empty() && *found != *mapping.build_id {
            return Err(SkipReason::AnotherBuild { found });
        }
        Ok(binary)
    }
}

/// An object file of which only the parts in use are read.
pub(crate) struct Binary<'a> {
    pub(crate) object: object::File<'a, &'a ReadCache<File>>,
    pub(super) file: &'a File,
    segments: Vec<Segment>,
    /// Of the symbol table, then of the dynamic one, which is all that a stripped library has.
    symbols: [OnceCell<Vec<Symbol>>; 2],
}

struct Segment {
    address: u64,
    file_offset: u64,
    file_size: u64,
}

struct Symbol {
    address: u64,
    end: u64,
    index: SymbolIndex,
}

impl<'a> Binary<'a> {
    fn parse(BinaryFile { cache, file }: &'a BinaryFile) -> Result<Binary<'a>, object::Error> {
        let object = object::File::parse(cache)?;
        let segments = object.segments().map(|segment| {
            let (file_offset, file_size) = segment.file_range();
            Segment { address: segment.address(), file_offset, file_size }
        });
        Ok(Binary { segments: segments.collect(), symbols: [OnceCell::new(), OnceCell::new()], object, file })
    }

    /// The build id in hexadecimal, empty if there is none.
    pub(crate) fn build_id(&self) -> String {
        let mut text = String::new();
        for byte in self.object.build_id().ok().flatten().unwrap_or_default() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The address that the file itself gives to its byte at `file_offset`, if that is ever loaded.
    ///
    /// Segments share pages of the file, and LLD lets addresses and offsets drift apart from segment to segment.
    pub(crate) fn address_at(&self, file_offset: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let into = file_offset.checked_sub(segment.file_offset)?;
            (into < segment.file_size).then(|| segment.address.wrapping_add(into))
        })
    }

    /// Where in the file the byte lies that is loaded at `address`.
    pub(crate) fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let into = address.checked_sub(segment.address)?;
            (into < segment.file_size).then(|| segment.file_offset.wrapping_add(into))
        })
    }

    /// The bytes from `start` up to `end`, or as far as the segment goes.
    pub(crate) fn code(&self, start: u64, end: u64) -> Option<&'a [u8]> {
        self.object.segments().find_map(|segment| {
            let into = usize::try_from(start.checked_sub(segment.address())?).ok()?;
            let rest = segment.data().ok()?.get(into..)?;
            let wanted = usize::try_from(end.checked_sub(start)?).unwrap_or(usize::MAX);
            (!rest.is_empty()).then(|| &rest[..wanted.min(rest.len())])
        })
    }

    /// The name of the function symbol that covers `address`.
    pub(super) fn symbol(&self, address: u64) -> Option<&'a str> {
        self.covering(address).map(|(name, _)| name)
    }

    /// The name of the function symbol that covers `address`, and where it begins.
    pub(crate) fn covering(&self, address: u64) -> Option<(&'a str, u64)> {
        self.covering_in(0, address).or_else(|| self.covering_in(1, address))
    }

    fn covering_in(&self, table: usize, address: u64) -> Option<(&'a str, u64)> {
        let symbols = self.symbols[table].get_or_init(|| self.functions(table));
        let after = symbols.partition_point(|symbol| symbol.address <= address);
        let symbol = symbols[..after].last().filter(|symbol| address < symbol.end)?;
        let table = if table == 0 { self.object.symbol_table() } else { self.object.dynamic_symbol_table() };
        let name = table?.symbol_by_index(symbol.index).ok()?.name().ok().filter(|name| !name.is_empty())?;
        Some((name, symbol.address))
    }

    /// All function symbols by where they begin: the end of the widest, and all names.
    pub(crate) fn routines(&self) -> BTreeMap<u64, (u64, Vec<&'a str>)> {
        let mut routines: BTreeMap<u64, (u64, Vec<&'a str>)> = BTreeMap::new();
        for table in 0..2 {
            for symbol in self.symbols[table].get_or_init(|| self.functions(table)) {
                routines.entry(symbol.address).or_default().0 = symbol.end;
            }
        }
        for symbol in self.object.symbols().chain(self.object.dynamic_symbols()).filter(is_function) {
            let Some((_, names)) = routines.get_mut(&symbol.address()) else { continue };
            if let Some(name) = symbol.name().ok().filter(|name| !name.is_empty() && !names.contains(name)) {
                names.push(name);
            }
        }
        routines
    }

    /// What the loader puts into slots that code calls through, by the slots' addresses: a symbol of another binary, or an
    /// address in this one.
    pub(crate) fn slots(&self) -> HashMap<u64, Slot<'a>> {
        let relocations = self.object.dynamic_relocations().into_iter().flatten();
        let table = self.object.dynamic_symbol_table();
        let slot = |(address, relocation): (u64, object::Relocation)| {
            let slot = match relocation.target() {
                RelocationTarget::Symbol(index) => {
                    let symbol = table.as_ref()?.symbol_by_index(index).ok()?;
                    Slot::Named(symbol.name().ok().filter(|name| !name.is_empty())?)
                }
                RelocationTarget::Absolute => Slot::Address(relocation.addend().cast_unsigned()),
                _ => return None,
            };
            Some((address, slot))
        };
        relocations.filter_map(slot).collect()
    }

    /// The function symbols by address, one an address.
    fn functions(&self, table: usize) -> Vec<Symbol> {
        let symbols = if table == 0 { self.object.symbols() } else { self.object.dynamic_symbols() };
        let mut symbols: Vec<_> = symbols
            .filter(is_function)
            // Of several names for one address the widest, then a public one.
            .map(|symbol| (symbol.address(), u64::MAX - symbol.size(), symbol.is_local(), symbol.index()))
            .collect();
        symbols.sort_by_key(|(address, size, local, index)| (*address, *size, *local, index.0));
        symbols.dedup_by_key(|(address, ..)| *address);
        let next = symbols.iter().skip(1).map(|(address, ..)| *address).chain([u64::MAX]).collect::<Vec<_>>();
        let sections =
            self.object.sections().map(|section| (section.address(), section.address().saturating_add(section.size())));
        let sections: Vec<(u64, u64)> = sections.collect();
        let end_of_section = |address| {
            let section = sections.iter().find(|(start, end)| (*start..*end).contains(&address));
            section.map_or(u64::MAX, |(_, end)| *end)
        };
        let symbol = |((address, size, _, index), next): (_, u64)| {
            // Assembly often states no size; it goes on to the next symbol.
            let size: u64 = u64::MAX - size;
            let end = if size == 0 { next.min(end_of_section(address)) } else { address.saturating_add(size) };
            Symbol { address, end, index }
        };
        symbols.into_iter().zip(next).map(symbol).collect()
    }
}

/// What stands in a slot once the binary is loaded.
pub(crate) enum Slot<'a> {
    /// The address of a symbol of another binary.
    Named(&'a str),
    /// An address in this binary.
    Address(u64),
}

fn is_function<'a>(symbol: &impl ObjectSymbol<'a>) -> bool {
    symbol.is_definition() && symbol.kind() == SymbolKind::Text
}
