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
        let is_it = |leaf: &&Leaf| leaf.at == at && leaf.era == self.era + 1 && leaf.holds();
        self.sets[place(at)].leaves.iter().find(is_it).map(|leaf| leaf.context)
    }

    /// Remembers a stack by the words that were read of it, with their addresses, if they are few.
    pub fn remember(&mut self, at: Registers, context: Context, words: impl Iterator<Item = (u64, u64)>) {
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
        (leaf.at, leaf.context, leaf.era) = (at, context, era);
    }
}

impl Leaf {
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
