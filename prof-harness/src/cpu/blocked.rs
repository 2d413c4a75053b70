//! Threads that block SIGPROF, in a program that reads it from a `signalfd`: a signal of the sampler's that waits there would
//! be read. From the first such descriptor on, the clock of a thread stands still while the thread blocks the signal; its
//! time counts when it goes on. Programs without one pay nothing: what comes late there is taken by the handler, or left out
//! in `wait.rs`.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{clock, drop_pending, itimer, Clock};
use crate::interpose::Next;
use crate::sys::{self, sigset_t};
use crate::thread;

/// Whether the program has had a `signalfd` with SIGPROF.
static IS_READ: AtomicBool = AtomicBool::new(false);

static SIGNALFD: Next = Next::new(c"signalfd");
static PTHREAD_SIGMASK: Next = Next::new(c"pthread_sigmask");
static SIGPROCMASK: Next = Next::new(c"sigprocmask");
static SIGHOLD: Next = Next::new(c"sighold");
static SIGRELSE: Next = Next::new(c"sigrelse");

/// Looks the next definitions up, for signal handlers and forked children.
pub fn prepare() {
    for function in [&SIGNALFD, &PTHREAD_SIGMASK, &SIGPROCMASK, &SIGHOLD, &SIGRELSE] {
        function.definition();
    }
}

/// Whether the program may read SIGPROF from a descriptor. Signal: yes.
pub fn is_read() -> bool {
    IS_READ.load(Ordering::SeqCst)
}

/// Stops the clock of thread `tid`, which was just started, if the program may read its signals. Signal: no.
pub fn after_start(tid: c_int, clock: &Clock) {
    if is_read() && sys::thread_blocks_sigprof(tid) {
        clock.hold();
        if tid == sys::thread_id() {
            drop_pending();
        }
    }
}

/// Sees to the calling thread's clock after its mask may have changed. Signal: yes.
fn after_change() {
    if !is_read() || !super::samples_here() {
        return;
    }
    let Some(clock) = thread::with(super::clock_of) else { return };
    match (sys::blocks_sigprof(), clock.is_held()) {
        (true, false) => {
            clock.hold();
            drop_pending();
        }
        (false, true) => {
            // Not to be credited to the moment of the next signal.
            super::settle();
            clock.go_on(super::signal_period(super::PERIOD.load(Ordering::Relaxed)));
        }
        _ => {}
    }
}

interpose!("signalfd", signalfd);
interpose!("pthread_sigmask", pthread_sigmask);
interpose!("sigprocmask", sigprocmask);
interpose!("sighold", sighold);
interpose!("sigrelse", sigrelse);

/// # Safety
///
/// As for `signalfd`.
unsafe extern "C" fn signalfd(fd: c_int, set: *const sigset_t, flags: c_int) -> c_int {
    let next = next_or_return!(SIGNALFD, unsafe extern "C" fn(c_int, *const sigset_t, c_int) -> c_int, -1);
    // SAFETY: the caller's set.
    let has_sigprof = unsafe { sys::holds_sigprof(set) };
    if has_sigprof && !IS_READ.swap(true, Ordering::SeqCst) {
        hold_all();
    }
    // SAFETY: the caller's arguments, handed on.
    unsafe { next(fd, set, flags) }
}

/// Stops the clocks of all threads that block SIGPROF, but in a forked child, which has none. A thread that begins to block
/// it in this moment sees to itself.
fn hold_all() {
    if !super::samples_here() {
        return;
    }
    super::one_at_a_time(|| {
        for clock in clock::all() {
            if clock.tid().is_some_and(sys::thread_blocks_sigprof) {
                clock.hold();
            }
        }
    });
    // Its signals are any thread's.
    itimer::stop();
    if sys::blocks_sigprof() {
        drop_pending();
    }
}

macro_rules! changes_the_mask {
    ($name:ident, $next:ident, $failure:expr, ($($argument:ident: $type:ty),*)) => {
        /// # Safety
        ///
        /// As for the C function of that name.
        pub unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
            let next = next_or_return!($next, unsafe extern "C" fn($($type),*) -> c_int, $failure);
            // SAFETY: the caller's arguments, handed on.
            let result = unsafe { next($($argument),*) };
            if is_read() {
                let errno = sys::errno();
                after_change();
                sys::set_errno(errno);
            }
            result
        }
    };
}

changes_the_mask!(pthread_sigmask, PTHREAD_SIGMASK, libc::ENOSYS, (how: c_int, new: *const sigset_t, old: *mut sigset_t));
changes_the_mask!(sigprocmask, SIGPROCMASK, -1, (how: c_int, new: *const sigset_t, old: *mut sigset_t));
changes_the_mask!(sighold, SIGHOLD, -1, (number: c_int));
changes_the_mask!(sigrelse, SIGRELSE, -1, (number: c_int));
