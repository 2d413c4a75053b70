//! The CPU sampler: a timer on each thread's CPU clock that raises SIGPROF on that thread. What a signal does is in
//! `handler.rs`.
//!
//! A sample is due for each period of a thread's CPU time, beginning at a random point of the first. The kernel fires CPU
//! timers only at its tick, so one signal may stand for several samples, and a thread or test may end before the signal for
//! its last ones. How many are due is therefore read from the thread's CPU clock, at each signal and at each end: the sum
//! over a thread is its CPU time, whatever the rate and however short it lives.

mod handler;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{alive, bucket, label, random, sys, thread};

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
    let (_, bits) = random::next(random::seed());
    let first = random::within(bits, period);
    thread::with(|thread| thread.next_due.store(sys::thread_cpu_nanos() + first, Ordering::Relaxed));
    sys::start_thread_timer(first, period, handler::mark())
}

/// Counts the calling thread's samples that are due but whose signal has not come, before what they belong to ends.
pub fn settle() {
    let ticks = take_due();
    if ticks == 0 || !alive::is_alive() {
        return;
    }
    if let Some(label) = label::attribution().label() {
        bucket::add_unsampled(label, ticks, ticks * PERIOD.load(Ordering::Relaxed));
    }
}

/// How many samples of the calling thread are due; they are then taken. Signal: yes.
fn take_due() -> u64 {
    let period = PERIOD.load(Ordering::Relaxed);
    thread::with(|thread| {
        let mut due = thread.next_due.load(Ordering::Relaxed);
        loop {
            if due == 0 || period == 0 {
                return 0;
            }
            let Some(late) = sys::thread_cpu_nanos().checked_sub(due) else { return 0 };
            let ticks = late / period + 1;
            // A signal that comes now takes them first.
            match thread.next_due.compare_exchange(due, due + ticks * period, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return ticks,
                Err(now) => due = now,
            }
        }
    })
}
