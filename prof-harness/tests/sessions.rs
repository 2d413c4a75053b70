//! Threads allocate, free each other's blocks, come and go, and fork, while sessions of the profiler begin and end: nothing is
//! lost, nothing is counted in another session than its own, nobody waits for ever.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::Mutex;
use std::time::Duration;

use prof_harness::prof_record::Record;
use prof_harness::{Options, Profiler};

/// There is one profiler in a process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn start(heap_period: u64) -> Profiler {
    let options = Options::default().cpu_period(Duration::from_millis(1)).heap_period(heap_period);
    Profiler::start(options).expect("nothing else profiles")
}

/// Allocates, grows and frees until it is over, half of it on another thread than it came from.
fn trade(seed: u64, is_over: &AtomicBool, giver: &SyncSender<Vec<u8>>, taker: &Receiver<Vec<u8>>) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut own = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state >> 61 {
            0..3 => own.push(vec![7u8; (state >> 20) as usize % 300 + 1]),
            3 => own.last_mut().into_iter().for_each(|block: &mut Vec<u8>| block.reserve_exact(400)),
            4..6 => {
                // Full or not: nobody waits for another.
                own.pop().into_iter().for_each(|block| drop(giver.try_send(block)));
            }
            6 => drop(taker.try_recv()),
            _ => own.truncate(100),
        }
    }
}

/// No bucket has more frees than allocations, and each stands once.
fn is_sound(record: &Record) {
    let mut seen = HashMap::new();
    for bucket in &record.heap {
        assert!(bucket.frees <= bucket.allocations, "{bucket:?}");
        assert!(bucket.size < 1 << 30, "{bucket:?}");
        assert!(bucket.stack < record.stacks.len());
        *seen.entry((bucket.stack, bucket.size)).or_insert(0) += 1;
    }
    assert!(seen.values().all(|count| *count == 1));
    let loss = record.loss;
    assert_eq!((loss.heap_objects, loss.heap_bytes, loss.cpu_samples, loss.torn_entries), (0, 0, 0, 0));
}

#[test]
fn sessions_begin_and_end_while_threads_trade_blocks_and_come_and_go() {
    let _alone = ONE_AT_A_TIME.lock();
    let (is_over, born) = (AtomicBool::new(false), AtomicU64::new(0));
    /// Ends the threads, in whatever way the test ends.
    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        let _end = End(&is_over);
        let (mut givers, takers): (Vec<_>, Vec<_>) = (0..4).map(|_| sync_channel(64)).unzip();
        givers.rotate_left(1);
        for (number, (giver, taker)) in givers.into_iter().zip(takers).enumerate() {
            let is_over = &is_over;
            scope.spawn(move || trade(number as u64 + 1, is_over, &giver, &taker));
        }
        scope.spawn(|| {
            // A storm of threads that end.
            while !is_over.load(Ordering::Relaxed) {
                std::thread::spawn(|| drop(std::hint::black_box(vec![7u8; 1000]))).join().unwrap();
                born.fetch_add(1, Ordering::Relaxed);
            }
        });
        for round in 0..60 {
            let profiler = start(if round % 3 == 2 { 4096 } else { 1 });
            std::thread::sleep(Duration::from_millis(10));
            // SAFETY: the child ends at once, without a look at what other threads hold.
            let child = unsafe { libc::fork() };
            if child == 0 {
                drop(std::hint::black_box(vec![7u8; 100]));
                // SAFETY: as above.
                unsafe { libc::_exit(0) };
            }
            let record = profiler.stop().expect("the record is there");
            let mut status = 1;
            // SAFETY: the child is this process's, and `status` lives across the call.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0);
            is_sound(&record);
        }
    });
    assert!(born.load(Ordering::Relaxed) > 60);
}

#[test]
fn a_session_takes_its_memory_with_it() {
    let _alone = ONE_AT_A_TIME.lock();
    let mapped = || std::fs::read_to_string("/proc/self/maps").expect("it can be read").matches(".record").count();
    for _ in 0..20 {
        let profiler = start(1);
        std::hint::black_box((0..100u8).map(|n| vec![n; 100]).collect::<Vec<_>>());
        assert!(mapped() > 0);
        drop(profiler.stop().expect("the record is there"));
        assert_eq!(mapped(), 0);
    }
}
