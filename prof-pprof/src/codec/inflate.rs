//! Gzipped bytes → pieces of what they were, while what came before is already read. What is in them is read in
//! `message.rs`. Never expands a small input to a huge one.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::Error;
use crate::parallel::hand_over;

/// Profiles compress to a third or a tenth; a hundredth leaves room for the most repetitive ones.
const MOST_EXPANSION: u64 = 100;
/// Small profiles may expand more than that, up to this many bytes.
const ALWAYS_ALLOWED: u64 = 16 << 20;

const PIECE: usize = 256 << 10;
/// Below this a thread of its own costs more than it gains.
const WORTH_A_THREAD: usize = 256 << 10;

/// Whether the bytes begin as gzip does.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

/// What was gzipped, as a whole.
pub(super) fn whole(gzip: &[u8]) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    pieces(gzip, |piece| {
        all.extend_from_slice(&piece);
        Ok(())
    })?;
    Ok(all)
}

/// Hands what was gzipped over to `read`, piece by piece, until that fails.
pub(super) fn pieces(gzip: &[u8], mut read: impl FnMut(Vec<u8>) -> Result<(), Error>) -> Result<(), Error> {
    let mut inflating = Inflating::of(gzip);
    let make = |give: &mut dyn FnMut(_) -> bool| {
        while let Some(piece) = inflating.next().transpose() {
            let is_broken = piece.is_err();
            if !give(piece) || is_broken {
                return;
            }
        }
    };
    hand_over(gzip.len() >= WORTH_A_THREAD, make, |piece| read(piece?))
}

struct Inflating<'a> {
    from: std::io::Take<MultiGzDecoder<&'a [u8]>>,
    limit: u64,
}

impl<'a> Inflating<'a> {
    fn of(gzip: &'a [u8]) -> Inflating<'a> {
        let limit = ALWAYS_ALLOWED + MOST_EXPANSION * gzip.len() as u64;
        Inflating { from: MultiGzDecoder::new(gzip).take(limit + 1), limit }
    }

    /// The next piece; none at the end.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut piece = Vec::with_capacity(PIECE);
        let read = self.from.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        read.map_err(|error| Error::Gzip { reason: error.to_string() })?;
        // One byte more than the limit may be taken, so none is left if there were more.
        if self.from.limit() == 0 {
            return Err(Error::TooLarge { limit: self.limit });
        }
        Ok(if piece.is_empty() { None } else { Some(piece) })
    }
}
