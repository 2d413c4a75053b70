//! Bytes, as they are made → gzip, as it is written. Many are gzipped while more of them are made, on all processors, and fast
//! rather than tight. What the bytes are is decided in `encode.rs`. The same bytes give the same gzip wherever that is.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
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
pub(super) trait Pieces {
    /// Takes the bytes.
    fn take(&mut self, bytes: Vec<u8>) -> io::Result<()>;

    /// Takes the bytes if they are many, and leaves none then.
    fn take_full(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        if bytes.len() < PIECE {
            return Ok(());
        }
        let next = Vec::with_capacity(bytes.capacity());
        self.take(std::mem::replace(bytes, next))
    }
}

/// Writes what `make` hands over to `out`, gzipped. It will be about so many frames of stacks.
pub(super) fn gzip(
    frames: usize,
    out: &mut dyn Write,
    make: impl FnOnce(&mut dyn Pieces) -> io::Result<()>,
) -> io::Result<()> {
    if frames < LARGE {
        let mut gzip = GzEncoder::new(out, Compression::default());
        make(&mut gzip)?;
        return gzip.finish().map(drop);
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (bytes, waiting) = mpsc::sync_channel(WAITING);
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        let (done, deflated) = mpsc::channel();
        for _ in 0..threads {
            let (waiting, done) = (&waiting, done.clone());
            scope.spawn(move || deflate_all(waiting, &done));
        }
        drop(done);
        out.write_all(&HEADER)?;
        let mut line = Line { bytes, deflated, out, given: 0, written: 0, early: BTreeMap::new(), check: Crc::new() };
        make(&mut line)?;
        line.finish()
    })
}

impl Pieces for GzEncoder<&mut dyn Write> {
    fn take(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.write_all(&bytes)
    }
}

/// Pieces on their way through other threads: each is written when those before it are.
struct Line<'a> {
    bytes: SyncSender<(usize, Vec<u8>)>,
    deflated: Receiver<Piece>,
    out: &'a mut dyn Write,
    /// How many were handed over.
    given: usize,
    /// How many were written.
    written: usize,
    /// Those that were done before their turn.
    early: BTreeMap<usize, Piece>,
    check: Crc,
}

/// A piece that was deflated: whole blocks, up to the end of a byte.
struct Piece {
    number: usize,
    deflated: Vec<u8>,
    check: Crc,
}

impl Pieces for Line<'_> {
    fn take(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.bytes.send((self.given, bytes)).expect("the other threads take all");
        self.given += 1;
        while let Ok(piece) = self.deflated.try_recv() {
            self.write(piece)?;
        }
        Ok(())
    }
}

impl Line<'_> {
    fn write(&mut self, piece: Piece) -> io::Result<()> {
        self.early.insert(piece.number, piece);
        while let Some(next) = self.early.remove(&self.written) {
            self.out.write_all(&next.deflated)?;
            self.check.combine(&next.check);
            self.written += 1;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        // Which is the end for the other threads.
        self.bytes = mpsc::sync_channel(0).0;
        while let Ok(piece) = self.deflated.recv() {
            self.write(piece)?;
        }
        self.out.write_all(&LAST_BLOCK)?;
        self.out.write_all(&self.check.sum().to_le_bytes())?;
        self.out.write_all(&self.check.amount().to_le_bytes())
    }
}

/// Deflates pieces until there are no more, or nobody waits for them.
fn deflate_all(waiting: &Mutex<Receiver<(usize, Vec<u8>)>>, done: &Sender<Piece>) {
    let mut deflate = Compress::new(Compression::fast(), false);
    let mut room = Vec::new();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, bytes)) = next else { return };
        let mut check = Crc::new();
        check.update(&bytes);
        deflate.reset();
        room.clear();
        loop {
            room.reserve(bytes.len() / 2 + 64);
            let rest = &bytes[deflate.total_in() as usize..];
            deflate.compress_vec(rest, &mut room, FlushCompress::Sync).expect("any bytes can be deflated");
            // Room is left only when all is written.
            if room.len() < room.capacity() {
                break;
            }
        }
        if done.send(Piece { number, deflated: room.as_slice().into(), check }).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn gunzipped(gzip: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(gzip).read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn noise() -> impl Iterator<Item = u8> {
        let mut state = 1u32;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
    }

    #[test]
    fn pieces_become_one_stream_in_their_order() {
        // Incompressible, repetitive, and none.
        let noise: Vec<u8> = noise().take(3 * PIECE).collect();
        let given: Vec<Vec<u8>> = vec![noise[..PIECE].to_vec(), vec![7; PIECE * 2], noise[PIECE..].to_vec(), vec![1]];
        for frames in [0, LARGE] {
            let pieces = || {
                let mut gzip = Vec::new();
                super::gzip(frames, &mut gzip, |pieces| {
                    let mut bytes = Vec::new();
                    for more in &given {
                        bytes.extend_from_slice(more);
                        pieces.take_full(&mut bytes)?;
                    }
                    pieces.take(bytes)
                })
                .unwrap();
                gzip
            };
            assert!(gunzipped(&pieces()) == given.concat());
            assert!(pieces() == pieces());
            for nothing in [|_: &mut dyn Pieces| Ok(()), |pieces: &mut dyn Pieces| pieces.take(Vec::new())] {
                let mut gzip = Vec::new();
                super::gzip(frames, &mut gzip, nothing).unwrap();
                assert!(gunzipped(&gzip).is_empty());
            }
        }
    }

    #[test]
    fn an_error_in_writing_ends_it() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for (frames, room) in [(0, 0), (0, 1000), (LARGE, 0), (LARGE, 1000), (LARGE, 6000)] {
            let noisy = |pieces: &mut dyn Pieces| (0..99).try_for_each(|_| pieces.take(noise().take(PIECE).collect()));
            let error = gzip(frames, &mut Full(room), noisy).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }
}
