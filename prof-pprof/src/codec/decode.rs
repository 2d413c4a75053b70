//! Bytes → `Profile`. The tables are found in a first pass over the outermost message, the samples are turned one
//! by one in a second, so that no copy of the whole message is ever held.

use std::borrow::Cow;
use std::io::Read;

use prost::Message;

use super::ids::{Ids, OriginalIds};
use crate::legacy::decode_legacy;
use crate::wire::{self, field};
use crate::{
    Error, Function, FunctionIndex, Label, LabelValue, Line, Location, LocationIndex, Mapping, MappingIndex, Profile,
    Sample, Text, ValueType,
};

/// Profiles compress to a third or a tenth; a hundredth leaves room for the most repetitive ones.
const MOST_EXPANSION: u64 = 100;
/// Small profiles may expand more than that, up to this many bytes.
const ALWAYS_ALLOWED: u64 = 16 << 20;

/// Reads a profile from the bytes of a profile.proto message, gzipped or plain.
///
/// Strings that are no UTF-8 get replacement characters. References to a mapping that is not there count as none, as
/// in other tools.
///
/// # Errors
///
/// If the bytes are no profile, are damaged, or expand to more than 16 MiB + 100 times their size.
pub fn decode(bytes: &[u8]) -> Result<Profile, Error> {
    message(&decompressed(bytes)?).map(|(profile, _)| profile)
}

/// Reads a profile in pprof's format or in one of those before it, gzipped or not: all that `go tool pprof` reads.
///
/// # Errors
///
/// As [`decode`], and if the bytes are in one of the older formats, but damaged.
pub fn decode_any(bytes: &[u8]) -> Result<Profile, Error> {
    decode_any_with_ids(bytes).map(|(profile, _)| profile)
}

/// [`decode_any`], and the ids that the file gives to mappings and locations, which `go tool pprof -raw` shows.
///
/// # Errors
///
/// As [`decode_any`].
pub fn decode_any_with_ids(bytes: &[u8]) -> Result<(Profile, OriginalIds), Error> {
    let bytes = decompressed(bytes)?;
    let error = match message(&bytes) {
        Err(error) if error != Error::Concatenated => error,
        result => return result,
    };
    match decode_legacy(&bytes) {
        Err(Error::Unrecognized) => Err(error),
        result => result.map(|profile| (profile, OriginalIds::default())),
    }
}

/// The bytes as they were before they were gzipped, if they were.
fn decompressed(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return if bytes.is_empty() { Err(Error::Empty) } else { Ok(bytes.into()) };
    }
    let limit = ALWAYS_ALLOWED + MOST_EXPANSION * bytes.len() as u64;
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes)
        .take(limit + 1)
        .read_to_end(&mut plain)
        .map_err(|error| Error::Gzip { reason: error.to_string() })?;
    if plain.len() as u64 > limit {
        return Err(Error::TooLarge { limit });
    }
    if plain.is_empty() { Err(Error::Empty) } else { Ok(plain.into()) }
}

fn message(bytes: &[u8]) -> Result<(Profile, OriginalIds), Error> {
    let tables = Tables::find(bytes)?;
    read(bytes, &tables).map_err(|error| match error {
        // A second string table begins with an empty string as the first does.
        Error::Identity { .. } if tables.strings[1..].iter().any(|string| string.is_empty()) => Error::Concatenated,
        error => error,
    })
}

fn read(bytes: &[u8], tables: &Tables<'_>) -> Result<(Profile, OriginalIds), Error> {
    let header = wire::Header::decode(bytes).map_err(|error| malformed("profile", &error))?;
    let mut profile = tables.profile(&header)?;
    let text = |index| tables.text(index);

    let mut original = OriginalIds::default();
    let mut mapping_ids = Ids::new("mapping");
    for bytes in &tables.mappings {
        let wire = wire::Mapping::decode(*bytes).map_err(|error| malformed("mapping", &error))?;
        mapping_ids.add(wire.id)?;
        original.mappings.push(wire.id);
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
    let mut function_ids = Ids::new("function");
    for bytes in &tables.functions {
        let wire = wire::Function::decode(*bytes).map_err(|error| malformed("function", &error))?;
        function_ids.add(wire.id)?;
        profile.functions.push(Function {
            name: text(wire.name)?,
            system_name: text(wire.system_name)?,
            file: text(wire.filename)?,
            start_line: wire.start_line,
        });
    }
    let mut location_ids = Ids::new("location");
    for bytes in &tables.locations {
        let wire = wire::Location::decode(*bytes).map_err(|error| malformed("location", &error))?;
        location_ids.add(wire.id)?;
        original.locations.push(wire.id);
        let line = |line: &wire::Line| {
            let function = FunctionIndex::new(function_ids.position(line.function_id)?);
            Ok(Line { function, line: line.line, column: line.column })
        };
        profile.locations.push(Location {
            mapping: mapping_ids.position(wire.mapping_id).ok().map(MappingIndex::new),
            address: wire.address,
            lines: wire.line.iter().map(line).collect::<Result<_, Error>>()?,
            is_folded: wire.is_folded,
        });
    }
    for bytes in tables.samples() {
        let wire = wire::Sample::decode(bytes?).map_err(|error| malformed("sample", &error))?;
        let expected = profile.sample_types.len();
        // Before anything is kept, or two bytes of nothing would cost as much memory as a sample.
        if expected == 0 || wire.value.len() != expected {
            return Err(Error::Values { found: wire.value.len(), expected });
        }
        let location = |id: &u64| location_ids.position(*id).map(LocationIndex::new);
        profile.samples.push(Sample {
            locations: wire.location_id.iter().map(location).collect::<Result<_, Error>>()?,
            values: wire.value,
            labels: wire.label.iter().filter_map(|wire| label(*wire, tables).transpose()).collect::<Result<_, _>>()?,
        });
    }
    Ok((profile, original))
}

/// A label without any value says nothing and is left out, as other tools do.
fn label(wire: wire::Label, tables: &Tables<'_>) -> Result<Option<Label>, Error> {
    let value = if wire.str != 0 {
        LabelValue::Text(tables.text(wire.str)?)
    } else if wire.num != 0 || wire.num_unit != 0 {
        LabelValue::Number { number: wire.num, unit: tables.text(wire.num_unit)? }
    } else {
        return Ok(None);
    };
    Ok(Some(Label { key: tables.text(wire.key)?, value }))
}

/// Where the items of each table lie in the message, in their order.
struct Tables<'a> {
    message: &'a [u8],
    mappings: Vec<&'a [u8]>,
    locations: Vec<&'a [u8]>,
    functions: Vec<&'a [u8]>,
    strings: Vec<Text>,
}

impl<'a> Tables<'a> {
    fn find(message: &'a [u8]) -> Result<Tables<'a>, Error> {
        let mut tables =
            Tables { message, mappings: Vec::new(), locations: Vec::new(), functions: Vec::new(), strings: Vec::new() };
        let empty = Text::default();
        let mut times = 0;
        for item in (Fields { rest: message }) {
            let (number, content) = item?;
            match number {
                field::MAPPING => tables.mappings.push(content),
                field::LOCATION => tables.locations.push(content),
                field::FUNCTION => tables.functions.push(content),
                field::STRING_TABLE if content.is_empty() => tables.strings.push(empty.clone()),
                field::STRING_TABLE => tables.strings.push(String::from_utf8_lossy(content).into()),
                field::TIME_NANOS => times += 1,
                _ => {}
            }
        }
        if times > 1 {
            return Err(Error::Concatenated);
        }
        if tables.strings.first().is_none_or(|first| !first.is_empty()) {
            return Err(Error::StringTable);
        }
        Ok(tables)
    }

    fn samples(&self) -> impl Iterator<Item = Result<&'a [u8], Error>> {
        Fields { rest: self.message }.filter_map(|item| match item {
            Ok((field::SAMPLE, content)) => Some(Ok(content)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn text(&self, index: i64) -> Result<Text, Error> {
        let found = usize::try_from(index).ok().and_then(|position| self.strings.get(position));
        found.cloned().ok_or(Error::UnknownString { index })
    }

    fn profile(&self, header: &wire::Header) -> Result<Profile, Error> {
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

/// The fields of a message: each one's number and, if it is length-delimited, its content.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, &'a [u8]), Error> {
        let key = self.varint()?;
        let content = match key & 7 {
            0 => {
                self.varint()?;
                &[]
            }
            1 => self.bytes(8)?,
            2 => {
                let length = self.varint()?;
                self.bytes(length)?
            }
            5 => self.bytes(4)?,
            other => return Err(Error::Malformed { reason: format!("wire type {other}") }),
        };
        Ok((key >> 3, content))
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let [byte] = *self.bytes(1)? else { break };
            // Bits beyond the 64th are dropped, as the protocol's own readers do.
            value |= if shift < 64 { u64::from(byte & 0x7f) << shift } else { 0 };
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Error::Malformed { reason: "a number of more than ten bytes".into() })
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], Error> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (bytes, rest) = split.ok_or(Error::Malformed { reason: "it ends within a field".into() })?;
        self.rest = rest;
        Ok(bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, &'a [u8]), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

fn malformed(what: &str, error: &prost::DecodeError) -> Error {
    Error::Malformed { reason: format!("{what}: {error}") }
}
