//! Bytes, as they are made → gzip. Many are gzipped while more of them are made, on all processors, and fast rather than
//! tight. What the bytes are is decided in `encode.rs`. The same bytes give the same gzip wherever that is.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};

use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress};

/// Each piece is compressed by itself: short ones would lose what they have in common.
const PIECE: usize = 512 << 10;
/// How many pieces wait for being gzipped at most.
const WAITING: usize = 4;
/// From so many frames on; a frame takes about two bytes.
const LARGE: usize = 1 << 20;

/// Deflated, no flags, no time, fast, on no system worth naming: RFC 1952, 2.3.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// An empty block that is the last one: RFC 1951, 3.2.6.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// Takes bytes to gzip.
pub(super) enum Pieces<'a> {
    Here(&'a mut GzEncoder<Vec<u8>>),
    Elsewhere { sender: SyncSender<(usize, Vec<u8>)>, count: usize },
}

impl Pieces<'_> {
    /// Takes the bytes if they are many, and leaves none then.
    pub(super) fn take_full(&mut self, bytes: &mut Vec<u8>) {
        if bytes.len() >= PIECE {
            let next = Vec::with_capacity(bytes.capacity());
            self.take(std::mem::replace(bytes, next));
        }
    }

    /// Takes the bytes.
    pub(super) fn take(&mut self, bytes: Vec<u8>) {
        match self {
            Pieces::Here(gzip) => gzip.write_all(&bytes).expect("memory takes every byte"),
            Pieces::Elsewhere { sender, count } => {
                sender.send((*count, bytes)).expect("the other end waits for all");
                *count += 1;
            }
        }
    }
}

/// What `make` hands over, gzipped. It will be about so many frames of stacks.
pub(super) fn gzip(frames: usize, make: impl FnOnce(&mut Pieces<'_>)) -> Vec<u8> {
    if frames < LARGE {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        make(&mut Pieces::Here(&mut gzip));
        return gzip.finish().expect("memory takes every byte");
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    let receiver = Mutex::new(receiver);
    let mut pieces: Vec<Piece> = std::thread::scope(|scope| {
        let others: Vec<_> = (0..threads).map(|_| scope.spawn(|| deflate_all(&receiver))).collect();
        // Hangs up at its end, which is the end for the other threads.
        make(&mut Pieces::Elsewhere { sender, count: 0 });
        others.into_iter().flat_map(|other| other.join().expect("deflating does not panic")).collect()
    });
    pieces.sort_unstable_by_key(|piece| piece.number);
    together(pieces)
}

/// A piece that was deflated: whole blocks, up to the end of a byte.
struct Piece {
    number: usize,
    deflated: Vec<u8>,
    check: Crc,
}

fn deflate_all(receiver: &Mutex<Receiver<(usize, Vec<u8>)>>) -> Vec<Piece> {
    let mut deflate = Compress::new(Compression::fast(), false);
    let mut room = Vec::new();
    let mut done = Vec::new();
    loop {
        let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, bytes)) = next else { return done };
        let mut check = Crc::new();
        check.update(&bytes);
        deflate.reset();
        room.clear();
        loop {
            room.reserve(bytes.len() / 2 + 64);
            let read = &bytes[deflate.total_in() as usize..];
            deflate.compress_vec(read, &mut room, FlushCompress::Sync).expect("any bytes can be deflated");
            // Room is left only when all is written.
            if room.len() < room.capacity() {
                break;
            }
        }
        done.push(Piece { number, deflated: room.as_slice().into(), check });
    }
}

fn together(pieces: Vec<Piece>) -> Vec<u8> {
    let length: usize = pieces.iter().map(|piece| piece.deflated.len()).sum();
    let mut gzip = Vec::with_capacity(HEADER.len() + length + LAST_BLOCK.len() + 8);
    let mut check = Crc::new();
    gzip.extend_from_slice(&HEADER);
    for piece in pieces {
        gzip.extend_from_slice(&piece.deflated);
        check.combine(&piece.check);
    }
    gzip.extend_from_slice(&LAST_BLOCK);
    gzip.extend_from_slice(&check.sum().to_le_bytes());
    gzip.extend_from_slice(&check.amount().to_le_bytes());
    gzip
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn gunzipped(gzip: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(gzip).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn pieces_become_one_stream_in_their_order() {
        // Incompressible, repetitive, and none.
        let mut state = 1u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        let noise: Vec<u8> = noise.take(3 * PIECE).collect();
        let given: Vec<Vec<u8>> = vec![noise[..PIECE].to_vec(), vec![7; PIECE * 2], noise[PIECE..].to_vec(), vec![1]];
        for frames in [0, LARGE] {
            let pieces = || {
                gzip(frames, |pieces| {
                    let mut bytes = Vec::new();
                    for more in &given {
                        bytes.extend_from_slice(more);
                        pieces.take_full(&mut bytes);
                    }
                    pieces.take(bytes);
                })
            };
            assert!(gunzipped(&pieces()) == given.concat());
            assert!(pieces() == pieces());
            assert!(gunzipped(&gzip(frames, |_| ())).is_empty());
            assert!(gunzipped(&gzip(frames, |pieces| pieces.take(Vec::new()))).is_empty());
        }
    }
}
