//! The live blocks of a region of memory, with their buckets: a hash table of one word a block, under a lock that is held for a
//! few instructions. Blocks near each other have slots near each other, so that a program which allocates or frees one block
//! after the other finds their slots in its cache. Which region a block is in is known to `live.rs`.

use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicU8, Ordering};

use crate::arena::Place;
use crate::memory;
use crate::owned_lock::OwnedLock;

/// The low bits of an address, which tell it from others of its region.
pub const REGION_BITS: u32 = 21;

/// The bits of an address within its region that are not zero: the smallest blocks are of 8 bytes.
const TAG_BITS: u32 = REGION_BITS - 3;
/// Bits of the number of slots at first.
const FIRST_BITS: u32 = 3;
/// Bits of the number of addresses in a KB, and of the number of KBs.
const KB_BITS: u32 = 7;
const KBS_BITS: u32 = TAG_BITS - KB_BITS;
/// So many addresses, as a power of two, share a slot at first: most allocators have no blocks below 32 bytes.
const FIRST_SHIFT: u32 = 2;
/// From so many on a region grows by up to so many bits at a time.
const MANY_BITS: u32 = 8;
const LONGEST_STEP: u32 = 4;
/// A search that is longer than this tells that there are such.
const LONG_SEARCH: u32 = 64;

/// Zeroed memory is one without a block.
pub struct Region {
    lock: OwnedLock,
    /// Bits of the number of slots, if there are any.
    bits: AtomicU8,
    /// By how much the shift is less than [`FIRST_SHIFT`].
    finer: AtomicU8,
    used: AtomicU32,
    /// The most slots that a block is away from its home: no search goes farther.
    farthest: AtomicU32,
    /// A slot is 0, or an address's tag in the upper and a bucket's place in the lower half.
    slots: AtomicPtr<AtomicU64>,
}

impl Region {
    /// Brings the memory in which a block is to be noted near.
    #[inline(always)]
    pub fn approach(&self, address: usize) {
        let mask = (1 << self.bits.load(Ordering::Relaxed)) - 1;
        let slot = self.slots.load(Ordering::Relaxed).wrapping_add(home(tag(address), self.shift()) & mask);
        // SAFETY: a hint, which may name any address.
        unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(slot.cast()) };
    }

    /// Adds a block. Returns the bucket of a block at the same address that is still there.
    #[inline(always)]
    pub fn insert(&self, address: usize, bucket: Place) -> Option<Place> {
        self.lock.held(|| {
            let (used, bits) =
                (self.used.load(Ordering::Relaxed) as usize, u32::from(self.bits.load(Ordering::Relaxed)));
            // At most three in four, but where each address has a slot of its own.
            let has_room = bits == TAG_BITS || bits != 0 && used * 4 < (1 << bits) * 3;
            if !has_room && !self.rebuild(more_bits(bits), 0) && used + 1 >= self.slots().len() {
                return None;
            }
            let old = self.put(tag(address), bucket.word());
            if old == 0 {
                self.used.store(used as u32 + 1, Ordering::Relaxed);
            }
            if self.farthest.load(Ordering::Relaxed) > LONG_SEARCH && self.shift() > 0 {
                self.rebuild(self.bits.load(Ordering::Relaxed).into(), 1);
            }
            Place::from_word(old)
        })
    }

    /// Takes a block out and returns its bucket, if it was in.
    #[inline(always)]
    pub fn remove(&self, address: usize) -> Option<Place> {
        self.lock.held(|| {
            let (slots, shift) = (self.slots(), self.shift());
            let farthest = self.farthest.load(Ordering::Relaxed) as usize;
            let mask = slots.len().checked_sub(1)?;
            let tag = tag(address);
            let home_of_it = home(tag, shift);
            let found = (home_of_it..=home_of_it + farthest)
                .map(|at| (at, slots[at & mask].load(Ordering::Relaxed)))
                .take_while(|(_, slot)| *slot != 0)
                .find(|(_, slot)| tag_of(*slot) == tag);
            let (mut hole, slot) = found?;
            let bucket = slot as u32;
            // Later ones move up, so that there are no tombstones.
            let mut at = hole + 1;
            while at <= hole + farthest {
                let slot = slots[at & mask].load(Ordering::Relaxed);
                if slot == 0 {
                    break;
                }
                // It may if its home is not between the hole and itself.
                let from_home = at.wrapping_sub(home(tag_of(slot), shift)) & mask;
                if from_home >= at - hole {
                    slots[hole & mask].store(slot, Ordering::Relaxed);
                    hole = at;
                }
                at += 1;
            }
            slots[hole & mask].store(0, Ordering::Relaxed);
            self.used.store(self.used.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
            Place::from_word(bucket)
        })
    }

    /// Takes every block out.
    pub fn clear(&self) {
        self.lock.held(|| {
            self.slots().iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
            self.used.store(0, Ordering::Relaxed);
            self.farthest.store(0, Ordering::Relaxed);
        });
        self.lock.leave();
    }

    #[inline(always)]
    fn slots(&self) -> &[AtomicU64] {
        match self.bits.load(Ordering::Relaxed) {
            0 => &[],
            // SAFETY: `grow` made so many, which are given back under the lock only, as this is.
            bits => unsafe { std::slice::from_raw_parts(self.slots.load(Ordering::Relaxed), 1 << bits) },
        }
    }

    #[inline(always)]
    fn shift(&self) -> u32 {
        FIRST_SHIFT - u32::from(self.finer.load(Ordering::Relaxed))
    }

    /// Puts a block into a free slot or in place of the one with its address, and returns that one's bucket, or 0.
    #[inline(always)]
    fn put(&self, tag: u32, bucket: u32) -> u32 {
        let slots = self.slots();
        let home = home(tag, self.shift());
        let mut at = home;
        loop {
            let slot = &slots[at & (slots.len() - 1)];
            let found = slot.load(Ordering::Relaxed);
            if found == 0 || tag_of(found) == tag {
                slot.store(u64::from(tag) << 32 | u64::from(bucket), Ordering::Relaxed);
                let away = (at - home) as u32;
                if away > self.farthest.load(Ordering::Relaxed) {
                    self.farthest.store(away, Ordering::Relaxed);
                }
                return found as u32;
            }
            at += 1;
        }
    }

    /// Puts all blocks into `2^bits` new slots, with a shift that is less by `finer`; false if memory is short.
    #[cold]
    #[inline(never)]
    fn rebuild(&self, bits: u32, finer: u8) -> bool {
        let old = self.slots();
        let bytes = |slots: usize| slots * size_of::<AtomicU64>();
        let Some(new) = memory::reserve(bytes(1 << bits), align_of::<AtomicU64>()) else { return false };
        self.slots.store(new.cast(), Ordering::Relaxed);
        self.bits.store(bits as u8, Ordering::Relaxed);
        // With a larger shift some slots would be the home of none.
        let least = (bits + FIRST_SHIFT).saturating_sub(TAG_BITS) as u8;
        let finer = (self.finer.load(Ordering::Relaxed) + finer).max(least);
        self.finer.store(finer, Ordering::Relaxed);
        self.farthest.store(0, Ordering::Relaxed);
        MOST_BITS.fetch_max(bits as u8, Ordering::Relaxed);
        for slot in old.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(|slot| *slot != 0) {
            self.put(tag_of(slot), slot as u32);
        }
        // SAFETY: reserved by an earlier call with that size, and read for the last time.
        unsafe { memory::give_back(old.as_ptr().cast_mut().cast(), bytes(old.len())) };
        true
    }
}

/// Bits of the number of slots of the region that has most.
static MOST_BITS: AtomicU8 = AtomicU8::new(0);

/// How many bits a region's slots have next. One that has many blocks is likely to become as full as another one is: it
/// goes there in few steps, each of which moves all blocks.
fn more_bits(bits: u32) -> u32 {
    let likely = if bits >= MANY_BITS { MOST_BITS.load(Ordering::Relaxed).into() } else { 0 };
    (bits.max(FIRST_BITS - 1) + 1).max(likely.min(bits + LONGEST_STEP))
}

#[inline(always)]
fn tag(address: usize) -> u32 {
    (address >> 3) as u32 & ((1 << TAG_BITS) - 1)
}

#[inline(always)]
fn tag_of(slot: u64) -> u32 {
    (slot >> 32) as u32
}

/// Where the search for a block begins, in a table that is taken by its mask: each KB has a run of slots, one for `2^shift`
/// addresses.
#[inline(always)]
fn home(tag: u32, shift: u32) -> usize {
    // A permutation, so that no two have the same run in a large table.
    let run = (tag >> KB_BITS).wrapping_mul(0x9e5) % (1 << KBS_BITS);
    (((run << KB_BITS) | (tag % (1 << KB_BITS))) >> shift) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn region() -> Region {
        Region {
            lock: OwnedLock::new(),
            bits: AtomicU8::new(0),
            finer: AtomicU8::new(0),
            used: AtomicU32::new(0),
            farthest: AtomicU32::new(0),
            slots: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Insertions and removals at random, with addresses that are multiples of `step`.
    fn is_a_map(step: usize, addresses: usize) {
        let (region, mut truth, mut state) = (region(), HashMap::new(), 1);
        for number in 0..300_000u32 {
            let (next, bits) = crate::random::next(state);
            state = next;
            let address = (bits as usize % addresses) * step;
            if bits >> 62 != 0 {
                let place = Place::from_word(number + 1).unwrap();
                let before = region.insert(address, place).map(Place::word);
                assert_eq!(before, truth.insert(address, number + 1));
            } else {
                assert_eq!(region.remove(address).map(Place::word), truth.remove(&address));
            }
            assert_eq!(region.used.load(Ordering::Relaxed) as usize, truth.len());
        }
        for (&address, &word) in &truth {
            assert_eq!(region.remove(address).map(Place::word), Some(word));
        }
        assert!(region.slots().iter().all(|slot| slot.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn it_is_a_map_through_growth_and_removal() {
        is_a_map(48, 40_000);
        is_a_map(16, 2000);
        is_a_map(64 << 10, 32);
    }

    #[test]
    fn a_region_may_be_full_of_the_smallest_blocks() {
        let region = region();
        let all = (0..1 << TAG_BITS).map(|number: usize| number * 8);
        for address in all.clone() {
            assert_eq!(region.insert(address, Place::from_word(address as u32 + 1).unwrap()), None);
        }
        for address in all {
            assert_eq!(region.remove(address).map(Place::word), Some(address as u32 + 1));
        }
    }

    #[test]
    fn all_bytes_zero_are_a_region_without_a_block() {
        // SAFETY: what this test is about.
        let region: Region = unsafe { std::mem::zeroed() };
        assert_eq!(region.remove(16).map(Place::word), None);
    }
}
