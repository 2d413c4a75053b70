//! The heap's side of `from_record.rs`: what was allocated, what was in use at the peaks, and what was left at the end of
//! its test, each estimated from the sampled allocations by `unsample.rs`. Never decides what is a leak.

use prof_record::{HeapBucket, Record};

use super::{Assembly, Origin};
use crate::unsample::{self, signed};
use crate::{Profile, SampleIndex, ValueType};

/// What a heap profile counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeapView {
    /// What was allocated, and what of it was not freed: `alloc_objects`, `alloc_space`, `inuse_objects`, `inuse_space`.
    Allocations,
    /// What was in use when the process had most bytes in use, `peak_objects` and `peak_space`; where there are tests or
    /// benchmarks also what each of them had in use at its own peak, `test_peak_objects` and `test_peak_space`.
    Peaks,
    /// What was in use when its test or benchmark ended, or the process without one, `left_objects` and `left_space`, and
    /// what of it was freed later, `late_objects` and `late_space`.
    Left,
}

/// Two values of a sample: a number of blocks and their bytes.
#[derive(Debug, Clone, Copy)]
struct Column {
    objects: &'static str,
    space: &'static str,
    count: fn(&HeapBucket) -> u64,
}

const fn column(objects: &'static str, space: &'static str, count: fn(&HeapBucket) -> u64) -> Column {
    Column { objects, space, count }
}

impl HeapView {
    fn columns(self) -> [Column; 2] {
        match self {
            HeapView::Allocations => [
                column("alloc_objects", "alloc_space", |bucket| bucket.allocations),
                column("inuse_objects", "inuse_space", |bucket| bucket.allocations.saturating_sub(bucket.frees)),
            ],
            HeapView::Peaks => [
                column("peak_objects", "peak_space", |bucket| bucket.at_peak),
                column("test_peak_objects", "test_peak_space", |bucket| bucket.at_label_peak),
            ],
            HeapView::Left => [
                column("left_objects", "left_space", HeapBucket::left),
                column("late_objects", "late_space", |bucket| bucket.late_frees.min(bucket.left())),
            ],
        }
    }
}

/// A heap profile in the making.
#[derive(Debug)]
pub struct HeapProfile {
    period: u64,
    view: HeapView,
    assembly: Assembly,
    /// What the raw values of each sample are, by its position.
    raw: Vec<Raw>,
    has_labels: bool,
    totals: HeapTotals,
}

/// What a heap profile holds, un-sampled, lost allocations included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeapTotals {
    /// Records that were added.
    pub processes: u64,
    /// Allocations, in the view of allocations.
    pub alloc_objects: i64,
    /// Their bytes.
    pub alloc_space: i64,
    /// Allocations that were not freed, in the view of allocations.
    pub inuse_objects: i64,
    /// Their bytes.
    pub inuse_space: i64,
    /// Blocks in use when their process had most bytes in use, in the view of peaks.
    pub peak_objects: i64,
    /// Their bytes.
    pub peak_space: i64,
    /// Sampled allocations, not scaled: all of them, or those in use at the peak, or those left, as the view is.
    pub samples: u64,
    /// Those of them whose stack was cut.
    pub truncated_samples: u64,
    /// Those of them on whose stack a frame's caller could not be found.
    pub broken_samples: u64,
    /// Sampled allocations of which nothing else is known, because there was no room.
    pub lost_samples: u64,
    /// Parts of records that the end of their process left unfinished.
    pub torn_entries: u64,
}

/// Scaling has to wait for the sums, or the rounding of each process would add up. Until then a sample's values are
/// these.
#[derive(Debug, Clone, Copy)]
enum Raw {
    /// Sampled blocks of this many bytes each: how many, where later a column's objects are.
    Counts { size: u64 },
    /// Sampled allocations that were lost, and their bytes.
    Lost,
}

impl HeapProfile {
    /// A profile with `period` mean bytes between sampled allocations, 1 if all were.
    pub fn new(period: u64, view: HeapView) -> HeapProfile {
        let types = view
            .columns()
            .map(|Column { objects, space, .. }| [ValueType::new(objects, "count"), ValueType::new(space, "bytes")]);
        let assembly = Assembly::new(types.concat());
        HeapProfile { period, view, assembly, raw: Vec::new(), has_labels: false, totals: HeapTotals::default() }
    }

    /// Adds the sampled allocations of one process.
    pub fn add(&mut self, record: &Record, origin: &Origin) {
        let (raw, totals) = (&mut self.raw, &mut self.totals);
        let mut remember = |sample: SampleIndex, what| {
            if sample.position() == raw.len() {
                raw.push(what);
            }
        };
        let mut place = self.assembly.process(record, origin);
        for bucket in &record.heap {
            let [first, second] = self.view.columns().map(|column| (column.count)(bucket));
            if first == 0 && second == 0 {
                continue;
            }
            let labels = place.labels(bucket.label, Some(bucket.size));
            let values = [signed(first), 0, signed(second), 0];
            remember(place.add(bucket.stack, labels, &values), Raw::Counts { size: bucket.size });
            totals.samples += first;
            if record.stacks[bucket.stack].truncated {
                totals.truncated_samples += first;
            }
            if record.stacks[bucket.stack].broken {
                totals.broken_samples += first;
            }
        }
        let loss = record.loss;
        // Nobody saw whether they were freed. Counting them as in use would look like a peak or a leak.
        if loss.heap_objects != 0 && self.view == HeapView::Allocations {
            let values = [signed(loss.heap_objects), signed(loss.heap_bytes), 0, 0];
            remember(place.add_lost(&values), Raw::Lost);
            totals.samples += loss.heap_objects;
        }
        self.has_labels |= !record.labels.is_empty();
        totals.lost_samples += loss.heap_objects;
        totals.processes += 1;
        totals.torn_entries += loss.torn_entries;
    }

    /// The profile with the given comments, and its totals.
    pub fn finish(self, comments: &[String]) -> (Profile, HeapTotals) {
        let (period, mut totals) = (self.period, self.totals);
        let default = self.view.columns()[0].space;
        let mut profile = self.assembly.finish(default, ValueType::new("space", "bytes"), period, comments);
        let mut sums = [0i64; 4];
        for (values, raw) in profile.samples.values_mut().zip(self.raw) {
            let [first, lost_bytes, second, _] = [0, 1, 2, 3].map(|value| values[value] as u64);
            let (first, second) = match raw {
                Raw::Counts { size } => {
                    (unsample::allocations(first, size, period), unsample::allocations(second, size, period))
                }
                Raw::Lost => (unsample::allocations(first, lost_bytes / first, period), (0, 0)),
            };
            values.copy_from_slice(&[first.0, first.1, second.0, second.1]);
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = sum.saturating_add(*value);
            }
        }
        match self.view {
            HeapView::Allocations => {
                [totals.alloc_objects, totals.alloc_space, totals.inuse_objects, totals.inuse_space] = sums;
            }
            HeapView::Peaks => [totals.peak_objects, totals.peak_space, ..] = sums,
            HeapView::Left => {}
        }
        if self.view == HeapView::Peaks && !self.has_labels {
            profile.sample_types.truncate(2);
            profile.samples.keep_values(&[0, 1]);
        }
        (profile, totals)
    }
}
