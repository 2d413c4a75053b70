//! The live set: the sampled blocks that are not freed yet, with their buckets. A filter of counters tells most frees
//! in one load that their block was not sampled. Behind it is a hash table in 64 parts, each with a lock that is held
//! for a few instructions. Memory grows with the live set and comes from the kernel.
//!
//! Never entered from a signal handler of the harness; an allocation that a handler of the program makes while its
//! thread is in here passes unseen (`Thread::is_inside`), so the locks cannot meet themselves.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicUsize, Ordering};

use crate::arena::Place;
use crate::lock::Lock;
use crate::sys;

const FILTER_SLOTS: usize = 1 << 14;
const PARTS: usize = 64;
const FIRST_CAPACITY: usize = 256;

static FILTER: [AtomicU8; FILTER_SLOTS] = [const { AtomicU8::new(0) }; FILTER_SLOTS];
static TABLE: [Part; PARTS] = [const { Part::new() }; PARTS];

/// Whether every block is in the live set, so that the filter has nothing to tell.
static HAS_ALL: AtomicBool = AtomicBool::new(false);

/// Begins the live set of a session that records all blocks, or few.
pub fn start(has_all: bool) {
    HAS_ALL.store(has_all, Ordering::Relaxed);
    let count = if has_all { u8::MAX } else { 0 };
    FILTER.iter().for_each(|counter| counter.store(count, Ordering::Relaxed));
}

/// Whether the block at `address` may be in the live set; most that are not, are not.
#[inline(always)]
pub fn may_contain(address: usize) -> bool {
    FILTER[filter_slot(address)].load(Ordering::Relaxed) != 0
}

/// Brings the memory in which a block is to be noted near, while something else is done.
#[inline(always)]
pub fn approach(address: usize) {
    let part = part(address);
    let slot =
        part.slots_hint.load(Ordering::Relaxed).wrapping_add(home(address) & part.mask_hint.load(Ordering::Relaxed));
    // SAFETY: a hint, which may name any address.
    unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(slot.cast()) };
}

/// Adds a block. Returns the bucket of a block at the same address whose free was not seen.
pub fn insert(address: usize, bucket: Place) -> Option<Place> {
    if !HAS_ALL.load(Ordering::Relaxed) {
        let counter = &FILTER[filter_slot(address)];
        // A counter that reached the top no longer counts: it stays there.
        let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < u8::MAX).then_some(n + 1));
    }
    let part = part(address);
    part.locked(|slots| {
        let before = slots.capacity;
        let forgotten = slots.insert(address, bucket);
        if slots.capacity != before {
            part.slots_hint.store(slots.slots, Ordering::Relaxed);
            part.mask_hint.store(slots.capacity - 1, Ordering::Relaxed);
        }
        forgotten
    })
}

/// Takes a block out and returns its bucket, if it was in.
pub fn remove(address: usize) -> Option<Place> {
    let bucket = part(address).locked(|slots| slots.remove(address))?;
    if !HAS_ALL.load(Ordering::Relaxed) {
        let counter = &FILTER[filter_slot(address)];
        let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < u8::MAX && n > 0).then_some(n - 1));
    }
    Some(bucket)
}

/// Takes every block out. Nothing else may be at work.
pub fn clear() {
    for part in &TABLE {
        part.locked(Slots::clear);
    }
    for counter in &FILTER {
        counter.store(0, Ordering::Relaxed);
    }
}

const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline(always)]
fn filter_slot(address: usize) -> usize {
    // Blocks are 16-aligned.
    (((address >> 4) as u64).wrapping_mul(MIX) >> 50) as usize % FILTER_SLOTS
}

/// Blocks that lie near each other are in one part, so that threads with an arena of the allocator each seldom meet.
#[inline(always)]
fn part(address: usize) -> &'static Part {
    &TABLE[(((address >> 21) as u64).wrapping_mul(MIX) >> 32) as usize % PARTS]
}

/// Where the search for an address begins, for a table of more slots than this. What lies in one KB of memory has a run of slots
/// in its order: a program that allocates or frees one block after the other finds their slots in its cache.
#[inline(always)]
fn home(address: usize) -> usize {
    (((address >> 10) as u64).wrapping_mul(MIX) >> 20) as usize + (address >> 5) % 32
}

#[repr(align(64))]
struct Part {
    lock: Lock,
    slots: UnsafeCell<Slots>,
    /// Where the slots were lately, for whoever does not hold the lock.
    slots_hint: AtomicPtr<Slot>,
    mask_hint: AtomicUsize,
}

// SAFETY: `slots` is used only under the lock.
unsafe impl Sync for Part {}

impl Part {
    const fn new() -> Part {
        Part {
            lock: Lock::new(),
            slots: UnsafeCell::new(Slots::new()),
            slots_hint: AtomicPtr::new(std::ptr::null_mut()),
            mask_hint: AtomicUsize::new(0),
        }
    }

    #[inline(always)]
    fn locked<R>(&self, work: impl FnOnce(&mut Slots) -> R) -> R {
        self.lock.held(|| {
            // SAFETY: this thread holds the lock.
            work(unsafe { &mut *self.slots.get() })
        })
    }
}

#[derive(Clone, Copy)]
struct Slot {
    /// 0 in an empty slot.
    address: usize,
    bucket: u32,
}

/// Open addressing with linear probing; a removal moves later slots up, so that there are no tombstones.
struct Slots {
    slots: *mut Slot,
    capacity: usize,
    used: usize,
}

impl Slots {
    const fn new() -> Slots {
        Slots { slots: std::ptr::null_mut(), capacity: 0, used: 0 }
    }

    fn all(&mut self) -> &mut [Slot] {
        if self.capacity == 0 {
            return &mut [];
        }
        // SAFETY: `grow` mapped `capacity` zeroed slots, which this part owns.
        unsafe { std::slice::from_raw_parts_mut(self.slots, self.capacity) }
    }

    fn clear(&mut self) {
        self.all().fill(Slot { address: 0, bucket: 0 });
        self.used = 0;
    }

    fn insert(&mut self, address: usize, bucket: Place) -> Option<Place> {
        if self.used * 4 >= self.capacity * 3 && !self.grow() && self.used + 1 >= self.capacity {
            // Without memory the block is not followed: it stays in use for the profile.
            return None;
        }
        let mask = self.capacity - 1;
        let slots = self.all();
        let mut at = home(address) & mask;
        loop {
            let slot = &mut slots[at];
            if slot.address == address {
                let old = std::mem::replace(&mut slot.bucket, bucket.word());
                return Place::from_word(old);
            }
            if slot.address == 0 {
                *slot = Slot { address, bucket: bucket.word() };
                self.used += 1;
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    fn remove(&mut self, address: usize) -> Option<Place> {
        let mask = self.capacity.checked_sub(1)?;
        let slots = self.all();
        let mut at = home(address) & mask;
        while slots[at].address != address {
            if slots[at].address == 0 {
                return None;
            }
            at = (at + 1) & mask;
        }
        let bucket = slots[at].bucket;
        let mut hole = at;
        loop {
            at = (at + 1) & mask;
            let slot = slots[at];
            if slot.address == 0 {
                break;
            }
            let home = home(slot.address) & mask;
            // It may move up if its home is not between the hole and itself.
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                slots[hole] = slot;
                hole = at;
            }
        }
        slots[hole].address = 0;
        self.used -= 1;
        Place::from_word(bucket)
    }

    fn grow(&mut self) -> bool {
        let capacity = if self.capacity == 0 { FIRST_CAPACITY } else { self.capacity * 2 };
        let Some(memory) = sys::map(capacity * size_of::<Slot>()) else { return false };
        let old = std::mem::replace(self, Slots { slots: memory.cast(), capacity, used: 0 });
        if old.capacity > 0 {
            // SAFETY: the old slots, owned by nobody else now.
            let slots = unsafe { std::slice::from_raw_parts(old.slots, old.capacity) };
            for slot in slots.iter().filter(|slot| slot.address != 0) {
                if let Some(bucket) = Place::from_word(slot.bucket) {
                    self.insert(slot.address, bucket);
                }
            }
            // SAFETY: mapped by an earlier `grow` with that size, and read for the last time.
            unsafe { sys::unmap(old.slots.cast(), old.capacity * size_of::<Slot>()) };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_a_map_through_growth_and_removal() {
        let mut slots = Slots::new();
        let mut truth = std::collections::HashMap::new();
        let mut state = 1;
        for step in 0..200_000u32 {
            let (next, bits) = crate::random::next(state);
            state = next;
            let address = (bits as usize % 5000 + 1) * 16;
            if bits >> 63 == 0 {
                let place = Place::from_word(step + 1).unwrap();
                let before = slots.insert(address, place).map(Place::word);
                assert_eq!(before, truth.insert(address, step + 1));
            } else {
                assert_eq!(slots.remove(address).map(Place::word), truth.remove(&address));
            }
            assert_eq!(slots.used, truth.len());
        }
        for (&address, &word) in &truth {
            assert_eq!(slots.remove(address).map(Place::word), Some(word));
        }
    }

    #[test]
    fn the_filter_never_hides_a_live_block() {
        let place = Place::from_word(5).unwrap();
        let addresses: Vec<usize> = (1..100_000).map(|n| 0x7f00_0000_0000 + n * 48).map(|a| a & !15).collect();
        for &address in &addresses {
            insert(address, place);
        }
        assert!(addresses.iter().all(|&address| may_contain(address)));
        assert!(addresses.iter().all(|&address| remove(address) == Some(place)));
    }
}
