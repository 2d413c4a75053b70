//! `Profile` → bytes. Strings are numbered in the order of their first use, so that equal profiles give equal bytes. How
//! bytes are gzipped while more of them are made is in `deflate.rs`.

use std::io;

use hashbrown::HashMap;
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

use super::deflate::{self, Pieces};
use super::packed::Packed;
use crate::wire::{self, field};
use crate::{Function, Label, LabelSetIndex, LabelValue, Location, Mapping, Profile, Sample, ValueType};

/// Writes a profile as a gzipped profile.proto message.
///
/// Equal profiles give equal bytes. A label whose value is empty text, or 0 without a unit, is lost on reading: the
/// format has no way to tell it from none. What compresses to less than a hundredth of itself, and is longer than 16 MiB, is
/// refused by [`decode`](crate::decode), as from anybody else.
pub fn encode(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_to(profile, &mut bytes).expect("memory takes every byte");
    bytes
}

/// [`encode`], written as it is made.
///
/// # Errors
///
/// Those of `out`.
pub fn encode_to(profile: &Profile, out: &mut dyn io::Write) -> io::Result<()> {
    deflate::gzip(profile.samples.frames(), out, |pieces| message(profile, pieces))
}

fn message(profile: &Profile, pieces: &mut dyn Pieces) -> io::Result<()> {
    let mut out = Vec::new();
    let mut strings = Strings::default();
    strings.index("");
    header(profile, &mut strings).encode(&mut out).expect("a vector grows");
    let mut samples = Samples::default();
    for (position, item) in profile.samples.iter().enumerate() {
        samples.put(&mut out, item, profile.samples.label_set_at(position), &mut strings);
        pieces.take_full(&mut out)?;
    }
    for (position, item) in profile.mappings.iter().enumerate() {
        put(&mut out, field::MAPPING, &mapping(id(position), item, &mut strings));
    }
    for (position, item) in profile.locations.iter().enumerate() {
        put(&mut out, field::LOCATION, &location(id(position), item));
        pieces.take_full(&mut out)?;
    }
    for (position, item) in profile.functions.iter().enumerate() {
        put(&mut out, field::FUNCTION, &function(id(position), item, &mut strings));
        pieces.take_full(&mut out)?;
    }
    for text in strings.in_order {
        put_bytes(&mut out, field::STRING_TABLE, text.as_bytes());
        pieces.take_full(&mut out)?;
    }
    pieces.take(out)
}

/// The table of strings as it grows.
#[derive(Default)]
struct Strings<'a> {
    in_order: Vec<&'a str>,
    indices: HashMap<&'a str, i64>,
}

impl<'a> Strings<'a> {
    fn index(&mut self, text: &'a str) -> i64 {
        *self.indices.entry(text).or_insert_with(|| {
            self.in_order.push(text);
            self.in_order.len() as i64 - 1
        })
    }
}

fn header<'a>(profile: &'a Profile, strings: &mut Strings<'a>) -> wire::Header {
    let mut value_type = |value_type: &'a ValueType| wire::ValueType {
        kind: strings.index(&value_type.kind),
        unit: strings.index(&value_type.unit),
    };
    let sample_type = profile.sample_types.iter().map(&mut value_type).collect();
    let period_type = profile.period_type.as_ref().map(value_type);
    wire::Header {
        sample_type,
        drop_frames: strings.index(&profile.drop_frames),
        keep_frames: strings.index(&profile.keep_frames),
        time_nanos: profile.time_nanos,
        duration_nanos: profile.duration_nanos,
        period_type,
        period: profile.period,
        comment: profile.comments.iter().map(|comment| strings.index(comment)).collect(),
        default_sample_type: strings.index(&profile.default_sample_type),
        doc_url: strings.index(&profile.doc_url),
    }
}

/// Writes samples by hand: they are nearly all of a profile, and their labels are nearly always those of others.
#[derive(Default)]
struct Samples {
    /// The fields of each set of labels, if it was written.
    labels: Vec<Option<Vec<u8>>>,
    locations: Packed,
    values: Packed,
}

impl Samples {
    fn put<'a>(&mut self, out: &mut Vec<u8>, sample: Sample<'a>, set: LabelSetIndex, strings: &mut Strings<'a>) {
        let locations = self.locations.fill(sample.locations.iter().map(|location| id(location.position())));
        let values = self.values.fill(sample.values.iter().map(|value| *value as u64));
        if self.labels.len() <= set.position() {
            self.labels.resize(set.position() + 1, None);
        }
        let labels = self.labels[set.position()].get_or_insert_with(|| {
            let mut fields = Vec::new();
            sample.labels.iter().for_each(|own| put(&mut fields, 3, &label(own, strings)));
            fields
        });
        let packed = [(1, locations), (2, values)].into_iter().filter(|(_, numbers)| !numbers.is_empty());
        let length = |(_, numbers): (u64, &[u8])| 1 + encoded_len_varint(numbers.len() as u64) + numbers.len();
        key(out, field::SAMPLE);
        encode_varint((packed.clone().map(length).sum::<usize>() + labels.len()) as u64, out);
        packed.for_each(|(number, numbers)| put_bytes(out, number, numbers));
        out.extend_from_slice(labels);
    }
}

fn label<'a>(label: &'a Label, strings: &mut Strings<'a>) -> wire::Label {
    let key = strings.index(&label.key);
    match &label.value {
        LabelValue::Text(text) => wire::Label { key, str: strings.index(text), ..wire::Label::default() },
        LabelValue::Number { number, unit } => {
            wire::Label { key, num: *number, num_unit: strings.index(unit), ..wire::Label::default() }
        }
    }
}

fn mapping<'a>(id: u64, mapping: &'a Mapping, strings: &mut Strings<'a>) -> wire::Mapping {
    wire::Mapping {
        id,
        memory_start: mapping.start,
        memory_limit: mapping.limit,
        file_offset: mapping.file_offset,
        filename: strings.index(&mapping.filename),
        build_id: strings.index(&mapping.build_id),
        has_functions: mapping.has_functions,
        has_filenames: mapping.has_filenames,
        has_line_numbers: mapping.has_line_numbers,
        has_inline_frames: mapping.has_inline_frames,
    }
}

fn location(own: u64, location: &Location) -> wire::Location {
    let line = |line: &crate::Line| wire::Line {
        function_id: id(line.function.position()),
        line: line.line,
        column: line.column,
    };
    wire::Location {
        id: own,
        mapping_id: location.mapping.map_or(0, |mapping| id(mapping.position())),
        address: location.address,
        line: location.lines.iter().map(line).collect(),
        is_folded: location.is_folded,
    }
}

fn function<'a>(id: u64, function: &'a Function, strings: &mut Strings<'a>) -> wire::Function {
    wire::Function {
        id,
        name: strings.index(&function.name),
        system_name: strings.index(&function.system_name),
        filename: strings.index(&function.file),
        start_line: function.start_line,
    }
}

/// Ids count from 1, because 0 stands for none.
fn id(position: usize) -> u64 {
    position as u64 + 1
}

fn put(out: &mut Vec<u8>, number: u64, message: &impl Message) {
    key(out, number);
    message.encode_length_delimited(out).expect("a vector grows");
}

fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    key(out, number);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The key of a length-delimited field; all of them are below 16, so it is one byte.
fn key(out: &mut Vec<u8>, number: u64) {
    out.push((number << 3 | 2) as u8);
}
