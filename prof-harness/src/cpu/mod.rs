//! The CPU sampler: a clock on each thread raises SIGPROF there (`engine.rs`, `clock.rs`); what a signal does is in
//! `handler.rs`.
//!
//! A sample is due for each period of a thread's CPU time, beginning at a random point of the first. A signal may stand for
//! several samples, where the kernel fires timers at its tick, and a thread or test may end before the signal for its last
//! ones. How many are due is therefore read from the thread's CPU clock, at each signal and at each end: the sum over a
//! thread is its CPU time, whatever the rate and however short it lives.

mod chain;
mod clock;
mod engine;
mod handler;

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use prof_record::Engine;

use crate::sys::Sender;
use crate::thread::Thread;
use crate::{alive, bucket, label, random, sys, thread};

pub use clock::Clock;
pub use engine::perf_error;

/// Nanoseconds between samples; 0 while the CPU is not sampled.
static PERIOD: AtomicU64 = AtomicU64::new(0);

/// Starts to sample every `period` nanoseconds of CPU time, on all threads. Returns the engine, [`Engine::None`] if there is
/// none. The first start chooses it for all that follow.
pub fn start(period: u64, asked: Option<Engine>) -> Engine {
    if !handler::install() {
        return Engine::None;
    }
    let engine = engine::choose(asked, period);
    if engine == Engine::None {
        return engine;
    }
    PERIOD.store(period, Ordering::Release);
    let own = sys::thread_id();
    sys::for_each_thread(|tid| {
        if tid == own {
            thread::with(|thread| thread.clock.set(start_clock()));
        } else {
            start_clock_of(tid, period);
        }
    });
    engine
}

/// Stops sampling, on all threads.
pub fn stop() {
    PERIOD.store(0, Ordering::Release);
    one_at_a_time(|| clock::all().for_each(Clock::pause));
    if engine::in_use() == Engine::ProcessTimer {
        sys::set_process_timer(0);
    }
}

/// A clock for the calling thread; none while the CPU is not sampled.
pub fn start_clock() -> Option<&'static Clock> {
    let period = PERIOD.load(Ordering::Acquire);
    if period == 0 || !alive::is_alive() {
        return None;
    }
    let clock = start_clock_of(sys::thread_id(), period);
    thread::with(|thread| {
        let due = clock.map_or_else(|| sys::thread_cpu_nanos() + first(period), Clock::first_due);
        thread.next_due.store(due, Ordering::Relaxed);
        thread.session.set(alive::session());
    });
    clock
}

/// Starts the clock of thread `tid`, or makes one.
fn start_clock_of(tid: c_int, period: u64) -> Option<&'static Clock> {
    one_at_a_time(|| match clock::of(tid) {
        Some(clock) => {
            clock.start(first(period), period);
            Some(clock)
        }
        None => engine::start_clock(tid, first(period), period),
    })
}

/// Does `work` on the list of clocks, while no other thread does: a thread that begins in the same moment as a session has
/// one clock all the same. Not for signal handlers.
fn one_at_a_time<R>(work: impl FnOnce() -> R) -> R {
    static IS_AT_WORK: AtomicBool = AtomicBool::new(false);
    while IS_AT_WORK.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        sys::yield_now();
    }
    let result = work();
    IS_AT_WORK.store(false, Ordering::Release);
    result
}

/// Nanoseconds to a random point of the first period; not 0, which would start nothing.
fn first(period: u64) -> u64 {
    let (_, bits) = random::next(random::seed());
    random::within(bits, period) + 1
}

/// Counts the calling thread's samples that are due but whose signal has not come, before what they belong to ends.
pub fn settle() {
    thread::with(|thread| {
        if thread.clock.get().is_some() {
            join(thread);
        }
    });
    let ticks = take_due();
    if ticks == 0 {
        return;
    }
    alive::record(|| {
        if let Some(label) = label::attribution().label() {
            bucket::add_unsampled(label, ticks, ticks * PERIOD.load(Ordering::Relaxed));
        }
    });
}

/// Ends the calling thread's sampling, before the thread itself ends.
pub fn end_thread() {
    settle();
    thread::with(|thread| {
        thread.next_due.store(NEVER, Ordering::Relaxed);
        if let Some(clock) = thread.clock.take() {
            one_at_a_time(|| clock.release());
        }
    });
}

/// Stops the signals to the calling thread for a while; one that was on its way has come when this returns.
pub fn pause() {
    // A child of `vfork` shares our memory, but not our clocks.
    if PERIOD.load(Ordering::Relaxed) == 0 || !alive::is_alive() || !alive::is_own_process() {
        return;
    }
    settle();
    if let Some(clock) = thread::with(|thread| thread.clock.get()) {
        clock.pause();
    }
    if engine::in_use() == Engine::ProcessTimer {
        sys::set_process_timer(0);
    }
}

/// Goes on after [`pause`].
pub fn resume() {
    let period = PERIOD.load(Ordering::Relaxed);
    if period == 0 || !alive::is_alive() || !alive::is_own_process() {
        return;
    }
    if let Some(clock) = thread::with(|thread| thread.clock.get()) {
        clock.start(period, period);
    }
    if engine::in_use() == Engine::ProcessTimer {
        sys::set_process_timer(period);
    }
}

/// When the next sample of a thread that has ended is due.
const NEVER: u64 = u64::MAX;

/// Sees to the calling thread's next signals, at a signal. Signal: yes.
fn go_on(sender: Sender) {
    thread::with(join);
    if let Sender::Descriptor(fd) = sender {
        if let Some(clock) = clock::with_descriptor(fd) {
            clock.went_off(PERIOD.load(Ordering::Relaxed));
        }
    }
}

/// Takes a thread into the session whose clock another one started.
fn join(thread: &Thread) {
    let session = alive::session();
    if thread.session.get() == session {
        return;
    }
    if thread.clock.get().is_none() {
        thread.clock.set(clock::of(sys::thread_id()));
    }
    let due = match thread.clock.get() {
        // A signal of an earlier session that comes late.
        Some(clock) if clock.session() != session => return,
        Some(clock) => clock.first_due(),
        None => sys::thread_cpu_nanos(),
    };
    thread.next_due.store(due, Ordering::Relaxed);
    thread.session.set(session);
}

/// How many samples of the calling thread are due; they are then taken. Signal: yes.
fn take_due() -> u64 {
    let period = PERIOD.load(Ordering::Relaxed);
    let session = alive::session();
    thread::with(|thread| {
        if period == 0 || thread.session.get() != session {
            return 0;
        }
        let mut due = thread.next_due.load(Ordering::Relaxed);
        loop {
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
