//! The allocation sampler. Each thread counts down the bytes that it asks for; the allocation that crosses zero is
//! sampled, and the next distance is drawn from an exponential distribution, so that every byte has the same chance
//! and an allocation of `size` is seen with probability 1 − e^(−size/period), as in Go's `mprof.go`. With period 1
//! every allocation is seen. How the program's calls arrive is in `door.rs`, which allocator they go on to in `next.rs`,
//! how a free finds its allocation in `live.rs`.

mod door;
mod live;
mod next;

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::registers::Registers;
use crate::thread::Thread;
use crate::unwind::{self, For};
use crate::{alive, bucket, label, random, sys, thread};

/// Mean bytes between sampled allocations; 0 before the harness has started.
static PERIOD: AtomicU64 = AtomicU64::new(0);
/// [`PERIOD`] while no allocation is to be sampled in this process.
const NEVER: u64 = u64::MAX;
/// A countdown that no program reaches.
const FAR: i64 = i64::MAX / 2;

/// How often an allocation lets others run before it is counted as lost.
const MOST_YIELDS: usize = 1000;

/// Starts to sample, about every `period` bytes.
pub fn start(period: u64) {
    PERIOD.store(period, Ordering::Release);
}

/// Stops sampling.
pub fn stop() {
    PERIOD.store(0, Ordering::Release);
}

/// Forgets the blocks that are not freed, once nothing is recorded any more.
pub fn forget_all() {
    live::clear();
}

/// Takes the hooks out of the way for the life of the process.
pub fn start_never() {
    PERIOD.store(NEVER, Ordering::Release);
}

/// Whether the program's `malloc` is the harness's.
pub fn sees_malloc() -> bool {
    door::is_in_force()
}

/// Whether the allocation of `size` bytes that took the thread's countdown below zero is to be recorded, and under
/// which label. Draws the next distance.
fn decide(thread: &Thread, size: usize) -> Option<Option<crate::arena::Place>> {
    if thread.is_inside.get() {
        // Not the program's: as if it had not been counted.
        thread.countdown.set(thread.countdown.get().wrapping_add(size as i64));
        return None;
    }
    match PERIOD.load(Ordering::Acquire) {
        0 => {
            thread.countdown.set(0);
            return None;
        }
        NEVER => {
            thread.drawn_in.set(alive::session());
            thread.countdown.set(FAR);
            return None;
        }
        1 => {
            thread.drawn_in.set(alive::session());
            thread.countdown.set(i64::MIN / 2);
        }
        period => {
            let session = alive::session();
            if thread.drawn_in.replace(session) != session {
                thread.random.set(random::seed());
                let first = draw(thread, period);
                if first >= size as i64 {
                    thread.countdown.set(first - size as i64);
                    return None;
                }
            }
            thread.countdown.set(draw(thread, period));
        }
    }
    if !alive::is_alive() {
        return None;
    }
    label::attribution().label()
}

fn draw(thread: &Thread, period: u64) -> i64 {
    let (state, bits) = random::next(thread.random.get());
    thread.random.set(state);
    random::exponential(bits, period).min(FAR as u64) as i64
}

/// Records the block that a decided allocation got.
fn record(block: *mut c_void, size: usize, label: Option<crate::arena::Place>, caller: Registers) {
    let work = || {
        let capture = || {
            unwind::capture(For::Allocation, caller, thread::bounds(), |stack| {
                bucket::add_allocation(stack, label, size as u64)
            })
        };
        // Unlike a signal handler, an allocation can wait for threads that were interrupted while they unwound.
        let bucket = (0..MOST_YIELDS).find_map(|attempt| {
            if attempt > 0 {
                sys::yield_now();
            }
            capture()
        });
        match bucket {
            Some(Some(bucket)) => {
                if let Some(forgotten) = live::insert(block as usize, bucket) {
                    // Its free was not seen, but it must have come: the address was given out again.
                    bucket::add_free(forgotten);
                }
            }
            Some(None) => {}
            None => bucket::lose_allocation(size as u64),
        }
    };
    thread::inside(|| alive::record(work));
}

/// Notes that `block` is about to be given back.
fn forget(block: *mut c_void) {
    alive::record(|| {
        if let Some(bucket) = take(block) {
            bucket::add_free(bucket);
        }
    });
}

/// Takes `block` out of the live set, with its bucket.
fn take(block: *mut c_void) -> Option<crate::arena::Place> {
    if !alive::is_alive() || thread::with(|thread| thread.is_inside.get()) {
        return None;
    }
    thread::inside(|| live::remove(block as usize))
}

/// Puts back what [`take`] took: the block lives on.
fn put_back(block: *mut c_void, bucket: crate::arena::Place) {
    thread::inside(|| live::insert(block as usize, bucket));
}
