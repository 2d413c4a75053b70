//! The live set: the sampled blocks that are not freed yet, with their buckets. A filter of counters tells most frees
//! in one load that their block was not sampled. Behind it are the regions of memory that blocks lie in, each with a table of
//! its own (`region.rs`): what a thread allocates comes from few regions, which other threads seldom touch.
//!
//! Never entered from a signal handler of the harness; an allocation that a handler of the program makes while its
//! thread is in here passes unseen (`Thread::is_inside`), so the locks cannot meet themselves.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

use super::region::{Region, REGION_BITS};
use crate::arena::Place;
use crate::sys;

/// Sampled blocks by [`filter_slot`].
pub static FILTER: [AtomicU8; FILTER_SLOTS] = [const { AtomicU8::new(0) }; FILTER_SLOTS];

/// Whether every block is in the live set, so that the filter has nothing to tell.
static HAS_ALL: AtomicBool = AtomicBool::new(false);

/// Bits of an address of the program's, and how many of those of a region's number find it in a group of regions.
const ADDRESS_BITS: u32 = 47;
const GROUP_BITS: u32 = 13;
const GROUPS: usize = 1 << (ADDRESS_BITS - REGION_BITS - GROUP_BITS);

type Group = [Region; 1 << GROUP_BITS];

/// The groups, each made when the first block in it is noted, for the life of the process.
static TABLE: [AtomicPtr<Group>; GROUPS] = [const { AtomicPtr::new(std::ptr::null_mut()) }; GROUPS];

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
    if let Some(region) = region(address) {
        region.approach(address);
    }
}

/// Adds a block. Returns the bucket of a block at the same address whose free was not seen. Without memory the block is not
/// followed: it stays in use for the profile.
pub fn insert(address: usize, bucket: Place) -> Option<Place> {
    if !HAS_ALL.load(Ordering::Relaxed) {
        let counter = &FILTER[filter_slot(address)];
        // A counter that reached the top no longer counts: it stays there.
        let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < u8::MAX).then_some(n + 1));
    }
    region(address).or_else(|| make_group(address))?.insert(address, bucket)
}

/// Takes a block out and returns its bucket, if it was in.
pub fn remove(address: usize) -> Option<Place> {
    let bucket = region(address)?.remove(address)?;
    if !HAS_ALL.load(Ordering::Relaxed) {
        let counter = &FILTER[filter_slot(address)];
        let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < u8::MAX && n > 0).then_some(n - 1));
    }
    Some(bucket)
}

/// Takes every block out. Nothing else may be at work.
pub fn clear() {
    for group in &TABLE {
        // SAFETY: null or a group of `make_group`, which lives for ever.
        if let Some(group) = unsafe { group.load(Ordering::Acquire).as_ref() } {
            group.iter().for_each(Region::clear);
        }
    }
    for counter in &FILTER {
        counter.store(0, Ordering::Relaxed);
    }
}

const FILTER_SLOTS: usize = 1 << FILTER_BITS;
const FILTER_BITS: u32 = 14;
/// Blocks are 16-aligned, and large ones are so on pages. No bit above the lowest 32 of the address counts.
pub const LOW_SHIFT: u32 = 4;
/// See [`LOW_SHIFT`].
pub const HIGH_SHIFT: u32 = LOW_SHIFT + FILTER_BITS;
/// What is left of the two together.
pub const FILTER_MASK: usize = FILTER_SLOTS - 1;

/// The place of an address in the filter; `freeing_door` in `fast.rs` finds the same.
#[inline(always)]
fn filter_slot(address: usize) -> usize {
    ((address >> LOW_SHIFT) ^ (address >> HIGH_SHIFT)) & FILTER_MASK
}

/// The region of an address; none in a group that is not made yet.
#[inline(always)]
fn region(address: usize) -> Option<&'static Region> {
    let number = address >> REGION_BITS;
    let group = TABLE.get(number >> GROUP_BITS)?.load(Ordering::Acquire);
    // SAFETY: null or a group of `make_group`, which lives for ever.
    let group = unsafe { group.as_ref() }?;
    group.get(number & ((1 << GROUP_BITS) - 1))
}

#[cold]
fn make_group(address: usize) -> Option<&'static Region> {
    let place = TABLE.get(address >> REGION_BITS >> GROUP_BITS)?;
    let group = sys::map(size_of::<Group>())?;
    let made = place.compare_exchange(std::ptr::null_mut(), group.cast(), Ordering::AcqRel, Ordering::Acquire);
    if made.is_err() {
        // SAFETY: mapped above with that size, and known to nobody.
        unsafe { sys::unmap(group, size_of::<Group>()) };
    }
    region(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_never_hides_a_live_block() {
        let place = Place::from_word(5).unwrap();
        let addresses: Vec<usize> = (1..100_000).map(|n| 0x7f00_0000_0000 + n * 48).map(|a| a & !15).collect();
        for &address in &addresses {
            insert(address, place);
        }
        assert!(addresses.iter().all(|&address| may_contain(address)));
        assert!(addresses.iter().all(|&address| remove(address) == Some(place)));
        assert!(addresses.iter().all(|&address| remove(address).is_none()));
        assert_eq!(insert(usize::MAX - 15, place), None, "no address of a program's");
        assert_eq!(remove(usize::MAX - 15), None);
    }
}
