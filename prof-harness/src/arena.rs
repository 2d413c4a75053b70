//! The record file in memory: its header's counters and an arena of entries that only grows. The layout is
//! `prof_record::layout`'s; what the entries mean is in `bucket.rs`.
//!
//! Every operation is lock-free and made for signal handlers: without room it says so, it never waits. The one
//! thing it asks of the kernel from there is the next segment of the file, at most 15 times in a process.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use prof_record::layout::{self, header, HEADER_WORDS, MAX_SEGMENTS, PREFIX_WORDS};

use crate::{alive, memory, sys, thread};

/// Where an entry lies: the index of its first word in the file. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    /// The number, as entries refer to each other.
    pub fn word(self) -> u32 {
        self.0
    }

    /// The place that `word` numbers; none for 0.
    pub fn from_word(word: u32) -> Option<Place> {
        (word != 0).then_some(Place(word))
    }
}

const INDEX_SLOTS: usize = 1 << 16;

static HEADER: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());
static SEGMENTS: [AtomicPtr<AtomicU64>; MAX_SEGMENTS] = [const { AtomicPtr::new(std::ptr::null_mut()) }; MAX_SEGMENTS];
/// Heads of the chains of entries with equal hash bits; outside the file, a reader does not need it.
static INDEX: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());
static PATH: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static GROWING: AtomicBool = AtomicBool::new(false);
/// Where each shard's own part of the arena goes on, and where it ends: places in the upper and the lower half.
static SHARDS: [AtomicU64; thread::SHARDS] = [const { AtomicU64::new(0) }; thread::SHARDS];
/// How many segments there are beyond the one in use, once half of that is used.
const AHEAD: usize = 2;
/// Words of such a part: a page.
const SHARD_WORDS: usize = 512;
/// The file could not grow once; it is not tried again for every sample.
static FULL: AtomicBool = AtomicBool::new(false);

/// Creates the record file and its first segment. Not for signal handlers.
pub fn create(path: &CStr) -> bool {
    let Some(path) = memory::copy(path.to_bytes_with_nul()) else { return false };
    let path = CStr::from_bytes_until_nul(path).unwrap_or_default();
    let Some(index) = sys::map(INDEX_SLOTS * size_of::<AtomicU32>()) else { return false };
    let Some(file) = sys::create(path) else { return false };
    let bytes = layout::HEADER_BYTES;
    if !file.reserve(0, layout::segment_offset(AHEAD)) {
        return false;
    }
    let Some(header) = file.map_shared(0, bytes) else { return false };
    let segment = |k| file.map_shared(layout::segment_offset(k), layout::segment_bytes(k));
    let (Some(first), Some(second)) = (segment(0), segment(1)) else { return false };
    PATH.store(path.as_ptr().cast_mut().cast(), Ordering::Relaxed);
    INDEX.store(index.cast(), Ordering::Relaxed);
    // An earlier record's may still be there: its last readers may not have gone.
    for segment in &SEGMENTS {
        segment.store(std::ptr::null_mut(), Ordering::Relaxed);
    }
    for shard in &SHARDS {
        shard.store(0, Ordering::Relaxed);
    }
    FULL.store(false, Ordering::Relaxed);
    SEGMENTS[0].store(first.cast(), Ordering::Relaxed);
    SEGMENTS[1].store(second.cast(), Ordering::Relaxed);
    HEADER.store(header.cast(), Ordering::Release);
    true
}

/// Gives the record's memory back, once nothing is recorded any more. Not for signal handlers.
pub fn close() {
    let unmap = |memory: *mut u8, bytes| {
        if !memory.is_null() {
            // SAFETY: mapped by `create` or `grow` with that size, and whoever used it has come to an end.
            unsafe { sys::unmap(memory, bytes) };
        }
    };
    unmap(HEADER.swap(std::ptr::null_mut(), Ordering::Relaxed).cast(), layout::HEADER_BYTES);
    unmap(INDEX.swap(std::ptr::null_mut(), Ordering::Relaxed).cast(), INDEX_SLOTS * size_of::<AtomicU32>());
    for (k, segment) in SEGMENTS.iter().enumerate() {
        unmap(segment.swap(std::ptr::null_mut(), Ordering::Relaxed).cast(), layout::segment_bytes(k));
    }
}

/// The header's word `index`, one of [`header`]; none before [`create`]. Signal: yes.
pub fn header_word(index: usize) -> Option<&'static AtomicU64> {
    let words = HEADER.load(Ordering::Acquire);
    // In a forked child the mapping is gone.
    if words.is_null() || index >= HEADER_WORDS || !alive::has_record() {
        return None;
    }
    // SAFETY: the header is mapped until the session's last record is made, and `index` lies in it.
    Some(unsafe { &*words.add(index) })
}

/// Adds to a counter of the header. Signal: yes.
pub fn count(index: usize, amount: u64) {
    if let Some(word) = header_word(index) {
        word.fetch_add(amount, Ordering::Relaxed);
    }
}

/// Notes that something happened now. Signal: yes.
pub fn touch() {
    if let Some(word) = header_word(header::LAST_MONOTONIC) {
        word.store(sys::monotonic_nanos(), Ordering::Relaxed);
    }
}

/// The word at `place + offset` of an entry. Signal: yes.
pub fn word(place: Place, offset: usize) -> Option<&'static AtomicU64> {
    words(place, offset + 1)?.last()
}

/// The first words of an entry that has at least so many. Signal: yes.
#[inline(always)]
pub fn entry<const N: usize>(place: Place) -> Option<&'static [AtomicU64; N]> {
    words(place, N)?.try_into().ok()
}

/// The last words of an entry of `length` words. Signal: yes.
#[inline(always)]
pub fn entry_end<const N: usize>(place: Place, length: usize) -> Option<&'static [AtomicU64; N]> {
    words(place, length)?.last_chunk()
}

/// The `length` words from `place` on. Signal: yes.
#[inline(always)]
fn words(place: Place, length: usize) -> Option<&'static [AtomicU64]> {
    let (segment, index) = layout::segment_of(place.0 as usize);
    let words = SEGMENTS.get(segment)?.load(Ordering::Acquire);
    if words.is_null() || !alive::has_record() || index + length > layout::segment_bytes(segment) / 8 {
        return None;
    }
    // SAFETY: as the header, and the words lie in it.
    Some(unsafe { std::slice::from_raw_parts(words.add(index), length) })
}

/// The entry of `kind` whose words are `first`, then `rest`, then `counters` counters; added if it is not there.
/// None without room. Signal: yes.
pub fn intern(kind: u8, first: &[u64], rest: &[u64], counters: usize) -> Option<Place> {
    intern_with(kind, first, rest, counters, reserve)
}

/// As [`intern`], but with entries apart by shard: threads of different ones do not write to the same line of memory.
pub fn intern_in_shard(shard: usize, kind: u8, first: &[u64], rest: &[u64], counters: usize) -> Option<Place> {
    intern_with(kind, first, rest, counters, |length| reserve_in_shard(shard, length))
}

fn intern_with(
    kind: u8,
    first: &[u64],
    rest: &[u64],
    counters: usize,
    reserve: impl Fn(usize) -> Option<Place>,
) -> Option<Place> {
    let content = || first.iter().chain(rest).copied();
    let hash = content().fold(layout::hash_start(kind), layout::hash_word);
    let length = PREFIX_WORDS + first.len() + rest.len() + counters;
    let entry_word = layout::entry_word(kind, length);
    let head = index_slot(hash)?;
    let same = |place: Place| {
        // Asked for once: a stack has many.
        let Some([word, its_hash, _, its @ ..]) = words(place, length) else { return false };
        let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
        load(word) == entry_word
            && load(its_hash) == hash
            && content().zip(its).all(|(value, word)| load(word) == value)
    };

    let mut newest = head.load(Ordering::Acquire);
    let mut searched_to = 0;
    let mut mine = None;
    loop {
        let mut next = newest;
        while next != searched_to {
            let Some(place) = Place::from_word(next) else { break };
            if same(place) {
                // An entry of ours that another thread overtook stays unlinked, with zero counters.
                return Some(place);
            }
            next = load(place, 2) as u32;
        }
        searched_to = newest;
        let place = match mine {
            Some(place) => place,
            None => {
                let place = reserve(length)?;
                store(place, 1, hash);
                for (at, value) in content().enumerate() {
                    store(place, PREFIX_WORDS + at, value);
                }
                mine = Some(place);
                place
            }
        };
        store(place, 2, u64::from(newest));
        // The entry word makes the entry whole for a reader, so it comes last.
        word(place, 0)?.store(entry_word, Ordering::Release);
        match head.compare_exchange(newest, place.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(place),
            Err(now) => newest = now,
        }
    }
}

fn index_slot(hash: u64) -> Option<&'static AtomicU32> {
    let index = INDEX.load(Ordering::Acquire);
    if index.is_null() {
        return None;
    }
    // SAFETY: as the header; it has INDEX_SLOTS slots.
    Some(unsafe { &*index.add((hash >> 40) as usize % INDEX_SLOTS) })
}

fn load(place: Place, offset: usize) -> u64 {
    word(place, offset).map_or(0, |word| word.load(Ordering::Relaxed))
}

fn store(place: Place, offset: usize, value: u64) {
    if let Some(word) = word(place, offset) {
        word.store(value, Ordering::Relaxed);
    }
}

/// Room for `length` words in one segment.
fn reserve(length: usize) -> Option<Place> {
    let used = header_word(header::ARENA_WORDS)?;
    loop {
        let start = HEADER_WORDS + used.fetch_add(length as u64, Ordering::Relaxed) as usize;
        let (segment, index) = layout::segment_of(start);
        let words = layout::segment_bytes(segment.min(MAX_SEGMENTS)) / 8;
        if segment >= MAX_SEGMENTS || !is_mapped(segment) && !grow(segment) {
            // Later entries may find room if the next segment comes; what lies here stays a gap.
            return None;
        }
        // Ahead of need, so that threads that reach the end together do not lose samples to each other.
        if index > words / 2 && segment + AHEAD < MAX_SEGMENTS && !is_mapped(segment + AHEAD) {
            grow(segment + AHEAD);
        }
        if index + length <= words {
            return u32::try_from(start).ok().map(Place);
        }
    }
}

/// Room for `length` words in the shard's own part.
fn reserve_in_shard(shard: usize, length: usize) -> Option<Place> {
    let part = SHARDS.get(shard)?;
    let mut now = part.load(Ordering::Acquire);
    loop {
        let (start, end) = ((now >> 32) as usize, (now as u32) as usize);
        let (start, end) = if start + length <= end {
            (start, end)
        } else {
            let start = reserve(SHARD_WORDS)?.0 as usize;
            (start, start + SHARD_WORDS)
        };
        // What two that come to an end together have reserved, one of them leaves as a gap.
        let after = ((start + length) as u64) << 32 | end as u64;
        match part.compare_exchange(now, after, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return u32::try_from(start).ok().map(Place),
            Err(other) => now = other,
        }
    }
}

fn is_mapped(segment: usize) -> bool {
    !SEGMENTS[segment].load(Ordering::Acquire).is_null()
}

/// Whether what found no room may find some now: another thread is making it, or has since there were so many segments.
pub fn is_growing_from(segments: usize) -> bool {
    GROWING.load(Ordering::Acquire) || self::segments() != segments
}

/// How many segments there are.
pub fn segments() -> usize {
    (0..MAX_SEGMENTS).take_while(|k| is_mapped(*k)).count()
}

/// Maps the next segment; false if it cannot be had or another thread is at it.
fn grow(segment: usize) -> bool {
    if FULL.load(Ordering::Relaxed)
        || GROWING.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err()
    {
        return false;
    }
    if !is_mapped(segment) {
        match map_segment(segment) {
            Some(words) => SEGMENTS[segment].store(words, Ordering::Release),
            // Without space it will not come; without a free descriptor, say, it may the next time.
            None => FULL.store(matches!(sys::errno(), libc::ENOSPC | libc::EFBIG | libc::EDQUOT), Ordering::Relaxed),
        }
    }
    GROWING.store(false, Ordering::Release);
    is_mapped(segment)
}

fn map_segment(segment: usize) -> Option<*mut AtomicU64> {
    let path = PATH.load(Ordering::Relaxed);
    if path.is_null() {
        return None;
    }
    // SAFETY: `create` stored a NUL-terminated string that lives as long as the process.
    let path = unsafe { CStr::from_ptr(path.cast()) };
    let file = sys::open(path)?;
    let (offset, bytes) = (layout::segment_offset(segment), layout::segment_bytes(segment));
    if !file.reserve(offset, bytes) {
        return None;
    }
    file.map_shared(offset, bytes).map(<*mut u64>::cast)
}
