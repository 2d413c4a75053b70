//! The process's one SIGPROF timer, `setitimer`'s, which may be the sampler's or the program's. If the program sets it while
//! it is the sampler's, it becomes the program's, and the sampler takes its samples at the program's signals (`handler.rs`)
//! until the program gives it back. With an engine that does not need it, it is always the program's.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU8, Ordering};

use libc::itimerval;
use prof_record::Engine;

use super::{blocked, engine, signal_period, PERIOD};
use crate::{alive, sys};

/// Whose the timer is.
static OWNER: AtomicU8 = AtomicU8::new(NOBODYS);
const NOBODYS: u8 = 0;
const OURS: u8 = 1;
const PROGRAMS: u8 = 2;
/// The program's until it goes off.
const PROGRAMS_ONCE: u8 = 3;

/// Lets the timer go off every `period` nanoseconds of the process's CPU time, unless the program has it already or might
/// read its signals from a descriptor; false if the kernel refuses. Signal: yes.
pub fn start(period: u64) -> bool {
    if is_programs() || blocked::is_read() {
        return true;
    }
    let now = sys::process_timer();
    if OWNER.load(Ordering::Relaxed) == NOBODYS && !is_never(&now) {
        OWNER.store(owner_of(&now), Ordering::Relaxed);
        return true;
    }
    let works = sys::set_process_timer(period);
    OWNER.store(if works { OURS } else { NOBODYS }, Ordering::Relaxed);
    works
}

/// Stops the timer if it is the sampler's. Signal: yes.
pub fn stop() {
    if OWNER.compare_exchange(OURS, NOBODYS, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        sys::set_process_timer(0);
    }
}

/// Whether it is the program's that the sampler would have. Signal: yes.
pub fn is_programs() -> bool {
    matches!(OWNER.load(Ordering::Relaxed), PROGRAMS | PROGRAMS_ONCE)
}

/// Sees to the next signals when one of the program's timer has come. Signal: yes.
pub fn went_off() {
    if OWNER.compare_exchange(PROGRAMS_ONCE, NOBODYS, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        give_back();
    }
}

/// Starts the sampler's timer if it is to run. In a forked child it is not.
fn give_back() {
    let period = PERIOD.load(Ordering::Relaxed);
    if period > 0 && alive::is_alive() {
        start(signal_period(period));
    }
}

fn is_never(setting: &itimerval) -> bool {
    setting.it_value.tv_sec == 0 && setting.it_value.tv_usec == 0
}

fn owner_of(setting: &itimerval) -> u8 {
    match (is_never(setting), setting.it_interval.tv_sec, setting.it_interval.tv_usec) {
        (true, ..) => NOBODYS,
        (false, 0, 0) => PROGRAMS_ONCE,
        (false, ..) => PROGRAMS,
    }
}

interpose!("setitimer", setitimer);
interpose!("getitimer", getitimer);

/// # Safety
///
/// As for `setitimer`.
unsafe extern "C" fn setitimer(which: c_int, new: *const itimerval, old: *mut itimerval) -> c_int {
    if which != libc::ITIMER_PROF || engine::in_use() != Engine::ProcessTimer {
        // SAFETY: the caller's arguments, handed on.
        return unsafe { sys::kernel_setitimer(which, new, old) };
    }
    // A late signal of the sampler's is not to be the program's first.
    stop();
    super::drop_pending();
    let before = OWNER.load(Ordering::Relaxed);
    // SAFETY: the caller's pointer. The kernel takes none for a timer that never goes off.
    let owner = unsafe { new.as_ref() }.map_or(NOBODYS, owner_of);
    // Before the kernel knows it: its first signal may come at once.
    OWNER.store(owner, Ordering::Relaxed);
    // SAFETY: the caller's arguments, handed on.
    let result = unsafe { sys::kernel_setitimer(which, new, old) };
    let errno = sys::errno();
    if result != 0 {
        OWNER.store(before, Ordering::Relaxed);
    }
    if !is_programs() {
        give_back();
    }
    sys::set_errno(errno);
    result
}

/// # Safety
///
/// As for `getitimer`.
unsafe extern "C" fn getitimer(which: c_int, now: *mut itimerval) -> c_int {
    if which == libc::ITIMER_PROF && OWNER.load(Ordering::Relaxed) == OURS && alive::is_alive() {
        let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
        // SAFETY: the caller's pointer, to where the result goes.
        unsafe { now.write(itimerval { it_interval: never, it_value: never }) };
        return 0;
    }
    // SAFETY: the caller's arguments, handed on.
    unsafe { sys::kernel_getitimer(which, now) }
}
