//! Counts allocations and frees in their buckets and, where the peaks are asked for, keeps what each bucket had when the
//! process, and each label, had most bytes in use. How that goes without a look at every bucket is told in
//! `prof_record::layout::heap`. Between threads the moments are those of one lock.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use prof_record::layout::{header, heap, label};

use crate::arena::{self, Place};
use crate::bucket::{self, HeapBucket};
use crate::lock::Lock;

static IS_ON: AtomicBool = AtomicBool::new(false);
static PERIOD: AtomicU64 = AtomicU64::new(0);
static LOCK: Lock = Lock::new();

/// Starts to keep the peaks, if `keeps`, of allocations that are sampled every `period` bytes.
pub fn start(keeps: bool, period: u64) {
    PERIOD.store(period, Ordering::Relaxed);
    IS_ON.store(keeps, Ordering::Release);
    set(arena::header_word(header::KEEPS_PEAKS), keeps.into());
}

/// Counts an allocation of the bucket at a place; false without a record.
#[inline(always)]
pub fn allocated(bucket: Place) -> bool {
    let Some(bucket) = HeapBucket::at(bucket) else { return false };
    if IS_ON.load(Ordering::Relaxed) {
        kept(bucket, heap::ALLOCATIONS, u64::wrapping_add);
    } else {
        bucket.add(heap::ALLOCATIONS);
    }
    true
}

/// Counts a free of a block of the bucket at a place.
#[inline(always)]
pub fn freed(bucket: Place) {
    let Some(bucket) = HeapBucket::at(bucket) else { return };
    if bucket.label().is_some_and(|label| value(bucket::label_counter(label, label::HAS_ENDED)) != 0) {
        bucket.add(heap::LATE_FREES);
    }
    if IS_ON.load(Ordering::Relaxed) {
        kept(bucket, heap::FREES, u64::wrapping_sub);
    } else {
        bucket.add(heap::FREES);
    }
}

/// Counts, after keeping what the bucket had at the last peaks, and changes what is in use.
#[cold]
#[inline(never)]
fn kept(bucket: HeapBucket, counter: usize, change: fn(u64, u64) -> u64) {
    let bytes = estimate(bucket.size());
    let of_label = |counter| bucket.label().and_then(|place| bucket::label_counter(place, counter));
    LOCK.held(|| {
        keep(bucket, arena::header_word(header::HEAP_PEAK_NUMBER), heap::PEAK_NUMBER, heap::AT_PEAK);
        keep(bucket, of_label(label::PEAK_NUMBER), heap::LABEL_PEAK_NUMBER, heap::AT_LABEL_PEAK);
        bucket.add(counter);
        let of_process = [header::HEAP_LIVE, header::HEAP_PEAK, header::HEAP_PEAK_NUMBER].map(arena::header_word);
        for [live, peak, number] in [of_process, [label::LIVE, label::PEAK, label::PEAK_NUMBER].map(of_label)] {
            let now = change(value(live), bytes);
            set(live, now);
            if counter == heap::ALLOCATIONS && now > value(peak) {
                set(peak, now);
                set(number, value(number) + 1);
            }
        }
    });
}

/// Keeps what the bucket has, if it has not changed since the peak that `last` numbers.
fn keep(bucket: HeapBucket, last: Option<&AtomicU64>, number: usize, at_peak: usize) {
    let counter = |index| value(Some(bucket.counter(index)));
    if counter(number) != value(last) {
        let live = counter(heap::ALLOCATIONS).saturating_sub(counter(heap::FREES));
        set(Some(bucket.counter(at_peak)), live);
        set(Some(bucket.counter(number)), value(last));
    }
}

/// How many bytes a sampled allocation of `size` bytes stands for; see `unsample.rs` in `prof-pprof`.
fn estimate(size: u64) -> u64 {
    let period = PERIOD.load(Ordering::Relaxed);
    if period <= 1 || size == 0 {
        return size;
    }
    let size = size as f64;
    (size / -(-size / period as f64).exp_m1()) as u64
}

fn value(word: Option<&AtomicU64>) -> u64 {
    word.map_or(0, |word| word.load(Ordering::Relaxed))
}

fn set(word: Option<&AtomicU64>, value: u64) {
    if let Some(word) = word {
        word.store(value, Ordering::Relaxed);
    }
}
