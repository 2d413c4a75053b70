//! What holds of any profile, tried on many that are made at random, the same ones each time: it is read back as it was
//! written, merges in any order, is taken away from itself whole, and its reports do not depend on how often they are made.

#![forbid(unsafe_code)]

use prof_pprof::report::{Format, Options, report};
use prof_pprof::{
    Function, FunctionIndex, Label, Line, Location, LocationIndex, Mapping, MappingIndex, Merger, OriginalIds, Profile,
    Sample, Samples, ValueType, decode, encode, merge, merge_equal_samples, split, subtract,
};

/// How many profiles are tried.
const PROFILES: u64 = 300;

/// Marsaglia's xorshift, by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// A profile of a few of everything. Values are small, so that sums of them never saturate.
fn profile(seed: u64) -> Profile {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let names = ["main", "a::b", "<T as U>::f", "", "ünïcode", "(anonymous namespace)::x(int)", "f"];
    let mappings: Vec<_> = (0..random.below(3))
        .map(|number| Mapping {
            start: 0x1000 * (1 + number as u64 * 16),
            limit: 0x1000 * (9 + number as u64 * 16),
            filename: format!("/bin/{number}").into(),
            has_functions: true,
            ..Mapping::default()
        })
        .collect();
    let functions: Vec<_> = (0..1 + random.below(6))
        .map(|number| Function {
            name: random.one_of(&names).into(),
            system_name: format!("_{number}").into(),
            file: random.one_of(&["", "a.rs", "src/b.rs"]).into(),
            start_line: random.below(9) as i64,
        })
        .collect();
    let locations: Vec<_> = (0..1 + random.below(8))
        .map(|number| {
            let mapping = random.below(mappings.len() + 1).checked_sub(1).map(MappingIndex::new);
            let start = mapping.map_or(0, |mapping| mappings[mapping.position()].start);
            let lines = (0..random.below(3)).map(|_| Line {
                function: FunctionIndex::new(random.below(functions.len())),
                line: random.below(5) as i64,
                column: random.below(2) as i64,
            });
            let lines = lines.collect();
            Location { mapping, address: start + 16 * (1 + number as u64), lines, is_folded: false }
        })
        .collect();
    let width = 1 + random.below(3);
    let mut samples = Samples::default();
    for _ in 0..random.below(20) {
        let stack: Vec<_> = (0..random.below(6)).map(|_| LocationIndex::new(random.below(locations.len()))).collect();
        let values: Vec<_> = (0..width).map(|_| random.below(2000) as i64 - 500).collect();
        let labels: Vec<_> = (0..random.below(3))
            .map(|_| match random.below(2) {
                0 => Label::text(random.one_of(&["test", "thread"]), random.one_of(&["x", "y"])),
                _ => Label::number("bytes", 1 + random.below(3) as i64, random.one_of(&["bytes", ""])),
            })
            .collect();
        samples.push(Sample { locations: &stack, values: &values, labels: &labels });
    }
    Profile {
        sample_types: (0..width).map(|number| ValueType::new(&format!("kind{number}"), "count")).collect(),
        samples,
        mappings,
        locations,
        functions,
        period_type: Some(ValueType::new("cpu", "nanoseconds")),
        period: random.below(3) as i64,
        time_nanos: random.below(3) as i64,
        comments: (0..random.below(3)).map(|number| format!("comment {number}").into()).collect(),
        ..Profile::default()
    }
}

fn totals(profile: &Profile) -> Vec<i64> {
    let sum = |value: usize| profile.samples.iter().map(|sample| sample.values[value]).sum();
    (0..profile.sample_types.len()).map(sum).collect()
}

/// What was measured, whatever the order of samples and tables.
fn measured(profile: &Profile) -> Vec<String> {
    let sample = |sample: Sample<'_>| {
        let location = |location: &LocationIndex| {
            let Location { mapping, address, lines, .. } = &profile[*location];
            let mapping = mapping.map(|mapping| &profile[mapping].filename);
            let line = |line: &Line| format!("{:?} {} {}", profile[line.function], line.line, line.column);
            format!("{mapping:?} {address} {:?}", lines.iter().map(line).collect::<Vec<_>>())
        };
        let stack: Vec<_> = sample.locations.iter().map(location).collect();
        format!("{stack:?} {:?} {:?}", sample.labels, sample.values)
    };
    let mut all: Vec<_> = profile.samples.iter().map(sample).collect();
    all.sort();
    all
}

#[test]
fn what_is_written_is_read_back() {
    for seed in 0..PROFILES {
        let profile = profile(seed);
        assert_eq!(profile.check(), Ok(()));
        assert_eq!(decode(&encode(&profile)).as_ref(), Ok(&profile), "seed {seed}");
    }
}

#[test]
fn merging_adds_up_whatever_the_order() {
    for seed in 0..PROFILES {
        let width = profile(seed).sample_types.len();
        // Those that have as many sample types.
        let others = (seed + 1..).map(profile).filter(|other| other.sample_types.len() == width).take(2);
        let all: Vec<_> = std::iter::once(profile(seed)).chain(others).collect();
        let merged = merge(all.clone()).unwrap();
        assert_eq!(merged.check(), Ok(()));
        let sum: Vec<i64> = (0..width).map(|value| all.iter().map(|profile| totals(profile)[value]).sum()).collect();
        assert_eq!(totals(&merged), sum, "seed {seed}");
        let mut merger = Merger::default();
        let pair = merge(all[..2].to_vec()).unwrap();
        [pair, all[2].clone()].into_iter().for_each(|profile| merger.add(profile).unwrap());
        assert_eq!(measured(&merger.finish().unwrap()), measured(&merged), "seed {seed}");
    }
}

#[test]
fn nothing_is_left_of_a_profile_without_itself() {
    for seed in 0..PROFILES {
        let difference = subtract(profile(seed), profile(seed), false).unwrap();
        assert!(difference.samples.is_empty(), "seed {seed}: {difference:?}");
    }
}

#[test]
fn merging_equal_samples_and_splitting_keep_the_sum() {
    for seed in 0..PROFILES {
        let mut merged = profile(seed);
        let whole = totals(&merged);
        let parts = split(&merged, "test");
        let of_parts = |value: usize| parts.parts.iter().map(|part| totals(&part.profile)[value]).sum::<i64>();
        let repeated: Vec<_> = (0..whole.len()).map(|value| of_parts(value) - parts.repeated[value]).collect();
        assert_eq!(repeated, whole, "seed {seed}");
        merge_equal_samples(&mut merged);
        assert_eq!(merged.check(), Ok(()));
        assert_eq!(totals(&merged), whole, "seed {seed}");
        let once = measured(&merged);
        merge_equal_samples(&mut merged);
        assert_eq!(measured(&merged), once, "seed {seed}");
    }
}

#[test]
fn reports_are_the_same_each_time() {
    let formats = [
        Format::Text,
        Format::Tree,
        Format::Peek(".*".into()),
        Format::Traces,
        Format::Tags,
        Format::Dot,
        Format::Callgrind,
        Format::Folded,
    ];
    for seed in 0..PROFILES {
        let profile = profile(seed);
        let options = Options { call_tree: seed % 2 == 0, trim: seed % 3 == 0, ..Options::default() };
        for format in &formats {
            let made = || {
                let report = report(profile.clone(), &OriginalIds::default(), format, &options);
                report.map(|report| report.into_bytes())
            };
            assert_eq!(made(), made(), "seed {seed}: {format:?}");
        }
    }
}
