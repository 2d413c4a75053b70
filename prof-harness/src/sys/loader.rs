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

/// A loaded object, as `_dl_find_object` of `dlfcn.h` fills it in.
#[repr(C)]
pub struct FoundObject {
    flags: u64,
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
    link: *const LinkMap,
    /// `.eh_frame_hdr`.
    pub eh_frame_hdr: u64,
    reserved: [u64; 7],
}

/// The beginning of `struct link_map` of `link.h`.
#[repr(C)]
struct LinkMap {
    base: u64,
}

impl FoundObject {
    /// What is added to the addresses that the object states.
    pub fn base(&self) -> u64 {
        // SAFETY: glibc's own record of an object that is loaded.
        unsafe { (*self.link).base }
    }
}

/// The loaded object that `address` lies in; none where glibc is older than 2.35, too. Signal: yes, glibc says so.
pub fn find_object(address: u64) -> Option<FoundObject> {
    let find: usize;
    // SAFETY: loads the function's address, 0 if there is none.
    unsafe {
        // The directive stands in the same object file as the use, or the symbol would be needed.
        std::arch::asm!(
            ".weak _dl_find_object",
            "mov {}, qword ptr [rip + _dl_find_object@GOTPCREL]",
            out(reg) find,
            options(nostack, readonly)
        );
    }
    if find == 0 {
        return None;
    }
    // SAFETY: glibc's function has this type.
    let find =
        unsafe { std::mem::transmute::<usize, unsafe extern "C" fn(*mut c_void, *mut FoundObject) -> c_int>(find) };
    let mut found = std::mem::MaybeUninit::<FoundObject>::zeroed();
    // SAFETY: on success it fills `found` in, which is larger than what it writes.
    (unsafe { find(address as *mut c_void, found.as_mut_ptr()) } == 0).then(|| {
        // SAFETY: filled in.
        unsafe { found.assume_init() }
    })
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
        /// `valloc`.
        #[link_name = "__libc_valloc"]
        pub fn valloc(size: usize) -> *mut c_void;
        /// `pvalloc`.
        #[link_name = "__libc_pvalloc"]
        pub fn pvalloc(size: usize) -> *mut c_void;
    }
}
