//! The allocator behind the door: the definitions that the program would have called without us, libc's or those of a
//! shared library before it (`LD_PRELOAD`, a linked `libjemalloc.so`). All are looked up at the first call, so that a
//! block never goes back to another allocator than it came from.

use std::ffi::{c_int, c_void, CStr};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::sys::{self, libc_heap};

/// One function: its definition once known, its name, and libc's.
struct Function {
    next: AtomicPtr<c_void>,
    name: &'static CStr,
    libc: *const c_void,
}

// SAFETY: `libc` is the address of a function.
unsafe impl Sync for Function {}

impl Function {
    const fn new(name: &'static CStr, libc: *const c_void) -> Function {
        Function { next: AtomicPtr::new(std::ptr::null_mut()), name, libc }
    }

    #[inline(always)]
    fn definition(&self) -> *const c_void {
        let next = self.next.load(Ordering::Relaxed);
        if next.is_null() {
            self.first()
        } else {
            next
        }
    }

    #[cold]
    #[inline(never)]
    fn first(&self) -> *const c_void {
        find_all();
        let next = self.next.load(Ordering::Relaxed);
        if next.is_null() {
            // The loader allocates while it is asked.
            self.libc
        } else {
            next
        }
    }
}

static MALLOC: Function = Function::new(c"malloc", libc_heap::malloc as *const c_void);
static CALLOC: Function = Function::new(c"calloc", libc_heap::calloc as *const c_void);
static REALLOC: Function = Function::new(c"realloc", libc_heap::realloc as *const c_void);
static FREE: Function = Function::new(c"free", libc_heap::free as *const c_void);
static MEMALIGN: Function = Function::new(c"memalign", libc_heap::memalign as *const c_void);
static ALIGNED_ALLOC: Function = Function::new(c"aligned_alloc", libc_heap::memalign as *const c_void);
static POSIX_MEMALIGN: Function = Function::new(c"posix_memalign", libc_posix_memalign as *const c_void);

fn find_all() {
    static FINDING: AtomicBool = AtomicBool::new(false);
    if FINDING.swap(true, Ordering::Relaxed) {
        return;
    }
    // None where the program is linked statically.
    let malloc = sys::next_definition(MALLOC.name);
    let is_libc = malloc.is_null() || malloc.cast_const() == MALLOC.libc;
    for function in [&CALLOC, &REALLOC, &FREE, &MEMALIGN, &ALIGNED_ALLOC, &POSIX_MEMALIGN, &MALLOC] {
        let found = if is_libc { std::ptr::null_mut() } else { sys::next_definition(function.name) };
        let next = if found.is_null() { function.libc.cast_mut() } else { found };
        function.next.store(next, Ordering::Relaxed);
    }
}

unsafe extern "C" fn libc_posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || alignment % size_of::<*mut c_void>() != 0 {
        return libc::EINVAL;
    }
    // SAFETY: plain memalign.
    let got = unsafe { libc_heap::memalign(alignment, size) };
    if got.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's pointer, as posix_memalign asks for.
    unsafe { *block = got };
    0
}

type Malloc = unsafe extern "C" fn(usize) -> *mut c_void;
type TwoSizes = unsafe extern "C" fn(usize, usize) -> *mut c_void;
type Realloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type PosixMemalign = unsafe extern "C" fn(*mut *mut c_void, usize, usize) -> c_int;

/// # Safety
///
/// As for `malloc`.
#[inline(always)]
pub unsafe fn malloc(size: usize) -> *mut c_void {
    // SAFETY: every definition of that name has this type; the call is the caller's promise.
    unsafe { std::mem::transmute::<*const c_void, Malloc>(MALLOC.definition())(size) }
}

/// # Safety
///
/// As for `calloc`.
#[inline(always)]
pub unsafe fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, TwoSizes>(CALLOC.definition())(count, size) }
}

/// # Safety
///
/// As for `realloc`.
#[inline(always)]
pub unsafe fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, Realloc>(REALLOC.definition())(block, size) }
}

/// # Safety
///
/// As for `free`.
#[inline(always)]
pub unsafe fn free(block: *mut c_void) {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, Free>(FREE.definition())(block) }
}

/// # Safety
///
/// As for `memalign`.
#[inline(always)]
pub unsafe fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, TwoSizes>(MEMALIGN.definition())(alignment, size) }
}

/// # Safety
///
/// As for `aligned_alloc`.
#[inline(always)]
pub unsafe fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, TwoSizes>(ALIGNED_ALLOC.definition())(alignment, size) }
}

/// # Safety
///
/// As for `posix_memalign`.
#[inline(always)]
pub unsafe fn posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, PosixMemalign>(POSIX_MEMALIGN.definition())(block, alignment, size) }
}
