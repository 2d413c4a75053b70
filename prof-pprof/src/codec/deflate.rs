//! Bytes, as they are made → gzip. Large ones are gzipped on a thread of their own, and fast rather than tight. What the
//! bytes are is decided in `encode.rs`.

use std::io::Write;
use std::sync::mpsc::{self, SyncSender};

use flate2::Compression;
use flate2::write::GzEncoder;

const PIECE: usize = 256 << 10;
/// How many pieces wait for being gzipped at most.
const WAITING: usize = 8;
/// From so many frames on; a frame takes about two bytes.
const LARGE: usize = 1 << 20;

/// Takes bytes to gzip.
pub(super) enum Pieces<'a> {
    Here(&'a mut GzEncoder<Vec<u8>>),
    Elsewhere(SyncSender<Vec<u8>>),
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
            Pieces::Elsewhere(sender) => sender.send(bytes).expect("the other end waits for all"),
        }
    }
}

/// What `make` hands over, gzipped. It will be about so many frames of stacks.
pub(super) fn gzip(frames: usize, make: impl FnOnce(&mut Pieces<'_>)) -> Vec<u8> {
    if frames < LARGE {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        make(&mut Pieces::Here(&mut gzip));
        return finish(gzip);
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<Vec<u8>>(WAITING);
        let gzip = scope.spawn(move || {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            receiver.into_iter().for_each(|piece| gzip.write_all(&piece).expect("memory takes every byte"));
            finish(gzip)
        });
        // Hangs up at its end, which is the end for the other thread.
        make(&mut Pieces::Elsewhere(sender));
        gzip.join().expect("gzipping does not panic")
    })
}

fn finish(gzip: GzEncoder<Vec<u8>>) -> Vec<u8> {
    gzip.finish().expect("memory takes every byte")
}
