//! The allocator door: `malloc` and its kin, defined before libc's, so that the calls of Rust and of C both come by.
//! The real allocator (`next.rs`) is called exactly once and believed; an allocation is recorded after it, a free before it.
//!
//! Each definition is a weak symbol, so that an allocator which the program brings under the same name keeps it, and a
//! jump that adds the stack and frame pointer to the arguments: a sample is unwound from the caller, and no frame of
//! the door is in it.

use std::ffi::{c_int, c_void};

use super::{live, next};
use crate::registers::Registers;
use crate::thread;

macro_rules! door {
    ($name:literal, $sp:literal, $fp:literal, $target:ident) => {
        define!($name, $target, [concat!("mov ", $sp, ", rsp"), concat!("mov ", $fp, ", rbp"), "jmp {target}"]);
    };
}

door!("malloc", "rsi", "rdx", malloc);
door!("calloc", "rdx", "rcx", calloc);
door!("realloc", "rdx", "rcx", realloc);
door!("reallocarray", "rcx", "r8", reallocarray);
door!("memalign", "rdx", "rcx", memalign);
door!("aligned_alloc", "rdx", "rcx", aligned_alloc);
door!("posix_memalign", "rcx", "r8", posix_memalign);

interpose!("free", free);

/// Whether the program's `malloc` is the one defined here.
pub fn is_in_force() -> bool {
    let theirs: u64;
    // SAFETY: loads the address that the program's own calls use.
    unsafe {
        std::arch::asm!("mov {}, qword ptr [rip + malloc@GOTPCREL]", out(reg) theirs, options(nostack, readonly));
    }
    // The door's first instruction: mov rsi, rsp.
    // SAFETY: a function's first bytes are readable.
    let first = unsafe { *(theirs as *const [u8; 3]) };
    first == [0x48, 0x89, 0xe6]
}

/// Takes `size` off the thread's countdown; true if it has run out.
#[inline(always)]
fn runs_out(size: usize) -> bool {
    thread::with(|thread| {
        // Sizes beyond i64::MAX fail in the allocator anyway.
        let left = thread.countdown.get().wrapping_sub(size as i64 & i64::MAX);
        thread.countdown.set(left);
        left < 0 || thread.drawn_in.get() != crate::alive::session()
    })
}

/// Calls the allocator for `size` bytes. The door was entered with these stack and frame pointers.
#[inline(always)]
fn counted(size: usize, sp: usize, fp: usize, allocate: impl FnOnce() -> *mut c_void) -> *mut c_void {
    if runs_out(size) {
        sampled(size, sp, fp, allocate)
    } else {
        allocate()
    }
}

/// Calls the allocator and, if the allocation is to be sampled, records the block.
#[cold]
#[inline(never)]
fn sampled(size: usize, sp: usize, fp: usize, allocate: impl FnOnce() -> *mut c_void) -> *mut c_void {
    let decided = thread::with(|thread| super::decide(thread, size));
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

unsafe extern "C" fn malloc(size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain malloc.
    counted(size, sp, fp, || unsafe { next::malloc(size) })
}

unsafe extern "C" fn calloc(count: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain calloc, which checks the product.
    counted(count.saturating_mul(size), sp, fp, || unsafe { next::calloc(count, size) })
}

unsafe extern "C" fn memalign(alignment: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain memalign.
    counted(size, sp, fp, || unsafe { next::memalign(alignment, size) })
}

unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    // SAFETY: plain aligned_alloc.
    counted(size, sp, fp, || unsafe { next::aligned_alloc(alignment, size) })
}

unsafe extern "C" fn posix_memalign(
    block: *mut *mut c_void,
    alignment: usize,
    size: usize,
    sp: usize,
    fp: usize,
) -> c_int {
    let mut result = 0;
    counted(size, sp, fp, || {
        // SAFETY: the caller's arguments, handed on.
        result = unsafe { next::posix_memalign(block, alignment, size) };
        if result == 0 {
            // SAFETY: written by the call.
            unsafe { *block }
        } else {
            std::ptr::null_mut()
        }
    });
    result
}

unsafe extern "C" fn reallocarray(block: *mut c_void, count: usize, size: usize, sp: usize, fp: usize) -> *mut c_void {
    let Some(bytes) = count.checked_mul(size) else {
        crate::sys::set_errno(libc::ENOMEM);
        return std::ptr::null_mut();
    };
    // SAFETY: the caller's block, and the door's own arguments.
    unsafe { realloc(block, bytes, sp, fp) }
}

/// A reallocation is a free of the old block and an allocation of the new size at this place.
unsafe extern "C" fn realloc(block: *mut c_void, size: usize, sp: usize, fp: usize) -> *mut c_void {
    let old = if !block.is_null() && live::may_contain(block as usize) { super::take(block) } else { None };
    // SAFETY: the caller's block, given to the allocator that it came from.
    let new = counted(size, sp, fp, || unsafe { next::realloc(block, size) });
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

unsafe extern "C" fn free(block: *mut c_void) {
    if !block.is_null() && live::may_contain(block as usize) {
        super::forget(block);
    }
    // SAFETY: the caller's block, given to the allocator that it came from.
    unsafe { next::free(block) };
}
