//! A captured stack, and the memory in which a thread's stack is known to be readable.

/// Frames that are kept of a stack, from the leaf; deeper ones are cut and the stack marked.
pub const MAX_FRAMES: usize = 512;

/// Program counters, leaf first.
pub struct Stack {
    pcs: [u64; MAX_FRAMES],
    length: usize,
    /// Whether it was cut before the root.
    pub truncated: bool,
    /// Whether the caller of its last frame could not be found.
    pub broken: bool,
}

impl Stack {
    /// An empty stack.
    pub const fn new() -> Stack {
        Stack { pcs: [0; MAX_FRAMES], length: 0, truncated: false, broken: false }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.length = 0;
        self.truncated = false;
        self.broken = false;
    }

    /// Adds the next frame towards the root; false if there is no room.
    pub fn push(&mut self, pc: u64) -> bool {
        let Some(slot) = self.pcs.get_mut(self.length) else { return false };
        *slot = pc;
        self.length += 1;
        true
    }

    /// The program counters.
    pub fn pcs(&self) -> &[u64] {
        self.pcs.get(..self.length).unwrap_or_default()
    }
}

/// The addresses of a thread's stack, from the lowest it may use to above its first frame.
#[derive(Clone, Copy)]
pub struct Bounds {
    /// Lowest address.
    pub low: u64,
    /// Address after the highest.
    pub high: u64,
}

/// Bytes of stack that unwinding for an allocation may need, with some to spare: gimli takes 4 KB of it.
const UNWINDING: u64 = 8 << 10;

impl Bounds {
    /// What may be read when the stack pointer is `sp`: nothing if the thread runs on another stack.
    pub fn readable(self, sp: u64) -> std::ops::Range<u64> {
        if self.contains(sp) {
            sp..self.high
        } else {
            0..0
        }
    }

    /// Whether there is room to unwind for a caller whose stack pointer is `sp`.
    pub fn has_room(self, sp: u64) -> bool {
        self.contains(sp) && sp - self.low >= UNWINDING
    }

    fn contains(self, sp: u64) -> bool {
        sp >= self.low && sp < self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_stack_takes_no_more() {
        let mut stack = Stack::new();
        assert!((0..MAX_FRAMES as u64).all(|pc| stack.push(pc)));
        assert!(!stack.push(9));
        assert_eq!(stack.pcs().len(), MAX_FRAMES);
    }

    #[test]
    fn another_stack_is_not_read() {
        let bounds = Bounds { low: 100, high: 200 };
        assert_eq!(bounds.readable(150), 150..200);
        assert!(bounds.readable(99).is_empty());
        assert!(bounds.readable(200).is_empty());
    }

    #[test]
    fn a_stack_that_is_nearly_full_has_no_room() {
        let bounds = Bounds { low: 100_000, high: 200_000 };
        assert!(bounds.has_room(100_000 + UNWINDING));
        assert!(!bounds.has_room(100_000 + UNWINDING - 1));
        assert!(!bounds.has_room(200_000), "another stack, of which nothing is known");
    }
}
