//! The door of a mimalloc that is linked into the executable: the functions that its Rust crates call, and plain ones
//! that C does. It is open where the linker wraps the calls. Some linkers send mimalloc's own calls of these here too:
//! none of those that allocate for their caller is made by another of them, so nothing counts twice.

use std::ffi::c_void;

use super::door::{counted, freed, resized, sampled};
use super::next::{Free, Malloc, Realloc, TwoSizes};

wrapped_counting_door!("__wrap_mi_malloc", "__real_mi_malloc", "rdi", "rsi", "rdx", malloc);
wrapped_counting_door!("__wrap_mi_zalloc", "__real_mi_zalloc", "rdi", "rsi", "rdx", zalloc);
door!("__wrap_mi_calloc", "rdx", "rcx", calloc);
door!("__wrap_mi_realloc", "rdx", "rcx", realloc);
wrapped_counting_door!("__wrap_mi_malloc_aligned", "__real_mi_malloc_aligned", "rdi", "rdx", "rcx", malloc_aligned);
wrapped_counting_door!("__wrap_mi_zalloc_aligned", "__real_mi_zalloc_aligned", "rdi", "rdx", "rcx", zalloc_aligned);
door!("__wrap_mi_realloc_aligned", "rcx", "r8", realloc_aligned);

wrapped_freeing_door!("__wrap_mi_free", "__real_mi_free", free);
wrapped_freeing_door!("__wrap_mi_free_size", "__real_mi_free_size", free_size);
wrapped_freeing_door!("__wrap_mi_free_aligned", "__real_mi_free_aligned", free_aligned);
wrapped_freeing_door!("__wrap_mi_free_size_aligned", "__real_mi_free_size_aligned", free_size_aligned);

type ReallocAligned = unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void;
type FreeWith = unsafe extern "C" fn(*mut c_void, usize);
type FreeWithTwo = unsafe extern "C" fn(*mut c_void, usize, usize);

/// Whether the program has a mimalloc whose callers come by here.
pub fn is_open() -> bool {
    !address_of!("__real_mi_malloc").is_null()
}

unsafe extern "C" fn malloc(size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: the function behind this door, as the caller calls it.
    sampled(size, sp, fp, || unsafe { behind!("mi_malloc", Malloc)(size) })
}

unsafe extern "C" fn zalloc(size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    sampled(size, sp, fp, || unsafe { behind!("mi_zalloc", Malloc)(size) })
}

unsafe extern "C" fn calloc(count: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    counted(count.saturating_mul(size), sp, fp, || unsafe { behind!("mi_calloc", TwoSizes)(count, size) })
}

unsafe extern "C" fn realloc(block: *mut c_void, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    resized(block, size, sp, fp, || unsafe { behind!("mi_realloc", Realloc)(block, size) })
}

unsafe extern "C" fn malloc_aligned(size: usize, alignment: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    sampled(size, sp, fp, || unsafe { behind!("mi_malloc_aligned", TwoSizes)(size, alignment) })
}

unsafe extern "C" fn zalloc_aligned(size: usize, alignment: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    sampled(size, sp, fp, || unsafe { behind!("mi_zalloc_aligned", TwoSizes)(size, alignment) })
}

unsafe extern "C" fn realloc_aligned(
    block: *mut c_void,
    size: usize,
    alignment: usize,
    sp: usize,
    fp: usize,
) -> *mut c_void {
    // SAFETY: as in `malloc`.
    resized(block, size, sp, fp, || unsafe { behind!("mi_realloc_aligned", ReallocAligned)(block, size, alignment) })
}

unsafe extern "C" fn free(block: *mut c_void) {
    freed(block);
    // SAFETY: as in `malloc`.
    unsafe { behind!("mi_free", Free)(block) };
}

unsafe extern "C" fn free_size(block: *mut c_void, size: usize) {
    freed(block);
    // SAFETY: as in `malloc`.
    unsafe { behind!("mi_free_size", FreeWith)(block, size) };
}

unsafe extern "C" fn free_aligned(block: *mut c_void, alignment: usize) {
    freed(block);
    // SAFETY: as in `malloc`.
    unsafe { behind!("mi_free_aligned", FreeWith)(block, alignment) };
}

unsafe extern "C" fn free_size_aligned(block: *mut c_void, size: usize, alignment: usize) {
    freed(block);
    // SAFETY: as in `malloc`.
    unsafe { behind!("mi_free_size_aligned", FreeWithTwo)(block, size, alignment) };
}
