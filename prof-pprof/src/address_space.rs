//! Where the code of many processes lies in one profile: mappings of the same file become one, and addresses move to
//! where its first process had it. How pcs become addresses is in `from_record.rs`.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use prof_record::Record;

use crate::{Builder, Location, LocationIndex, Mapping, MappingIndex};

/// The mappings of all processes so far.
#[derive(Debug, Default)]
pub(crate) struct AddressSpace {
    known: HashMap<Key, (MappingIndex, u64)>,
    main: Option<MappingIndex>,
}

/// Two mappings are of the same code if all of this is equal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    file: File,
    file_offset: u64,
    size: u64,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum File {
    /// Copies of one build are the same, wherever they lie.
    Build(Vec<u8>),
    Path(PathBuf),
}

impl AddressSpace {
    /// A process whose addresses are to be placed.
    pub(crate) fn process<'a>(&mut self, record: &'a Record, builder: &mut Builder) -> Process<'a> {
        let mut mappings: Vec<_> = record.mappings.iter().map(|mapping| (mapping, None)).collect();
        mappings.sort_by_key(|(mapping, _)| mapping.start);
        if self.main.is_none() {
            let main = mappings.iter_mut().find(|(mapping, _)| mapping.path == record.executable);
            self.main = main.map(|(mapping, placed)| placed.insert(self.place(mapping, builder)).0);
        }
        Process { mappings, locations: HashMap::new() }
    }

    /// The mapping of the first process's executable, which profile.proto wants first.
    pub(crate) fn main(&self) -> Option<MappingIndex> {
        self.main
    }

    /// The mapping's index, and where it begins in the profile.
    fn place(&mut self, mapping: &prof_record::Mapping, builder: &mut Builder) -> (MappingIndex, u64) {
        let file = if mapping.build_id.is_empty() {
            File::Path(mapping.path.clone())
        } else {
            File::Build(mapping.build_id.clone())
        };
        let size = mapping.end.saturating_sub(mapping.start);
        let key = Key { file, file_offset: mapping.file_offset, size };
        *self.known.entry(key).or_insert_with(|| {
            let index = builder.mapping(Mapping {
                start: mapping.start,
                limit: mapping.end,
                file_offset: mapping.file_offset,
                filename: name(&mapping.path).into(),
                build_id: hexadecimal(&mapping.build_id).into(),
                ..Mapping::default()
            });
            (index, mapping.start)
        })
    }
}

/// One process's mappings, by address, and what is known of where they and their addresses went.
pub(crate) struct Process<'a> {
    mappings: Vec<(&'a prof_record::Mapping, Option<(MappingIndex, u64)>)>,
    locations: HashMap<u64, LocationIndex>,
}

impl Process<'_> {
    /// The location of `address` of this process. Outside every mapping it has none, and its address stays.
    pub(crate) fn location(&mut self, address: u64, space: &mut AddressSpace, builder: &mut Builder) -> LocationIndex {
        if let Some(location) = self.locations.get(&address) {
            return *location;
        }
        let after = self.mappings.partition_point(|(mapping, _)| mapping.start <= address);
        let candidate = after.checked_sub(1).map(|position| &mut self.mappings[position]);
        let location = match candidate.filter(|(mapping, _)| address < mapping.end) {
            Some((mapping, placed)) => {
                let (index, start) = *placed.get_or_insert_with(|| space.place(mapping, builder));
                Location {
                    mapping: Some(index),
                    address: (address - mapping.start).saturating_add(start),
                    ..Location::default()
                }
            }
            None => Location { address, ..Location::default() },
        };
        let location = builder.location(location);
        self.locations.insert(address, location);
        location
    }
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
