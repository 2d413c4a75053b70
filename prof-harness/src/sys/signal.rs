//! SIGPROF and the timers that send it.

use std::ffi::{c_int, c_void};

use super::thread_id;
pub use libc::{siginfo_t, timer_t, ucontext_t};

/// Whether a timer that carries `value` sent the signal that `info` describes. Signal: yes.
///
/// # Safety
///
/// `info` is what the kernel handed to a handler with SA_SIGINFO.
pub unsafe fn is_from_timer(info: *const siginfo_t, value: *const c_void) -> bool {
    // SAFETY: the caller's promise.
    let info = unsafe { &*info };
    // SAFETY: the value is initialised for the signals of timers.
    info.si_code == libc::SI_TIMER && unsafe { info.si_value() }.sival_ptr.cast_const() == value
}

/// Installs `handler` for SIGPROF, restarting system calls. Signal: no.
pub fn handle_sigprof(handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void)) -> bool {
    // SAFETY: an all-zero sigaction is a valid one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // No handler of the program runs on top, from which it could jump out of this one.
    // SAFETY: a signal set of the action's own.
    unsafe { libc::sigfillset(&mut action.sa_mask) };
    // SAFETY: `action` is whole, and the handler keeps to what a signal handler may do.
    unsafe { libc::sigaction(libc::SIGPROF, &action, std::ptr::null_mut()) == 0 }
}

/// A timer on the calling thread's CPU clock that sends it SIGPROF with `value`, first after `first` nanoseconds,
/// then every `period`. Signal: no.
pub fn start_thread_timer(first: u64, period: u64, value: *const c_void) -> Option<timer_t> {
    // SAFETY: an all-zero sigevent is a valid one.
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_signo = libc::SIGPROF;
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_notify_thread_id = thread_id();
    event.sigev_value = libc::sigval { sival_ptr: value.cast_mut() };
    let mut timer: timer_t = std::ptr::null_mut();
    // SAFETY: both pointers live across the call.
    if unsafe { libc::timer_create(libc::CLOCK_THREAD_CPUTIME_ID, &mut event, &mut timer) } != 0 {
        return None;
    }
    let time =
        |nanos: u64| libc::timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 };
    let setting = libc::itimerspec { it_interval: time(period), it_value: time(first) };
    // SAFETY: the timer was just made, `setting` lives across the call.
    unsafe { libc::timer_settime(timer, 0, &setting, std::ptr::null_mut()) };
    Some(timer)
}

/// Ends a timer. Signal: yes.
pub fn stop_timer(timer: timer_t) {
    // SAFETY: callers hand over a timer of `start_thread_timer`, once.
    unsafe { libc::timer_delete(timer) };
}
