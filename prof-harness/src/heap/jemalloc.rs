//! The door of a jemalloc that is linked into the executable: its functions under the names that `tikv-jemallocator` and
//! `jemallocator` give them, and those of its own under their plain names. (Where its `malloc` is called so, its callers
//! come by `door.rs`.) It is open where the linker wraps the calls.

use std::ffi::{c_int, c_void};

use super::door::{counted, freed, resized, sampled, stored};
use super::next::{Free, Malloc, PosixMemalign, Realloc, TwoSizes};

wrapped_counting_door!("__wrap__rjem_malloc", "__real__rjem_malloc", "rdi", "rsi", "rdx", malloc);
door!("__wrap__rjem_calloc", "rdx", "rcx", calloc);
door!("__wrap__rjem_realloc", "rdx", "rcx", realloc);
door!("__wrap__rjem_memalign", "rdx", "rcx", memalign);
door!("__wrap__rjem_aligned_alloc", "rdx", "rcx", aligned_alloc);
door!("__wrap__rjem_posix_memalign", "rcx", "r8", posix_memalign);
door!("__wrap__rjem_valloc", "rsi", "rdx", valloc);
wrapped_counting_door!("__wrap__rjem_mallocx", "__real__rjem_mallocx", "rdi", "rdx", "rcx", prefixed_mallocx);
door!("__wrap__rjem_rallocx", "rcx", "r8", prefixed_rallocx);
door!("__wrap__rjem_xallocx", "r8", "r9", prefixed_xallocx);
wrapped_counting_door!("__wrap_mallocx", "__real_mallocx", "rdi", "rdx", "rcx", plain_mallocx);
door!("__wrap_rallocx", "rcx", "r8", plain_rallocx);
door!("__wrap_xallocx", "r8", "r9", plain_xallocx);

wrapped_freeing_door!("__wrap__rjem_free", "__real__rjem_free", free);
wrapped_freeing_door!("__wrap__rjem_dallocx", "__real__rjem_dallocx", prefixed_dallocx);
wrapped_freeing_door!("__wrap__rjem_sdallocx", "__real__rjem_sdallocx", prefixed_sdallocx);
wrapped_freeing_door!("__wrap_dallocx", "__real_dallocx", plain_dallocx);
wrapped_freeing_door!("__wrap_sdallocx", "__real_sdallocx", plain_sdallocx);

type Mallocx = unsafe extern "C" fn(usize, c_int) -> *mut c_void;
type Rallocx = unsafe extern "C" fn(*mut c_void, usize, c_int) -> *mut c_void;
type Xallocx = unsafe extern "C" fn(*mut c_void, usize, usize, c_int) -> usize;
type Dallocx = unsafe extern "C" fn(*mut c_void, c_int);
type Sdallocx = unsafe extern "C" fn(*mut c_void, usize, c_int);

/// Whether the program has a jemalloc whose callers come by here.
pub fn is_open() -> bool {
    !address_of!("__real__rjem_malloc").is_null() || !address_of!("__real_mallocx").is_null()
}

unsafe extern "C" fn malloc(size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: the function behind this door, as the caller calls it.
    sampled(size, sp, fp, || unsafe { behind!("_rjem_malloc", Malloc)(size) })
}

unsafe extern "C" fn calloc(count: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    counted(count.saturating_mul(size), sp, fp, || unsafe { behind!("_rjem_calloc", TwoSizes)(count, size) })
}

unsafe extern "C" fn realloc(block: *mut c_void, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    resized(block, size, sp, fp, || unsafe { behind!("_rjem_realloc", Realloc)(block, size) })
}

unsafe extern "C" fn memalign(alignment: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    counted(size, sp, fp, || unsafe { behind!("_rjem_memalign", TwoSizes)(alignment, size) })
}

unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    counted(size, sp, fp, || unsafe { behind!("_rjem_aligned_alloc", TwoSizes)(alignment, size) })
}

unsafe extern "C" fn posix_memalign(
    block: *mut *mut c_void,
    alignment: usize,
    size: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    // SAFETY: as in `malloc`.
    unsafe { stored(block, size, sp, fp, || behind!("_rjem_posix_memalign", PosixMemalign)(block, alignment, size)) }
}

unsafe extern "C" fn valloc(size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    counted(size, sp, fp, || unsafe { behind!("_rjem_valloc", Malloc)(size) })
}

unsafe extern "C" fn free(block: *mut c_void) {
    freed(block);
    // SAFETY: as in `malloc`.
    unsafe { behind!("_rjem_free", Free)(block) };
}

/// The functions that only jemalloc has, under one of their names.
macro_rules! extended {
    (
        $mallocx:ident = $mallocx_name:literal,
        $rallocx:ident = $rallocx_name:literal,
        $xallocx:ident = $xallocx_name:literal,
        $dallocx:ident = $dallocx_name:literal,
        $sdallocx:ident = $sdallocx_name:literal $(,)?
    ) => {
        unsafe extern "C" fn $mallocx(size: usize, flags: c_int, sp: usize, fp: usize) -> *mut c_void {
            // SAFETY: as in `malloc`.
            sampled(size, sp, fp, || unsafe { behind!($mallocx_name, Mallocx)(size, flags) })
        }

        unsafe extern "C" fn $rallocx(
            block: *mut c_void,
            size: usize,
            flags: c_int,
            sp: usize,
            fp: usize,
        ) -> *mut c_void {
            // SAFETY: as in `malloc`.
            resized(block, size, sp, fp, || unsafe { behind!($rallocx_name, Rallocx)(block, size, flags) })
        }

        /// Resizes a block where it is, or leaves it as it was.
        unsafe extern "C" fn $xallocx(
            block: *mut c_void,
            size: usize,
            extra: usize,
            flags: c_int,
            sp: usize,
            fp: usize,
        ) -> usize {
            let mut result = 0;
            resized(block, size, sp, fp, || {
                // SAFETY: as in `malloc`.
                result = unsafe { behind!($xallocx_name, Xallocx)(block, size, extra, flags) };
                if result >= size {
                    block
                } else {
                    std::ptr::null_mut()
                }
            });
            result
        }

        unsafe extern "C" fn $dallocx(block: *mut c_void, flags: c_int) {
            freed(block);
            // SAFETY: as in `malloc`.
            unsafe { behind!($dallocx_name, Dallocx)(block, flags) };
        }

        unsafe extern "C" fn $sdallocx(block: *mut c_void, size: usize, flags: c_int) {
            freed(block);
            // SAFETY: as in `malloc`.
            unsafe { behind!($sdallocx_name, Sdallocx)(block, size, flags) };
        }
    };
}

extended!(
    prefixed_mallocx = "_rjem_mallocx",
    prefixed_rallocx = "_rjem_rallocx",
    prefixed_xallocx = "_rjem_xallocx",
    prefixed_dallocx = "_rjem_dallocx",
    prefixed_sdallocx = "_rjem_sdallocx",
);
extended!(
    plain_mallocx = "mallocx",
    plain_rallocx = "rallocx",
    plain_xallocx = "xallocx",
    plain_dallocx = "dallocx",
    plain_sdallocx = "sdallocx",
);
