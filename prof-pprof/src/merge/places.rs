//! Where the mappings, functions and locations of a profile are in the sum that it is added to. When two of them are the same
//! is decided in `mapping.rs` and `location.rs`.

use super::location::{LocationKey, place_in};
use super::mapping::Place;
use super::sum::Sum;
use crate::{FunctionIndex, Line, Location, LocationIndex, MappingIndex, Profile};

/// Where the parts of a profile went, as far as samples needed them.
pub(super) struct Places<'a> {
    profile: &'a Profile,
    mappings: Vec<Option<Place>>,
    functions: Vec<Option<FunctionIndex>>,
    locations: Vec<Option<LocationIndex>>,
}

impl<'a> Places<'a> {
    /// Finds what the sum has already. That is done one part after the other: in the order of the samples, which is that of
    /// new ones, most of the time would go into waiting for memory.
    pub(super) fn find(profile: &'a Profile, sum: &Sum) -> Places<'a> {
        let mappings: Vec<_> = profile.mappings.iter().map(|mapping| sum.mappings.known(mapping)).collect();
        let functions: Vec<_> = profile.functions.iter().map(|function| sum.builder.known_function(function)).collect();
        let location = |location: &Location| {
            let place = match location.mapping {
                Some(mapping) => Some(mappings[mapping.position()]?),
                None => None,
            };
            if location.lines.iter().any(|line| functions[line.function.position()].is_none()) {
                return None;
            }
            sum.locations.get(&key(location, place, &functions)).copied()
        };
        let locations = profile.locations.iter().map(location).collect();
        Places { profile, mappings, functions, locations }
    }

    /// Where a mapping is in the sum, which gets it if it is new.
    pub(super) fn mapping(&mut self, index: MappingIndex, sum: &mut Sum) -> Place {
        let place = || sum.mappings.place(&self.profile[index], &mut sum.builder);
        *self.mappings[index.position()].get_or_insert_with(place)
    }

    /// Where a location is in the sum, which gets it if it is new.
    #[inline]
    pub(super) fn location(&mut self, index: LocationIndex, sum: &mut Sum) -> LocationIndex {
        match self.locations[index.position()] {
            Some(known) => known,
            None => self.new_location(index, sum),
        }
    }

    #[cold]
    fn new_location(&mut self, index: LocationIndex, sum: &mut Sum) -> LocationIndex {
        let profile = self.profile;
        let location = &profile[index];
        let place = location.mapping.map(|mapping| self.mapping(mapping, sum));
        for line in &location.lines {
            self.functions[line.function.position()]
                .get_or_insert_with(|| sum.builder.function(profile[line.function].clone()));
        }
        let functions = &self.functions;
        let new = *sum.locations.entry(key(location, place, functions)).or_insert_with(|| {
            let line = |line: &Line| Line { function: moved(line.function, functions), ..*line };
            sum.builder.location(Location {
                mapping: place.map(|place| place.mapping),
                address: place_in(location, place),
                lines: location.lines.iter().map(line).collect(),
                is_folded: location.is_folded,
            })
        });
        self.locations[index.position()] = Some(new);
        new
    }
}

fn key(location: &Location, place: Option<Place>, functions: &[Option<FunctionIndex>]) -> LocationKey {
    LocationKey::of(location, place, |function| moved(function, functions))
}

/// Where a function went that is known to be in the sum.
fn moved(function: FunctionIndex, functions: &[Option<FunctionIndex>]) -> FunctionIndex {
    functions[function.position()].expect("the functions of a location go before it")
}
