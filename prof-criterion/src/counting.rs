//! Exact totals of what a program allocates: a global allocator that counts. Who reads them is in `allocations.rs`. Never
//! samples, and knows no stacks.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

static OBJECTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// A global allocator around another, which counts what [`Allocations`](crate::Allocations) measures.
///
/// ```
/// use std::alloc::System;
///
/// use prof_criterion::CountingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);
/// ```
///
/// An allocation costs two atomic additions more. The samplers of `prof-harness` cannot stand in for it: they look at every
/// allocation only while a session runs that records each one with its stack, which takes many times as long.
#[derive(Debug, Default, Clone, Copy)]
pub struct CountingAllocator<A = System> {
    inner: A,
}

impl<A> CountingAllocator<A> {
    /// Counts what goes to `inner`.
    pub const fn new(inner: A) -> CountingAllocator<A> {
        CountingAllocator { inner }
    }
}

// SAFETY: what the inner allocator returns and is given, unchanged.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        counted(layout.size(), unsafe { self.inner.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        counted(layout.size(), unsafe { self.inner.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        counted(size, unsafe { self.inner.realloc(block, layout, size) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(block, layout) };
    }
}

/// Blocks that were allocated so far, on all threads.
pub(crate) fn objects() -> u64 {
    OBJECTS.load(Ordering::Relaxed)
}

/// Bytes that were asked for so far, on all threads.
pub(crate) fn bytes() -> u64 {
    BYTES.load(Ordering::Relaxed)
}

fn counted(size: usize, block: *mut u8) -> *mut u8 {
    if !block.is_null() {
        OBJECTS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size as u64, Ordering::Relaxed);
    }
    block
}
