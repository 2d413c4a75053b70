//! A lock that is held for a few instructions, by threads that are inside the harness. Never taken in a signal handler of the
//! harness; a handler of the program's that comes meanwhile finds its thread inside, and does not come here either.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

use crate::sys;

/// The lock.
pub struct Lock(AtomicBool);

impl Lock {
    /// A lock that nobody holds.
    pub const fn new() -> Lock {
        Lock(AtomicBool::new(false))
    }

    /// Does `work` while no other thread does what this lock guards.
    #[inline(always)]
    pub fn held<R>(&self, work: impl FnOnce() -> R) -> R {
        self.take();
        let result = work();
        self.leave();
        result
    }

    /// Takes the lock.
    #[inline(always)]
    pub fn take(&self) {
        if self.0.swap(true, Ordering::Acquire) {
            self.wait();
        }
    }

    /// Leaves the lock, which the calling thread took.
    #[inline(always)]
    pub fn leave(&self) {
        self.0.store(false, Ordering::Release);
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) {
        spin_while(|| self.0.load(Ordering::Relaxed) || self.0.swap(true, Ordering::Acquire));
    }
}

/// Waits for another thread, which needs a few instructions to its end.
pub fn spin_while(is_held: impl Fn() -> bool) {
    let mut tries = 0;
    while is_held() {
        tries += 1;
        // It may have been put to sleep.
        if tries % 64 == 0 {
            sys::yield_now();
        }
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn one_at_a_time() {
        static LOCK: Lock = Lock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        LOCK.held(|| COUNT.store(COUNT.load(Ordering::Relaxed) + 1, Ordering::Relaxed));
                    }
                });
            }
        });
        assert_eq!(COUNT.load(Ordering::Relaxed), 40_000);
    }
}
