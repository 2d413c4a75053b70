//! `Record`s → `Profile`, one record after the other, so that memory grows with the distinct stacks of a run and
//! not with its processes. Here, and nowhere else, return addresses become call sites, sampled allocations become
//! estimates of all (`heap.rs`, `unsample.rs`), and what was lost becomes a visible frame. Names come later, by
//! symbolizing.

mod heap;

use std::collections::HashMap;

use prof_record::{LabelKind, Record, Stack};

use crate::address_space::{AddressSpace, Process};
use crate::unsample::signed;
use crate::{
    Builder, Function, Label, LabelSetIndex, Line, Location, LocationIndex, MappingIndex, Profile, SampleIndex, Text,
    ValueType,
};

pub use heap::{HeapProfile, HeapTotals, HeapView};

/// The pseudo frame at the root of stacks that were cut, at the depth limit or for want of room to unwind.
pub const TRUNCATED_FRAME: &str = "[truncated]";
/// The pseudo frame at the root of stacks on which a frame's caller could not be found.
pub const BROKEN_FRAME: &str = "[broken]";
/// The pseudo frame that bears CPU time without an interruption: what a test or thread used after the kernel's last tick in
/// it.
pub const UNSAMPLED_FRAME: &str = "[unsampled]";
/// The pseudo frame that bears what could not be recorded.
pub const LOST_FRAME: &str = "[lost]";

/// Where a record comes from; it becomes the labels `package` and `target` of its samples.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The package, by its name.
    pub package: String,
    /// The target in it, by its name.
    pub target: String,
}

/// A CPU profile in the making.
#[derive(Debug)]
pub struct CpuProfile {
    period: u64,
    assembly: Assembly,
    totals: CpuTotals,
}

/// What a CPU profile holds, lost samples included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTotals {
    /// Records that were added.
    pub processes: u64,
    /// All samples.
    pub samples: u64,
    /// The CPU time that they stand for, nanoseconds.
    pub nanos: u64,
    /// Interruptions: the distinct moments that were seen.
    pub captures: u64,
    /// Samples whose stack was cut.
    pub truncated_samples: u64,
    /// Samples on whose stack a frame's caller could not be found.
    pub broken_samples: u64,
    /// Samples without a stack, because nothing interrupted the thread when they were due.
    pub unsampled_samples: u64,
    /// Samples without a stack, because there was no room.
    pub lost_samples: u64,
    /// Parts of records that the end of their process left unfinished.
    pub torn_entries: u64,
}

impl CpuProfile {
    /// A profile with `period` nanoseconds of CPU time between samples.
    pub fn new(period: u64) -> CpuProfile {
        let types = vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")];
        CpuProfile { period, assembly: Assembly::new(types), totals: CpuTotals::default() }
    }

    /// Adds the CPU samples of one process.
    pub fn add(&mut self, record: &Record, origin: &Origin) {
        let totals = &mut self.totals;
        let mut place = self.assembly.process(record, origin);
        for bucket in &record.cpu {
            if bucket.samples == 0 && bucket.nanos == 0 {
                continue;
            }
            let labels = place.labels(bucket.label, None);
            place.add(bucket.stack, labels, &[signed(bucket.samples), signed(bucket.nanos)]);
            totals.samples += bucket.samples;
            totals.nanos += bucket.nanos;
            if record.stacks[bucket.stack].truncated {
                totals.truncated_samples += bucket.samples;
            }
            if record.stacks[bucket.stack].broken {
                totals.broken_samples += bucket.samples;
            }
            if record.stacks[bucket.stack].unsampled {
                totals.unsampled_samples += bucket.samples;
            }
        }
        let loss = record.loss;
        if loss.cpu_samples != 0 || loss.cpu_nanos != 0 {
            place.add_lost(&[signed(loss.cpu_samples), signed(loss.cpu_nanos)]);
            totals.samples += loss.cpu_samples;
            totals.nanos += loss.cpu_nanos;
            totals.lost_samples += loss.cpu_samples;
        }
        totals.processes += 1;
        totals.captures += record.cpu_captures;
        totals.torn_entries += loss.torn_entries;
    }

    /// The profile with the given comments, and its totals.
    pub fn finish(self, comments: &[String]) -> (Profile, CpuTotals) {
        let period_type = ValueType::new("cpu", "nanoseconds");
        (self.assembly.finish("cpu", period_type, self.period, comments), self.totals)
    }
}

/// What CPU and heap profiles have in common.
#[derive(Debug)]
struct Assembly {
    builder: Builder,
    space: AddressSpace,
    /// Earliest start and latest end, nanoseconds since the Unix epoch.
    span: Option<(u64, u64)>,
}

impl Assembly {
    fn new(sample_types: Vec<ValueType>) -> Assembly {
        Assembly { builder: Builder::new(sample_types), space: AddressSpace::default(), span: None }
    }

    fn process<'a>(&'a mut self, record: &'a Record, origin: &Origin) -> Place<'a> {
        let (start, end) = (record.started, record.started.saturating_add(record.duration));
        self.span = Some(self.span.map_or((start, end), |(first, last)| (first.min(start), last.max(end))));
        let process = self.space.process(record, &mut self.builder);
        let origin = [("package", &origin.package), ("target", &origin.target)]
            .map(|(key, value)| Label::text(self.builder.text(key), self.builder.text(value)));
        let label_sets = HashMap::new();
        Place { record, process, origin, stacks: vec![None; record.stacks.len()], label_sets, assembly: self }
    }

    fn finish(self, default: &str, period_type: ValueType, period: u64, comments: &[String]) -> Profile {
        let (start, end) = self.span.unwrap_or_default();
        let main = self.space.main();
        let mut profile = self.builder.finish();
        if let Some(main) = main {
            put_first(&mut profile, main);
        }
        profile.default_sample_type = default.into();
        profile.time_nanos = signed(start);
        profile.duration_nanos = signed(end - start);
        profile.period_type = Some(period_type);
        profile.period = signed(period);
        profile.comments = comments.iter().map(|comment| Text::from(&**comment)).collect();
        profile
    }
}

/// One record on its way into a profile.
struct Place<'a> {
    assembly: &'a mut Assembly,
    record: &'a Record,
    process: Process<'a>,
    origin: [Label; 2],
    /// Those of the record, as far as they were asked for.
    stacks: Vec<Option<Box<[LocationIndex]>>>,
    label_sets: HashMap<(Option<usize>, Option<u64>), LabelSetIndex>,
}

impl Place<'_> {
    /// Adds values to the sample of the record's stack at a position.
    fn add(&mut self, position: usize, labels: LabelSetIndex, values: &[i64]) -> SampleIndex {
        let Assembly { space, builder, .. } = &mut *self.assembly;
        let stack = self.stacks[position].get_or_insert_with(|| {
            let stack = &self.record.stacks[position];
            let mut locations: Vec<_> =
                addresses(stack).map(|address| self.process.location(address, space, builder)).collect();
            let marks =
                [(stack.unsampled, UNSAMPLED_FRAME), (stack.truncated, TRUNCATED_FRAME), (stack.broken, BROKEN_FRAME)];
            for (_, name) in marks.into_iter().filter(|(is_so, _)| *is_so) {
                locations.push(pseudo_frame(builder, name));
            }
            locations.into()
        });
        builder.add(stack, labels, values)
    }

    /// Adds values for which there was no room.
    fn add_lost(&mut self, values: &[i64]) -> SampleIndex {
        let labels = self.labels(None, None);
        let builder = &mut self.assembly.builder;
        let frame = pseudo_frame(builder, LOST_FRAME);
        builder.add(&[frame], labels, values)
    }

    /// The labels of samples of a test or benchmark of the record, and of allocations of `size` bytes.
    fn labels(&mut self, label: Option<usize>, size: Option<u64>) -> LabelSetIndex {
        if let Some(labels) = self.label_sets.get(&(label, size)) {
            return *labels;
        }
        let builder = &mut self.assembly.builder;
        let mut labels = self.origin.to_vec();
        if let Some(label) = label.map(|position| &self.record.labels[position]) {
            let key = match label.kind {
                LabelKind::Bench => "bench",
                _ => "test",
            };
            labels.push(Label::text(builder.text(key), builder.text(&label.name)));
        }
        if let Some(size) = size {
            labels.push(Label::number(builder.text("bytes"), signed(size), builder.text("bytes")));
        }
        let labels = builder.label_set(&labels);
        self.label_sets.insert((label, size), labels);
        labels
    }
}

/// The instructions that a stack was in: where it was interrupted, and the calls that had not returned.
fn addresses(stack: &Stack) -> impl Iterator<Item = u64> + '_ {
    stack.pcs.iter().enumerate().map(|(depth, pc)| {
        let interrupted = depth == 0 && stack.leaf_is_interrupted;
        if interrupted { *pc } else { call_site(*pc) }
    })
}

/// An address within the call that returns to `return_address`, which itself may lie in the next line or function.
fn call_site(return_address: u64) -> u64 {
    return_address.saturating_sub(1)
}

fn pseudo_frame(builder: &mut Builder, name: &str) -> LocationIndex {
    let name = builder.text(name);
    let function = builder.function(Function { system_name: name.clone(), name, ..Function::default() });
    let lines = vec![Line { function, line: 0, column: 0 }];
    builder.location(Location { lines, ..Location::default() })
}

fn put_first(profile: &mut Profile, main: MappingIndex) {
    let first = MappingIndex::new(0);
    if main == first {
        return;
    }
    profile.mappings.swap(first.position(), main.position());
    for location in &mut profile.locations {
        location.mapping = location.mapping.map(|mapping| match mapping {
            mapping if mapping == main => first,
            mapping if mapping == first => main,
            other => other,
        });
    }
}

#[cfg(test)]
mod tests;
