//! Whole stacks by their leaf: all words of the stack that a walk from there read, one after the other, so that the processor
//! fetches them ahead. If they are still the same, so is the stack. How it is walked else is in `trail.rs`.

use super::calls::Context;
use crate::registers::Registers;

/// Stacks that were walked, several with the same leaf among them. Zeroed memory holds none.
pub struct Leaves {
    sets: [Set; SETS],
    /// The number of what is remembered now: a leaf of an earlier one is forgotten.
    era: u32,
}

/// Stacks whose leaves lead to the same place.
struct Set {
    leaves: [Leaf; WAYS],
    /// Which of them is the next to be forgotten.
    next: usize,
}

const SETS: usize = 1 << 8;
const WAYS: usize = 4;
/// Words of a stack that is remembered: of some 20 frames.
const WORDS: usize = 29;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Leaf {
    at: Registers,
    /// The bits of the frame pointer that matter: all or none.
    fp_mask: u64,
    context: Context,
    /// One more than the era that it is of.
    era: u32,
    count: usize,
    words: [Word; WORDS],
}

/// A word of the stack.
#[derive(Clone, Copy)]
struct Word {
    address: u64,
    value: u64,
}

impl Leaves {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.era += 1;
    }

    /// The place of the stack that begins with these registers in the tree, if it is known and still the same.
    #[inline(always)]
    pub fn find(&self, at: Registers) -> Option<Context> {
        let is_it = |leaf: &&Leaf| leaf.is_at(at) && leaf.era == self.era + 1 && leaf.holds();
        self.sets[place(at)].leaves.iter().find(is_it).map(|leaf| leaf.context)
    }

    /// Remembers a stack by the words of it that lead to the root, with their addresses, if they are few, and by the frame
    /// pointer if that `matters`.
    pub fn remember(
        &mut self,
        at: Registers,
        matters: bool,
        context: Context,
        words: impl Iterator<Item = (u64, u64)>,
    ) {
        let era = self.era + 1;
        let set = &mut self.sets[place(at)];
        set.next = (set.next + 1) % WAYS;
        let leaf = &mut set.leaves[set.next];
        leaf.era = 0;
        leaf.count = 0;
        for (address, value) in words {
            let Some(word) = leaf.words.get_mut(leaf.count) else { return };
            *word = Word { address, value };
            leaf.count += 1;
        }
        leaf.fp_mask = if matters { u64::MAX } else { 0 };
        (leaf.at, leaf.context, leaf.era) = (at, context, era);
    }
}

impl Leaf {
    #[inline(always)]
    fn is_at(&self, at: Registers) -> bool {
        self.at.pc == at.pc && self.at.sp == at.sp && (self.at.fp ^ at.fp) & self.fp_mask == 0
    }

    #[inline(always)]
    fn holds(&self) -> bool {
        for word in &self.words[..self.count] {
            // SAFETY: it was read at an earlier walk of this thread, from its own stack, of which what was in use once stays
            // readable as long as the thread lives.
            if unsafe { *(word.address as *const u64) } != word.value {
                return false;
            }
        }
        true
    }
}

fn place(at: Registers) -> usize {
    let hash = (at.pc ^ at.sp.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 56) as usize % SETS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unwind::calls::Tree;

    fn new<T>() -> &'static mut T {
        let memory = crate::sys::map(size_of::<T>()).unwrap();
        // SAFETY: zeroed memory of that size on a page, given to nobody else.
        unsafe { &mut *memory.cast() }
    }

    #[test]
    fn a_stack_is_known_by_the_words_that_lead_to_its_root() {
        let leaves: &mut Leaves = new();
        let context = new::<Tree>().child(Context::ROOT, 5).unwrap();
        let mut stack = [7u64, 8];
        let words = stack.each_ref().map(|word| (std::ptr::from_ref(word) as u64, *word));
        let at = |fp| Registers { pc: 5, sp: words[0].0, fp };
        leaves.remember(at(1), false, context, words.into_iter());
        assert_eq!(leaves.find(at(1)), Some(context));
        assert_eq!(leaves.find(at(2)), Some(context), "the frame pointer leads nowhere");
        leaves.clear();
        assert_eq!(leaves.find(at(1)), None);
        leaves.remember(at(1), true, context, words.into_iter());
        assert_eq!((leaves.find(at(1)), leaves.find(at(2))), (Some(context), None));
        // SAFETY: a word of the array, which is written to as others write to a stack.
        unsafe { std::ptr::from_mut(&mut stack[1]).write_volatile(9) };
        assert_eq!(leaves.find(at(1)), None, "another stack");
    }
}
