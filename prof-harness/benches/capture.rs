//! What one CPU sample costs, for `docs/performance.md`: `cargo bench -p prof-harness`. The same work, below 30 frames of
//! recursion, without signals, with signals that an empty handler takes, and with the profiler, in turn.

use std::ffi::c_int;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prof_harness::prof_record::Engine;
use prof_harness::{Options, Profiler};

const ROUNDS: usize = 9;
const DEPTH: u32 = 30;
const TURNS: u64 = 300_000_000;
/// Nanoseconds of CPU time between two signals.
const PERIOD: u64 = 100_000;

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn main() {
    let mut rows: Vec<[f64; 3]> = Vec::new();
    for _ in 0..ROUNDS {
        let plain = timed();
        let (empty, signals) = with_an_empty_handler();
        let options = Options::default().cpu_period(Duration::from_nanos(PERIOD)).engine(Engine::PerfClock);
        let profiler = match Profiler::start(options) {
            Ok(profiler) => profiler,
            Err(error) => {
                println!("not measured: {error}");
                return;
            }
        };
        let profiled = timed();
        let captures = profiler.stop().expect("the record is there").cpu_captures;
        let (empty, ours) = ((empty - plain) / signals as f64, (profiled - plain) / captures as f64);
        rows.push([empty, ours, ours - empty]);
    }
    println!("| CPU time of a signal and its handler, {DEPTH} frames deep, µs | median | min-max |\n|---|---|---|");
    for (at, name) in ["empty handler", "the profiler's", "the profiler's over the empty one"].iter().enumerate() {
        let mut values: Vec<f64> = rows.iter().map(|row| row[at] * 1e6).collect();
        values.sort_by(f64::total_cmp);
        println!("| {name} | {:.2} | {:.2}-{:.2} |", values[ROUNDS / 2], values[0], values[ROUNDS - 1]);
    }
}

/// Seconds of CPU time that the work takes.
fn timed() -> f64 {
    let before = thread_cpu();
    black_box(descend(DEPTH));
    thread_cpu() - before
}

#[inline(never)]
fn descend(depth: u32) -> u64 {
    if depth == 0 {
        return (0..TURNS).fold(1, |sum, n| black_box(sum ^ n));
    }
    // Not a tail call: each level keeps its frame.
    black_box(descend(depth - 1)) + 1
}

static SIGNALS: AtomicU64 = AtomicU64::new(0);

extern "C" fn on_signal(_signal: c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Seconds of CPU time that the work takes with a task clock whose signals meet a handler that only counts, and how many
/// came.
fn with_an_empty_handler() -> (f64, u64) {
    const F_SETSIG: c_int = 10;
    // `struct perf_event_attr`: a software event (1) of 112 bytes, the task clock (1), the period, a wakeup each.
    let attributes: [u64; 14] = [1 | 112 << 32, 1, PERIOD, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    SIGNALS.store(0, Ordering::Relaxed);
    // SAFETY: the handler counts; the attributes live across the call; no other pointers.
    let fd = unsafe {
        libc::signal(libc::SIGUSR2, on_signal as *const () as usize);
        let fd = libc::syscall(libc::SYS_perf_event_open, attributes.as_ptr(), 0, -1, -1, 0) as c_int;
        libc::fcntl(fd, libc::F_SETOWN, libc::getpid());
        libc::fcntl(fd, F_SETSIG, libc::SIGUSR2);
        libc::fcntl(fd, libc::F_SETFL, libc::O_ASYNC);
        fd
    };
    let seconds = timed();
    // SAFETY: this function's own descriptor.
    unsafe { libc::close(fd) };
    (seconds, SIGNALS.load(Ordering::Relaxed).max(1))
}

fn thread_cpu() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives across the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
