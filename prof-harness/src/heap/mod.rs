//! The allocation sampler. Each thread counts down the bytes that it asks for; the allocation that crosses zero is
//! sampled, and the next distance is drawn from an exponential distribution, so that every byte has the same chance
//! and an allocation of `size` is seen with probability 1 − e^(−size/period), as in Go's `mprof.go`. With period 1
//! every allocation is seen. How the program's calls arrive is in `door.rs` and those beside it, which allocator they go
//! on to in `next.rs`, how a free finds its allocation in `live.rs`. What makes recording all of them fast is in `exact.rs`,
//! what was in use when most was in `peak.rs`.

#[macro_use]
mod fast;

mod door;
mod exact;
mod jemalloc;
mod live;
mod mimalloc;
mod next;
mod peak;
mod region;
mod snmalloc;
mod wrapper;

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use prof_record::Door;

use crate::alive::InSession;
use crate::arena::{self, Place};
use crate::countdown::{self, Countdown};
use crate::registers::Registers;
use crate::stack::Stack;
use crate::unwind::{self, For};
use crate::{alive, bucket, label, random, sys, thread};

pub use exact::{end_thread, Memory};
pub use wrapper::{enter, forget_block, leave, record_block, settle_block, take_block, Alloc, Caller, Ticket};

/// Under which label, if any, an allocation is to be recorded.
type Decision = InSession<Option<Place>>;

/// Mean bytes between sampled allocations; 0 before the harness has started.
static PERIOD: AtomicU64 = AtomicU64::new(0);
/// [`PERIOD`] while no allocation is to be sampled.
const NEVER: u64 = u64::MAX;
/// A countdown that no program reaches.
const FAR: u64 = u64::MAX / 4;

/// How often an allocation lets others run before it is counted as lost.
const MOST_YIELDS: usize = 1000;

/// Starts to sample, about every `period` bytes, and to keep the peaks if `keeps_peaks`.
pub fn start(period: u64, keeps_peaks: bool) {
    peak::start(keeps_peaks, period);
    live::start(period == 1);
    PERIOD.store(period, Ordering::Release);
}

/// Lets every allocation look at the period again, before a session begins.
pub fn prepare() {
    PERIOD.store(0, Ordering::Release);
}

/// Takes the hooks out of the way until a session that samples allocations starts.
pub fn stop() {
    PERIOD.store(NEVER, Ordering::Release);
}

/// Forgets the blocks that are not freed, once nothing is recorded any more.
pub fn forget_all() {
    live::clear();
}

/// Whether the process's `malloc` is the harness's.
pub fn sees_malloc() -> bool {
    door::is_in_force()
}

/// The doors that are open from the start, as `header::DOORS` has them.
pub fn doors() -> u64 {
    let doors = [
        (Door::Malloc, door::is_open()),
        (Door::Jemalloc, jemalloc::is_open()),
        (Door::Mimalloc, mimalloc::is_open()),
        (Door::Snmalloc, snmalloc::is_open()),
    ];
    doors.iter().filter(|(_, is_open)| *is_open).fold(0, |bits, (door, _)| bits | door.bit())
}

/// Whether the allocation of `size` bytes that used the thread's countdown up is to be recorded, and under
/// which label.
fn decide(size: usize) -> Option<Decision> {
    countdown::with(|countdown| {
        if thread::with(|thread| thread.is_inside.get()) {
            // Not the program's: as if it had not been counted.
            countdown.put_back(size);
            return None;
        }
        is_due(countdown, size).then(|| alive::in_session(|| label::attribution().label())).flatten()
    })
}

/// Whether the allocation of `size` bytes that used `countdown` up is to be sampled. Draws the next distance.
fn is_due(countdown: &Countdown, size: usize) -> bool {
    // Before the period: what is drawn by that of an earlier session does not pass for this one's.
    let session = alive::session();
    match PERIOD.load(Ordering::Acquire) {
        0 => {
            countdown.left.set(0);
            return false;
        }
        NEVER => {
            countdown.drawn_in.set(session);
            countdown.left.set(FAR);
            return false;
        }
        1 => {
            countdown.drawn_in.set(session);
            countdown.left.set(0);
        }
        period => {
            if countdown.drawn_in.replace(session) != session {
                thread::with(|thread| thread.random.set(random::seed()));
                let first = draw(period);
                if first > size as u64 {
                    countdown.left.set(first - size as u64);
                    return false;
                }
            }
            countdown.left.set(draw(period));
        }
    }
    true
}

fn draw(period: u64) -> u64 {
    let bits = thread::with(|thread| {
        let (state, bits) = random::next(thread.random.get());
        thread.random.set(state);
        bits
    });
    1 + random::exponential(bits, period).min(FAR)
}

/// Records the block that a decided allocation got.
fn record(block: *mut c_void, size: usize, decision: Decision, caller: Registers) {
    let work = |label| {
        let size = size as u64;
        let is_exact = PERIOD.load(Ordering::Relaxed) == 1;
        let known = if is_exact {
            live::approach(block as usize);
            exact::bucket(caller, label, size)
        } else {
            None
        };
        match known.or_else(|| captured(size, label, caller, is_exact)) {
            Some(bucket) if peak::allocated(bucket) => {
                if let Some(forgotten) = live::insert(block as usize, bucket) {
                    // Its free was not seen, but it must have come: the address was given out again.
                    peak::freed(forgotten);
                }
            }
            _ => bucket::lose_allocation(size),
        }
    };
    thread::inside(|| decision.record(work));
}

/// The bucket of a stack that is captured; none without room.
#[cold]
#[inline(never)]
fn captured(size: u64, label: Option<Place>, caller: Registers, is_exact: bool) -> Option<Place> {
    let take = |stack: &Stack| {
        let stack = bucket::intern_stack(stack, 0)?;
        bucket::heap_bucket(stack, label, size, is_exact.then(thread::shard))
    };
    // Unlike a signal handler, an allocation can wait for threads that were interrupted while they unwound, or that make room.
    let attempt = |attempt| {
        if attempt > 0 {
            sys::yield_now();
        }
        let segments = arena::segments();
        match unwind::capture(For::Allocation, caller, thread::bounds(), take) {
            Some(None) if arena::is_growing_from(segments) => None,
            result => result,
        }
    };
    (0..MOST_YIELDS).find_map(attempt).flatten()
}

/// Notes that `block` is about to be given back.
fn forget(block: *mut c_void) {
    if thread::with(|thread| thread.is_inside.get()) {
        return;
    }
    thread::inside(|| {
        alive::record(|| {
            if let Some(bucket) = live::remove(block as usize) {
                peak::freed(bucket);
            }
        })
    });
}

/// Takes `block` out of the live set, with its bucket.
fn take(block: *mut c_void) -> Option<InSession<Place>> {
    if thread::with(|thread| thread.is_inside.get()) {
        return None;
    }
    thread::inside(|| alive::record(|| alive::in_session(|| live::remove(block as usize))).flatten())
}

/// Puts back what [`take`] took: the block lives on.
fn put_back(block: *mut c_void, bucket: InSession<Place>) {
    thread::inside(|| bucket.record(|bucket| live::insert(block as usize, bucket)));
}

/// Notes that a block which [`take`] took was given back.
fn let_go(bucket: InSession<Place>) {
    thread::inside(|| bucket.record(peak::freed));
}
