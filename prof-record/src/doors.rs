//! The contract between the linker's command line and the harness: the functions of allocators that are linked into an
//! executable, whose callers the linker is to send to the harness (`--wrap`). What becomes of the calls is the harness's.

/// The functions. With `--wrap=NAME`, a call of `NAME` goes to the harness's `__wrap_NAME`, and `__real_NAME`, which the
/// harness refers to weakly, is the function itself.
pub const DOORS: &[&str] = &[
    // Of libc, for executables that define them: the calls of others arrive anyway.
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "free",
    "memalign",
    "aligned_alloc",
    "posix_memalign",
    "valloc",
    "pvalloc",
    // Of jemalloc, with the prefix that `tikv-jemallocator` and `jemallocator` give to all its names, and without.
    "_rjem_malloc",
    "_rjem_calloc",
    "_rjem_realloc",
    "_rjem_free",
    "_rjem_memalign",
    "_rjem_aligned_alloc",
    "_rjem_posix_memalign",
    "_rjem_valloc",
    "_rjem_mallocx",
    "_rjem_rallocx",
    "_rjem_xallocx",
    "_rjem_dallocx",
    "_rjem_sdallocx",
    "mallocx",
    "rallocx",
    "xallocx",
    "dallocx",
    "sdallocx",
    // Of mimalloc.
    "mi_malloc",
    "mi_zalloc",
    "mi_calloc",
    "mi_realloc",
    "mi_malloc_aligned",
    "mi_zalloc_aligned",
    "mi_realloc_aligned",
    "mi_free",
    "mi_free_size",
    "mi_free_aligned",
    "mi_free_size_aligned",
    // Of snmalloc, as `snmalloc-rs` calls it.
    "sn_rust_alloc",
    "sn_rust_alloc_zeroed",
    "sn_rust_realloc",
    "sn_rust_dealloc",
];

/// A function of each allocator that is not among [`DOORS`]. Some linkers take an object out of an archive for
/// the names alone that are left after wrapping; with `-u NAME` for these, they find it as they would have without us.
pub const PULLED: &[&str] = &["_rjem_mallctl", "mallctl", "mi_version", "sn_rust_usable_size"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pulled_is_not_wrapped() {
        assert!(PULLED.iter().all(|name| !DOORS.contains(name)));
    }
}
