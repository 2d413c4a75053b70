//! The program waits for signals: it is told of its own SIGPROFs alone, not of the sampler's. `sigwait` and its kin take a
//! signal; `sigsuspend`, `ppoll` and their kin let signals in that were kept out, one of the sampler's among them, which has
//! waited and would end the wait at once.

use std::ffi::{c_int, c_void};
use std::sync::atomic::Ordering;

use prof_record::Engine;

use super::{chain, drop_pending, engine, handler, itimer, samples_here, settle};
use crate::interpose::{Around, Next};
use crate::sys::{self, siginfo_t, sigset_t, timespec};
use crate::thread;

static SIGTIMEDWAIT: Next = Next::new(c"sigtimedwait");
static PPOLL: Next = Next::new(c"ppoll");
static PPOLL_CHECKED: Next = Next::new(c"__ppoll_chk");
static PSELECT: Next = Next::new(c"pselect");
static EPOLL_PWAIT: Next = Next::new(c"epoll_pwait");
static EPOLL_PWAIT2: Next = Next::new(c"epoll_pwait2");

/// Looks the next definitions up, for signal handlers and forked children.
pub fn prepare() {
    for function in [&SIGTIMEDWAIT, &PPOLL, &PPOLL_CHECKED, &PSELECT, &EPOLL_PWAIT, &EPOLL_PWAIT2] {
        function.definition();
    }
}

interpose!("sigwait", sigwait);
interpose!("sigwaitinfo", sigwaitinfo);
interpose!("sigtimedwait", sigtimedwait);
interpose_around!("sigsuspend", before_sigsuspend, after);
interpose_around!("ppoll", before_ppoll, after);
interpose_around!("__ppoll_chk", before_ppoll_chk, after);
interpose_around!("pselect", before_pselect, after);
interpose_around!("epoll_pwait", before_epoll_pwait, after);
interpose_around!("epoll_pwait2", before_epoll_pwait2, after);

/// # Safety
///
/// As for `sigtimedwait`.
unsafe extern "C" fn sigtimedwait(set: *const sigset_t, info: *mut siginfo_t, timeout: *const timespec) -> c_int {
    type SigTimedWait = unsafe extern "C" fn(*const sigset_t, *mut siginfo_t, *const timespec) -> c_int;
    let next = next_or_return!(SIGTIMEDWAIT, SigTimedWait, -1);
    let mut own_info = std::mem::MaybeUninit::<siginfo_t>::zeroed();
    let info = if info.is_null() { own_info.as_mut_ptr() } else { info };
    // SAFETY: null or the caller's.
    let total = unsafe { timeout.as_ref() }
        .map(|time| (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64));
    let started = sys::monotonic_nanos();
    let mut left = None;
    loop {
        let timeout = left.as_ref().map_or(timeout, std::ptr::from_ref);
        // SAFETY: the caller's set; the others are the caller's or live here.
        let number = unsafe { next(set, info, timeout) };
        if number != libc::SIGPROF {
            return number;
        }
        // SAFETY: filled in with the signal.
        let sender = unsafe { sys::sender(info) };
        if !handler::is_ours(sender) {
            handler::told_program_of(sender);
            return number;
        }
        if let Some(total) = total {
            let nanos = total.saturating_sub(sys::monotonic_nanos() - started);
            left = Some(timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 });
        }
    }
}

/// # Safety
///
/// As for `sigwaitinfo`.
unsafe extern "C" fn sigwaitinfo(set: *const sigset_t, info: *mut siginfo_t) -> c_int {
    // SAFETY: the caller's arguments, and no end.
    unsafe { sigtimedwait(set, info, std::ptr::null()) }
}

/// # Safety
///
/// As for `sigwait`.
unsafe extern "C" fn sigwait(set: *const sigset_t, number: *mut c_int) -> c_int {
    loop {
        // SAFETY: the caller's set.
        let got = unsafe { sigtimedwait(set, std::ptr::null_mut(), std::ptr::null()) };
        if got >= 0 {
            // SAFETY: the caller's pointer.
            unsafe { *number = got };
            return 0;
        }
        // Unlike the others, it does not tell of an interruption.
        match sys::errno() {
            libc::EINTR => {}
            error => return error,
        }
    }
}

/// # Safety
///
/// As for `sigsuspend`.
unsafe extern "C" fn before_sigsuspend(mask: *const sigset_t) -> Around {
    // SAFETY: the caller's mask.
    let lets_in = samples_here() && !mask.is_null() && !unsafe { sys::holds_sigprof(mask) };
    if lets_in && engine::in_use() == Engine::ProcessTimer && !itimer::is_programs() && !chain::has_handler() {
        return Around { next: sigsuspend_without as *const c_void, has_after: 0 };
    }
    Around { next: sys::libc_sigsuspend as *const c_void, has_after: usize::from(lets_in && quiet()) }
}

/// `sigsuspend`, but without SIGPROF: a signal for the time of other threads may come at any moment. One of the program's
/// does nothing or, to other threads or later, what nobody waits for.
///
/// # Safety
///
/// As for `sigsuspend`.
unsafe extern "C" fn sigsuspend_without(mask: *const sigset_t) -> c_int {
    // SAFETY: the caller's mask.
    let mask = unsafe { sys::with_sigprof(mask) };
    // SAFETY: it lives across the call.
    unsafe { sys::libc_sigsuspend(&mask) }
}

/// Lets no signal of the sampler's come to the calling thread, and takes the one away that waits; whether [`after`] is to
/// end that.
fn quiet() -> bool {
    // Where the clock stands still already it stays so.
    let clock = thread::with(super::clock_of).filter(|clock| !clock.is_held());
    let errno = sys::errno();
    if let Some(clock) = clock {
        clock.hold();
    }
    if sys::blocks_sigprof() {
        // What it stands for counts, but not for what comes later.
        settle();
        drop_pending();
    }
    sys::set_errno(errno);
    clock.is_some()
}

extern "C" fn after() {
    let errno = sys::errno();
    if let Some(clock) = thread::with(super::clock_of) {
        clock.go_on(super::signal_period(super::PERIOD.load(Ordering::Relaxed)));
    }
    sys::set_errno(errno);
}

/// # Safety
///
/// `mask` is null or valid.
unsafe fn before(mask: *const sigset_t, next: &Next) -> Around {
    // Called often, mostly where no signal waits: one that comes in the moment in which this begins, could as well have come
    // before.
    // SAFETY: the caller's promise.
    let lets_in = !mask.is_null() && samples_here() && !unsafe { sys::holds_sigprof(mask) } && sys::blocks_sigprof();
    let next = match next.definition() {
        missing if missing.is_null() => not_there as *const c_void,
        next => next.cast_const(),
    };
    Around { next, has_after: usize::from(lets_in && quiet()) }
}

extern "C" fn not_there() -> c_int {
    sys::set_errno(libc::ENOSYS);
    -1
}

type Ignored = *const c_void;

macro_rules! waits {
    ($name:ident, $next:ident, ($($argument:ident),*)) => {
        /// # Safety
        ///
        /// As for the C function that it comes before.
        unsafe extern "C" fn $name($($argument: Ignored,)* mask: *const sigset_t) -> Around {
            // SAFETY: the caller's mask.
            unsafe { before(mask, &$next) }
        }
    };
}

waits!(before_ppoll, PPOLL, (_descriptors, _count, _timeout));
waits!(before_ppoll_chk, PPOLL_CHECKED, (_descriptors, _count, _timeout));
waits!(before_pselect, PSELECT, (_count, _read, _write, _exceptional, _timeout));
waits!(before_epoll_pwait, EPOLL_PWAIT, (_descriptor, _events, _count, _timeout));
waits!(before_epoll_pwait2, EPOLL_PWAIT2, (_descriptor, _events, _count, _timeout));
