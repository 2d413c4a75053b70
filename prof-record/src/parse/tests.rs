//! Records written by hand and read back, whole, torn and damaged.

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
    let name = u64::from_le_bytes(*b"ab\0\0\0\0\0\0");
    let label = file.entry(layout::LABEL, &[layout::LABEL_TEST, 2, name, 0, 640, 3, 1]);
    file.entry(layout::CPU_BUCKET, &[stack | label << 32, 3, 30]);
    file.entry(layout::HEAP_BUCKET, &[stack, 64, 5, 3, 1, 0, 0, 0, 0, 0]);
    let record = Record::parse(&file.bytes()).unwrap();
    assert_eq!(record.duration, 250);
    assert_eq!(record.stacks[0].pcs, [0x10, 0x20]);
    assert_eq!(record.labels[0], Label { kind: LabelKind::Test, name: "ab".into(), heap_peak: 640 });
    assert_eq!(record.cpu, [CpuBucket { stack: 0, label: Some(0), samples: 3, nanos: 30 }]);
    let counts = HeapBucket { allocations: 5, frees: 4, size: 64, ..HeapBucket::default() };
    assert_eq!(record.heap, [counts]);
    assert_eq!(record.loss.torn_entries, 0);
}

#[test]
fn shards_of_a_bucket_are_one_and_have_what_they_had_at_the_peak() {
    let mut file = File::new();
    file.0[header::KEEPS_PEAKS] = 1;
    file.0[header::HEAP_PEAK] = 5 * 64;
    file.0[header::HEAP_PEAK_NUMBER] = 9;
    let stack = file.entry(layout::STACK, &[0, 0x10]);
    let label = file.entry(layout::LABEL, &[layout::LABEL_TEST, 0, 0, 200, 4, 1]);
    // This one has not changed since the process's peak, but since the label's.
    file.entry(layout::HEAP_BUCKET, &[stack | label << 32, 64, 5, 2, 0, 1, 8, 7, 4, 6]);
    // This one the other way round.
    file.entry(layout::HEAP_BUCKET, &[stack | label << 32, 64 | 3 << layout::SHARD_SHIFT, 1, 0, 1, 0, 9, 2, 3, 6]);
    let record = Record::parse(&file.bytes()).unwrap();
    assert_eq!(record.heap_peak, Some(320));
    let counts =
        HeapBucket { label: Some(0), size: 64, allocations: 6, frees: 3, late_frees: 1, ..HeapBucket::default() };
    assert_eq!(record.heap, [HeapBucket { at_peak: 3 + 2, at_label_peak: 6, ..counts }]);
    assert_eq!(record.heap[0].left(), 4);
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
    file.entry(layout::LABEL, &[1, u64::MAX, 0, 0, 0, 0, 0]);
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
