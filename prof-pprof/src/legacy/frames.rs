//! Which frames go unseen in profiles of each kind, as such files cannot say it themselves: those of the allocator, of
//! the lock, or of the profiler. What is done with them is in `prune.rs`.

use crate::Profile;

/// What begins with any of these is the allocator's: C's own names, those of TCMalloc, macOS and Go's runtime, and what
/// C++ allocates through. The list is that of pprof's `legacy_profile.go`.
const ALLOCATOR: [&str; 9] = [
    "(tc_)?(c|m|re|pv|v)alloc|(tc_)?c?free|(tc_|do_)?memalign|(tc_|__)?posix_memalign",
    r"tc_(new|delete)(array)?|tc_new(array)?_nothrow|tcmalloc::.*",
    "malloc_zone_((m|c|v|re)alloc|memalign|free)",
    r"runtime\..*",
    "BaseArena::.*|(::)?do_malloc(_no_errno|_pages)?|__libc_malloc|cpp_alloc",
    "DoSampledAllocation|MallocedMemBlock::MallocedMemBlock",
    "__builtin_(vec_)?(delete|new)",
    "(__gnu_cxx::new_allocator::|__malloc_alloc_template::|simple_alloc::|_M_)?allocate",
    r"operator new(\[\])?",
];
/// Go's runtime in the middle of a stack: without it the callers would seem to call each other.
const NOT_ALLOCATOR: [&str; 1] = [r"runtime\.(panic|reflectcall|call[0-9]*)"];

const LOCK: [&str; 4] = [
    "(base::)?(RecordLock|SubmitMutex|SubmitSpinLock)ProfileData.*",
    "((base::)?Mutex::)?(AwaitCommon|Unlock|UnlockSlow|ReaderUnlock).*",
    "((base::)?MutexLock::)?~MutexLock.*",
    "(SpinLock::)?(Unlock|SlowUnlock).*|(SpinLockHolder::)?~SpinLockHolder.*",
];

const PROFILER: [&str; 2] =
    ["ProfileData::(Add|prof_handler)|CpuProfiler::prof_handler", "__pthread_sighandler|__restore"];

const HEAPS: [&[&str]; 5] = [
    &["allocations", "size"],
    &["objects", "space"],
    &["inuse_objects", "inuse_space"],
    &["alloc_objects", "alloc_space"],
    &["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"],
];
const CONTENTION: &[&str] = &["contentions", "delay"];

/// Sets `drop_frames` and `keep_frames` to those of the profile's kind, which its sample types tell.
pub(super) fn add_patterns(profile: &mut Profile) {
    let kinds: Vec<&str> = profile.sample_types.iter().map(|sample_type| &*sample_type.kind).collect();
    let (drop, keep) = if HEAPS.contains(&&kinds[..]) {
        (&ALLOCATOR[..], &NOT_ALLOCATOR[..])
    } else if kinds == CONTENTION {
        (&LOCK[..], &[][..])
    } else {
        (&PROFILER[..], &[][..])
    };
    profile.drop_frames = drop.join("|").into();
    profile.keep_frames = keep.join("|").into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueType;

    fn of_kinds(kinds: &[&str]) -> Profile {
        let sample_types = kinds.iter().map(|kind| ValueType::new(kind, "")).collect();
        let mut profile = Profile { sample_types, ..Profile::default() };
        add_patterns(&mut profile);
        profile
    }

    #[test]
    fn patterns_match_what_those_of_pprof_do() {
        let matches = |pattern: &str, name: &str| regex::Regex::new(&format!("^({pattern})$")).unwrap().is_match(name);
        let heap = of_kinds(&["objects", "space"]);
        for name in [
            "malloc",
            "cfree",
            "free",
            "do_memalign",
            "__posix_memalign",
            "pvalloc",
            "tcmalloc::x",
            "tc_newarray_nothrow",
            "tc_deletearray",
            "tc_realloc",
            "malloc_zone_free",
            "runtime.x",
            "::do_malloc_pages",
            "_M_allocate",
            "allocate",
            "__builtin_vec_new",
            "operator new[]",
            "simple_alloc::allocate",
            "tc_cfree",
            "BaseArena::x",
        ] {
            assert!(matches(&heap.drop_frames, name), "{name}");
        }
        for name in ["mallocx", "xmalloc", "operator delete", "do_free", "tc_delete_nothrow", "vec_new", "__memalign"] {
            assert!(!matches(&heap.drop_frames, name), "{name}");
        }
        assert!(matches(&heap.keep_frames, "runtime.call32") && !matches(&heap.keep_frames, "runtime.main"));
        let lock = of_kinds(CONTENTION);
        for name in
            ["base::Mutex::UnlockSlow", "MutexLock::~MutexLock", "base::SubmitSpinLockProfileData(x", "SlowUnlock"]
        {
            assert!(matches(&lock.drop_frames, name), "{name}");
        }
        assert!(!matches(&lock.drop_frames, "base::SpinLock::Unlock"));
    }
}
