//! The allocator behind the door: the definitions that the program would have called without us, those of the executable
//! itself, libc's, or those of a shared library before it (`LD_PRELOAD`, a linked `libjemalloc.so`). All are looked up at
//! the first call, so that a block never goes back to another allocator than it came from.

use std::ffi::{c_int, c_void, CStr};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::sys::{self, libc_heap};

/// One function: its definition once known, its name, libc's, and how to find the executable's.
struct Function {
    next: AtomicPtr<c_void>,
    name: &'static CStr,
    libc: *const c_void,
    brought: fn() -> *const c_void,
}

// SAFETY: `libc` is the address of a function.
unsafe impl Sync for Function {}

impl Function {
    const fn new(name: &'static str, libc: *const c_void, brought: fn() -> *const c_void) -> Function {
        let Ok(name) = CStr::from_bytes_with_nul(name.as_bytes()) else { panic!("a name ends in NUL") };
        Function { next: AtomicPtr::new(std::ptr::null_mut()), name, libc, brought }
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

/// The function `$name`, of libc `$libc`. The executable's definition is behind the door if the linker wrapped its calls
/// and it is not the door.
macro_rules! function {
    ($name:literal, $libc:expr) => {
        Function::new(concat!($name, "\0"), $libc as *const c_void, || {
            let wrapped = address_of!(concat!("__real_", $name));
            if wrapped == address_of!(concat!("prof_harness_", $name)) {
                std::ptr::null()
            } else {
                wrapped
            }
        })
    };
}

static MALLOC: Function = function!("malloc", libc_heap::malloc);
static CALLOC: Function = function!("calloc", libc_heap::calloc);
static REALLOC: Function = function!("realloc", libc_heap::realloc);
static FREE: Function = function!("free", libc_heap::free);
static MEMALIGN: Function = function!("memalign", libc_heap::memalign);
static ALIGNED_ALLOC: Function = function!("aligned_alloc", libc_heap::memalign);
static POSIX_MEMALIGN: Function = function!("posix_memalign", libc_posix_memalign);
static VALLOC: Function = function!("valloc", libc_heap::valloc);
static PVALLOC: Function = function!("pvalloc", libc_heap::pvalloc);

fn find_all() {
    static FINDING: AtomicBool = AtomicBool::new(false);
    if FINDING.swap(true, Ordering::Relaxed) {
        return;
    }
    let is_brought = !(MALLOC.brought)().is_null();
    // None where the program is linked statically.
    let malloc = sys::next_definition(MALLOC.name);
    let is_libc = !is_brought && (malloc.is_null() || malloc.cast_const() == MALLOC.libc);
    for function in [&CALLOC, &REALLOC, &FREE, &MEMALIGN, &ALIGNED_ALLOC, &POSIX_MEMALIGN, &VALLOC, &PVALLOC, &MALLOC] {
        let brought = if is_brought { (function.brought)().cast_mut() } else { std::ptr::null_mut() };
        let found = if is_libc || !brought.is_null() { brought } else { sys::next_definition(function.name) };
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

/// `malloc` and what has its signature.
pub type Malloc = unsafe extern "C" fn(usize) -> *mut c_void;
/// `calloc`, `memalign` and what has their signature.
pub type TwoSizes = unsafe extern "C" fn(usize, usize) -> *mut c_void;
/// `realloc`.
pub type Realloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;
/// `free`.
pub type Free = unsafe extern "C" fn(*mut c_void);
/// `posix_memalign`.
pub type PosixMemalign = unsafe extern "C" fn(*mut *mut c_void, usize, usize) -> c_int;

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
/// As for `valloc`.
#[inline(always)]
pub unsafe fn valloc(size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, Malloc>(VALLOC.definition())(size) }
}

/// # Safety
///
/// As for `pvalloc`.
#[inline(always)]
pub unsafe fn pvalloc(size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, Malloc>(PVALLOC.definition())(size) }
}

/// # Safety
///
/// As for `posix_memalign`.
#[inline(always)]
pub unsafe fn posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    // SAFETY: as in `malloc`.
    unsafe { std::mem::transmute::<*const c_void, PosixMemalign>(POSIX_MEMALIGN.definition())(block, alignment, size) }
}
