//! A profile as data: what profile.proto says, with ids turned into typed indices and string numbers into [`Text`].
//! Its bytes are in `codec.rs`. Never interprets a value.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use crate::position::Position;
use crate::{Error, Samples};

/// A string of a profile. Shared, because the same few names stand in very many places.
pub type Text = Arc<str>;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident into $table:ident of $item:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Position);

        impl $name {
            /// The index of the `position`th item of the table.
            ///
            /// # Panics
            ///
            /// If `position` is 2³² - 1 or more.
            pub fn new(position: usize) -> $name {
                $name(Position::new(position))
            }

            /// The position in the table.
            pub fn position(self) -> usize {
                self.0.get()
            }
        }

        impl Index<$name> for Profile {
            type Output = $item;

            fn index(&self, index: $name) -> &$item {
                &self.$table[index.position()]
            }
        }

        impl IndexMut<$name> for Profile {
            fn index_mut(&mut self, index: $name) -> &mut $item {
                &mut self.$table[index.position()]
            }
        }
    };
}

index! {
    /// Names one of [`Profile::mappings`].
    MappingIndex into mappings of Mapping
}
index! {
    /// Names one of [`Profile::locations`].
    LocationIndex into locations of Location
}
index! {
    /// Names one of [`Profile::functions`].
    FunctionIndex into functions of Function
}

/// A profile. `profile[index]` gives the mapping, location or function that a typed index names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// What each of a sample's values counts, in their order.
    pub sample_types: Vec<ValueType>,
    /// Kind of the sample type that a report shows if none is asked for; empty for the last.
    pub default_sample_type: Text,
    /// What was measured.
    pub samples: Samples,
    /// Mapped code; the first is the main program's.
    pub mappings: Vec<Mapping>,
    /// Places in the code.
    pub locations: Vec<Location>,
    /// Functions that locations lie in.
    pub functions: Vec<Function>,
    /// A regular expression: frames of functions that it matches wholly are dropped with all that they call.
    pub drop_frames: Text,
    /// A regular expression: what it matches is kept, whatever `drop_frames` says.
    pub keep_frames: Text,
    /// When sampling began, nanoseconds since the Unix epoch; 0 if unknown.
    pub time_nanos: i64,
    /// For how long it went on, nanoseconds; 0 if unknown.
    pub duration_nanos: i64,
    /// What `period` counts.
    pub period_type: Option<ValueType>,
    /// Distance between two samples.
    pub period: i64,
    /// Free text for people.
    pub comments: Vec<Text>,
    /// Where the profile's kind is explained, an absolute URL.
    pub doc_url: Text,
}

/// A kind of value and its unit, such as `cpu` in `nanoseconds`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ValueType {
    /// What is counted (`type` in profile.proto).
    pub kind: Text,
    /// In which unit.
    pub unit: Text,
}

impl ValueType {
    /// `kind` in `unit`.
    pub fn new(kind: &str, unit: &str) -> ValueType {
        ValueType { kind: kind.into(), unit: unit.into() }
    }
}

/// A key and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    /// The key; those that begin with `pprof::` are reserved.
    pub key: Text,
    /// The value.
    pub value: LabelValue,
}

impl Label {
    /// A label whose value is text.
    pub fn text(key: impl Into<Text>, value: impl Into<Text>) -> Label {
        Label { key: key.into(), value: LabelValue::Text(value.into()) }
    }

    /// A label whose value is a number; an empty unit leaves it to the key.
    pub fn number(key: impl Into<Text>, number: i64, unit: impl Into<Text>) -> Label {
        Label { key: key.into(), value: LabelValue::Number { number, unit: unit.into() } }
    }
}

/// The value of a label. Text comes before numbers, and numbers are sorted before their units are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LabelValue {
    /// Text.
    Text(Text),
    /// A number.
    Number {
        /// The number.
        number: i64,
        /// Its unit, empty if unknown.
        unit: Text,
    },
}

/// A piece of memory with code, and the file behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub limit: u64,
    /// Offset of `start` in the file.
    pub file_offset: u64,
    /// The file's path, or a name in brackets such as `[vdso]`; empty if unknown.
    pub filename: Text,
    /// What tells two builds of the file apart, in hexadecimal; empty if unknown.
    pub build_id: Text,
    /// Whether the lines of its locations name functions.
    pub has_functions: bool,
    /// Whether those functions name files.
    pub has_filenames: bool,
    /// Whether the lines hold line numbers.
    pub has_line_numbers: bool,
    /// Whether inlined functions have lines of their own.
    pub has_inline_frames: bool,
}

/// A place in the code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// The mapping that holds `address`.
    pub mapping: Option<MappingIndex>,
    /// The instruction: where a thread was interrupted, or the call that it was in.
    pub address: u64,
    /// The functions at this address, the innermost inlined one first; empty if unknown.
    pub lines: Vec<Line>,
    /// Whether several functions share this code, and the lines name one of them.
    pub is_folded: bool,
}

/// A line of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Line {
    /// The function.
    pub function: FunctionIndex,
    /// Line in the function's file, from 1; 0 if unknown.
    pub line: i64,
    /// Column in the line, from 1; 0 if unknown.
    pub column: i64,
}

/// A function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Function {
    /// The name for people.
    pub name: Text,
    /// The name for linkers, mangled.
    pub system_name: Text,
    /// The source file; empty if unknown.
    pub file: Text,
    /// The line that it begins at; 0 if unknown.
    pub start_line: i64,
}

impl Profile {
    /// Checks that every index leads somewhere and that every sample has a value for each sample type.
    ///
    /// [`decode`](crate::decode) and [`Builder`](crate::Builder) only give profiles that pass.
    ///
    /// # Errors
    ///
    /// For the first place that does not fit.
    pub fn check(&self) -> Result<(), Error> {
        let expected = self.sample_types.len();
        if !self.samples.is_empty() && self.samples.width() != expected {
            return Err(Error::Values { found: self.samples.width(), expected });
        }
        for location in self.samples.iter().flat_map(|sample| sample.locations) {
            exists("location", location.position(), self.locations.len())?;
        }
        for location in &self.locations {
            if let Some(mapping) = location.mapping {
                exists("mapping", mapping.position(), self.mappings.len())?;
            }
            for line in &location.lines {
                exists("function", line.function.position(), self.functions.len())?;
            }
        }
        Ok(())
    }

    /// Sets the `has_*` flags of `mapping` to what holds for its locations.
    ///
    /// A viewer that finds `has_functions` does not symbolize the mapping again.
    pub fn describe_mapping(&mut self, mapping: MappingIndex) {
        let (mut functions, mut files, mut lines, mut inlined) = (false, false, false, false);
        for location in self.locations.iter().filter(|location| location.mapping == Some(mapping)) {
            inlined |= location.lines.len() > 1;
            for line in &location.lines {
                let function = &self.functions[line.function.position()];
                functions |= !function.name.is_empty();
                files |= !function.file.is_empty();
                lines |= line.line != 0;
            }
        }
        let mapping = &mut self[mapping];
        mapping.has_functions = functions;
        mapping.has_filenames = files;
        mapping.has_line_numbers = lines;
        mapping.has_inline_frames = inlined;
    }
}

fn exists(what: &'static str, position: usize, length: usize) -> Result<(), Error> {
    if position < length { Ok(()) } else { Err(Error::Dangling { what, id: position as u64 }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    #[test]
    fn a_profile_with_loose_ends_says_which() {
        let mut profile = Profile { sample_types: vec![ValueType::new("samples", "count")], ..Profile::default() };
        profile.samples.push(Sample { values: &[1], ..Sample::default() });
        assert_eq!(profile.check(), Ok(()));
        profile.samples.push(Sample { values: &[1], locations: &[LocationIndex::new(0)], ..Sample::default() });
        assert_eq!(profile.check(), Err(Error::Dangling { what: "location", id: 0 }));
        let lines = vec![Line { function: FunctionIndex::new(3), line: 0, column: 0 }];
        profile.locations.push(Location { lines, ..Location::default() });
        assert_eq!(profile.check(), Err(Error::Dangling { what: "function", id: 3 }));
        profile.samples.keep_values(&[]);
        assert_eq!(profile.check(), Err(Error::Values { found: 0, expected: 1 }));
    }
}
