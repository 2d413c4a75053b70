//! No file can make the reader of profiles panic, take much time, or give a profile that reports cannot bear:
//! `cargo run --release -p prof-tests --bin fuzz-decode [SECONDS [SEED [ROUND]]]`.
//!
//! Each round changes an example of some format and reads it. The same SEED and ROUND give the same bytes; what goes
//! wrong is told with both, and with ROUND only that one is read again. Limit the memory of the process to see that it
//! is bounded. The readers' own tests change single bytes of the same examples.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use prof_pprof::report::{ValueOptions, Zone, comments, raw, tags, traces};
use prof_pprof::{
    Granularity, OriginalIds, aggregate, decode, decode_any_with_ids, decode_legacy, encode, label_units,
};

#[path = "../../prof-pprof/src/legacy/tests/examples.rs"]
mod examples;

/// How long reading a few kilobytes may take on a busy machine.
const LONGEST: Duration = Duration::from_secs(2);
const LONGEST_INPUT: usize = 16 << 10;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (seconds, seed, only) = (number(60), number(1), number(u64::MAX));
    let examples = examples();
    let start = Instant::now();
    let (mut round, mut read) = (if only == u64::MAX { 0 } else { only }, 0u64);
    while start.elapsed() < Duration::from_secs(seconds) {
        let bytes = changed(&examples, &mut Random(seed.wrapping_mul(1 << 40).wrapping_add(round)));
        let began = Instant::now();
        match catch_unwind(|| survives(&bytes)) {
            Ok(is_profile) if began.elapsed() < LONGEST => read += u64::from(is_profile),
            outcome => {
                println!(
                    "seed {seed} round {round}: {outcome:?} after {:?}: {}",
                    began.elapsed(),
                    bytes.escape_ascii()
                );
                std::process::exit(1);
            }
        }
        if only != u64::MAX {
            break;
        }
        round += 1;
        // Where to look if the process is killed.
        if round.is_multiple_of(1 << 18) {
            println!("seed {seed}: {round} rounds, {read} profiles");
        }
    }
    println!("seed {seed}: {round} rounds, {read} profiles");
}

/// Reads the bytes in every way, and does with the profile what pprof does; false if it is none.
fn survives(bytes: &[u8]) -> bool {
    let _ = decode_legacy(bytes).inspect(|profile| assert_eq!(profile.check(), Ok(())));
    let Ok((profile, ids)) = decode_any_with_ids(bytes) else { return false };
    assert_eq!(profile.check(), Ok(()));
    assert!(ids == OriginalIds::default() || ids.locations.len() == profile.locations.len());
    let again = decode(&encode(&profile)).expect("what was written is read back");
    assert_eq!(again.samples.len(), profile.samples.len());
    let zone = Zone::default();
    raw(&profile, &ids, &zone);
    comments(&profile);
    for sample_index in 0..profile.sample_types.len() {
        let options = ValueOptions { sample_index, mean: sample_index > 0, ..ValueOptions::default() };
        assert!(label_units(&profile).len() <= profile.samples.iter().map(|sample| sample.labels.len()).sum());
        tags(&profile, &options);
        let mut coarse = profile.clone();
        aggregate(&mut coarse, Granularity::Lines, sample_index == 0, true);
        traces(&coarse, &options, &zone);
    }
    true
}

/// The readers' examples, a profile.proto message, and some of them gzipped.
fn examples() -> Vec<Vec<u8>> {
    let mut examples = examples::examples();
    let gzipped: Vec<_> = examples.iter().filter_map(|example| Some(encode(&decode_legacy(example).ok()?))).collect();
    examples.extend(gzipped);
    // As often as the older formats together.
    let messages = vec![message(); examples.len()];
    examples.extend(messages);
    examples
}

/// A profile.proto message with something in every table.
fn message() -> Vec<u8> {
    let strings =
        ["", "cpu", "nanoseconds", "main", "_main", "main.rs", "/bin/program", "ab12", "key", "value", "bytes"];
    let mut message = [
        field(1, &[8, 1, 16, 2]),
        field(
            2,
            &[&field(1, &[2, 1])[..], &[16, 100], &field(3, &[8, 8, 16, 9]), &field(3, &[8, 10, 24, 64])].concat(),
        ),
        field(2, &[8, 1, 16, 5]),
        field(3, &[8, 1, 16, 128, 32, 24, 128, 64, 40, 6, 48, 7, 56, 1]),
        field(
            4,
            &[&[8, 1, 16, 1, 24, 128, 33][..], &field(4, &[8, 1, 16, 3]), &field(4, &[8, 2, 16, 4, 24, 5])].concat(),
        ),
        field(4, &[8, 2, 24, 1]),
        field(5, &[8, 1, 16, 3, 24, 4, 32, 5, 40, 1]),
        field(5, &[8, 2, 16, 5]),
        field(11, &[8, 1, 16, 2]),
        vec![72, 1, 80, 2, 96, 10],
    ]
    .concat();
    message.extend(strings.iter().flat_map(|string| field(6, string.as_bytes())));
    message
}

/// A length-delimited field of a message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 128).expect("a short field");
    [&[number << 3 | 2, length], content].concat()
}

/// What the formats have in common, and numbers at the limits.
const WORDS: [&[u8]; 26] = [
    b"\n",
    b" ",
    b"@",
    b"0x",
    b"-",
    b"$",
    b"=",
    b"--- Memory map: ---\n",
    b"MAPPED_LIBRARIES:\n",
    b"same as previous thread",
    b"heap profile: 1: 2 [1: 2] @ heap_v2/1\n",
    b"--- heapz 1 ---\n",
    b"--- contentionz 1 ---\n",
    b"profile: total 1\n",
    b"400000-500000 r-xp 00000000 08:01 1 /bin/x\n",
    b"a=$a$a\n",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"99999999999999999999",
    b"0xffffffffffffffff",
    b"sampling period = 1\n",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\0\0\0\0\0\0\0\0",
    b"\xff\xff\xff\x7f",
    b"\xe2\x80\xa8",
    b"\x1f\x8b\x08",
];

fn changed(examples: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = random.of(examples).clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(24)).min(bytes.len());
        match random.below(10) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, random.of(&WORDS).iter().copied())),
            3 => drop(bytes.splice(at..end, random.of(&WORDS).iter().copied())),
            4 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                let times = 1 + random.below(8);
                bytes.splice(to..to, part.repeat(times));
            }
            5 => {
                let other = random.of(examples);
                let from = random.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            kind => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = match kind {
                        6 => byte.wrapping_add(1),
                        7 => *byte ^ 1 << random.below(8),
                        8 => *random.of(b"0123456789abcdefx \n"),
                        _ => random.below(256) as u8,
                    };
                }
            }
        }
    }
    bytes.truncate(LONGEST_INPUT);
    bytes
}

/// Numbers without a pattern, the same for the same start.
struct Random(u64);

impl Random {
    /// The next number of the SplitMix64 sequence.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
