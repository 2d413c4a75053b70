//! The profiler in a program's own hands.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use prof_harness::prof_record::{Engine, Record};
use prof_harness::{Options, Profiler, ProfilerError};

/// There is one profiler at a time in a process.
static TURN: Mutex<()> = Mutex::new(());

#[inline(never)]
fn burn(duration: Duration) {
    // Of wall time, so that the profile is compared with another clock than its own. It may be less CPU time.
    let end = Instant::now() + duration;
    while Instant::now() < end {
        (0..1000u64).for_each(|n| {
            black_box(n);
        });
    }
}

fn seconds(record: &Record) -> f64 {
    record.cpu.iter().map(|bucket| bucket.nanos as f64 / 1e9).sum()
}

fn often() -> Options {
    Options::default().cpu_period(Duration::from_millis(1))
}

#[test]
fn a_second_start_is_an_error_and_a_stop_makes_way() {
    let _turn = TURN.lock();
    let first = Profiler::start(often()).unwrap();
    assert!(matches!(Profiler::start(often()), Err(ProfilerError::Running)));
    let path = first.path().to_owned();
    assert!(path.exists());
    first.stop().unwrap();
    assert!(!path.exists(), "a temporary record stays");
    drop(Profiler::start(often()).unwrap());
    Profiler::start(often()).unwrap().stop().unwrap();
}

#[test]
fn what_cannot_be_is_an_error() {
    let _turn = TURN.lock();
    let nothing = Profiler::start(Options::default().cpu_period(Duration::ZERO));
    assert!(matches!(nothing, Err(ProfilerError::Nothing)));
    let nowhere = Profiler::start(often().record("/does/not/exist/x.record"));
    let Err(ProfilerError::File(path, error)) = nowhere else { panic!("{nowhere:?}") };
    assert_eq!(path, std::path::Path::new("/does/not/exist/x.record"));
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn every_session_sees_its_own_time_on_all_threads() {
    let _turn = TURN.lock();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    // It is there before the profiler, and goes on after it.
    let other = std::thread::spawn(move || {
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            burn(Duration::from_millis(1));
        }
    });
    burn(Duration::from_millis(100));
    for _ in 0..3 {
        let before = process_cpu();
        let profiler = Profiler::start(often()).unwrap();
        let started = process_cpu();
        burn(Duration::from_millis(300));
        let burned = process_cpu() - started;
        let record = profiler.stop().unwrap();
        let all = process_cpu() - before;
        let seen = seconds(&record);
        // Each of the two threads starts at a random point of its period, and the other one may end before the signal for
        // its last tick of the kernel, of at most 10 ms.
        assert!((burned - 0.012..all + 0.002).contains(&seen), "{seen} s seen of {burned} to {all} s");
        assert!(record.engine != Engine::None && record.cpu_captures > 20, "{record:?}");
        burn(Duration::from_millis(50));
    }
    stop.send(()).unwrap();
    other.join().unwrap();
}

#[test]
fn a_late_tick_is_harmless() {
    let _turn = TURN.lock();
    let end = Instant::now() + Duration::from_millis(600);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while Instant::now() < end {
                    // Threads come and go while sessions do.
                    std::thread::spawn(|| burn(Duration::from_micros(300))).join().unwrap();
                }
            });
        }
        // What a signal does that nobody handles ends the process.
        while Instant::now() < end {
            let profiler =
                Profiler::start(Options::default().cpu_period(Duration::from_micros(20)).heap_period(100)).unwrap();
            burn(Duration::from_millis(1));
            profiler.stop().unwrap();
        }
    });
}

#[test]
fn a_forked_child_leaves_the_profiler_alone() {
    let _turn = TURN.lock();
    let profiler = Profiler::start(often()).unwrap();
    // SAFETY: the child calls only what a child of a process with threads may, but for the profiler, which allocates nothing
    // there.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_refused = matches!(profiler.stop(), Err(ProfilerError::Forked));
        // SAFETY: ends the child.
        unsafe { libc::_exit(if is_refused { 3 } else { 4 }) };
    }
    let mut status = 0;
    // SAFETY: the status lives across the call.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(libc::WEXITSTATUS(status), 3);
    burn(Duration::from_millis(100));
    let seen = seconds(&profiler.stop().unwrap());
    assert!(seen > 0.02, "{seen} s");
}

#[test]
fn exact_heap_sessions_follow_each_other() {
    let _turn = TURN.lock();
    for round in 1..4usize {
        let profiler = Profiler::start(Options::default().cpu_period(Duration::ZERO).heap_period(1)).unwrap();
        let kept: Vec<Vec<u8>> = (0..round).map(|_| Vec::with_capacity(123_456)).collect();
        drop(black_box(vec![0u8; 234_567]));
        let record = profiler.stop().unwrap();
        let of = |size: u64| {
            let buckets = record.heap.iter().filter(move |bucket| bucket.size == size);
            buckets.fold((0, 0), |sum, bucket| (sum.0 + bucket.allocations, sum.1 + bucket.frees))
        };
        assert_eq!((of(123_456), of(234_567)), ((round as u64, 0), (1, 1)));
        drop(black_box(kept));
    }
}

#[test]
fn a_record_file_stays_where_it_was_asked_for() {
    let _turn = TURN.lock();
    let path = std::env::temp_dir().join(format!("profiler-test-{}.record", std::process::id()));
    let profiler = Profiler::start(often().record(&path)).unwrap();
    burn(Duration::from_millis(50));
    let record = profiler.stop().unwrap();
    let again = Record::parse(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(record, again);
}

fn process_cpu() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives across the call.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
