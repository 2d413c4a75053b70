//! Addresses of a profile → functions, files and lines, inlined ones too, by the debug info of the running process. How the
//! tool does the same from outside is in `cargo-prof`'s `symbolize/`. Never guesses: what nothing describes stays an address.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::ffi::c_void;

use prof_pprof::{Function, FunctionIndex, Line, LocationIndex, MappingIndex, Profile, Text};

/// Names that were found before: benchmarks of one run have most of their code in common.
#[derive(Default)]
pub(crate) struct Names {
    places: HashMap<u64, Vec<Place>>,
}

/// A line of a function.
#[derive(Clone)]
struct Place {
    function: Function,
    line: u32,
    column: u32,
}

impl Names {
    /// Gives lines to all locations without any. The profile is of this process.
    pub(crate) fn give(&mut self, profile: &mut Profile) {
        let mut functions = Functions::new(profile);
        for position in 0..profile.locations.len() {
            let location = LocationIndex::new(position);
            let Some(mapping) = profile[location].mapping.filter(|_| profile[location].lines.is_empty()) else {
                continue;
            };
            let file = &profile[mapping].filename;
            // [vdso] and its like: no file, but a name that says enough.
            let pseudo = file.starts_with('[').then(|| Place::named(file));
            let address = profile[location].address;
            let places = self.places.entry(address).or_insert_with(|| places(address));
            let lines = match pseudo {
                Some(place) if places.is_empty() => vec![functions.line(profile, &place)],
                _ => places.iter().map(|place| functions.line(profile, place)).collect(),
            };
            profile[location].lines = lines;
        }
        for position in 0..profile.mappings.len() {
            profile.describe_mapping(MappingIndex::new(position));
        }
    }
}

/// The functions at an address, the innermost first.
fn places(address: u64) -> Vec<Place> {
    let mut places = Vec::new();
    // `resolve` takes return addresses and looks at the byte before; the profile holds the instructions themselves.
    let Ok(after) = usize::try_from(address).map(|address| address.wrapping_add(1)) else { return places };
    backtrace::resolve(after as *mut c_void, |symbol| {
        let Some(name) = symbol.name() else { return };
        let function = Function {
            // Without the hash.
            name: format!("{name:#}").into(),
            system_name: name.as_str().unwrap_or_default().into(),
            file: symbol.filename().map(|file| file.to_string_lossy().into()).unwrap_or_default(),
            start_line: 0,
        };
        places.push(Place { function, line: symbol.lineno().unwrap_or(0), column: symbol.colno().unwrap_or(0) });
    });
    places
}

impl Place {
    fn named(name: &Text) -> Place {
        let function = Function { name: name.clone(), system_name: name.clone(), ..Function::default() };
        Place { function, line: 0, column: 0 }
    }
}

/// The functions of a profile, to find one again.
struct Functions {
    known: HashMap<Function, FunctionIndex>,
}

impl Functions {
    fn new(profile: &Profile) -> Functions {
        let functions = profile.functions.iter().enumerate();
        Functions {
            known: functions.map(|(position, function)| (function.clone(), FunctionIndex::new(position))).collect(),
        }
    }

    fn line(&mut self, profile: &mut Profile, place: &Place) -> Line {
        let function = *self.known.entry(place.function.clone()).or_insert_with_key(|function| {
            profile.functions.push(function.clone());
            FunctionIndex::new(profile.functions.len() - 1)
        });
        Line { function, line: place.line.into(), column: place.column.into() }
    }
}
