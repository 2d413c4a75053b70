//! Counts by stack and label: what a sample becomes. Lock-free, in the arena, for signal handlers.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering};

use prof_record::layout::{self, header, heap, PREFIX_WORDS};

use crate::arena::{self, Place};
use crate::label::Attribution;
use crate::stack::Stack;
use crate::thread;

/// Adds `ticks` CPU samples worth `nanos` to the bucket of `stack` and `label`, or to the loss. Signal: yes.
pub fn add_cpu(stack: &Stack, label: Option<Place>, ticks: u64, nanos: u64) {
    arena::count(header::CPU_CAPTURES, 1);
    add_to_bucket(intern_stack(stack, layout::FLAG_INTERRUPTED), label, ticks, nanos);
}

fn add_to_bucket(stack: Option<Place>, label: Option<Place>, ticks: u64, nanos: u64) {
    let added =
        stack.and_then(|stack| arena::intern(layout::CPU_BUCKET, &[key(stack, label)], &[], 2)).and_then(|bucket| {
            arena::word(bucket, PREFIX_WORDS + 1)?.fetch_add(ticks, Ordering::Relaxed);
            arena::word(bucket, PREFIX_WORDS + 2)?.fetch_add(nanos, Ordering::Relaxed);
            Some(())
        });
    if added.is_none() {
        lose_cpu(ticks, nanos);
    }
    arena::touch();
}

/// Adds CPU samples that fell due without an interruption, and so have no stack. Signal: yes.
pub fn add_unsampled(label: Option<Place>, ticks: u64, nanos: u64) {
    let stack = arena::intern(layout::STACK, &[layout::FLAG_UNSAMPLED], &[], 0);
    add_to_bucket(stack, label, ticks, nanos);
}

/// Counts CPU samples that could not be captured. Signal: yes.
pub fn lose_cpu(ticks: u64, nanos: u64) {
    arena::count(header::LOST_CPU_SAMPLES, ticks);
    arena::count(header::LOST_CPU_NANOS, nanos);
}

/// The bucket of allocations of `size` bytes each at `stack` under `label`; none without room. With a shard it is that
/// shard's own.
pub fn heap_bucket(stack: Place, label: Option<Place>, size: u64, shard: Option<usize>) -> Option<Place> {
    let size = size & ((1 << layout::SHARD_SHIFT) - 1);
    let key = [key(stack, label)];
    match shard {
        None => arena::intern(layout::HEAP_BUCKET, &key, &[size], heap::COUNTERS),
        Some(shard) => {
            let size = size | (shard as u64) << layout::SHARD_SHIFT;
            arena::intern_in_shard(shard, layout::HEAP_BUCKET, &key, &[size], heap::COUNTERS)
        }
    }
}

/// The words of a heap bucket.
#[derive(Clone, Copy)]
pub struct HeapBucket(&'static [AtomicU64; HEAP_BUCKET_WORDS]);

// The key and the size come before the counters.
const HEAP_BUCKET_WORDS: usize = PREFIX_WORDS + 2 + heap::COUNTERS;

impl HeapBucket {
    /// The bucket at a place; none without a record.
    #[inline(always)]
    pub fn at(place: Place) -> Option<HeapBucket> {
        arena::entry(place).map(HeapBucket)
    }

    /// A counter, by its index in [`layout::heap`].
    #[inline(always)]
    pub fn counter(self, index: usize) -> &'static AtomicU64 {
        &self.0[PREFIX_WORDS + 2 + index]
    }

    /// Counts an allocation. The calling thread found the bucket, by the shard that it has.
    #[inline(always)]
    pub fn count_allocation(self) {
        if self.is_own() {
            self.add_alone(heap::ALLOCATIONS);
        } else {
            self.add(heap::ALLOCATIONS);
        }
    }

    /// Counts a free.
    #[inline(always)]
    pub fn count_free(self) {
        if self.is_own() {
            self.add_alone(heap::FREES);
        } else {
            self.add(heap::FREES_ELSEWHERE);
        }
    }

    /// Whether the bucket's shard is the calling thread's alone: nobody else counts allocations in it, nor frees where it does.
    #[inline(always)]
    fn is_own(self) -> bool {
        let shard = (self.0[PREFIX_WORDS + 1].load(Ordering::Relaxed) >> layout::SHARD_SHIFT) as usize;
        shard != 0 && shard == thread::own_shard()
    }

    /// Adds one to a counter, by its index in [`layout::heap`].
    #[inline(always)]
    pub fn add(self, counter: usize) {
        self.counter(counter).fetch_add(1, Ordering::Relaxed);
    }

    /// Adds one to a counter to which nobody else adds at the same time: without an atomic operation, for which the processor
    /// would wait.
    #[inline(always)]
    pub fn add_alone(self, counter: usize) {
        let counter = self.counter(counter);
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// How many blocks are in use.
    pub fn live(self) -> u64 {
        let value = |counter| self.counter(counter).load(Ordering::Relaxed);
        value(heap::ALLOCATIONS).saturating_sub(value(heap::FREES) + value(heap::FREES_ELSEWHERE))
    }

    /// The bucket's label.
    #[inline(always)]
    pub fn label(self) -> Option<Place> {
        Place::from_word((self.0[PREFIX_WORDS].load(Ordering::Relaxed) >> 32) as u32)
    }

    /// The bytes of each block.
    pub fn size(self) -> u64 {
        self.0[PREFIX_WORDS + 1].load(Ordering::Relaxed) & ((1 << layout::SHARD_SHIFT) - 1)
    }
}

/// The counters of a label, in the order of [`layout::label`].
#[inline(always)]
pub fn label_counters(label: Place) -> Option<&'static [AtomicU64; layout::label::COUNTERS]> {
    let entry = arena::word(label, 0)?.load(Ordering::Relaxed);
    let (_, length) = layout::entry_kind(entry)?;
    arena::entry_end(label, length)
}

/// Counts a sampled allocation that could not be captured.
pub fn lose_allocation(size: u64) {
    arena::count(header::LOST_HEAP_OBJECTS, 1);
    arena::count(header::LOST_HEAP_BYTES, size);
}

/// The place in the record of a label whose test or benchmark begins. Equal names share one.
pub fn begin_label(kind: u64, name: &str) -> Option<Place> {
    let mut words = [0; 512];
    let used = pack(name.as_bytes(), &mut words);
    let first = [kind, name.len().min(words.len() * 8) as u64];
    let place = arena::intern(layout::LABEL, &first, words.get(..used)?, layout::label::COUNTERS)?;
    set_label_ended(place, 0);
    Some(place)
}

/// Notes that the test or benchmark of a label has ended.
pub fn end_label(label: Place) {
    set_label_ended(label, 1);
}

fn set_label_ended(label: Place, value: u64) {
    if let Some(counters) = label_counters(label) {
        counters[layout::label::HAS_ENDED].store(value, Ordering::Relaxed);
    }
}

/// Records mapped code: the addresses and file offset in `place`, the build id and path of the file.
pub fn intern_mapping(place: [u64; 3], build_id: &[u8], path: &[u8]) {
    let mut text = [0u8; 4096 + 64];
    let build_id = build_id.get(..build_id.len().min(64)).unwrap_or_default();
    let path = path.get(..path.len().min(4096)).unwrap_or_default();
    for (to, from) in text.iter_mut().zip(build_id.iter().chain(path)) {
        *to = *from;
    }
    let mut words = [0; (4096 + 64) / 8];
    let used = pack(text.get(..build_id.len() + path.len()).unwrap_or_default(), &mut words);
    let lengths = build_id.len() as u64 | (path.len() as u64) << 32;
    let [start, end, offset] = place;
    arena::intern(layout::MAPPING, &[start, end, offset, lengths], words.get(..used).unwrap_or_default(), 0);
}

impl Attribution {
    /// The label to record under; none if nothing is to be recorded.
    pub fn label(self) -> Option<Option<Place>> {
        match self {
            Attribution::Skip => None,
            Attribution::Unlabelled => Some(None),
            Attribution::Labelled(place) => Some(Some(place)),
        }
    }
}

/// The place of a stack in the record; none without room. Signal: yes.
pub fn intern_stack(stack: &Stack, flags: u64) -> Option<Place> {
    let truncated = if stack.truncated { layout::FLAG_TRUNCATED } else { 0 };
    let broken = if stack.broken { layout::FLAG_BROKEN } else { 0 };
    let flags = flags | truncated | broken;
    arena::intern(layout::STACK, &[flags], stack.pcs(), 0)
}

fn key(stack: Place, label: Option<Place>) -> u64 {
    u64::from(stack.word()) | u64::from(label.map_or(0, Place::word)) << 32
}

/// Packs bytes into words, as much as fits, and says how many words that took.
fn pack(bytes: &[u8], words: &mut [u64]) -> usize {
    let mut used = 0;
    for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut whole = [0; 8];
        for (to, from) in whole.iter_mut().zip(chunk) {
            *to = *from;
        }
        *word = u64::from_le_bytes(whole);
        used += 1;
    }
    used
}
