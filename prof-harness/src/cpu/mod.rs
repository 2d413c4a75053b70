//! The CPU sampler: a clock on each thread raises SIGPROF there (`engine.rs`, `clock.rs`); what a signal does is in
//! `handler.rs`.
//!
//! A sample is due for each period of a thread's CPU time, beginning at a random point of the first. A signal may stand for
//! several samples, where the kernel fires timers at its tick, and a thread or test may end before the signal for its last
//! ones. How many are due is therefore read from the thread's CPU clock, at each signal and at each end: the sum over a
//! thread is its CPU time, whatever the rate and however short it lives.

mod blocked;
mod chain;
mod clock;
mod engine;
mod handler;
mod itimer;
mod wait;

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use prof_record::Engine;

use crate::label::Attribution;
use crate::sys::Sender;
use crate::thread::Thread;
use crate::{alive, bucket, label, random, sys, thread};

pub use chain::{handle_again, ignore_if_asked};
pub use clock::Clock;
pub use engine::perf_error;

/// Nanoseconds between samples; 0 while the CPU is not sampled.
static PERIOD: AtomicU64 = AtomicU64::new(0);

/// Looks libc's definitions up that are needed in signal handlers and forked children.
pub fn prepare() {
    chain::prepare();
    blocked::prepare();
    wait::prepare();
}

/// Starts to sample every `period` nanoseconds of CPU time, on all threads. Returns the engine, [`Engine::None`] if there is
/// none. The first start chooses it for all that follow.
pub fn start(period: u64, asked: Option<Engine>) -> Engine {
    if !handler::install() {
        return Engine::None;
    }
    let engine = engine::choose(asked, signal_period(period));
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
    itimer::stop();
}

/// A clock for the calling thread; none while the CPU is not sampled.
pub fn start_clock() -> Option<&'static Clock> {
    let period = PERIOD.load(Ordering::Acquire);
    if period == 0 || !alive::is_alive() {
        return None;
    }
    thread::with(|thread| {
        thread.next_due.store(sys::thread_cpu_nanos() + first(period), Ordering::Relaxed);
        thread.session.set(alive::session());
    });
    start_clock_of(sys::thread_id(), period)
}

/// Starts the clock of thread `tid`, or makes one.
fn start_clock_of(tid: c_int, period: u64) -> Option<&'static Clock> {
    one_at_a_time(|| {
        let clock = match clock::of(tid) {
            Some(clock) => {
                clock.start(first(period), signal_period(period));
                clock
            }
            None => engine::start_clock(tid, first(period), signal_period(period))?,
        };
        blocked::after_start(tid, clock);
        Some(clock)
    })
    .flatten()
}

/// Does `work` on the list of clocks, while no other thread does: a thread that begins in the same moment as a session has
/// one clock all the same. None if the other thread does not come to an end. Not for signal handlers.
fn one_at_a_time<R>(work: impl FnOnce() -> R) -> Option<R> {
    static IS_AT_WORK: AtomicBool = AtomicBool::new(false);
    if !sys::wait_until(|| !IS_AT_WORK.swap(true, Ordering::Acquire)) {
        return None;
    }
    let result = work();
    IS_AT_WORK.store(false, Ordering::Release);
    Some(result)
}

/// Nanoseconds between signals: not so few that a thread gets to nothing else. A signal may stand for several samples.
fn signal_period(period: u64) -> u64 {
    period.max(100_000)
}

/// Nanoseconds to a random point of the first period; not 0, which would start nothing.
fn first(period: u64) -> u64 {
    let (_, bits) = random::next(random::seed());
    random::within(bits, period) + 1
}

/// Counts the calling thread's samples that are due but whose signal has not come, before what they belong to ends.
pub fn settle() {
    add_unsampled(take_due(), label::attribution);
}

/// The same for all threads, before the process or the session ends. What other threads work for is not known here.
pub fn settle_all() {
    settle();
    let (own, period) = (sys::thread_id(), PERIOD.load(Ordering::Relaxed));
    one_at_a_time(|| {
        for clock in clock::all() {
            if let (Some(tid), Some(due)) = (clock.tid().filter(|tid| *tid != own), clock.due()) {
                add_unsampled(take(due, sys::cpu_nanos_of(tid), period), label::of_process);
            }
        }
    });
}

fn add_unsampled(ticks: u64, attribution: impl FnOnce() -> Attribution) {
    if ticks == 0 {
        return;
    }
    alive::record(|| {
        if let Some(label) = attribution().label() {
            bucket::add_unsampled(label, ticks, ticks * PERIOD.load(Ordering::Relaxed));
        }
    });
}

/// Ends the calling thread's sampling, before the thread itself ends.
pub fn end_thread() {
    settle();
    thread::with(|thread| {
        thread.next_due.store(NEVER, Ordering::Relaxed);
        if let Some(clock) = clock_of(thread) {
            thread.clock.set(None);
            one_at_a_time(|| clock.release());
        }
    });
}

/// Whether the CPU is sampled, and the calling process is no child: one of `vfork` shares our memory, but not our clocks.
/// Signal: yes.
fn samples_here() -> bool {
    PERIOD.load(Ordering::Relaxed) > 0 && alive::is_alive() && alive::is_own_process()
}

/// Stops the signals to the calling thread for a while; one that was on its way has come when this returns. Signal: yes.
pub fn pause() {
    if !samples_here() {
        return;
    }
    settle();
    if let Some(clock) = thread::with(clock_of) {
        clock.pause();
    }
    itimer::stop();
    // Where the thread blocks the signal, it has not come yet.
    drop_pending();
}

/// Goes on after [`pause`]. Signal: yes.
pub fn resume() {
    if !samples_here() {
        return;
    }
    let period = signal_period(PERIOD.load(Ordering::Relaxed));
    if let Some(clock) = thread::with(clock_of).filter(|clock| !clock.is_held()) {
        clock.go_on(period);
    }
    if engine::in_use() == Engine::ProcessTimer {
        itimer::start(period);
    }
}

/// Takes the sampler's signals away that wait for the calling thread, which blocks them. Signal: yes.
fn drop_pending() {
    let errno = sys::errno();
    let mut programs = None;
    while let Some((sender, info)) = sys::take_pending_sigprof() {
        if !handler::is_ours(sender) {
            programs = Some(info);
        }
    }
    if let Some(info) = programs {
        sys::send_again(&info);
    }
    sys::set_errno(errno);
}

/// When the next sample of a thread that has ended is due.
const NEVER: u64 = u64::MAX;

/// Sees to the calling thread's next signals, at a signal. Signal: yes.
fn go_on(sender: Sender) {
    thread::with(|thread| {
        // A thread without a clock, of before the session, is at a random point where a sample is due.
        if clock_of(thread).is_none() && thread.session.replace(alive::session()) != alive::session() {
            thread.next_due.store(sys::thread_cpu_nanos(), Ordering::Relaxed);
        }
    });
    if let Sender::Descriptor(fd) = sender {
        if let Some(clock) = clock::with_descriptor(fd) {
            clock.went_off(signal_period(PERIOD.load(Ordering::Relaxed)));
        }
    }
}

/// The thread's clock, which another thread may have started. Signal: yes.
fn clock_of(thread: &Thread) -> Option<&'static Clock> {
    if thread.clock.get().is_none() {
        thread.clock.set(clock::of(sys::thread_id()));
    }
    thread.clock.get()
}

/// How many samples of the calling thread are due; they are then taken. Signal: yes.
fn take_due() -> u64 {
    let period = PERIOD.load(Ordering::Relaxed);
    if period == 0 {
        return 0;
    }
    thread::with(|thread| match clock_of(thread) {
        Some(clock) => clock.due().map_or(0, |due| take(due, sys::thread_cpu_nanos(), period)),
        None if thread.session.get() == alive::session() => take(&thread.next_due, sys::thread_cpu_nanos(), period),
        None => 0,
    })
}

/// How many samples are due at the CPU time `now`; they are then taken. Signal: yes.
fn take(next_due: &AtomicU64, now: u64, period: u64) -> u64 {
    let mut due = next_due.load(Ordering::Relaxed);
    loop {
        let (Some(late), true) = (now.checked_sub(due), period > 0) else { return 0 };
        let ticks = late / period + 1;
        // A signal that comes now takes them first.
        match next_due.compare_exchange(due, due + ticks * period, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return ticks,
            Err(other) => due = other,
        }
    }
}
