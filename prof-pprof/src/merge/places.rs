//! Where the mappings, functions and locations of a profile are in the sum that it is added to. When two of them are the same
//! is decided in `mapping.rs` and `location.rs`.

use std::ops::Range;

use super::location::{LocationKey, place_in};
use super::mapping::Place;
use super::sum::{Sum, is_zero};
use crate::parallel::in_parts;
use crate::{Function, FunctionIndex, Line, Location, LocationIndex, MappingIndex, Profile, Samples};

/// So many functions or locations are worth a thread of their own.
const WORTH_A_THREAD: usize = 1 << 14;

/// Where the parts of a profile went, as far as samples needed them.
pub(super) struct Places<'a> {
    profile: &'a Profile,
    mappings: Vec<Option<Place>>,
    functions: Vec<Option<FunctionIndex>>,
    locations: Vec<Option<LocationIndex>>,
}

impl<'a> Places<'a> {
    /// Where each of the profile's locations is in the sum, if one of these samples has it. Those that are new go there, in the
    /// order of their first samples.
    pub(super) fn of(profile: &'a Profile, samples: &Samples, sum: &mut Sum) -> Vec<Option<LocationIndex>> {
        let mut places = Places::known(profile, sum);
        // The main program's stays the first, whether or not there is a sample in it.
        if !profile.mappings.is_empty() {
            places.mapping(MappingIndex::new(0), sum);
        }
        if places.locations.contains(&None) {
            for index in samples.iter().filter(|sample| !is_zero(*sample)).flat_map(|sample| sample.locations) {
                if places.locations[index.position()].is_none() {
                    places.add(*index, sum);
                }
            }
        }
        places.locations
    }

    /// What the sum has already. One part after the other: in the order of samples, most of the time would go into waiting for
    /// memory.
    fn known(profile: &'a Profile, sum: &Sum) -> Places<'a> {
        let mappings: Vec<_> = profile.mappings.iter().map(|mapping| sum.mappings.known(mapping)).collect();
        let function = |function: &Function| sum.builder.known_function(function);
        let functions: Vec<_> = of_all(&profile.functions, function);
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
        let locations = of_all(&profile.locations, location);
        Places { profile, mappings, functions, locations }
    }

    fn mapping(&mut self, index: MappingIndex, sum: &mut Sum) -> Place {
        let place = || sum.mappings.place(&self.profile[index], &mut sum.builder);
        *self.mappings[index.position()].get_or_insert_with(place)
    }

    /// Gives a location its place in the sum, where it may be new.
    fn add(&mut self, index: LocationIndex, sum: &mut Sum) {
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
    }
}

/// What `find` finds of each item.
fn of_all<I: Sync, T: Send>(items: &[I], find: impl Fn(&I) -> Option<T> + Sync) -> Vec<Option<T>> {
    let found = |part: Range<usize>| items[part].iter().map(&find).collect::<Vec<_>>();
    in_parts(items.len(), items.len() / WORTH_A_THREAD, found).into_iter().flatten().collect()
}

fn key(location: &Location, place: Option<Place>, functions: &[Option<FunctionIndex>]) -> LocationKey {
    LocationKey::of(location, place, |function| moved(function, functions))
}

/// Where a function went that is known to be in the sum.
fn moved(function: FunctionIndex, functions: &[Option<FunctionIndex>]) -> FunctionIndex {
    functions[function.position()].expect("the functions of a location go before it")
}
