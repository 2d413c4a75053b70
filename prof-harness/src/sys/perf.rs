//! `perf_event_open`'s software task clock: it counts the CPU time of a thread, user and kernel, and sends SIGPROF after
//! each period, with a high-resolution timer instead of the kernel's tick.

use std::ffi::{c_int, c_long};

use super::{errno, raw_close};

/// `struct perf_event_attr` of `linux/perf_event.h`, as of its version 5.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_registers: u64,
    sample_stack: u32,
    clock: i32,
    sample_registers_interrupted: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

#[repr(C)]
struct Owner {
    kind: c_int,
    id: c_int,
}

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_TASK_CLOCK: u64 = 1;
const DISABLED: u64 = 1;
const PERF_FLAG_FD_CLOEXEC: c_long = 8;
const PERF_EVENT_IOC_ENABLE: u64 = 0x2400;
const PERF_EVENT_IOC_DISABLE: u64 = 0x2401;
const PERF_EVENT_IOC_PERIOD: u64 = 0x4008_2404;
const PERF_EVENT_IOC_ID: u64 = 0x8008_2407;
const F_SETSIG: c_int = 10;
const F_SETOWN_EX: c_int = 15;
const F_OWNER_TID: c_int = 0;

/// The program is to find its descriptors where it would without us, so ours begin up here, or at three quarters of its
/// limit.
const FIRST_DESCRIPTOR: u64 = 768;

/// A task clock of one thread.
#[derive(Clone, Copy)]
pub struct TaskClock {
    /// Its descriptor.
    pub fd: c_int,
    /// The kernel's number of it, which tells whether the descriptor is still that of the clock.
    pub id: u64,
}

/// A task clock of thread `tid` that sends it SIGPROF, once it is enabled, after `first` nanoseconds; or the kernel's
/// error. Signal: no.
pub fn open_task_clock(tid: c_int, first: u64) -> Result<TaskClock, c_int> {
    let attributes = Attributes {
        kind: PERF_TYPE_SOFTWARE,
        size: size_of::<Attributes>() as u32,
        config: PERF_COUNT_SW_TASK_CLOCK,
        sample_period: first.max(1),
        flags: DISABLED,
        wakeup_events: 1,
        ..Attributes::default()
    };
    const ANY_CPU: c_int = -1;
    const NO_GROUP: c_int = -1;
    // SAFETY: `attributes` lives across the call and says its size.
    let low =
        unsafe { libc::syscall(libc::SYS_perf_event_open, &attributes, tid, ANY_CPU, NO_GROUP, PERF_FLAG_FD_CLOEXEC) };
    if low < 0 {
        return Err(errno());
    }
    let low = low as c_int;
    // SAFETY: no pointers.
    let fd = unsafe { libc::fcntl(low, libc::F_DUPFD_CLOEXEC, first_descriptor()) };
    let error = errno();
    raw_close(low);
    if fd < 0 {
        return Err(error);
    }
    let clock = TaskClock { fd, id: identity(fd) };
    let owner = Owner { kind: F_OWNER_TID, id: tid };
    // SAFETY: `owner` lives across the call.
    let is_owned = unsafe { libc::fcntl(fd, F_SETOWN_EX, &owner) } == 0;
    // SAFETY: no pointers.
    let is_ready = is_owned
        && unsafe {
            libc::fcntl(fd, F_SETSIG, libc::SIGPROF) == 0 && libc::fcntl(fd, libc::F_SETFL, libc::O_ASYNC) == 0
        };
    if is_ready && clock.id != 0 {
        return Ok(clock);
    }
    let error = errno();
    raw_close(fd);
    Err(error)
}

impl TaskClock {
    /// Lets it run. Signal: yes.
    pub fn enable(self) {
        if self.is_still_there() {
            // SAFETY: no pointers.
            unsafe { libc::ioctl(self.fd, PERF_EVENT_IOC_ENABLE, 0) };
        }
    }

    /// Stops it; a signal that it sent has come when this returns. Signal: yes.
    pub fn disable(self) {
        if self.is_still_there() {
            // SAFETY: no pointers.
            unsafe { libc::ioctl(self.fd, PERF_EVENT_IOC_DISABLE, 0) };
        }
    }

    /// Sends signals every `period` nanoseconds from now on. Signal: yes.
    pub fn set_period(self, period: u64) {
        // SAFETY: the kernel reads the period during the call.
        unsafe { libc::ioctl(self.fd, PERF_EVENT_IOC_PERIOD, &period) };
    }

    /// Gives it back. Signal: yes.
    pub fn close(self) {
        if self.is_still_there() {
            raw_close(self.fd);
        }
    }

    /// A program that closes every descriptor takes ours with it, and may open others in their place.
    fn is_still_there(self) -> bool {
        identity(self.fd) == self.id
    }
}

fn identity(fd: c_int) -> u64 {
    let mut id = 0u64;
    // SAFETY: the kernel writes eight bytes if `fd` is an event; other files refuse the request.
    let got = unsafe { libc::ioctl(fd, PERF_EVENT_IOC_ID, &mut id) };
    if got == 0 {
        id
    } else {
        0
    }
}

fn first_descriptor() -> c_int {
    FIRST_DESCRIPTOR.min(descriptor_limit() / 4 * 3) as c_int
}

/// How many descriptors the process may have. Signal: yes.
pub fn descriptor_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` lives across the call.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    limit.rlim_cur
}
