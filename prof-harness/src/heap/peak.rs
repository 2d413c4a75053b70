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

/// What all threads change is in one line of memory: the next one waits for no other.
#[repr(align(64))]
struct Process {
    lock: Lock,
    /// Bytes in use by what was sampled, un-sampled.
    live: AtomicU64,
    /// As in the record's header.
    peak: AtomicU64,
    number: AtomicU64,
}

static PROCESS: Process =
    Process { lock: Lock::new(), live: AtomicU64::new(0), peak: AtomicU64::new(0), number: AtomicU64::new(0) };

/// Starts to keep the peaks, if `keeps`, of allocations that are sampled every `period` bytes. Nothing is counted yet.
pub fn start(keeps: bool, period: u64) {
    PERIOD.store(period, Ordering::Relaxed);
    for of_earlier in [&PROCESS.live, &PROCESS.peak, &PROCESS.number] {
        of_earlier.store(0, Ordering::Relaxed);
    }
    IS_ON.store(keeps, Ordering::Release);
    set(arena::header_word(header::KEEPS_PEAKS), keeps.into());
}

/// Counts an allocation of the bucket at a place; false without a record.
#[inline(always)]
pub fn allocated(bucket: Place) -> bool {
    let Some(bucket) = HeapBucket::at(bucket) else { return false };
    if IS_ON.load(Ordering::Relaxed) {
        kept(bucket, heap::ALLOCATIONS);
    } else {
        bucket.count_allocation();
    }
    true
}

/// Counts a free of a block of the bucket at a place.
#[inline(always)]
pub fn freed(bucket: Place) {
    let Some(bucket) = HeapBucket::at(bucket) else { return };
    if bucket.label().and_then(bucket::label_counters).is_some_and(|label| load(&label[label::HAS_ENDED]) != 0) {
        bucket.add(heap::LATE_FREES);
    }
    if IS_ON.load(Ordering::Relaxed) {
        kept(bucket, heap::FREES);
    } else {
        bucket.count_free();
    }
}

/// Counts, after keeping what the bucket had at the last peaks, and changes what is in use.
#[cold]
#[inline(never)]
fn kept(bucket: HeapBucket, counter: usize) {
    let bytes = estimate(bucket.size());
    let label = bucket.label().and_then(bucket::label_counters);
    let [peak, number] = [header::HEAP_PEAK, header::HEAP_PEAK_NUMBER].map(arena::header_word);
    PROCESS.lock.held(|| {
        keep(bucket, &PROCESS.number, heap::PEAK_NUMBER, heap::AT_PEAK);
        if let Some(label) = label {
            keep(bucket, &label[label::PEAK_NUMBER], heap::LABEL_PEAK_NUMBER, heap::AT_LABEL_PEAK);
        }
        // Whoever counts does so under the lock.
        bucket.add_alone(counter);
        let is_free = counter == heap::FREES;
        if change(is_free, bytes, [&PROCESS.live, &PROCESS.peak, &PROCESS.number]) {
            set(peak, load(&PROCESS.peak));
            set(number, load(&PROCESS.number));
        }
        if let Some(label) = label {
            change(is_free, bytes, [&label[label::LIVE], &label[label::PEAK], &label[label::PEAK_NUMBER]]);
        }
    });
}

/// Keeps what the bucket has, if it has not changed since the peak that `last` numbers.
fn keep(bucket: HeapBucket, last: &AtomicU64, number: usize, at_peak: usize) {
    let last = load(last);
    if load(bucket.counter(number)) != last {
        bucket.counter(at_peak).store(bucket.live(), Ordering::Relaxed);
        bucket.counter(number).store(last, Ordering::Relaxed);
    }
}

/// Changes what is in use by so many bytes; true if it is a new peak, which gets the next number.
fn change(is_free: bool, bytes: u64, [live, peak, number]: [&AtomicU64; 3]) -> bool {
    let now = if is_free { load(live).wrapping_sub(bytes) } else { load(live).wrapping_add(bytes) };
    live.store(now, Ordering::Relaxed);
    let is_peak = !is_free && now > load(peak);
    if is_peak {
        peak.store(now, Ordering::Relaxed);
        number.store(load(number) + 1, Ordering::Relaxed);
    }
    is_peak
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

fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

fn set(word: Option<&AtomicU64>, value: u64) {
    if let Some(word) = word {
        word.store(value, Ordering::Relaxed);
    }
}
