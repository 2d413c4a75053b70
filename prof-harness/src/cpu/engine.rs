//! The engine ladder: the best way to raise SIGPROF on a thread that uses CPU time, that the kernel permits here.
//!
//! 1. a task clock of `perf_event_open` on each thread, which goes off at any rate and not just at the kernel's tick;
//! 2. a timer on each thread's CPU clock;
//! 3. one timer on the CPU time of the process.
//!
//! However a signal comes, what it counts for is read from the thread's clock (`cpu/mod.rs`), so the totals of all are right.

#![forbid(unsafe_code)]

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use prof_record::Engine;

use super::clock::{self, Clock, Kind};
use super::itimer;
use crate::sys;

/// `Engine::number` of the engine in use.
static IN_USE: AtomicU64 = AtomicU64::new(0);
static PERF_ERROR: AtomicI32 = AtomicI32::new(0);

/// Chooses the engine: the one that is asked for, or the best that the kernel does not refuse. [`Engine::None`] if there is
/// none.
pub fn choose(asked: Option<Engine>, period: u64) -> Engine {
    let chosen = in_use();
    if chosen != Engine::None {
        let is_other = asked.is_some_and(|asked| asked != chosen);
        let goes_on = !is_other && (chosen != Engine::ProcessTimer || itimer::start(period));
        return if goes_on { chosen } else { Engine::None };
    }
    // In use before it is tried: its first signal may come at once.
    let works = |engine: &Engine| {
        IN_USE.store(engine.number(), Ordering::Relaxed);
        is_permitted(*engine, period)
    };
    let engine = match asked {
        Some(engine) => Some(engine).filter(works),
        None => Engine::ALL.into_iter().find(works),
    };
    let engine = engine.unwrap_or(Engine::None);
    IN_USE.store(engine.number(), Ordering::Relaxed);
    engine
}

/// The error with which the kernel refused a task clock, 0 if it did not.
pub fn perf_error() -> c_int {
    PERF_ERROR.load(Ordering::Relaxed)
}

/// The engine in use. Signal: yes.
pub fn in_use() -> Engine {
    Engine::numbered(IN_USE.load(Ordering::Relaxed))
}

fn is_permitted(engine: Engine, period: u64) -> bool {
    let tid = sys::thread_id();
    match engine {
        Engine::PerfClock => match sys::open_task_clock(tid, FAR) {
            Ok(clock) => {
                clock.close();
                true
            }
            Err(error) => {
                PERF_ERROR.store(error, Ordering::Relaxed);
                false
            }
        },
        Engine::ThreadTimer => {
            sys::start_thread_timer(tid, FAR, FAR, clock::mark()).map(|timer| timer.delete()).is_ok()
        }
        Engine::ProcessTimer => itimer::start(period),
        _ => false,
    }
}

/// Nanoseconds that pass in no trial.
const FAR: u64 = 1 << 40;

/// A clock for thread `tid` that goes off after `first` nanoseconds, when its first sample is due, then every `period`; none
/// if the engine has none for single threads or the kernel refuses.
pub fn start_clock(tid: c_int, first: u64, period: u64) -> Option<&'static Clock> {
    let due = sys::cpu_nanos_of(tid) + first;
    let timer = || sys::start_thread_timer(tid, first, period, clock::mark()).map(Kind::Timer);
    let kind = match in_use() {
        // A thread for which there is no descriptor to spare gets what the next step has.
        Engine::PerfClock if clock::descriptors() >= sys::descriptor_limit() / 8 => timer(),
        Engine::PerfClock => sys::open_task_clock(tid, first).map(Kind::TaskClock).or_else(|_| timer()),
        Engine::ThreadTimer => timer(),
        _ => return None,
    };
    clock::put(tid, kind.ok()?, due)
}
