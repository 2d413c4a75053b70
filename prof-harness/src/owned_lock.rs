//! A lock for what one thread mostly uses alone: the first that comes owns it, and takes it without an atomic operation until
//! another comes; from then on it is one of `lock.rs` for all. As that it is held for a few instructions, and never taken in a
//! signal handler of the harness.
//!
//! The owner says with a plain store that it holds a lock, then looks whether it is the owner still. Whoever takes the lock from
//! it stores that it is not, lets all threads pass a memory barrier, then looks whether the owner holds one. So either the owner
//! comes later and sees that, or it is seen and waited for.

#![forbid(unsafe_code)]

use std::sync::atomic::{compiler_fence, AtomicBool, AtomicU8, Ordering};

use crate::lock::{spin_while, Lock};
use crate::{sys, thread};

/// The lock. Zeroed memory is one that nobody holds.
pub struct OwnedLock {
    lock: Lock,
    /// The shard that the owner has to itself; [`NOBODY`] before one came, [`ALL`] after two did. Changes under the lock.
    owner: AtomicU8,
}

const NOBODY: u8 = 0;
const ALL: u8 = u8::MAX;
const _: () = assert!(thread::SHARDS <= ALL as usize);

/// By shard, whether its thread holds a lock of its own.
static HOLDS: [Holds; thread::SHARDS] = [const { Holds(AtomicBool::new(false)) }; thread::SHARDS];

#[repr(align(64))]
struct Holds(AtomicBool);

impl OwnedLock {
    /// A lock that nobody holds.
    #[cfg(test)]
    pub const fn new() -> OwnedLock {
        OwnedLock { lock: Lock::new(), owner: AtomicU8::new(NOBODY) }
    }

    /// Does `work`, which takes no other such lock, while no other thread does what this one guards.
    #[inline(always)]
    pub fn held<R>(&self, work: impl FnOnce() -> R) -> R {
        let own = thread::own_shard();
        // A thread without a shard of its own has a place as well, at which nobody looks.
        let Holds(holds) = &HOLDS[own % thread::SHARDS];
        holds.store(own != 0, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let is_owner = own != 0 && usize::from(self.owner.load(Ordering::Relaxed)) == own;
        if !is_owner {
            holds.store(false, Ordering::Release);
            self.take(own);
        }
        let result = work();
        if is_owner {
            holds.store(false, Ordering::Release);
        } else {
            self.lock.leave();
        }
        result
    }

    /// Lets the next who comes own the lock again.
    pub fn leave(&self) {
        self.lock.held(|| {
            self.come_to(0);
            self.owner.store(NOBODY, Ordering::Relaxed);
        });
    }

    #[cold]
    #[inline(never)]
    fn take(&self, own: usize) {
        self.lock.take();
        self.come_to(own);
    }

    /// Makes the thread that has the shard `own` the owner if nobody came before, and else takes the lock from its owner. Without
    /// such a barrier or a shard of its own it does not become that.
    #[inline(always)]
    fn come_to(&self, own: usize) {
        match self.owner.load(Ordering::Relaxed) {
            ALL => (),
            NOBODY if own == 0 || !sys::has_barrier() => (),
            NOBODY => self.owner.store(own as u8, Ordering::Relaxed),
            owner => self.take_from(owner),
        }
    }

    #[cold]
    #[inline(never)]
    fn take_from(&self, owner: u8) {
        let errno = sys::errno();
        self.owner.store(ALL, Ordering::Relaxed);
        if !sys::barrier() {
            // The program has forbidden the call since. What the owner stored is seen after a while without it.
            (0..1000).for_each(|_| sys::yield_now());
        }
        sys::set_errno(errno);
        let Holds(holds) = &HOLDS[usize::from(owner) % thread::SHARDS];
        spin_while(|| holds.load(Ordering::Acquire));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize};

    use super::*;

    /// Runs `work` on a thread that has the shard to itself.
    fn with_shard(shard: usize, work: impl FnOnce()) {
        thread::with(|thread| thread.own_shard.set(shard as u8));
        work();
        thread::with(|thread| thread.own_shard.set(0));
    }

    #[test]
    fn one_at_a_time_whoever_came_first() {
        // Many locks, for each is taken from its owner but once.
        static LOCKS: [OwnedLock; 2000] = [const { OwnedLock::new() }; 2000];
        static COUNTS: [AtomicU64; 2000] = [const { AtomicU64::new(0) }; 2000];
        static READY: AtomicUsize = AtomicUsize::new(0);
        const EACH: u64 = 300;
        std::thread::scope(|scope| {
            for number in 0..3 {
                scope.spawn(move || {
                    let work = || {
                        READY.fetch_add(1, Ordering::Relaxed);
                        while READY.load(Ordering::Relaxed) < 3 {
                            std::hint::spin_loop();
                        }
                        for (lock, count) in LOCKS.iter().zip(&COUNTS) {
                            for _ in 0..EACH {
                                lock.held(|| count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed));
                            }
                        }
                    };
                    // The last one shares its shard.
                    with_shard(if number == 2 { 0 } else { thread::SHARDS - 1 - number }, work);
                });
            }
        });
        assert!(COUNTS.iter().all(|count| count.load(Ordering::Relaxed) == 3 * EACH));
    }

    #[test]
    fn a_lock_that_was_left_is_owned_by_the_next() {
        static LOCK: OwnedLock = OwnedLock::new();
        let (first, second) = (thread::SHARDS - 4, thread::SHARDS - 5);
        with_shard(first, || LOCK.held(|| ()));
        with_shard(second, || LOCK.held(|| ()));
        assert_eq!(LOCK.owner.load(Ordering::Relaxed), if sys::has_barrier() { ALL } else { NOBODY });
        LOCK.leave();
        with_shard(second, || LOCK.held(|| ()));
        assert_eq!(usize::from(LOCK.owner.load(Ordering::Relaxed)), if sys::has_barrier() { second } else { 0 });
    }
}
