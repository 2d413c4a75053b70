//! The fields of a protocol buffer message, one after the other, without a copy. What they mean is in `message.rs`. Never
//! reads beyond the end.

use crate::Error;

/// A message that is read from its start.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    Varint(u64),
    /// Of four or eight bytes.
    Fixed,
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Fields<'a> {
        Fields { rest: message }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The number of the next field and its value; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Content<'a>)>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let content = match key & 7 {
            0 => Content::Varint(self.varint()?),
            1 => self.bytes(8).map(|_| Content::Fixed)?,
            2 => {
                let length = self.varint()?;
                Content::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| Content::Fixed)?,
            other => return Err(Error::Malformed { reason: format!("wire type {other}") }),
        };
        Ok(Some((key >> 3, content)))
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, Error> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Error> {
        let mut value = 0;
        for (position, byte) in self.rest.iter().take(10).enumerate() {
            // Bits beyond the 64th are dropped, as the protocol's own readers do.
            value |= u64::from(byte & 0x7f) << (7 * position as u32);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[position + 1..];
                return Ok(value);
            }
        }
        if self.rest.len() < 10 { Err(ends_within()) } else { Err(too_long()) }
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], Error> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (bytes, rest) = split.ok_or_else(ends_within)?;
        self.rest = rest;
        Ok(bytes)
    }
}

/// Hands over all numbers of a packed field. Those of stacks have one, two or three bytes at random, so their lengths are
/// computed rather than guessed, and two at once, or each would wait for that of the one before.
#[inline]
pub(super) fn packed(mut bytes: &[u8], mut take: impl FnMut(u64)) -> Result<(), Error> {
    while let Some(eight) = bytes.first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let ends = !word & TOPS;
        let behind_first = ends & ends.wrapping_sub(1);
        if behind_first == 0 {
            let mut fields = Fields::of(bytes);
            take(fields.varint()?);
            bytes = fields.rest;
            continue;
        }
        take(number(word, ends));
        take(number(word >> (8 * length(ends)), behind_first >> (8 * length(ends))));
        bytes = &bytes[length(behind_first)..];
    }
    let mut last = [0; 8];
    last[..bytes.len()].copy_from_slice(bytes);
    let (mut word, mut left) = (u64::from_le_bytes(last), bytes.len());
    while left > 0 {
        let ends = !word & TOPS;
        left = left.checked_sub(length(ends)).ok_or_else(ends_within)?;
        take(number(word, ends));
        word >>= 8 * length(ends);
    }
    Ok(())
}

/// The top bits of bytes, which all but the last of a number have.
const TOPS: u64 = 0x8080_8080_8080_8080;

/// How many bytes the first number has whose last byte the lowest bit of `ends` marks.
fn length(ends: u64) -> usize {
    ends.trailing_zeros() as usize / 8 + 1
}

/// The first number of a word, whose last byte the lowest bit of `ends` marks.
fn number(word: u64, ends: u64) -> u64 {
    // Seven bits of each byte, pushed together pair by pair.
    let bits = word & (ends ^ ends.wrapping_sub(1)) & !TOPS;
    let bits = (bits & 0x007f_007f_007f_007f) | (bits & 0x7f00_7f00_7f00_7f00) >> 1;
    let bits = (bits & 0x0000_3fff_0000_3fff) | (bits & 0x3fff_0000_3fff_0000) >> 2;
    (bits & 0x0fff_ffff) | (bits & 0x0fff_ffff_0000_0000) >> 4
}

fn too_long() -> Error {
    Error::Malformed { reason: "a number of more than ten bytes".into() }
}

/// The error of a message that is cut, which may only mean that more of it is to come.
pub(super) fn ends_within() -> Error {
    Error::Malformed { reason: "it ends within a field".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_all_kinds_are_read() {
        let message = [0x08, 0x96, 0x01, 0x12, 2, b'o', b'k', 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x28, 0];
        let mut fields = Fields::of(&message);
        let mut found = Vec::new();
        while let Some(field) = fields.next().unwrap() {
            found.push(field);
        }
        use Content::{Bytes, Fixed, Varint};
        assert_eq!(found, [(1, Varint(150)), (2, Bytes(b"ok")), (3, Fixed), (4, Fixed), (5, Varint(0))]);
    }

    #[test]
    fn packed_numbers_are_those_read_one_by_one() {
        let read = |bytes: &[u8]| {
            let mut numbers = Vec::new();
            packed(bytes, |number| numbers.push(number)).map(|()| numbers)
        };
        let edges = (0..64).flat_map(|bit| [1u64 << bit, (1 << bit) - 1]);
        // Each beside short and long ones, at every distance from the end.
        let numbers: Vec<u64> = edges.flat_map(|edge| [edge, 1, u64::MAX, edge, 300]).collect();
        let mut bytes = Vec::new();
        numbers.iter().for_each(|number| prost::encoding::encode_varint(*number, &mut bytes));
        assert_eq!(read(&bytes), Ok(numbers));
        for end in 0..bytes.len() {
            let mut fields = Fields::of(&bytes[..end]);
            let mut expected = Ok(Vec::new());
            while !fields.rest().is_empty() {
                match (fields.varint(), &mut expected) {
                    (Ok(number), Ok(numbers)) => numbers.push(number),
                    (Err(error), _) => {
                        expected = Err(error);
                        break;
                    }
                    _ => unreachable!(),
                }
            }
            assert_eq!(read(&bytes[..end]), expected);
        }
        assert_eq!(read(&[0x80; 12]), Err(too_long()));
    }

    #[test]
    fn numbers_may_be_long_but_not_too_long() {
        let number = |bytes: &[u8]| Fields::of(bytes).varint();
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        assert_eq!(number(&[0x80, 0x80, 0x01]), Ok(1 << 14));
        assert_eq!(number(&[0x80; 10]), Err(too_long()));
        assert_eq!(number(&[0x80; 9]), Err(ends_within()));
        assert_eq!(Fields::of(&[0x12, 200, 1]).next(), Err(ends_within()));
    }
}
