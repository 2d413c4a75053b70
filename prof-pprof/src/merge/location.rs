//! Which locations of merged profiles are the same. How their mappings are made one is in `sum.rs`.

use hashbrown::HashMap;

use crate::{Builder, Line, Location, LocationIndex, MappingIndex};

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
    /// Nearly always the only one.
    line: Option<Line>,
    others: Vec<Line>,
    is_folded: bool,
}

impl Locations {
    /// The index of a location like this one, but with these lines, in a mapping that begins at `start`.
    pub(super) fn index(
        &mut self,
        location: &Location,
        lines: impl Iterator<Item = Line> + Clone,
        start: u64,
        builder: &mut Builder,
    ) -> LocationIndex {
        // Other tools tell locations apart by the column of the outermost line alone, and so do we: the first one's inner
        // columns stay.
        let inner = lines.clone().count().saturating_sub(1);
        let told_apart = |(depth, line)| if depth < inner { Line { column: 0, ..line } } else { line };
        let mut of_key = lines.clone().enumerate().map(told_apart);
        let key = Key {
            mapping: location.mapping,
            offset: location.address.wrapping_sub(start),
            line: of_key.next(),
            others: of_key.collect(),
            is_folded: location.is_folded,
        };
        *self.known.entry(key).or_insert_with(|| builder.location(Location { lines: lines.collect(), ..*location }))
    }
}
