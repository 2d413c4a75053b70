//! An object file: where its segments lie, its build id and its symbols. What its debug info says is in `dwarf.rs`.

use std::cell::OnceCell;
use std::fmt::Write;
use std::fs::File;

use object::{Object, ObjectSegment, ObjectSymbol, ReadCache, SymbolIndex, SymbolKind};

/// An object file of which only the parts in use are read.
pub(super) struct Binary<'a> {
    pub(super) object: object::File<'a, &'a ReadCache<File>>,
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
    pub(super) fn parse(cache: &'a ReadCache<File>) -> Result<Binary<'a>, object::Error> {
        let object = object::File::parse(cache)?;
        let segments = object.segments().map(|segment| {
            let (file_offset, file_size) = segment.file_range();
            Segment { address: segment.address(), file_offset, file_size }
        });
        Ok(Binary { segments: segments.collect(), symbols: [OnceCell::new(), OnceCell::new()], object })
    }

    /// The build id in hexadecimal, empty if there is none.
    pub(super) fn build_id(&self) -> String {
        let mut text = String::new();
        for byte in self.object.build_id().ok().flatten().unwrap_or_default() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The address that the file itself gives to its byte at `file_offset`, if that is ever loaded.
    ///
    /// Segments share pages of the file, and LLD lets addresses and offsets drift apart from segment to segment.
    pub(super) fn address_at(&self, file_offset: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let into = file_offset.checked_sub(segment.file_offset)?;
            (into < segment.file_size).then(|| segment.address.wrapping_add(into))
        })
    }

    /// The name of the function symbol that covers `address`.
    pub(super) fn symbol(&self, address: u64) -> Option<&'a str> {
        self.symbol_in(0, address).or_else(|| self.symbol_in(1, address))
    }

    fn symbol_in(&self, table: usize, address: u64) -> Option<&'a str> {
        let symbols = self.symbols[table].get_or_init(|| self.functions(table));
        let after = symbols.partition_point(|symbol| symbol.address <= address);
        let symbol = symbols[..after].last().filter(|symbol| address < symbol.end)?;
        let table = if table == 0 { self.object.symbol_table() } else { self.object.dynamic_symbol_table() };
        use object::ObjectSymbolTable;
        table?.symbol_by_index(symbol.index).ok()?.name().ok().filter(|name| !name.is_empty())
    }

    /// The function symbols by address, one an address.
    fn functions(&self, table: usize) -> Vec<Symbol> {
        let symbols = if table == 0 { self.object.symbols() } else { self.object.dynamic_symbols() };
        let mut symbols: Vec<_> = symbols
            .filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text)
            // Of several names for one address the widest, then a public one.
            .map(|symbol| (symbol.address(), u64::MAX - symbol.size(), symbol.is_local(), symbol.index()))
            .collect();
        symbols.sort_by_key(|(address, size, local, index)| (*address, *size, *local, index.0));
        symbols.dedup_by_key(|(address, ..)| *address);
        let next = symbols.iter().skip(1).map(|(address, ..)| *address).chain([u64::MAX]).collect::<Vec<_>>();
        let symbol = |((address, size, _, index), next)| {
            // Assembly often states no size; it goes on to the next symbol.
            let size: u64 = u64::MAX - size;
            Symbol { address, end: if size == 0 { next } else { address.saturating_add(size) }, index }
        };
        symbols.into_iter().zip(next).map(symbol).collect()
    }
}
