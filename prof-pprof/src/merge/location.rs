//! Which locations of merged profiles are the same. How their mappings are made one is in `merge.rs`.

use hashbrown::HashMap;

use crate::{Builder, FunctionIndex, Location, LocationIndex, MappingIndex};

/// The locations so far.
#[derive(Debug, Default)]
pub(super) struct Locations {
    known: HashMap<Key, LocationIndex>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    mapping: Option<MappingIndex>,
    /// From the beginning of the mapping.
    offset: u64,
    lines: Vec<(FunctionIndex, i64)>,
    /// Other tools tell locations apart by the column of the outermost line alone, and so do we: the first one's inner
    /// columns stay.
    column: i64,
    is_folded: bool,
}

impl Locations {
    /// The index of a location that is the same, in a mapping that begins at `start`.
    pub(super) fn index(&mut self, location: Location, start: u64, builder: &mut Builder) -> LocationIndex {
        let key = Key {
            mapping: location.mapping,
            offset: location.address.wrapping_sub(start),
            lines: location.lines.iter().map(|line| (line.function, line.line)).collect(),
            column: location.lines.last().map_or(0, |line| line.column),
            is_folded: location.is_folded,
        };
        *self.known.entry(key).or_insert_with(|| builder.location(location))
    }
}
