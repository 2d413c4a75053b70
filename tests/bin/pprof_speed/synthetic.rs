//! Profiles as large as one likes, the same for the same arguments: a call tree is walked from `main`, each function has a
//! few callees, of which the first are called most, and a stack shares its outer frames with the one before it. Each is made
//! once.

use std::path::{Path, PathBuf};

use prof_pprof::{Builder, Function, Label, Line, Location, LocationIndex, Mapping, Profile, ValueType, encode};

/// Places of each function that are called from.
const PLACES: u64 = 3;

/// The file of a profile of so many samples at stacks of about `depth` of so many functions.
pub fn profile(folder: &Path, size: &str, samples: u64, functions: u64, depth: u64, seed: u64) -> PathBuf {
    let path = folder.join(format!("{size}-{seed}.pb.gz"));
    if !path.exists() {
        let bytes = encode(&made(samples, functions, depth, seed));
        std::fs::write(&path, bytes).expect("the target directory is writable");
    }
    path
}

fn made(samples: u64, functions: u64, depth: u64, seed: u64) -> Profile {
    let mut builder = Builder::new(vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")]);
    let places = places(&mut builder, functions);
    let threads = ["main", "worker-1", "worker-2", "worker-3"].map(|name| Label::text("thread", name));
    let threads = threads.map(|label| builder.label_set(&[label]));
    let mut random = Random(mixed(seed, 1) | 1);
    // Numbers of places, the outermost first.
    let mut stack = vec![0];
    for _ in 0..samples {
        // The longer of two, so that long prefixes are likely.
        let length = stack.len() as u64;
        stack.truncate(1 + random.below(length).max(random.below(length)) as usize);
        let wanted = depth / 2 + random.below(depth / 2 + 1) + random.below(depth / 2 + 1);
        while (stack.len() as u64) < wanted.max(2) {
            let caller = stack[stack.len() - 1] / PLACES;
            let number = u64::from(random.next().trailing_zeros().min(7));
            // One call in ten is to a function that all use.
            let callee = if random.below(10) == 0 { mixed(number, 7) % 200 } else { mixed(caller, number) % functions };
            stack.push(callee % functions * PLACES + mixed(caller, callee) % PLACES);
        }
        let locations: Vec<LocationIndex> = stack.iter().rev().map(|place| places[*place as usize]).collect();
        let count = if random.below(16) == 0 { 1 + random.below(20) as i64 } else { 1 };
        builder.add(&locations, threads[random.below(4) as usize], &[count, count * 10_000_000]);
    }
    Profile {
        default_sample_type: "cpu".into(),
        time_nanos: 1_700_000_000_000_000_000,
        duration_nanos: 60_000_000_000,
        period_type: Some(ValueType::new("cpu", "nanoseconds")),
        period: 10_000_000,
        ..builder.finish()
    }
}

/// The places of all functions, with names and files as programs have them.
fn places(builder: &mut Builder, functions: u64) -> Vec<LocationIndex> {
    let mapping = builder.mapping(Mapping {
        start: 0x40_0000,
        limit: 0x800_0000,
        filename: "/app/bin/big".into(),
        build_id: "0123456789abcdef0123456789abcdef01234567".into(),
        has_functions: true,
        has_filenames: true,
        has_line_numbers: true,
        has_inline_frames: true,
        ..Mapping::default()
    });
    let mut places = Vec::new();
    for number in 0..functions {
        let hash = mixed(number, 99);
        let one_of = |words: &[&'static str], bits: u64| words[(hash >> bits) as usize % words.len()];
        let part = one_of(&["parse", "io", "net", "core"], 8);
        let name = match number {
            0 => "main".to_owned(),
            _ => format!(
                "{}_{}::{part}::module_{}::<impl core::iter::Iterator for Adapter{}<T>>::{}_{number}",
                one_of(&["serde", "tokio", "app", "hyper", "regex"], 0),
                hash % 40,
                hash % 300,
                hash % 17,
                one_of(&["next", "poll", "visit_map", "run", "fold", "deserialize"], 16),
            ),
        };
        let file = format!("src/{part}/module_{}/file_{}.rs", hash % 300, number / 12);
        let (name, file) = (builder.text(&name), builder.text(&file));
        let function = builder.function(Function { system_name: name.clone(), name, file, start_line: 5 });
        for place in 0..PLACES {
            let lines = vec![Line { function, line: 10 + (mixed(number, place) % 900) as i64, column: 0 }];
            let address = 0x40_1000 + (number * PLACES + place) * 37;
            places.push(builder.location(Location { mapping: Some(mapping), address, lines, ..Location::default() }));
        }
    }
    places
}

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        for (left, shift) in [(true, 13), (false, 7), (true, 17)] {
            self.0 ^= if left { self.0 << shift } else { self.0 >> shift };
        }
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Two numbers, well mixed.
fn mixed(one: u64, other: u64) -> u64 {
    let mut mixed = one.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ other.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 32
}
