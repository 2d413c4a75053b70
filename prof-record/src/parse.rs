//! Bytes → [`Record`]. A record ends where its process did, so a torn entry is skipped and counted, never an error.

use std::collections::{hash_map, HashMap};
use std::path::PathBuf;

use crate::layout::{self, header, PREFIX_WORDS};
use crate::record::{CpuBucket, Door, Engine, HeapBucket, Label, LabelKind, Loss, Mapping, Record, Stack};
use crate::Error;

impl Record {
    /// Parses the bytes of a record file.
    ///
    /// # Errors
    ///
    /// If the header is not that of a record, or of another version.
    pub fn parse(bytes: &[u8]) -> Result<Record, Error> {
        let words = Words(bytes);
        if bytes.len() < layout::HEADER_BYTES || words.at(header::MAGIC) != layout::MAGIC {
            return Err(Error::NotARecord);
        }
        let found = words.at(header::VERSION);
        if found != layout::VERSION {
            return Err(Error::Version { found, known: layout::VERSION });
        }
        let mut record =
            Record {
                pid: words.at(header::PID) as u32,
                executable: path(words.bytes(
                    header::EXECUTABLE,
                    (words.at(header::EXECUTABLE_LENGTH) as usize).min(header::EXECUTABLE_MAX),
                )),
                started: words.at(header::STARTED),
                duration: words.at(header::LAST_MONOTONIC).saturating_sub(words.at(header::STARTED_MONOTONIC)),
                engine: Engine::numbered(words.at(header::ENGINE)),
                perf_error: words.at(header::PERF_ERROR) as i32,
                cpu_captures: words.at(header::CPU_CAPTURES),
                cpu_period: words.at(header::CPU_PERIOD),
                heap_period: words.at(header::HEAP_PERIOD),
                sees_malloc: words.at(header::SEES_MALLOC) == 1,
                doors: Door::ALL.into_iter().filter(|door| words.at(header::DOORS) & door.bit() != 0).collect(),
                heap_peak: (words.at(header::KEEPS_PEAKS) == 1).then(|| words.at(header::HEAP_PEAK)),
                loss: Loss {
                    cpu_samples: words.at(header::LOST_CPU_SAMPLES),
                    cpu_nanos: words.at(header::LOST_CPU_NANOS),
                    heap_objects: words.at(header::LOST_HEAP_OBJECTS),
                    heap_bytes: words.at(header::LOST_HEAP_BYTES),
                    torn_entries: 0,
                },
                mappings: Vec::new(),
                labels: Vec::new(),
                stacks: Vec::new(),
                cpu: Vec::new(),
                heap: Vec::new(),
            };
        Arena::scan(words).fill(&mut record);
        Ok(record)
    }
}

#[derive(Clone, Copy)]
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn len(self) -> usize {
        self.0.len() / 8
    }

    /// The word at `index`; 0 past the end, as in a file that was cut.
    fn at(self, index: usize) -> u64 {
        match self.0.get(index * 8..index * 8 + 8) {
            Some(bytes) => u64::from_le_bytes(bytes.try_into().expect("eight bytes")),
            None => 0,
        }
    }

    fn bytes(self, index: usize, length: usize) -> &'a [u8] {
        let from = self.0.get(index * 8..).unwrap_or_default();
        &from[..length.min(from.len())]
    }
}

struct Entry {
    kind: u8,
    /// Place of the first word after the prefix.
    own: usize,
    /// Words after the prefix.
    length: usize,
}

/// Where each whole entry lies, by the place of its first word.
struct Arena<'a> {
    words: Words<'a>,
    entries: Vec<(usize, Entry)>,
    torn: u64,
}

impl<'a> Arena<'a> {
    fn scan(words: Words<'a>) -> Arena<'a> {
        let mut arena = Arena { words, entries: Vec::new(), torn: 0 };
        let end = words.len().min(layout::HEADER_WORDS.saturating_add(words.at(header::ARENA_WORDS) as usize));
        let mut place = layout::HEADER_WORDS;
        let mut in_torn = false;
        while place < end {
            match arena.entry_at(place, end) {
                Some(entry) => {
                    let next = entry.own + entry.length;
                    arena.entries.push((place, entry));
                    place = next;
                    in_torn = false;
                }
                None => {
                    // A run of zeros is a gap before the end of a segment; anything else was being written.
                    if words.at(place) != 0 && !in_torn {
                        arena.torn += 1;
                        in_torn = true;
                    }
                    place += 1;
                }
            }
        }
        arena
    }

    fn entry_at(&self, place: usize, end: usize) -> Option<Entry> {
        let (kind, length) = layout::entry_kind(self.words.at(place))?;
        if length > end - place {
            return None;
        }
        let own = place + PREFIX_WORDS;
        let hash = (own..own + layout::hashed_words(kind, length))
            .fold(layout::hash_start(kind), |hash, index| layout::hash_word(hash, self.words.at(index)));
        let minimum = match kind {
            layout::STACK => 1,
            layout::CPU_BUCKET => 3,
            layout::HEAP_BUCKET => 2 + layout::heap::COUNTERS,
            layout::LABEL => 2 + layout::label::COUNTERS,
            layout::MAPPING => 4,
            _ => return None,
        };
        let length = length - PREFIX_WORDS;
        (length >= minimum && hash == self.words.at(place + 1)).then_some(Entry { kind, own, length })
    }

    fn fill(self, record: &mut Record) {
        let words = self.words;
        let mut stacks = HashMap::new();
        let mut labels = HashMap::new();
        // Of each label's last peak.
        let mut peak_numbers = Vec::new();
        for (place, entry) in &self.entries {
            match entry.kind {
                layout::STACK => {
                    stacks.insert(*place as u64, record.stacks.len());
                    let flags = words.at(entry.own);
                    record.stacks.push(Stack {
                        pcs: (entry.own + 1..entry.own + entry.length).map(|index| words.at(index)).collect(),
                        leaf_is_interrupted: flags & layout::FLAG_INTERRUPTED != 0,
                        truncated: flags & layout::FLAG_TRUNCATED != 0,
                        broken: flags & layout::FLAG_BROKEN != 0,
                        unsampled: flags & layout::FLAG_UNSAMPLED != 0,
                    });
                }
                layout::LABEL => {
                    labels.insert(*place as u64, record.labels.len());
                    let kind = match words.at(entry.own) {
                        layout::LABEL_BENCH => LabelKind::Bench,
                        _ => LabelKind::Test,
                    };
                    let counters = entry.own + entry.length - layout::label::COUNTERS;
                    let length = (words.at(entry.own + 1) as usize).min((counters - entry.own - 2) * 8);
                    let name = String::from_utf8_lossy(words.bytes(entry.own + 2, length)).into_owned();
                    record.labels.push(Label { kind, name, heap_peak: words.at(counters + layout::label::PEAK) });
                    peak_numbers.push(words.at(counters + layout::label::PEAK_NUMBER));
                }
                layout::MAPPING => {
                    let lengths = words.at(entry.own + 3);
                    let text = words.bytes(entry.own + 4, (entry.length - 4) * 8);
                    let (build_id, rest) = text.split_at((lengths as u32 as usize).min(text.len()));
                    let name = &rest[..((lengths >> 32) as usize).min(rest.len())];
                    record.mappings.push(Mapping {
                        start: words.at(entry.own),
                        end: words.at(entry.own + 1),
                        file_offset: words.at(entry.own + 2),
                        path: path(name),
                        build_id: build_id.to_vec(),
                    });
                }
                _ => {}
            }
        }
        let key = |entry: &Entry| {
            let key = words.at(entry.own);
            let stack = stacks.get(&(key & 0xffff_ffff)).copied()?;
            Some((stack, labels.get(&(key >> 32)).copied()))
        };
        let mut heap = HashMap::new();
        for (_, entry) in &self.entries {
            let Some((stack, label)) =
                key(entry).filter(|_| matches!(entry.kind, layout::CPU_BUCKET | layout::HEAP_BUCKET))
            else {
                continue;
            };
            if entry.kind == layout::CPU_BUCKET {
                let (samples, nanos) = (words.at(entry.own + 1), words.at(entry.own + 2));
                record.cpu.push(CpuBucket { stack, label, samples, nanos });
            } else {
                let size = words.at(entry.own + 1) & ((1 << layout::SHARD_SHIFT) - 1);
                let counters = Counters { words, first: entry.own + 2 };
                let peak = record.heap_peak.map(|_| words.at(header::HEAP_PEAK_NUMBER));
                let label_peak = peak.and(label).and_then(|label| peak_numbers.get(label).copied());
                let part = HeapBucket {
                    stack,
                    label,
                    size,
                    allocations: counters.at(layout::heap::ALLOCATIONS),
                    frees: counters.frees(),
                    late_frees: counters.at(layout::heap::LATE_FREES),
                    at_peak: counters.at_peak(peak, layout::heap::PEAK_NUMBER, layout::heap::AT_PEAK),
                    at_label_peak: counters.at_peak(
                        label_peak,
                        layout::heap::LABEL_PEAK_NUMBER,
                        layout::heap::AT_LABEL_PEAK,
                    ),
                };
                // Those of other shards are the same bucket.
                match heap.entry((stack, label, size)) {
                    hash_map::Entry::Vacant(new) => {
                        new.insert(record.heap.len());
                        record.heap.push(part);
                    }
                    hash_map::Entry::Occupied(known) => record.heap[*known.get()].add(&part),
                }
            }
        }
        record.loss.torn_entries = self.torn;
    }
}

/// The counters of a heap bucket.
struct Counters<'a> {
    words: Words<'a>,
    first: usize,
}

impl Counters<'_> {
    fn at(&self, counter: usize) -> u64 {
        self.words.at(self.first + counter)
    }

    fn frees(&self) -> u64 {
        self.at(layout::heap::FREES).saturating_add(self.at(layout::heap::FREES_ELSEWHERE))
    }

    /// Blocks in use at the peak with the number `last`: those that were kept for it, if any were.
    fn at_peak(&self, last: Option<u64>, number: usize, kept: usize) -> u64 {
        match last {
            None | Some(0) => 0,
            Some(last) if self.at(number) == last => self.at(kept),
            Some(_) => self.at(layout::heap::ALLOCATIONS).saturating_sub(self.frees()),
        }
    }
}

impl HeapBucket {
    fn add(&mut self, other: &HeapBucket) {
        self.allocations = self.allocations.saturating_add(other.allocations);
        self.frees = self.frees.saturating_add(other.frees);
        self.late_frees = self.late_frees.saturating_add(other.late_frees);
        self.at_peak = self.at_peak.saturating_add(other.at_peak);
        self.at_label_peak = self.at_label_peak.saturating_add(other.at_label_peak);
    }
}

#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests;
