//! Bytes → [`Record`]. A record ends where its process did, so a torn entry is skipped and counted, never an error.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::layout::{self, header, PREFIX_WORDS};
use crate::record::{CpuBucket, Engine, HeapBucket, Label, LabelKind, Loss, Mapping, Record, Stack};
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
            layout::HEAP_BUCKET => 4,
            layout::LABEL => 2,
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
                    let name =
                        words.bytes(entry.own + 2, (words.at(entry.own + 1) as usize).min((entry.length - 2) * 8));
                    record.labels.push(Label { kind, name: String::from_utf8_lossy(name).into_owned() });
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
                record.heap.push(HeapBucket {
                    stack,
                    label,
                    size: words.at(entry.own + 1),
                    allocations: words.at(entry.own + 2),
                    frees: words.at(entry.own + 3),
                });
            }
        }
        record.loss.torn_entries = self.torn;
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
mod tests {
    use super::*;

    /// A file as the harness writes it, by hand.
    struct File(Vec<u64>);

    impl File {
        fn new() -> File {
            let mut words = vec![0; layout::HEADER_WORDS];
            words[header::MAGIC] = layout::MAGIC;
            words[header::VERSION] = layout::VERSION;
            words[header::PID] = 42;
            words[header::STARTED_MONOTONIC] = 100;
            words[header::LAST_MONOTONIC] = 350;
            File(words)
        }

        fn entry(&mut self, kind: u8, own: &[u64]) -> u64 {
            let place = self.0.len();
            let length = own.len() + PREFIX_WORDS;
            let hashed = layout::hashed_words(kind, length);
            let hash = own[..hashed].iter().fold(layout::hash_start(kind), |h, &w| layout::hash_word(h, w));
            self.0.extend([layout::entry_word(kind, length), hash, 7]);
            self.0.extend(own);
            self.0[header::ARENA_WORDS] = (self.0.len() - layout::HEADER_WORDS) as u64;
            place as u64
        }

        fn bytes(&self) -> Vec<u8> {
            self.0.iter().flat_map(|word| word.to_le_bytes()).collect()
        }
    }

    #[test]
    fn a_whole_record_is_read_back() {
        let mut file = File::new();
        let stack = file.entry(layout::STACK, &[layout::FLAG_INTERRUPTED, 0x10, 0x20]);
        let label = file.entry(layout::LABEL, &[layout::LABEL_TEST, 2, u64::from_le_bytes(*b"ab\0\0\0\0\0\0")]);
        file.entry(layout::CPU_BUCKET, &[stack | label << 32, 3, 30]);
        file.entry(layout::HEAP_BUCKET, &[stack, 64, 5, 4]);
        let record = Record::parse(&file.bytes()).unwrap();
        assert_eq!(record.duration, 250);
        assert_eq!(record.stacks[0].pcs, [0x10, 0x20]);
        assert_eq!(record.labels[0], Label { kind: LabelKind::Test, name: "ab".into() });
        assert_eq!(record.cpu, [CpuBucket { stack: 0, label: Some(0), samples: 3, nanos: 30 }]);
        assert_eq!(record.heap, [HeapBucket { stack: 0, label: None, size: 64, allocations: 5, frees: 4 }]);
        assert_eq!(record.loss.torn_entries, 0);
    }

    #[test]
    fn a_torn_entry_is_counted_and_the_next_is_found() {
        let mut file = File::new();
        file.entry(layout::STACK, &[0, 0x10]);
        // The process died before the entry word was stored: the body is there.
        file.0.extend([0, 0x1234, 7, 0, 0x99]);
        file.entry(layout::STACK, &[0, 0x30]);
        let record = Record::parse(&file.bytes()).unwrap();
        assert_eq!(record.stacks.iter().map(|stack| stack.pcs[0]).collect::<Vec<_>>(), [0x10, 0x30]);
        assert_eq!(record.loss.torn_entries, 1);
    }

    #[test]
    fn what_is_no_record_says_so() {
        assert_eq!(Record::parse(b"PROFREC"), Err(Error::NotARecord));
        let mut file = File::new();
        file.0[header::VERSION] = 9;
        assert_eq!(Record::parse(&file.bytes()), Err(Error::Version { found: 9, known: layout::VERSION }));
    }

    #[test]
    fn no_cut_and_no_flipped_byte_panics() {
        let mut file = File::new();
        let stack = file.entry(layout::STACK, &[0, 0x10, 0x20]);
        file.entry(layout::CPU_BUCKET, &[stack, 3, 30]);
        file.entry(layout::MAPPING, &[1, 2, 3, 4 | 200 << 32, 0x6162_6364]);
        file.entry(layout::LABEL, &[1, u64::MAX, 0]);
        let bytes = file.bytes();
        for end in 0..bytes.len() {
            let _ = Record::parse(&bytes[..end]);
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                let _ = Record::parse(&bytes);
            }
        }
    }
}
