//! A profile.proto message, piece by piece → `Profile`. Samples, nearly all of a profile, go into their columns as they
//! come; tables are kept as numbers until the strings are known, which stand last. How a sample is read is in
//! `columns.rs`. Believes nothing: damaged or hostile bytes give an error, and take memory in proportion to their number.

use super::columns::Columns;
use super::fields::{Content, Fields, ends_within};
use super::ids::{Ids, OriginalIds};
use crate::wire::{self, field};
use crate::{
    Error, Function, FunctionIndex, Label, LabelValue, Line, Location, Mapping, MappingIndex, Profile, Text, ValueType,
};

/// A message of which some was read.
pub(super) struct Message {
    is_empty: bool,
    /// The start of a field that goes on in the next piece.
    rest: Vec<u8>,
    /// The fields that are neither tables nor samples.
    header: Vec<u8>,
    times: usize,
    samples: Columns,
    mappings: Table<wire::Mapping>,
    locations: Table<wire::Location>,
    functions: Table<wire::Function>,
    strings: Vec<Text>,
    empty: Text,
    /// The first thing that is wrong, but may only be so because there are two profiles. From there on nothing is kept.
    wrong: Option<Error>,
}

impl Message {
    pub(super) fn new() -> Message {
        Message {
            is_empty: true,
            rest: Vec::new(),
            header: Vec::new(),
            times: 0,
            samples: Columns::default(),
            mappings: Table::new("mapping"),
            locations: Table::new("location"),
            functions: Table::new("function"),
            strings: Vec::new(),
            empty: Text::default(),
            wrong: None,
        }
    }

    /// Reads the next piece.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.is_empty &= piece.is_empty();
        if self.rest.is_empty() {
            let rest = self.whole_fields(piece)?;
            self.rest.extend_from_slice(rest);
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece);
        let left = self.whole_fields(&bytes)?.len();
        bytes.drain(..bytes.len() - left);
        self.rest = bytes;
        Ok(())
    }

    /// Reads all fields but the last if it is cut, of which it gives the bytes.
    fn whole_fields<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
        let mut fields = Fields::of(bytes);
        loop {
            let before = fields.rest();
            match fields.next() {
                Ok(None) => return Ok(&[]),
                Ok(Some((number, content))) => {
                    let length = before.len() - fields.rest().len();
                    self.field(number, content, &before[..length])?;
                }
                Err(error) if error == ends_within() => return Ok(before),
                Err(error) => return Err(error),
            }
        }
    }

    fn field(&mut self, number: u64, content: Content<'_>, whole: &[u8]) -> Result<(), Error> {
        let Content::Bytes(bytes) = content else {
            if matches!(number, field::SAMPLE..=field::STRING_TABLE) {
                return Err(Error::Malformed { reason: format!("field {number} is no message") });
            }
            self.times += usize::from(number == field::TIME_NANOS);
            self.header.extend_from_slice(whole);
            return Ok(());
        };
        let kept = match number {
            field::STRING_TABLE => {
                // Of two bytes each, and so shared.
                let text = match str::from_utf8(bytes) {
                    Ok("") => self.empty.clone(),
                    Ok(text) => text.into(),
                    Err(_) => String::from_utf8_lossy(bytes).into(),
                };
                self.strings.push(text);
                Ok(())
            }
            field::SAMPLE..=field::FUNCTION if self.wrong.is_some() => Ok(()),
            field::SAMPLE => return self.samples.read(bytes),
            field::MAPPING => self.mappings.add(bytes, |mapping| mapping.id)?,
            field::LOCATION => self.locations.add(bytes, |location| location.id)?,
            field::FUNCTION => self.functions.add(bytes, |function| function.id)?,
            _ => {
                self.header.extend_from_slice(whole);
                Ok(())
            }
        };
        self.wrong = self.wrong.take().or(kept.err());
        Ok(())
    }

    /// The profile, and the ids that it gave.
    pub(super) fn finish(self) -> Result<(Profile, OriginalIds), Error> {
        if self.is_empty {
            return Err(Error::Empty);
        }
        if !self.rest.is_empty() {
            return Err(ends_within());
        }
        if self.times > 1 {
            return Err(Error::Concatenated);
        }
        let Some(others) = self.strings.split_first().and_then(|(first, rest)| first.is_empty().then_some(rest)) else {
            return Err(Error::StringTable);
        };
        if let Some(error) = self.wrong {
            // A second string table begins with an empty string as the first does.
            let are_two = others.iter().any(|string| string.is_empty());
            return Err(if are_two { Error::Concatenated } else { error });
        }
        let strings = Strings(self.strings);
        let text = |index| strings.text(index);
        let mut profile = strings.header(&self.header)?;
        let original = OriginalIds {
            mappings: self.mappings.items.iter().map(|mapping| mapping.id).collect(),
            locations: self.locations.items.iter().map(|location| location.id).collect(),
        };
        for wire in self.mappings.items {
            profile.mappings.push(Mapping {
                start: wire.memory_start,
                limit: wire.memory_limit,
                file_offset: wire.file_offset,
                filename: text(wire.filename)?,
                build_id: text(wire.build_id)?,
                has_functions: wire.has_functions,
                has_filenames: wire.has_filenames,
                has_line_numbers: wire.has_line_numbers,
                has_inline_frames: wire.has_inline_frames,
            });
        }
        for wire in self.functions.items {
            profile.functions.push(Function {
                name: text(wire.name)?,
                system_name: text(wire.system_name)?,
                file: text(wire.filename)?,
                start_line: wire.start_line,
            });
        }
        for wire in self.locations.items {
            let line = |line: wire::Line| {
                let function = FunctionIndex::new(self.functions.ids.position(line.function_id)?);
                Ok(Line { function, line: line.line, column: line.column })
            };
            profile.locations.push(Location {
                mapping: self.mappings.ids.position(wire.mapping_id).ok().map(MappingIndex::new),
                address: wire.address,
                lines: wire.line.into_iter().map(line).collect::<Result<_, Error>>()?,
                is_folded: wire.is_folded,
            });
        }
        let width = profile.sample_types.len();
        profile.samples = self.samples.finish(width, &self.locations.ids, |label| strings.label(label))?;
        Ok((profile, original))
    }
}

/// The items of a table, and their ids.
struct Table<T> {
    what: &'static str,
    items: Vec<T>,
    ids: Ids,
}

impl<T: prost::Message + Default> Table<T> {
    fn new(what: &'static str) -> Table<T> {
        Table { what, items: Vec::new(), ids: Ids::new(what) }
    }

    /// Adds an item, unless its id, which `id` gives, is taken or none; that is the inner error.
    fn add(&mut self, bytes: &[u8], id: impl Fn(&T) -> u64) -> Result<Result<(), Error>, Error> {
        let item: T = decoded(self.what, bytes)?;
        let added = self.ids.add(id(&item));
        if added.is_ok() {
            self.items.push(item);
        }
        Ok(added)
    }
}

/// A message within the profile's, whose name is `what`.
pub(super) fn decoded<T: prost::Message + Default>(what: &str, bytes: &[u8]) -> Result<T, Error> {
    T::decode(bytes).map_err(|error| Error::Malformed { reason: format!("{what}: {error}") })
}

/// The string table.
struct Strings(Vec<Text>);

impl Strings {
    fn text(&self, index: i64) -> Result<Text, Error> {
        let found = usize::try_from(index).ok().and_then(|position| self.0.get(position));
        found.cloned().ok_or(Error::UnknownString { index })
    }

    /// A label without any value says nothing and is left out, as other tools do.
    fn label(&self, wire: &wire::Label) -> Result<Option<Label>, Error> {
        let value = if wire.str != 0 {
            LabelValue::Text(self.text(wire.str)?)
        } else if wire.num != 0 || wire.num_unit != 0 {
            LabelValue::Number { number: wire.num, unit: self.text(wire.num_unit)? }
        } else {
            return Ok(None);
        };
        Ok(Some(Label { key: self.text(wire.key)?, value }))
    }

    /// A profile without tables and samples.
    fn header(&self, bytes: &[u8]) -> Result<Profile, Error> {
        let header: wire::Header = decoded("profile", bytes)?;
        let value_type = |wire: &wire::ValueType| {
            Ok::<_, Error>(ValueType { kind: self.text(wire.kind)?, unit: self.text(wire.unit)? })
        };
        Ok(Profile {
            sample_types: header.sample_type.iter().map(value_type).collect::<Result<_, _>>()?,
            default_sample_type: self.text(header.default_sample_type)?,
            drop_frames: self.text(header.drop_frames)?,
            keep_frames: self.text(header.keep_frames)?,
            time_nanos: header.time_nanos,
            duration_nanos: header.duration_nanos,
            period_type: header.period_type.as_ref().map(value_type).transpose()?,
            period: header.period,
            comments: header.comment.iter().map(|index| self.text(*index)).collect::<Result<_, _>>()?,
            doc_url: self.text(header.doc_url)?,
            ..Profile::default()
        })
    }
}
