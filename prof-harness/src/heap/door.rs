//! The allocator door: `malloc` and its kin, defined before libc's, so that the calls of Rust and of C both come by.
//! The real allocator (`next.rs`) is called exactly once and believed; an allocation is recorded after it, a free before it.
//! What all doors do is here; those of other allocators are beside (`jemalloc.rs`, `mimalloc.rs`, `snmalloc.rs`).
//!
//! Each definition is a weak symbol, so that an allocator which the program brings under the same name keeps it, and a
//! jump that adds the stack and frame pointer to the arguments: a sample is unwound from the caller, and no frame of
//! the door is in it. Under its second name, `__wrap_…`, it gets the calls in the executable that the linker is told to
//! wrap, also where the executable brings the allocator. Its third tells it from a definition of another's.

use std::ffi::{c_int, c_void};

use super::{live, next, wrapper};
use crate::registers::Registers;
use crate::{countdown, thread};

counting_door!("malloc" = "__wrap_malloc" = "prof_harness_malloc", "rdi", "rsi", "rdx", malloc, "{next}", next = sym next::MALLOC);
door!("calloc" = "__wrap_calloc" = "prof_harness_calloc", "rdx", "rcx", calloc);
door!("realloc" = "__wrap_realloc" = "prof_harness_realloc", "rdx", "rcx", realloc);
door!("reallocarray" = "__wrap_reallocarray", "rcx", "r8", reallocarray);
door!("memalign" = "__wrap_memalign" = "prof_harness_memalign", "rdx", "rcx", memalign);
door!("aligned_alloc" = "__wrap_aligned_alloc" = "prof_harness_aligned_alloc", "rdx", "rcx", aligned_alloc);
door!("posix_memalign" = "__wrap_posix_memalign" = "prof_harness_posix_memalign", "rcx", "r8", posix_memalign);
door!("valloc" = "__wrap_valloc" = "prof_harness_valloc", "rsi", "rdx", valloc);
door!("pvalloc" = "__wrap_pvalloc" = "prof_harness_pvalloc", "rsi", "rdx", pvalloc);

freeing_door!("free" = "__wrap_free" = "prof_harness_free", free, "{next}", next = sym next::FREE);

/// Whether the process's `malloc` is the one defined here.
pub fn is_in_force() -> bool {
    // Where the linker wraps it, the program's own calls do not say.
    let wrapped = address_of!("__real_malloc");
    let malloc = if wrapped.is_null() { address_of!("malloc") } else { wrapped };
    malloc == address_of!("prof_harness_malloc")
}

/// Whether the executable's calls of `malloc` come by here, whoever defines it.
pub fn is_open() -> bool {
    is_in_force() || !address_of!("__real_malloc").is_null()
}

/// Takes `size` off the thread's countdown; true if that uses it up.
#[inline(always)]
pub fn runs_out(size: usize) -> bool {
    countdown::with(|countdown| countdown.runs_out(size, crate::alive::session()))
}

/// Calls the allocator for `size` bytes. The door was entered with these stack and frame pointers.
#[inline(always)]
pub fn counted(size: usize, sp: usize, fp: usize, allocate: impl FnOnce() -> *mut c_void) -> *mut c_void {
    if runs_out(size) {
        sampled(size, sp, fp, allocate)
    } else {
        allocate()
    }
}

/// Calls the allocator and, if the allocation is to be sampled, records the block. Like a function of C, which does not unwind:
/// the doors end in a jump to it.
#[cold]
#[inline(never)]
pub extern "C" fn sampled(size: usize, sp: usize, fp: usize, allocate: impl FnOnce() -> *mut c_void) -> *mut c_void {
    let decided = super::decide(size).filter(|_| !wrapper::is_alone());
    let block = allocate();
    if let (Some(decision), false) = (decided, block.is_null()) {
        let errno = crate::sys::errno();
        // SAFETY: the door handed over its stack pointer at entry, and its caller waits.
        let caller = unsafe { Registers::caller(sp, fp) };
        super::record(block, size, decision, caller);
        crate::sys::set_errno(errno);
    }
    block
}

/// Calls the allocator for `size` bytes in the place of `block`. A reallocation is a free of the old block and an
/// allocation of the new size at this place.
#[inline(always)]
pub fn resized(
    block: *mut c_void,
    size: usize,
    sp: usize,
    fp: usize,
    allocate: impl FnOnce() -> *mut c_void,
) -> *mut c_void {
    let old = if !block.is_null() && live::may_contain(block as usize) { super::take(block) } else { None };
    let new = counted(size, sp, fp, allocate);
    if let Some(bucket) = old {
        // Without a new block the old one lives on, unless it was freed by asking for no bytes.
        if new.is_null() && size != 0 {
            super::put_back(block, bucket);
        } else {
            super::let_go(bucket);
        }
    }
    new
}

/// Calls an allocator of `size` bytes that stores the block's address in `block`, and returns 0 if it could.
///
/// # Safety
///
/// `block` can be read after a call of `allocate` that returns 0.
#[inline(always)]
pub unsafe fn stored(
    block: *mut *mut c_void,
    size: usize,
    sp: usize,
    fp: usize,
    allocate: impl FnOnce() -> c_int,
) -> c_int {
    let mut result = 0;
    counted(size, sp, fp, || {
        result = allocate();
        if result == 0 {
            // SAFETY: the caller's promise.
            unsafe { *block }
        } else {
            std::ptr::null_mut()
        }
    });
    result
}

/// Calls an allocator that may come by another door: an executable's own `memalign`, say, is a call of its allocator's own.
#[inline(always)]
fn alone<R>(allocate: impl FnOnce() -> R) -> R {
    let left = countdown::with(|countdown| countdown.left.get());
    let result = thread::inside(allocate);
    countdown::with(|countdown| countdown.left.set(left));
    result
}

/// Forgets `block`, which is about to be given back to the allocator.
#[inline(always)]
pub fn freed(block: *mut c_void) {
    if !block.is_null() && live::may_contain(block as usize) {
        super::forget(block);
    }
}

unsafe extern "C" fn malloc(size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain malloc.
    sampled(size, sp, fp, || unsafe { next::malloc(size) })
}

unsafe extern "C" fn calloc(count: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain calloc, which checks the product.
    counted(count.saturating_mul(size), sp, fp, || unsafe { next::calloc(count, size) })
}

unsafe extern "C" fn memalign(alignment: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain memalign.
    counted(size, sp, fp, || alone(|| unsafe { next::memalign(alignment, size) }))
}

unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain aligned_alloc.
    counted(size, sp, fp, || alone(|| unsafe { next::aligned_alloc(alignment, size) }))
}

unsafe extern "C" fn valloc(size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain valloc.
    counted(size, sp, fp, || alone(|| unsafe { next::valloc(size) }))
}

unsafe extern "C" fn pvalloc(size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain pvalloc.
    counted(size, sp, fp, || alone(|| unsafe { next::pvalloc(size) }))
}

unsafe extern "C" fn posix_memalign(
    block: *mut *mut c_void,
    alignment: usize,
    size: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    // SAFETY: the caller's arguments, handed on.
    unsafe { stored(block, size, sp, fp, || alone(|| next::posix_memalign(block, alignment, size))) }
}

unsafe extern "C" fn reallocarray(block: *mut c_void, count: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    let Some(bytes) = count.checked_mul(size) else {
        crate::sys::set_errno(libc::ENOMEM);
        return std::ptr::null_mut();
    };
    // SAFETY: the caller's block, and the door's own arguments.
    unsafe { realloc(block, bytes, sp, fp) }
}

unsafe extern "C" fn realloc(block: *mut c_void, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: the caller's block, given to the allocator that it came from.
    resized(block, size, sp, fp, || unsafe { next::realloc(block, size) })
}

unsafe extern "C" fn free(block: *mut c_void) {
    freed(block);
    // SAFETY: the caller's block, given to the allocator that it came from.
    unsafe { next::free(block) };
}
