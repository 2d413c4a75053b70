//! The two words that the allocator doors look at on every call. They lie apart from the rest of a thread's state
//! (`thread.rs`) in thread-local memory with a name of its own, which is reached by adding an offset to the thread pointer:
//! with Rust's `thread_local!` the compiler prepares for a call of the loader's there, and saves registers on every allocation.

use std::cell::Cell;

/// A thread's way to its next sampled allocation. Zeroed memory is a thread that has not drawn one. The doors know the form
/// (`heap/fast.rs`).
#[repr(C)]
pub struct Countdown {
    /// So many bytes from here on make an allocation due; see `heap`.
    pub left: Cell<u64>,
    /// The session that `left` was drawn in.
    pub drawn_in: Cell<u32>,
}

const _: () = assert!(size_of::<Countdown>() == 16 && align_of::<Countdown>() == 8);

// Weak, for there may be two copies of this crate (`copies.rs`), of which one counts. The name changes with the form.
std::arch::global_asm!(
    ".ifndef prof_harness_countdown_1",
    ".pushsection .tbss.prof_harness_countdown_1,\"awT\",@nobits",
    ".p2align 3",
    ".weak prof_harness_countdown_1",
    ".hidden prof_harness_countdown_1",
    ".type prof_harness_countdown_1,@tls_object",
    "prof_harness_countdown_1:",
    ".zero 16",
    ".size prof_harness_countdown_1, 16",
    ".popsection",
    ".endif",
);

/// Runs `f` with the calling thread's countdown. Signal: yes.
#[inline(always)]
pub fn with<R>(f: impl FnOnce(&Countdown) -> R) -> R {
    let place: *const Countdown;
    // SAFETY: reads the thread pointer, and the symbol's distance from it.
    unsafe {
        std::arch::asm!(
            "mov {place}, qword ptr [rip + prof_harness_countdown_1@GOTTPOFF]",
            "add {place}, qword ptr fs:[0]",
            place = out(reg) place,
            options(pure, nomem, nostack)
        );
    }
    // SAFETY: a `Countdown` of the calling thread's, zeroed at first and there as long as the thread. Others do not see it.
    f(unsafe { &*place })
}

impl Countdown {
    /// Takes `size` bytes off; true if an allocation of so many is due, or the countdown is of another session than `session`.
    #[inline(always)]
    pub fn runs_out(&self, size: usize, session: u32) -> bool {
        let (left, is_short) = self.left.get().overflowing_sub(size as u64);
        self.left.set(left);
        is_short || left == 0 || self.drawn_in.get() != session
    }

    /// Puts back what [`runs_out`](Self::runs_out) took.
    pub fn put_back(&self, size: usize) {
        self.left.set(self.left.get().wrapping_add(size as u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_own() {
        let place = || with(|countdown| std::ptr::from_ref(countdown) as usize);
        let first = place();
        // What lies there counts what the test allocates, between the two as well.
        assert_eq!(first, place());
        assert_ne!(first, std::thread::spawn(place).join().unwrap());
    }
}
