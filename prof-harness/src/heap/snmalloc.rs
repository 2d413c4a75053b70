//! The door of an snmalloc that is linked into the executable: the functions that `snmalloc-rs` calls. It is open where
//! the linker wraps the calls.

use std::ffi::c_void;

use super::door::{freed, resized, sampled};
use super::next::TwoSizes;

wrapped_counting_door!("__wrap_sn_rust_alloc", "__real_sn_rust_alloc", "rsi", "rdx", "rcx", alloc);
wrapped_counting_door!("__wrap_sn_rust_alloc_zeroed", "__real_sn_rust_alloc_zeroed", "rsi", "rdx", "rcx", alloc_zeroed);
door!("__wrap_sn_rust_realloc", "r8", "r9", realloc);

wrapped_freeing_door!("__wrap_sn_rust_dealloc", "__real_sn_rust_dealloc", dealloc);

type Realloc = unsafe extern "C" fn(*mut c_void, usize, usize, usize) -> *mut c_void;
type Dealloc = unsafe extern "C" fn(*mut c_void, usize, usize);

/// Whether the program has an snmalloc whose callers come by here.
pub fn is_open() -> bool {
    !address_of!("__real_sn_rust_alloc").is_null()
}

unsafe extern "C" fn alloc(alignment: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: the function behind this door, as the caller calls it.
    sampled(size, sp, fp, || unsafe { behind!("sn_rust_alloc", TwoSizes)(alignment, size) })
}

unsafe extern "C" fn alloc_zeroed(alignment: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `alloc`.
    sampled(size, sp, fp, || unsafe { behind!("sn_rust_alloc_zeroed", TwoSizes)(alignment, size) })
}

unsafe extern "C" fn realloc(
    block: *mut c_void,
    alignment: usize,
    old_size: usize,
    size: usize,
    sp: usize,
    fp: usize,
) -> *mut c_void {
    // SAFETY: as in `alloc`.
    let resize = || unsafe { behind!("sn_rust_realloc", Realloc)(block, alignment, old_size, size) };
    resized(block, size, sp, fp, resize)
}

unsafe extern "C" fn dealloc(block: *mut c_void, alignment: usize, size: usize) {
    freed(block);
    // SAFETY: as in `alloc`.
    unsafe { behind!("sn_rust_dealloc", Dealloc)(block, alignment, size) };
}
