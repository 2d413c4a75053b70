//! Which mappings of merged profiles are the same code, and where it lies in the sum.

use hashbrown::HashMap;

use crate::{Builder, Mapping, MappingIndex, Text};

/// Where a mapping went.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) mapping: MappingIndex,
    /// The merged mapping's first address.
    pub(super) start: u64,
    /// What is added to an address in the original.
    pub(super) offset: u64,
}

/// The mappings so far, by what makes two of them the same code.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    known: HashMap<Key, (MappingIndex, u64)>,
}

/// The size, the offset in the file, and the file.
type Key = (u64, u64, Text);

impl Mappings {
    /// Where a mapping like this one went, if there was one.
    pub(super) fn known(&self, mapping: &Mapping) -> Option<Place> {
        self.known.get(&key(mapping)).map(|known| place(mapping, *known))
    }

    /// Where a mapping like this one goes.
    pub(super) fn place(&mut self, mapping: &Mapping, builder: &mut Builder) -> Place {
        let new = || (builder.mapping(mapping.clone()), mapping.start);
        place(mapping, *self.known.entry(key(mapping)).or_insert_with(new))
    }
}

fn key(mapping: &Mapping) -> Key {
    // Whole pages, because loaders differ in where they end.
    let size = mapping.limit.wrapping_sub(mapping.start).wrapping_add(0xfff) & !0xfff;
    let file = if mapping.build_id.is_empty() { &mapping.filename } else { &mapping.build_id };
    (size, mapping.file_offset, file.clone())
}

fn place(mapping: &Mapping, (index, start): (MappingIndex, u64)) -> Place {
    Place { mapping: index, start, offset: start.wrapping_sub(mapping.start) }
}
