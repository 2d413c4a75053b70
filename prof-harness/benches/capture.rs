//! What one CPU sample costs, and what memory a thousand different stacks take, for `docs/performance.md`:
//! `cargo bench -p prof-harness --bench capture`. What a whole program pays is measured by `tests/bin/overhead.rs`.
//!
//! The signals are forged, as the thread's task clock would send them, but at a chosen moment: each is timed from the system
//! call that sends it to the return from its handler, in turn with one that meets an empty handler. The clock itself stands
//! still meanwhile.

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::time::{Duration, Instant};

use prof_harness::prof_record::{Engine, Record};
use prof_harness::{Options, Profiler};

/// Calls on top of each other: with what is around them, 30 and 100 frames.
const CALLS: [u32; 2] = [19, 89];
const ROUNDS: usize = 11;
/// Signals of each kind in a round.
const SIGNALS: u64 = 20_000;
/// Different stacks whose memory is told, and the calls that each has.
const STACKS: u32 = 1000;
const CALLS_OF_EACH: u32 = 20;
/// Nanoseconds of CPU time between two samples: the fewest that there can be.
const PERIOD: u64 = 10_000;

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn main() {
    // First, as it counts the pages that were not touched before.
    let Some(rows) = memory() else {
        println!("not measured: the kernel permits no task clock; see `cargo prof doctor`");
        return;
    };
    println!("| resident memory, KiB | all | private | the record file |\n|---|---|---|---|");
    for (name, [all, private, record]) in rows {
        println!("| {name} | {all} | {private} | {record} |");
    }
    println!("\n| a signal and its handler, ns | frames | median | min-max |\n|---|---|---|---|");
    for calls in CALLS {
        let (rounds, frames) = times(calls);
        for (at, name) in ["empty handler", "the profiler's", "the profiler's over the empty one"].iter().enumerate() {
            let values = sorted(rounds.iter().map(|round| round[at]).collect());
            println!("| {name} | {frames} | {} | {}-{} |", values[ROUNDS / 2], values[0], values[ROUNDS - 1]);
        }
    }
}

/// By what the process grows when the profiler starts, at its first sample, and by `STACKS` samples with different stacks.
fn memory() -> Option<[(String, Usage); 3]> {
    // Looking takes memory, too, the first time.
    resident();
    let before = resident();
    let profiler = Profiler::start(options()).ok()?;
    let forger = Forger::new();
    let started = resident();
    descend(CALLS_OF_EACH, 0, &mut || _ = forger.timed(libc::SIGPROF));
    let first = resident();
    for pattern in 1..=STACKS {
        descend(CALLS_OF_EACH, pattern, &mut || _ = forger.timed(libc::SIGPROF));
    }
    let last = resident();
    let record = profiler.stop().expect("the record is there");
    assert!(record.stacks.len() > STACKS as usize);
    let further = format!("{STACKS} stacks of {} frames", deepest(&record));
    let growth = |from: Usage, to: Usage| [0, 1, 2].map(|at| to[at] - from[at]);
    Some([
        ("start".to_owned(), growth(before, started)),
        ("the first sample".to_owned(), growth(started, first)),
        (further, growth(first, last)),
    ])
}

/// KiB of the process's memory: all that is resident, what no other process has, and the record file's part.
type Usage = [i64; 3];

fn resident() -> Usage {
    let (mut usage, mut is_record) = ([0; 3], false);
    for line in std::fs::read_to_string("/proc/self/smaps").expect("the kernel tells").lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(value)) = (words.next(), words.next()) else { continue };
        if !name.ends_with(':') {
            is_record = line.ends_with(".record");
            continue;
        }
        let Ok(kib) = value.parse::<i64>() else { continue };
        match name {
            "Rss:" => {
                usage[0] += kib;
                usage[2] += if is_record { kib } else { 0 };
            }
            "Private_Clean:" | "Private_Dirty:" => usage[1] += kib,
            _ => {}
        }
    }
    usage
}

/// Median nanoseconds of a signal with an empty handler and with the profiler's, and their difference, in each round; and how
/// many frames the stack has.
fn times(calls: u32) -> (Vec<[i64; 3]>, usize) {
    let profiler = Profiler::start(options()).expect("it started before");
    let forger = Forger::new();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (mut empty, mut ours) = (Vec::new(), Vec::new());
        descend(calls, 0, &mut || {
            for _ in 0..SIGNALS {
                empty.push(forger.timed(libc::SIGUSR2));
                ours.push(forger.timed(libc::SIGPROF));
            }
        });
        let [empty, ours] = [empty, ours].map(|nanos| sorted(nanos)[SIGNALS as usize / 2]);
        rounds.push([empty, ours, ours - empty]);
    }
    let record = profiler.stop().expect("the record is there");
    // And some before the clock stopped.
    assert!(record.cpu_captures >= ROUNDS as u64 * SIGNALS, "each signal is a sample");
    (rounds, deepest(&record))
}

fn options() -> Options {
    Options::default().cpu_period(Duration::from_nanos(PERIOD)).engine(Engine::PerfClock)
}

fn deepest(record: &Record) -> usize {
    assert!(record.stacks.iter().all(|stack| !stack.broken && !stack.truncated));
    record.stacks.iter().map(|stack| stack.pcs.len()).max().expect("a stack")
}

fn sorted(mut values: Vec<i64>) -> Vec<i64> {
    values.sort_unstable();
    values
}

/// Calls `act` below `calls` calls of two functions, as the bits of `pattern` say.
fn descend(calls: u32, pattern: u32, act: &mut dyn FnMut()) -> u32 {
    match (calls, pattern & 1) {
        (0, _) => {
            act();
            0
        }
        (_, 0) => left(calls - 1, pattern >> 1, act),
        _ => right(calls - 1, pattern >> 1, act),
    }
}

// Neither is a tail call, and no two functions of the same body become one.

#[inline(never)]
fn left(calls: u32, pattern: u32, act: &mut dyn FnMut()) -> u32 {
    black_box(descend(calls, pattern, act)) + 1
}

#[inline(never)]
fn right(calls: u32, pattern: u32, act: &mut dyn FnMut()) -> u32 {
    black_box(descend(calls, pattern, act)) + 2
}

/// Sends the calling thread signals that say they are its task clock's.
struct Forger {
    pid: c_int,
    tid: c_int,
    clock: c_int,
}

impl Forger {
    /// Of the thread's clock, which stops.
    fn new() -> Forger {
        extern "C" fn on_signal(_signal: c_int, _info: *mut libc::siginfo_t, _context: *mut c_void) {}
        // SAFETY: a handler that does nothing, with the flags and the mask of the profiler's.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigfillset(&mut action.sa_mask);
            libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut());
        }
        const PERF_EVENT_IOC_DISABLE: u64 = 0x2401;
        let is_clock = |fd: &c_int| {
            std::fs::read_link(format!("/proc/self/fd/{fd}"))
                .is_ok_and(|to| to.as_os_str() == "anon_inode:[perf_event]")
        };
        let clock = (0..4096).find(is_clock).expect("the clock of the only thread");
        // SAFETY: no pointers.
        unsafe {
            libc::ioctl(clock, PERF_EVENT_IOC_DISABLE, 0);
            Forger { pid: libc::getpid(), tid: libc::gettid(), clock }
        }
    }

    /// Nanoseconds from sending a signal to the return from its handler, when a sample is due.
    fn timed(&self, signal: c_int) -> i64 {
        let start = thread_cpu();
        while thread_cpu() < start + 2 * PERIOD {}
        // A `siginfo_t`: the number, errno, POLL_IN, padding, `si_band`, `si_fd`.
        let mut info = [0; 32];
        (info[0], info[2], info[6]) = (signal, 1, self.clock);
        let start = Instant::now();
        // SAFETY: the info lives across the call and has the size of one.
        unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, self.pid, self.tid, signal, &info) };
        start.elapsed().as_nanos() as i64
    }
}

/// Nanoseconds of CPU time that the thread has used.
fn thread_cpu() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives across the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
