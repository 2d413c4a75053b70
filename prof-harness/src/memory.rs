//! The harness's own memory: small blocks that live as long as the process, never from the program's allocator.

use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::sys;

const CHUNK_BYTES: usize = 256 << 10;
/// Bytes beyond which a block is a mapping of its own.
const LARGE: usize = CHUNK_BYTES / 8;

static CHUNK: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static USED: AtomicUsize = AtomicUsize::new(CHUNK_BYTES);
static MAPPING: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Room for a `T`, placed there for the life of the process; none if memory is short. Not for signal handlers.
pub fn place<T: Sync>(value: T) -> Option<&'static T> {
    let room = reserve(size_of::<T>(), align_of::<T>())?.cast::<T>();
    // SAFETY: `reserve` hands out fresh memory of the size and alignment of T.
    unsafe { room.write(value) };
    // SAFETY: just initialised, and never given back.
    Some(unsafe { &*room })
}

/// Types of which all bytes zero are a value.
///
/// # Safety
///
/// That is so.
pub unsafe trait Zeroed: Send {}

/// A `T` of zeros, which takes room as it is used, for the life of the process; none if memory is short. Not for signal
/// handlers.
pub fn zeroed<T: Zeroed>() -> Option<&'static mut T> {
    let room = reserve(size_of::<T>(), align_of::<T>())?.cast::<T>();
    // SAFETY: fresh memory of the size and alignment of T, which nobody wrote to: a value of T, and nobody else's.
    Some(unsafe { &mut *room })
}

/// A copy of `bytes` for the life of the process. Not for signal handlers.
pub fn copy(bytes: &[u8]) -> Option<&'static [u8]> {
    let room = reserve(bytes.len(), 8)?;
    // SAFETY: fresh memory of that length.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), room, bytes.len()) };
    // SAFETY: initialised for that length, and never given back.
    Some(unsafe { std::slice::from_raw_parts(room, bytes.len()) })
}

/// Zeroed memory that nobody else has; none if memory is short. Not for signal handlers.
pub fn reserve(bytes: usize, align: usize) -> Option<*mut u8> {
    if bytes > LARGE {
        return sys::map(bytes);
    }
    // One thread at a time; the work inside is a few instructions and at times one mmap.
    if !sys::wait_until(|| !MAPPING.swap(true, Ordering::Acquire)) {
        return None;
    }
    let start = USED.load(Ordering::Relaxed).next_multiple_of(align);
    let room = if start + bytes <= CHUNK_BYTES {
        USED.store(start + bytes, Ordering::Relaxed);
        Some(CHUNK.load(Ordering::Relaxed).wrapping_add(start))
    } else {
        sys::map(CHUNK_BYTES).inspect(|&chunk| {
            CHUNK.store(chunk, Ordering::Relaxed);
            USED.store(bytes, Ordering::Relaxed);
        })
    };
    MAPPING.store(false, Ordering::Release);
    room
}

/// Gives memory back, if it is a mapping of its own: a small block stays until the process ends.
///
/// # Safety
///
/// It came from [`reserve`] with the same `bytes`, and nobody uses it any more.
pub unsafe fn give_back(room: *mut u8, bytes: usize) {
    if bytes > LARGE {
        // SAFETY: the caller's promise, and mapped so.
        unsafe { sys::unmap(room, bytes) };
    }
}
