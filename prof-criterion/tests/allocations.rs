//! What is counted between the start and the end of a measurement, as criterion calls it.

use std::alloc::System;
use std::hint::black_box;
use std::sync::Mutex;

use criterion::measurement::Measurement;
use prof_criterion::{Allocations, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

/// The totals are of all threads.
static TURN: Mutex<()> = Mutex::new(());

fn counted(what: Allocations, work: impl FnOnce()) -> u64 {
    let start = what.start();
    work();
    what.end(start)
}

#[test]
fn every_block_and_byte_counts_once() {
    let _turn = TURN.lock();
    let work = || {
        let mut list = black_box(Vec::<u64>::with_capacity(10));
        list.extend(0..10);
        // A reallocation is an allocation of the new size.
        list.reserve_exact(90);
        black_box(vec![0u8; 1000]);
        drop(black_box(list));
    };
    // The test framework's own threads may allocate meanwhile, but not every time.
    let least = |what| (0..20).map(|_| counted(what, work)).min();
    assert_eq!(least(Allocations::bytes()), Some(80 + 800 + 1000));
    assert_eq!(least(Allocations::objects()), Some(3));
    assert_eq!((0..20).map(|_| counted(Allocations::objects(), || ())).min(), Some(0));
}

#[test]
fn other_threads_count() {
    let _turn = TURN.lock();
    let bytes = counted(Allocations::bytes(), || {
        std::thread::spawn(|| black_box(vec![1u8; 100_000])).join().unwrap();
    });
    assert!((100_000..120_000).contains(&bytes), "{bytes}");
}
