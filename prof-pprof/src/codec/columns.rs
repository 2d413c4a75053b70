//! The samples of a message as they come: their stacks, values and labels in columns, without an allocation for a sample.
//! Ids become positions when all is read, because the locations stand behind the samples. The rest of the message is read
//! in `message.rs`.

use hashbrown::HashMap;

use super::fields::{self, Content, Fields};
use super::ids::Ids;
use super::message::decoded;
use crate::label_sets::LabelSets;
use crate::{Error, Label, LocationIndex, Samples, wire};

/// Ids of locations from here on stand in a table of their own.
const LARGE: u32 = 1 << 31;

/// The samples that were read.
#[derive(Default)]
pub(super) struct Columns {
    /// Ids of locations; those that are [`LARGE`] or larger name one of `large_ids`.
    locations: Vec<u32>,
    large_ids: Vec<u64>,
    large: HashMap<u64, u32>,
    /// Where the stack of each sample ends.
    ends: Vec<usize>,
    values: Vec<i64>,
    /// How many values the first sample has.
    width: usize,
    /// How many values a sample has that is unlike the first, or has none. From there on none is kept.
    misfit: Option<usize>,
    /// Which of `label_sets` each sample has.
    labels: Vec<u32>,
    label_sets: Vec<Vec<wire::Label>>,
    /// The sets by their bytes, each label's behind its length.
    known_labels: HashMap<Box<[u8]>, u32>,
    label_bytes: Vec<u8>,
}

impl Columns {
    /// Reads a sample.
    pub(super) fn read(&mut self, message: &[u8]) -> Result<(), Error> {
        if self.misfit.is_some() {
            return Ok(());
        }
        let (stack_start, values_start) = (self.locations.len(), self.values.len());
        self.label_bytes.clear();
        let mut fields = Fields::of(message);
        while let Some(field) = fields.next()? {
            match field {
                (1, Content::Bytes(ids)) => fields::packed(ids, |id| self.location(id))?,
                (1, Content::Varint(id)) => self.location(id),
                (2, Content::Bytes(values)) => fields::packed(values, |value| self.values.push(value as i64))?,
                (2, Content::Varint(value)) => self.values.push(value as i64),
                (3, Content::Bytes(label)) => {
                    self.label_bytes.extend_from_slice(&label.len().to_le_bytes());
                    self.label_bytes.extend_from_slice(label);
                }
                (1..=3, _) => return Err(Error::Malformed { reason: "sample: a field of another type".into() }),
                _ => {}
            }
        }
        let width = self.values.len() - values_start;
        if self.ends.is_empty() {
            self.width = width;
        }
        // Before anything is kept, or two bytes of nothing would cost as much memory as a sample.
        if width == 0 || width != self.width {
            self.misfit = Some(width);
            self.locations.truncate(stack_start);
            self.values.truncate(values_start);
            return Ok(());
        }
        self.ends.push(self.locations.len());
        let labels = self.label_set()?;
        self.labels.push(labels);
        Ok(())
    }

    #[inline]
    fn location(&mut self, id: u64) {
        let id = if id < u64::from(LARGE) { id as u32 } else { self.large(id) };
        self.locations.push(id);
    }

    #[cold]
    fn large(&mut self, id: u64) -> u32 {
        *self.large.entry(id).or_insert_with(|| {
            self.large_ids.push(id);
            LARGE + (self.large_ids.len() - 1) as u32
        })
    }

    /// The set of the labels whose bytes were put aside.
    fn label_set(&mut self) -> Result<u32, Error> {
        if let Some(known) = self.known_labels.get(&self.label_bytes[..]) {
            return Ok(*known);
        }
        let mut rest = &self.label_bytes[..];
        let mut labels = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk() {
            let (label, behind) = behind.split_at(usize::from_le_bytes(*length));
            labels.push(decoded("label", label)?);
            rest = behind;
        }
        let index = self.label_sets.len() as u32;
        self.label_sets.push(labels);
        self.known_labels.insert(self.label_bytes[..].into(), index);
        Ok(index)
    }

    /// The samples, which must have `width` values. `label` gives a label's key and value; none if it has no value.
    pub(super) fn finish(
        self,
        width: usize,
        location_ids: &Ids,
        label: impl Fn(&wire::Label) -> Result<Option<Label>, Error>,
    ) -> Result<Samples, Error> {
        let is_unexpected = !self.ends.is_empty() && self.width != width;
        if let Some(found) = if is_unexpected { Some(self.width) } else { self.misfit } {
            return Err(Error::Values { found, expected: width });
        }
        let mut label_sets = LabelSets::default();
        let mut indices = Vec::with_capacity(self.label_sets.len());
        for set in &self.label_sets {
            let labels = set.iter().filter_map(|wire| label(wire).transpose()).collect::<Result<Vec<_>, _>>()?;
            indices.push(label_sets.index(&labels));
        }
        let labels = self.labels.iter().map(|set| indices[*set as usize]).collect();
        let locations = positions(self.locations, &self.large_ids, location_ids)?;
        Ok(Samples::of_columns(self.values, (locations, self.ends), (labels, label_sets)))
    }
}

/// Ids → positions, in the same memory.
fn positions(ids: Vec<u32>, large_ids: &[u64], known: &Ids) -> Result<Vec<LocationIndex>, Error> {
    if let Some(count) = known.in_order() {
        let position = |id: u32| {
            let is_known = id != 0 && u64::from(id) <= count;
            if is_known {
                Ok(LocationIndex::new(id as usize - 1))
            } else {
                Err(known.dangling(original(id, large_ids)))
            }
        };
        return ids.into_iter().map(position).collect();
    }
    // Each id is looked up once, as long as the table of answers is not much longer than what is asked.
    let most = ids.len().saturating_add(1 << 16);
    let largest = ids.iter().filter(|id| **id < LARGE).max().map_or(0, |id| *id as usize);
    let mut small = vec![None; if largest < most { largest + 1 } else { 0 }];
    let mut large = vec![None; large_ids.len()];
    let position = |id: u32| {
        let answer = if id < LARGE { small.get_mut(id as usize) } else { large.get_mut((id - LARGE) as usize) };
        if let Some(Some(known)) = answer {
            return Ok(*known);
        }
        let position = LocationIndex::new(known.position(original(id, large_ids))?);
        if let Some(answer) = answer {
            *answer = Some(position);
        }
        Ok(position)
    };
    ids.into_iter().map(position).collect()
}

fn original(id: u32, large_ids: &[u64]) -> u64 {
    if id < LARGE { u64::from(id) } else { large_ids[(id - LARGE) as usize] }
}
