//! The allocator shouts if the signal handler enters it. While the handler runs every signal is blocked, which tells it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prof_harness::{Options, Profiler};

struct Shouting;

#[global_allocator]
static ALLOCATOR: Shouting = Shouting;

static CALLS: AtomicU64 = AtomicU64::new(0);
static FROM_THE_HANDLER: AtomicU64 = AtomicU64::new(0);

fn count() {
    CALLS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the set lives across both calls.
    let is_blocked = unsafe {
        let mut blocked: libc::sigset_t = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut blocked);
        libc::sigismember(&blocked, libc::SIGPROF) == 1
    };
    if is_blocked {
        FROM_THE_HANDLER.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: the system's allocator, counted.
unsafe impl GlobalAlloc for Shouting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[test]
fn the_handler_does_not_allocate() {
    let profiler =
        Profiler::start(Options::default().cpu_period(Duration::from_micros(100)).heap_period(1000)).unwrap();
    let end = Instant::now() + Duration::from_millis(500);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while Instant::now() < end {
                    // In and out of the allocator all the time, so that most signals interrupt it.
                    let map: BTreeMap<u64, String> = (0..100).map(|n| (n * 7 % 101, n.to_string())).collect();
                    black_box(map);
                }
            });
        }
    });
    let record = profiler.stop().unwrap();
    assert!(record.cpu_captures > 50 && !record.heap.is_empty(), "{} captures", record.cpu_captures);
    assert!(CALLS.load(Ordering::Relaxed) > 10_000);
    assert_eq!(FROM_THE_HANDLER.load(Ordering::Relaxed), 0);
}
