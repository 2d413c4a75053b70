//! The CPU sampler: a timer on each thread's CPU clock that raises SIGPROF on that thread. The kernel expires such
//! timers at its tick and merges expiries that one tick covers; each signal says how many, and a sample counts for
//! all of them, so totals hold at any rate. What a signal does is in `handler.rs`.

mod handler;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{random, sys};

/// Nanoseconds between samples; 0 while the CPU is not sampled.
static PERIOD: AtomicU64 = AtomicU64::new(0);

/// Starts to sample every `period` nanoseconds of CPU time; false if the handler cannot be installed.
pub fn start(period: u64) -> bool {
    if !handler::install() {
        return false;
    }
    PERIOD.store(period, Ordering::Relaxed);
    true
}

/// The calling thread's timer, to be given to [`sys::stop_timer`] when it ends; none while the CPU is not sampled.
pub fn start_timer() -> Option<sys::timer_t> {
    let period = PERIOD.load(Ordering::Relaxed);
    if period == 0 {
        return None;
    }
    // A first expiry after a whole period would never see threads that live shorter than one.
    let (_, bits) = random::next(random::seed());
    sys::start_thread_timer(random::within(bits, period), period, handler::mark())
}
