//! The allocator behind the door: the definitions that the program would have called without us, those of the executable
//! itself, libc's, or those of a shared library before it (`LD_PRELOAD`, a linked `libjemalloc.so`). All are looked up at
//! the first call, so that a block never goes back to another allocator than it came from.

use std::ffi::{c_int, c_void, CStr};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::sys::{self, libc_heap};

/// One function: what is called, which the doors jump to, libc's, and how to find the executable's.
#[repr(C)]
pub struct Function {
    /// The definition once known, before that one that looks for it: a call need not ask.
    next: AtomicPtr<c_void>,
    first: *const c_void,
    name: &'static CStr,
    libc: *const c_void,
    brought: fn() -> *const c_void,
}

// SAFETY: `first` and `libc` are addresses of functions.
unsafe impl Sync for Function {}

impl Function {
    const fn new(
        name: &'static str,
        first: *const c_void,
        libc: *const c_void,
        brought: fn() -> *const c_void,
    ) -> Function {
        let Ok(name) = CStr::from_bytes_with_nul(name.as_bytes()) else { panic!("a name ends in NUL") };
        Function { next: AtomicPtr::new(first.cast_mut()), first, name, libc, brought }
    }

    #[inline(always)]
    fn definition(&self) -> *const c_void {
        self.next.load(Ordering::Relaxed)
    }

    /// The definition, looked for if it is not known.
    #[cold]
    #[inline(never)]
    fn find(&self) -> *const c_void {
        find_all();
        let next = self.definition();
        if next == self.first {
            // The loader allocates while it is asked.
            self.libc
        } else {
            next
        }
    }
}

/// The function `$name` as `$function`, kept in `$static`, of libc `$libc`. The executable's definition is behind the door if
/// the linker wrapped its calls and it is not the door.
macro_rules! function {
    ($static:ident, $name:literal, $libc:expr, $function:ident($($argument:ident: $type:ty),+) $(-> $result:ty)?) => {
        /// The function of that name.
        pub static $static: Function = {
            unsafe extern "C" fn first($($argument: $type),+) $(-> $result)? {
                type This = unsafe extern "C" fn($($type),+) $(-> $result)?;
                // SAFETY: every definition of that name has this type; the call is the caller's promise.
                unsafe { std::mem::transmute::<*const c_void, This>($static.find())($($argument),+) }
            }
            Function::new(concat!($name, "\0"), first as *const c_void, $libc as *const c_void, || {
                let wrapped = address_of!(concat!("__real_", $name));
                if wrapped == address_of!(concat!("prof_harness_", $name)) {
                    std::ptr::null()
                } else {
                    wrapped
                }
            })
        };

        /// # Safety
        ///
        /// As for the function of that name.
        #[inline(always)]
        pub unsafe fn $function($($argument: $type),+) $(-> $result)? {
            type This = unsafe extern "C" fn($($type),+) $(-> $result)?;
            // SAFETY: every definition of that name has this type; the call is the caller's promise.
            unsafe { std::mem::transmute::<*const c_void, This>($static.definition())($($argument),+) }
        }
    };
}

function!(MALLOC, "malloc", libc_heap::malloc, malloc(size: usize) -> *mut c_void);
function!(CALLOC, "calloc", libc_heap::calloc, calloc(count: usize, size: usize) -> *mut c_void);
function!(REALLOC, "realloc", libc_heap::realloc, realloc(block: *mut c_void, size: usize) -> *mut c_void);
function!(FREE, "free", libc_heap::free, free(block: *mut c_void));
function!(MEMALIGN, "memalign", libc_heap::memalign, memalign(alignment: usize, size: usize) -> *mut c_void);
function!(ALIGNED_ALLOC, "aligned_alloc", libc_heap::memalign, aligned_alloc(alignment: usize, size: usize) -> *mut c_void);
function!(VALLOC, "valloc", libc_heap::valloc, valloc(size: usize) -> *mut c_void);
function!(PVALLOC, "pvalloc", libc_heap::pvalloc, pvalloc(size: usize) -> *mut c_void);
function!(
    POSIX_MEMALIGN,
    "posix_memalign",
    libc_posix_memalign,
    posix_memalign(block: *mut *mut c_void, alignment: usize, size: usize) -> c_int
);

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
        // Newer versions of libc take other alignments for `aligned_alloc` than for `memalign`.
        let is_known = is_libc && !std::ptr::eq(function, &ALIGNED_ALLOC);
        let found = if is_known || !brought.is_null() { brought } else { sys::next_definition(function.name) };
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
