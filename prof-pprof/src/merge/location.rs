//! What makes two locations of merged profiles the same. Where their parts went is in `places.rs`.

use super::mapping::Place;
use crate::{FunctionIndex, Line, Location, MappingIndex};

/// A location of a profile, said in mappings and functions of the sum.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LocationKey {
    mapping: Option<MappingIndex>,
    /// From the beginning of the mapping.
    offset: u64,
    /// Nearly always the only one.
    line: Option<Line>,
    others: Vec<Line>,
    is_folded: bool,
}

impl LocationKey {
    /// The key of a location whose mapping and functions went to these.
    pub(super) fn of(
        location: &Location,
        mapping: Option<Place>,
        function: impl Fn(FunctionIndex) -> FunctionIndex,
    ) -> LocationKey {
        // Other tools tell locations apart by the column of the outermost line alone, and so do we: the first one's inner
        // columns stay.
        let inner = location.lines.len().saturating_sub(1);
        let told_apart = |(depth, line): (usize, &Line)| Line {
            function: function(line.function),
            line: line.line,
            column: if depth < inner { 0 } else { line.column },
        };
        let mut lines = location.lines.iter().enumerate().map(told_apart);
        LocationKey {
            mapping: mapping.map(|place| place.mapping),
            offset: place_in(location, mapping).wrapping_sub(mapping.map_or(0, |place| place.start)),
            line: lines.next(),
            others: lines.collect(),
            is_folded: location.is_folded,
        }
    }
}

/// The address of a location whose mapping went to `mapping`.
pub(super) fn place_in(location: &Location, mapping: Option<Place>) -> u64 {
    location.address.wrapping_add(mapping.map_or(0, |place| place.offset))
}
