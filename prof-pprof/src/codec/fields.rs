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
            [low, high, rest @ ..] if *high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*low & 0x7f) | u64::from(*high) << 7)
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
    fn numbers_may_be_long_but_not_too_long() {
        let number = |bytes: &[u8]| Fields::of(bytes).varint();
        assert_eq!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        assert_eq!(number(&[0x80, 0x80, 0x01]), Ok(1 << 14));
        assert_eq!(number(&[0x80; 10]), Err(too_long()));
        assert_eq!(number(&[0x80; 9]), Err(ends_within()));
        assert_eq!(Fields::of(&[0x12, 200, 1]).next(), Err(ends_within()));
    }
}
