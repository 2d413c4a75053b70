//! The dynamic loader: loaded objects, and the definitions that come after the program's own.

use std::ffi::{c_int, c_void, CStr};
use std::sync::atomic::{AtomicPtr, Ordering};

/// The next definition of `symbol` after the program's own. May allocate with libc's malloc. Signal: no.
pub fn next_definition(symbol: &CStr) -> *mut c_void {
    // SAFETY: `symbol` ends in NUL.
    unsafe { libc::dlsym(libc::RTLD_NEXT, symbol.as_ptr()) }
}

/// The next definition of `symbol` after the program's own, looked up at the first call. Signal: no.
pub fn next_once(known: &AtomicPtr<c_void>, symbol: &CStr) -> *mut c_void {
    let mut next = known.load(Ordering::Relaxed);
    if next.is_null() {
        next = next_definition(symbol);
        known.store(next, Ordering::Relaxed);
    }
    next
}

/// Calls `each` for every loaded object. Signal: no, it takes the loader's lock.
pub fn for_each_object(each: &mut dyn FnMut(&libc::dl_phdr_info)) {
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> c_int {
        // SAFETY: `data` is the pointer given below, alive during dl_iterate_phdr.
        let each = unsafe { &mut *data.cast::<&mut dyn FnMut(&libc::dl_phdr_info)>() };
        // SAFETY: the loader hands over a valid object.
        each(unsafe { &*info });
        0
    }
    let mut each: &mut dyn FnMut(&libc::dl_phdr_info) = each;
    // SAFETY: `each` outlives the call, and `visit` expects just this pointer.
    unsafe { libc::dl_iterate_phdr(Some(visit), std::ptr::from_mut(&mut each).cast()) };
}

/// glibc's allocator under names that nobody defines again.
pub mod libc_heap {
    use super::c_void;

    unsafe extern "C" {
        /// `malloc`.
        #[link_name = "__libc_malloc"]
        pub fn malloc(size: usize) -> *mut c_void;
        /// `calloc`.
        #[link_name = "__libc_calloc"]
        pub fn calloc(count: usize, size: usize) -> *mut c_void;
        /// `realloc`.
        #[link_name = "__libc_realloc"]
        pub fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
        /// `free`.
        #[link_name = "__libc_free"]
        pub fn free(block: *mut c_void);
        /// `memalign`, and glibc's `aligned_alloc`.
        #[link_name = "__libc_memalign"]
        pub fn memalign(alignment: usize, size: usize) -> *mut c_void;
    }
}
