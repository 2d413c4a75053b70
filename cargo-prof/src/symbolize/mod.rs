//! Addresses of a profile → functions, files and lines, from the binaries that its mappings name. How a binary and its
//! debug info are read is in `binary.rs` and `dwarf.rs`; records become profiles in `prof-pprof`. Never guesses: an
//! address that nothing describes, or whose binary was rebuilt since, stays an address.

mod binary;
mod demangle;
mod dwarf;
mod names;
mod sections;

use std::fmt;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use prof_pprof::{Line, LocationIndex, MappingIndex, Profile, Text};

pub use demangle::demangle;

pub(crate) use binary::{Binary, BinaryFile, Slot};
pub(crate) use dwarf::{DebugInfo, Split};
pub(crate) use names::places;
pub(crate) use sections::Sections;

use dwarf::Frame;
use names::{Names, Place, needs_symbol};

/// What symbolizing may look at besides the binaries themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// Where the standard library's sources are, usually `<sysroot>/lib/rustlib/src/rust`. Binaries name them by the
    /// place where the toolchain was built; files that exist here are named by this place instead.
    pub rust_src: Option<PathBuf>,
}

/// How much of a profile was symbolized.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Locations that had no lines before.
    pub locations: usize,
    /// How many of them have now.
    pub symbolized: usize,
    /// Binaries of which nothing could be used.
    pub skipped: Vec<Skipped>,
    /// Paths of binaries without debug info: their functions are known at best by name, not by line.
    pub without_debug_info: Vec<Text>,
}

/// A binary that was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path, as the mapping states it.
    pub path: Text,
    /// How many locations stay addresses because of it.
    pub locations: usize,
    /// Why.
    pub reason: SkipReason,
}

/// Why a binary was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// It could not be read.
    Unreadable(String),
    /// It is not an object file, or a damaged one.
    NotAnObject(String),
    /// It is another build than the one that was profiled.
    AnotherBuild {
        /// The build id of the file that lies there now, in hexadecimal.
        found: String,
    },
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SkipReason::Unreadable(error) => write!(f, "cannot be read: {error}"),
            SkipReason::NotAnObject(error) => write!(f, "is no readable object file: {error}"),
            SkipReason::AnotherBuild { found } => {
                write!(f, "was rebuilt since it was profiled (its build id is now {found})")
            }
        }
    }
}

/// Gives lines to all locations without any, and sets the `has_*` flags of the mappings that they lie in.
///
/// Each binary is opened once a mapping, and only its symbol table and debug sections are read.
pub fn symbolize(profile: &mut Profile, sources: &Sources) -> Outcome {
    let mut unnamed = vec![Vec::new(); profile.mappings.len()];
    for (position, location) in profile.locations.iter().enumerate() {
        if let Some(mapping) = location.mapping.filter(|_| location.lines.is_empty()) {
            unnamed[mapping.position()].push(LocationIndex::new(position));
        }
    }
    let mut outcome = Outcome::default();
    let mut names = Names::new(profile, sources);
    for (position, mut locations) in unnamed.into_iter().enumerate().filter(|(_, locations)| !locations.is_empty()) {
        // In this order each compilation unit is visited once.
        locations.sort_by_key(|location| profile[*location].address);
        outcome.locations += locations.len();
        let mapping = MappingIndex::new(position);
        let path = profile[mapping].filename.clone();
        let symbolized = if path.starts_with('[') {
            // [vdso] and its like: no file, but a name that says enough.
            let line = Line { line: 0, column: 0, function: names.function(profile, Place::named(&path)) };
            locations.iter().for_each(|location| profile[*location].lines = vec![line]);
            Ok(locations.len())
        } else {
            symbolize_mapping(profile, mapping, &locations, &mut names, &mut outcome)
        };
        match symbolized {
            Ok(symbolized) => outcome.symbolized += symbolized,
            Err(reason) => outcome.skipped.push(Skipped { path, locations: locations.len(), reason }),
        }
        profile.describe_mapping(mapping);
    }
    outcome
}

/// Gives lines to these locations of a mapping, as far as they are known, and tells to how many.
fn symbolize_mapping(
    profile: &mut Profile,
    mapping: MappingIndex,
    locations: &[LocationIndex],
    names: &mut Names,
    outcome: &mut Outcome,
) -> Result<usize, SkipReason> {
    let mapping = profile[mapping].clone();
    let file = BinaryFile::open(&mapping)?;
    let binary = file.binary(&mapping)?;
    let sections = Sections::load(&binary);
    let split = Split::find(&sections, Path::new(&*mapping.filename));
    let mut wanted = Vec::with_capacity(locations.len());
    for location in locations {
        let in_file = profile[*location].address.wrapping_sub(mapping.start).wrapping_add(mapping.file_offset);
        wanted.extend(binary.address_at(in_file).map(|address| (*location, address)));
    }
    // Each thread reads the debug info by itself: of units that none of its addresses lie in, it reads next to nothing.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let part = wanted.len().div_ceil(threads).max(WORTH_A_THREAD);
    let parts: Vec<_> = std::thread::scope(|scope| {
        let (first, others) = wanted.split_at(part.min(wanted.len()));
        let others: Vec<_> =
            others.chunks(part).map(|part| scope.spawn(|| Part::find(part, &sections, &split))).collect();
        let first = Part::find(first, &sections, &split);
        let others = others.into_iter().map(|other| other.join().expect("damaged debug info counts as absent"));
        std::iter::once(first).chain(others).collect()
    });
    if !parts[0].has_debug_info {
        outcome.without_debug_info.push(mapping.filename.clone());
    }
    let mut symbolized = 0;
    let mut wanted = wanted.into_iter();
    for part in parts {
        let mut spots = part.spots.into_iter();
        let mut functions = vec![None; part.routines.len()];
        for (found, (location, address)) in part.found.into_iter().zip(&mut wanted) {
            let lines: Vec<Line> = match found {
                Found::Spots(count) => {
                    let line = |Spot { routine, line, column }| {
                        let function = *functions[routine]
                            .get_or_insert_with(|| names.function(profile, part.routines[routine].clone()));
                        Line { function, line, column }
                    };
                    spots.by_ref().take(count).map(line).collect()
                }
                Found::Frames(frames) => {
                    let line = |place: Place| Line {
                        line: place.line,
                        column: place.column,
                        function: names.function(profile, place),
                    };
                    places(frames, binary.symbol(address)).into_iter().map(line).collect()
                }
            };
            symbolized += usize::from(!lines.is_empty());
            profile[location].lines = lines;
        }
    }
    Ok(symbolized)
}

/// So many addresses are worth a thread of their own.
const WORTH_A_THREAD: usize = 2000;

/// What debug info says of some addresses.
struct Part {
    found: Vec<Found>,
    /// The places of those of which debug info says all, one address after the other, the innermost first.
    spots: Vec<Spot>,
    /// The distinct functions of these, each as one of its places.
    routines: Vec<Place>,
    has_debug_info: bool,
}

/// What debug info says of an address.
enum Found {
    /// All that there is to know: so many spots.
    Spots(usize),
    /// Less than symbols do.
    Frames(Vec<Frame>),
}

/// A place in one of the routines.
struct Spot {
    routine: usize,
    line: i64,
    column: i64,
}

impl Part {
    /// What debug info says of addresses in the binary, which are sorted.
    fn find(wanted: &[(LocationIndex, u64)], sections: &Option<Sections>, split: &Split) -> Part {
        let debug_info = sections.as_ref().and_then(|sections| DebugInfo::new(sections, split));
        let (mut found, mut spots, mut routines) = (Vec::with_capacity(wanted.len()), Vec::new(), Vec::new());
        let mut known = HashMap::new();
        for (_, address) in wanted {
            let frames = debug_info.as_ref().map(|info| info.frames(*address)).unwrap_or_default();
            if needs_symbol(&frames) {
                found.push(Found::Frames(frames));
                continue;
            }
            let before = spots.len();
            for place in places(frames, None) {
                let (line, column) = (place.line, place.column);
                let routine = *known.entry(place.key()).or_insert_with(|| {
                    routines.push(place);
                    routines.len() - 1
                });
                spots.push(Spot { routine, line, column });
            }
            found.push(Found::Spots(spots.len() - before));
        }
        Part { found, spots, routines, has_debug_info: debug_info.is_some() }
    }
}

#[cfg(test)]
mod tests;
