//! The bytes of a record file: a page of header words, then an arena of entries that only grows.
//!
//! The writer is a signal handler and an allocator hook in a process that may be killed at any instruction. So
//! every number is a little-endian 64-bit word that is stored whole; an entry's first word is stored last and
//! names its kind and length; its second word is a hash of the words that never change, by which a reader tells an
//! entry from a torn one and finds the next. Counters of an entry are added to in place.
//!
//! Words of an entry, after [`entry_word`] and the hash: a link that only the writer uses, then
//!
//! | kind | words |
//! |---|---|
//! | [`STACK`] | flags, the program counters |
//! | [`CPU_BUCKET`] | place of the stack and label, samples, nanoseconds |
//! | [`HEAP_BUCKET`] | place of the stack and label, size and shard, then [`heap`]'s counters |
//! | [`LABEL`] | kind, length of the name in bytes, the name, then [`label`]'s counters |
//! | [`MAPPING`] | start, end, file offset, length of the build id and of the path, the build id and path as one run of bytes |

/// First word of every record.
pub const MAGIC: u64 = u64::from_le_bytes(*b"PROFREC\0");
/// The layout's version.
pub const VERSION: u64 = 3;

/// Bytes of the header; the arena begins after it.
pub const HEADER_BYTES: usize = 4096;
/// Words of the header: the place of the arena's first word.
pub const HEADER_WORDS: usize = HEADER_BYTES / 8;

/// The header's words, by index.
pub mod header {
    /// [`super::MAGIC`].
    pub const MAGIC: usize = 0;
    /// [`super::VERSION`].
    pub const VERSION: usize = 1;
    /// The process id.
    pub const PID: usize = 2;
    /// Start of sampling, nanoseconds since the Unix epoch.
    pub const STARTED: usize = 3;
    /// Start of sampling on the monotonic clock, nanoseconds.
    pub const STARTED_MONOTONIC: usize = 4;
    /// The last event on the monotonic clock, nanoseconds.
    pub const LAST_MONOTONIC: usize = 5;
    /// Nanoseconds between CPU samples.
    pub const CPU_PERIOD: usize = 6;
    /// Mean bytes between sampled allocations.
    pub const HEAP_PERIOD: usize = 7;
    /// `Engine::number`.
    pub const ENGINE: usize = 8;
    /// 1 if `malloc` is the harness's own.
    pub const SEES_MALLOC: usize = 9;
    /// Words of the arena in use, gaps included.
    pub const ARENA_WORDS: usize = 10;
    /// CPU samples lost.
    pub const LOST_CPU_SAMPLES: usize = 11;
    /// Nanoseconds of the CPU samples lost.
    pub const LOST_CPU_NANOS: usize = 12;
    /// Sampled allocations lost.
    pub const LOST_HEAP_OBJECTS: usize = 13;
    /// Bytes of the sampled allocations lost.
    pub const LOST_HEAP_BYTES: usize = 14;
    /// The error with which the kernel refused a perf clock, 0 if it did not.
    pub const PERF_ERROR: usize = 15;
    /// How often a thread was interrupted for CPU samples.
    pub const CPU_CAPTURES: usize = 16;
    /// Which definitions of allocators are the harness's own: a bit for each `Door`.
    pub const DOORS: usize = 17;
    /// 1 if the peaks are kept.
    pub const KEEPS_PEAKS: usize = 18;
    /// The most bytes that were in use at a time by what was sampled, un-sampled, if the peaks are kept.
    pub const HEAP_PEAK: usize = 20;
    /// How often [`HEAP_PEAK`] has grown.
    pub const HEAP_PEAK_NUMBER: usize = 21;
    /// Length of the executable's path in bytes.
    pub const EXECUTABLE_LENGTH: usize = 32;
    /// The executable's path begins here.
    pub const EXECUTABLE: usize = 33;
    /// Bytes of the path that fit.
    pub const EXECUTABLE_MAX: usize = super::HEADER_BYTES - EXECUTABLE * 8;
}

/// The counters of a [`HEAP_BUCKET`], by index.
///
/// A peak is not copied when it comes, as that would take a look at every bucket. It has a number, and a bucket that changes
/// later keeps what it had at the peak: what a bucket had at the last peak is what it kept, if it did for that number, and
/// else what it has.
pub mod heap {
    /// Allocations.
    pub const ALLOCATIONS: usize = 0;
    /// Those of them that were freed, but for the next.
    pub const FREES: usize = 1;
    /// Those that were freed by threads which count apart from the others.
    pub const FREES_ELSEWHERE: usize = 2;
    /// Those of them all that were freed after the label's test or benchmark had ended.
    pub const LATE_FREES: usize = 3;
    /// The number of the process's peak for which the next is kept.
    pub const PEAK_NUMBER: usize = 4;
    /// Blocks in use at that peak.
    pub const AT_PEAK: usize = 5;
    /// The number of the label's peak for which the next is kept.
    pub const LABEL_PEAK_NUMBER: usize = 6;
    /// Blocks in use at that peak.
    pub const AT_LABEL_PEAK: usize = 7;
    /// How many there are.
    pub const COUNTERS: usize = 8;
}

/// The counters of a [`LABEL`], by index.
pub mod label {
    /// Bytes of the label's blocks in use, un-sampled.
    pub const LIVE: usize = 0;
    /// The most that it has been.
    pub const PEAK: usize = 1;
    /// How often that has grown.
    pub const PEAK_NUMBER: usize = 2;
    /// 1 once the test or benchmark has ended.
    pub const HAS_ENDED: usize = 3;
    /// How many there are.
    pub const COUNTERS: usize = 4;
}

/// Where the shard begins in the word with a heap bucket's size. Threads of different shards do not count in the same bucket,
/// and so do not wait for each other.
pub const SHARD_SHIFT: u32 = 56;

/// A stack.
pub const STACK: u8 = 1;
/// CPU time of a stack and label.
pub const CPU_BUCKET: u8 = 2;
/// Allocations of a stack, label, size and shard.
pub const HEAP_BUCKET: u8 = 3;
/// A test or benchmark.
pub const LABEL: u8 = 4;
/// Mapped code.
pub const MAPPING: u8 = 5;

/// A stack's flag: the leaf was interrupted there, it did not call.
pub const FLAG_INTERRUPTED: u64 = 1;
/// A stack's flag: it was cut before the root.
pub const FLAG_TRUNCATED: u64 = 2;
/// A stack's flag: there is none, because the time passed without an interruption.
pub const FLAG_UNSAMPLED: u64 = 4;
/// A stack's flag: the caller of its last frame could not be found.
pub const FLAG_BROKEN: u64 = 8;

/// A label's kind: a test.
pub const LABEL_TEST: u64 = 1;
/// A label's kind: a benchmark.
pub const LABEL_BENCH: u64 = 2;

/// Words before an entry's own: its entry word, hash and link.
pub const PREFIX_WORDS: usize = 3;

const ENTRY_MARK: u64 = 0x50f5 << 48;

/// The first word of an entry of `kind` with `words` words in all.
#[inline]
pub const fn entry_word(kind: u8, words: usize) -> u64 {
    ENTRY_MARK | (kind as u64) << 40 | words as u64
}

/// The kind and length of the entry that `word` begins, if it begins one.
#[inline]
pub const fn entry_kind(word: u64) -> Option<(u8, usize)> {
    if word & (0xffff << 48) != ENTRY_MARK {
        return None;
    }
    let words = (word & 0xff_ffff_ffff) as usize;
    if words < PREFIX_WORDS {
        return None;
    }
    Some(((word >> 40) as u8, words))
}

/// How many words of an entry, after its prefix, its hash covers; the rest are counters.
#[inline]
pub const fn hashed_words(kind: u8, words: usize) -> usize {
    let own = words - PREFIX_WORDS;
    let counters = match kind {
        CPU_BUCKET => 2,
        HEAP_BUCKET => heap::COUNTERS,
        LABEL => label::COUNTERS,
        _ => 0,
    };
    own.saturating_sub(counters)
}

/// Starts the hash of an entry of `kind`.
#[inline]
pub const fn hash_start(kind: u8) -> u64 {
    0x9e37_79b9_7f4a_7c15 ^ kind as u64
}

/// Adds a word to an entry's hash, by a folded 64 × 64 → 128 bit multiplication.
#[inline]
pub const fn hash_word(hash: u64, word: u64) -> u64 {
    let product = ((hash ^ word) as u128).wrapping_mul(0xd6e8_feb8_6659_fd93_u128);
    // The rotation keeps a zero product from swallowing what came before.
    (product as u64 ^ (product >> 64) as u64).rotate_left(23).wrapping_add(hash)
}

/// Bytes of the arena's first segment. Segment k is 2^k times as long; they lie one after the other in the file, but
/// not in the writer's memory, so no entry crosses from one into the next.
pub const FIRST_SEGMENT_BYTES: usize = 64 << 10;
/// How many segments there can be: 4 GiB in all.
pub const MAX_SEGMENTS: usize = 16;

/// Bytes of segment `k`.
#[inline]
pub const fn segment_bytes(k: usize) -> usize {
    FIRST_SEGMENT_BYTES << k
}

/// Where segment `k` begins in the file.
#[inline]
pub const fn segment_offset(k: usize) -> usize {
    HEADER_BYTES + FIRST_SEGMENT_BYTES * ((1 << k) - 1)
}

/// The segment that holds the word at place `word` of the file, and the word's index in it.
#[inline]
pub const fn segment_of(word: usize) -> (usize, usize) {
    let arena_word = word - HEADER_WORDS;
    let k = (arena_word / (FIRST_SEGMENT_BYTES / 8) + 1).ilog2() as usize;
    (k, word - segment_offset(k) / 8)
}

/// How many words hold `bytes` bytes.
#[inline]
pub const fn words_for(bytes: usize) -> usize {
    bytes.div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_follow_each_other_and_places_find_them() {
        for k in 0..MAX_SEGMENTS {
            assert_eq!(segment_offset(k) + segment_bytes(k), segment_offset(k + 1));
            let first = segment_offset(k) / 8;
            assert_eq!(segment_of(first), (k, 0));
            assert_eq!(segment_of(first + segment_bytes(k) / 8 - 1), (k, segment_bytes(k) / 8 - 1));
        }
    }

    #[test]
    fn an_address_is_never_an_entry() {
        assert_eq!(entry_kind(0x7fff_ffff_ffff), None);
        assert_eq!(entry_kind(0), None);
        assert_eq!(entry_kind(entry_word(STACK, 40)), Some((STACK, 40)));
    }

    #[test]
    fn a_hash_depends_on_every_word_and_their_order() {
        let hash = |words: &[u64]| words.iter().fold(hash_start(STACK), |h, &w| hash_word(h, w));
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
        assert_ne!(hash(&[0]), hash(&[0, 0]));
        assert_ne!(hash(&[hash_start(STACK), 5]), hash(&[hash_start(STACK), 6]));
        assert_ne!(hash(&[7, hash_start(STACK), 1]), hash(&[8, hash_start(STACK), 1]));
    }
}
