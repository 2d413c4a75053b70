//! Numbers → the bytes of a packed field, without a branch for a number as small as those of locations are. What is packed is
//! decided in `encode.rs`.

use prost::encoding::encode_varint;

/// The longest number.
const LONGEST: usize = 10;

/// Bytes of numbers, one after the other, in memory that is used again.
#[derive(Default)]
pub(super) struct Packed {
    bytes: Vec<u8>,
}

impl Packed {
    /// The bytes of these numbers; those before are gone.
    pub(super) fn fill(&mut self, numbers: impl ExactSizeIterator<Item = u64>) -> &[u8] {
        let most = numbers.len() * LONGEST;
        if self.bytes.len() < most {
            self.bytes.resize(most, 0);
        }
        let mut length = 0;
        for number in numbers {
            length += put(&mut self.bytes[length..], number);
        }
        &self.bytes[..length]
    }
}

/// Writes a number at the start, and gives how many bytes it takes.
#[inline]
fn put(bytes: &mut [u8], number: u64) -> usize {
    if number >= 1 << 28 {
        return put_large(bytes, number);
    }
    let number = number as u32;
    let length = 1 + usize::from(number >= 1 << 7) + usize::from(number >= 1 << 14) + usize::from(number >= 1 << 21);
    // Seven bits go into each byte, and a top bit into each but the last.
    let bits = (number & 0x7f) | (number & 0x3f80) << 1 | (number & 0x1f_c000) << 2 | (number & 0xfe0_0000) << 3;
    let tops = 0x8080_8080 & ((1 << (8 * (length - 1))) - 1);
    bytes[..4].copy_from_slice(&(bits | tops).to_le_bytes());
    length
}

#[cold]
fn put_large(mut bytes: &mut [u8], number: u64) -> usize {
    let room = bytes.len();
    encode_varint(number, &mut bytes);
    room - bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_lengths_are_packed() {
        let edges = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit, (1 << bit) + 1]);
        let numbers: Vec<u64> = edges.chain([u64::MAX]).collect();
        let mut expected = Vec::new();
        numbers.iter().for_each(|number| encode_varint(*number, &mut expected));
        let mut packed = Packed::default();
        assert_eq!(packed.fill(numbers.iter().copied()), expected);
        assert_eq!(packed.fill([300, 1].into_iter()), [0xac, 2, 1]);
    }
}
