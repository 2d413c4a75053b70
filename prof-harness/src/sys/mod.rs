//! Every call into libc and the kernel, once. Each says whether a signal handler may use it; none allocates through
//! the program's allocator unless it says so.

mod loader;
mod memory;
mod perf;
mod signal;
mod stack;
mod thread;

use std::ffi::{c_char, c_int, CStr};

pub use loader::{find_object, for_each_object, libc_heap, next_definition, next_once};
pub use memory::{create, map, map_wiped_on_fork, open, open_directory, raw_close, read_start, unmap};
pub use perf::{descriptor_limit, open_task_clock, TaskClock};
pub use signal::*;
pub use stack::{map_stack, OwnStack};
pub use thread::*;

/// The calling thread's `errno`. Signal: yes.
pub fn errno() -> c_int {
    // SAFETY: the address is that of a thread-local int, valid for the thread's life.
    unsafe { *libc::__errno_location() }
}

/// Sets the calling thread's `errno`. Signal: yes.
pub fn set_errno(value: c_int) {
    // SAFETY: as in `errno`.
    unsafe { *libc::__errno_location() = value }
}

/// Nanoseconds of the monotonic clock. Signal: yes.
pub fn monotonic_nanos() -> u64 {
    clock_nanos(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds since the Unix epoch. Signal: yes.
pub fn unix_nanos() -> u64 {
    clock_nanos(libc::CLOCK_REALTIME)
}

/// Nanoseconds of CPU time that thread `tid` of the process has used. Signal: yes.
pub fn cpu_nanos_of(tid: c_int) -> u64 {
    clock_nanos(cpu_clock_of(tid))
}

/// The CPU clock of thread `tid`: CPUCLOCK_SCHED of one thread, in the kernel's `posix-timers.h`.
fn cpu_clock_of(tid: c_int) -> libc::clockid_t {
    !tid << 3 | 6
}

/// Nanoseconds of CPU time that the calling thread has used. Signal: yes.
pub fn thread_cpu_nanos() -> u64 {
    clock_nanos(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock_nanos(clock: libc::clockid_t) -> u64 {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec that lives across the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The process id. Signal: yes.
pub fn process_id() -> c_int {
    // SAFETY: no arguments.
    unsafe { libc::getpid() }
}

/// An environment variable's bytes. Signal: no.
pub fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: `name` ends in NUL.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: getenv returns a NUL-terminated string. The constructor, the only caller, copies what it keeps
    // before the program can change its environment.
    Some(unsafe { CStr::from_ptr(value) })
}

/// Reads the target of the link `/proc/self/exe` into `buffer`, returning its length. Signal: yes.
pub fn executable_path(buffer: &mut [u8]) -> usize {
    // SAFETY: the buffer is writable for the length given.
    let length = unsafe { libc::readlink(c"/proc/self/exe".as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(length).unwrap_or(0)
}

/// How many processors the program may run on. Signal: no.
pub fn processors() -> usize {
    // SAFETY: no pointers.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).unwrap_or(1).max(1)
}

/// A C string's bytes. Signal: yes.
///
/// # Safety
///
/// `text` is null or NUL-terminated and unchanged while the result is used.
pub unsafe fn bytes_of<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}
