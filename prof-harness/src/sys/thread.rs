//! The calling thread: its numbers, its stack, its end.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU8, Ordering};

use super::process_id;
pub use libc::{pthread_attr_t, pthread_t};

/// The kernel's id of the calling thread. Signal: yes.
pub fn thread_id() -> c_int {
    // SAFETY: no arguments.
    unsafe { libc::syscall(libc::SYS_gettid) as c_int }
}

/// Whether the calling thread is the one that the process began with. Signal: yes.
pub fn is_main_thread() -> bool {
    thread_id() == process_id()
}

/// glibc's descriptor of the calling thread, which it keeps at the top of a thread's stack. Signal: yes.
pub fn pthread_self() -> usize {
    // SAFETY: no arguments.
    unsafe { libc::pthread_self() as usize }
}

/// The lowest address of the calling thread's stack that it may use, and the address after the highest; not for the main
/// thread, whose stack grows. Allocates with the program's malloc. Signal: no.
pub fn own_stack() -> Option<(u64, u64)> {
    let mut attributes = std::mem::MaybeUninit::<pthread_attr_t>::uninit();
    // SAFETY: on success it initialises the object.
    if unsafe { libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut low, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: initialised above; the results live across the call.
    let known = unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size) } == 0;
    // SAFETY: initialised above, and used for the last time.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    known.then_some((low as u64, low as u64 + size as u64))
}

/// A copy of a new thread's attributes with a stack that our signals leave as large as the program asked for, if that is
/// small and not of the program's own memory. Signal: no.
///
/// # Safety
///
/// `attributes` is null or an initialised object.
pub unsafe fn with_room_for_signals(attributes: *const pthread_attr_t) -> Option<pthread_attr_t> {
    // With all that a processor can save, a signal's frame takes up to 11 KB.
    const ROOM: usize = 16 << 10;
    const SMALL: usize = 256 << 10;
    // SAFETY: the caller's promise. glibc's object owns nothing that the copy, which is not destroyed, could give back.
    let mut copy = unsafe { attributes.as_ref() }.copied()?;
    let (mut low, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: an initialised object, and results that live across the call.
    let is_known = unsafe { libc::pthread_attr_getstack(&copy, &mut low, &mut size) } == 0;
    // Without memory of the program's, glibc counts down from an address of 0.
    if !is_known || size >= SMALL || (low as usize).wrapping_add(size) != 0 {
        return None;
    }
    // SAFETY: an initialised object.
    (unsafe { libc::pthread_attr_setstacksize(&mut copy, size + ROOM) } == 0).then_some(copy)
}

/// Bytes that the main thread's stack may grow to. Signal: yes.
pub fn main_stack_size() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` lives across the call.
    unsafe { libc::getrlimit(libc::RLIMIT_STACK, &mut limit) };
    // The kernel keeps other mappings out of what it may grow to; without a limit, far away from it.
    limit.rlim_cur.min(1 << 30)
}

/// A thread-specific key whose `destructor` runs at the end of each thread that set it. Signal: no.
pub fn thread_end_key(destructor: unsafe extern "C" fn(*mut c_void)) -> Option<libc::pthread_key_t> {
    let mut key = 0;
    // SAFETY: `key` lives across the call.
    (unsafe { libc::pthread_key_create(&mut key, Some(destructor)) } == 0).then_some(key)
}

/// Sets the calling thread's value of `key`. Signal: no.
pub fn set_thread_value(key: libc::pthread_key_t, value: *const c_void) {
    // SAFETY: the key is one of `thread_end_key`.
    unsafe { libc::pthread_setspecific(key, value) };
}

/// Lets others run until `is_over`, for a second at most; false if it is not. Whom a thread waits for may be itself, in a
/// signal handler of the program's that ends the process. Signal: no.
pub fn wait_until(is_over: impl Fn() -> bool) -> bool {
    const PATIENCE: u64 = 1_000_000_000;
    let started = super::monotonic_nanos();
    while !is_over() {
        if super::monotonic_nanos() - started > PATIENCE {
            return false;
        }
        yield_now();
    }
    true
}

// The commands of `membarrier`, in the kernel's `linux/membarrier.h`.
const PRIVATE_EXPEDITED: c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: c_int = 1 << 4;

/// Whether [`barrier`] works; asked once. Signal: yes.
pub fn has_barrier() -> bool {
    static ANSWER: AtomicU8 = AtomicU8::new(0);
    let (untold, yes, no) = (0, 1, 2);
    if ANSWER.load(Ordering::Relaxed) == untold {
        let is_registered = membarrier(REGISTER_PRIVATE_EXPEDITED) == 0;
        ANSWER.store(if is_registered { yes } else { no }, Ordering::Relaxed);
    }
    ANSWER.load(Ordering::Relaxed) == yes
}

/// Lets every running thread of the process pass a full memory barrier; false if the kernel refuses. Signal: yes.
pub fn barrier() -> bool {
    membarrier(PRIVATE_EXPEDITED) == 0
}

fn membarrier(command: c_int) -> i64 {
    // SAFETY: no pointers.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
}

/// Lets another thread run. Signal: yes.
pub fn yield_now() {
    // SAFETY: no arguments.
    unsafe { libc::sched_yield() };
}

/// Calls `each` with the number of each thread of the process. Signal: no.
pub fn for_each_thread(mut each: impl FnMut(c_int)) {
    // Offsets in the kernel's `struct linux_dirent64`.
    const LENGTH: usize = 16;
    const NAME: usize = 19;
    let Some(directory) = super::open_directory(c"/proc/self/task") else { return };
    let mut buffer = [0u64; 256];
    loop {
        let entries = directory.entries(&mut buffer);
        if entries.is_empty() {
            return;
        }
        let mut rest = entries;
        while let Some(length) = rest.get(LENGTH..LENGTH + 2) {
            let length = u16::from_le_bytes([length[0], length[1]]) as usize;
            let name = rest.get(NAME..length).unwrap_or_default();
            let digits = name.split(|byte| *byte == 0).next().unwrap_or_default();
            if let Some(tid) = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) {
                each(tid);
            }
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}
