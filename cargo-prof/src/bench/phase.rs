//! What a benchmark's process did at a sample: warm up, measure, set up, or reckon. Told by the functions of the benchmark
//! harness on the stack, after the profile is named (`symbolize/`). A thread that has none of them on its stack works for
//! the benchmark, in a phase that its stack does not tell.

use std::collections::{HashMap, HashSet};

use prof_pprof::measurement;
use prof_pprof::{Label, Location, Profile, Sample, Text, merge_equal_samples};

use super::BenchHarness;

/// A part of what a benchmark's process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The benchmark runs, to warm up.
    Warmup,
    /// The benchmark runs, and counts.
    Measure,
    /// The program prepares the benchmark.
    Setup,
    /// The harness reckons, draws and writes.
    Analysis,
}

impl Phase {
    /// The value of the label `phase`.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Warmup => "warmup",
            Phase::Measure => "measure",
            Phase::Setup => "setup",
            Phase::Analysis => "analysis",
        }
    }
}

/// What becomes of the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The measured loop stays, with what no stack tells; of a benchmark that is not measured, because one iteration takes
    /// longer than all of the time, its warm-up.
    Loop,
    /// All of them, labelled.
    All,
}

/// What was left out; by phase in the last of the profile's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Of each of the profile's values.
    pub values: Vec<i64>,
    /// Of warm-ups.
    pub warmup: i64,
    /// Of setting up.
    pub setup: i64,
    /// Of the harness's own work.
    pub analysis: i64,
    /// How many benchmarks have their warm-up in the profile, for want of anything else.
    pub unmeasured: usize,
}
/// Labels or leaves out the phases of all benchmarks for whose package and target `harness` knows the harness.
pub fn apply(profile: &mut Profile, keep: Keep, harness: impl Fn(&str, &str) -> Option<BenchHarness>) -> LeftOut {
    let phases = phases(profile, harness);
    let mut left_out = LeftOut { values: vec![0; profile.sample_types.len()], ..LeftOut::default() };
    if keep == Keep::All {
        for (position, phase) in phases.into_iter().enumerate() {
            if let Some(phase) = phase {
                add_label(profile, position, phase);
            }
        }
        return left_out;
    }
    let has_no_stack = |sample: Sample<'_>| match sample.locations[..] {
        // `[unsampled]` or `[lost]`: time of which no phase is known.
        [location] => profile[location].lines.iter().any(|line| profile[line.function].name.starts_with('[')),
        _ => false,
    };
    let ids = |is_wanted: &dyn Fn(Sample<'_>, Option<Phase>) -> bool| -> HashSet<_> {
        let wanted = profile.samples.iter().zip(&phases).filter(|(sample, phase)| is_wanted(*sample, **phase));
        wanted.map(|(sample, _)| identity(sample)).collect()
    };
    let measured = ids(&|sample, phase| phase.map_or(!has_no_stack(sample), |phase| phase == Phase::Measure));
    let unmeasured = &ids(&|_, phase| phase == Some(Phase::Warmup)) - &measured;
    left_out.unmeasured = unmeasured.len();
    // What did not list its benchmarks ran as one, by the name of its target. It may iterate in its own way.
    let mut whole: HashSet<_> = profile.samples.iter().map(identity).filter(is_named_as_its_target).collect();
    whole.retain(|identity| !unmeasured.contains(identity) && !measured.contains(identity));
    let is_the_only_work = |sample: Sample<'_>, phase| phase == Phase::Warmup && unmeasured.contains(&identity(sample));
    for (position, phase) in phases.iter().enumerate() {
        if let Some(phase) = phase.filter(|phase| is_the_only_work(profile.samples.at(position), *phase)) {
            add_label(profile, position, phase);
        }
    }
    let mut phases = phases.into_iter();
    profile.samples.retain(|sample| {
        let Some(phase) = phases.next().flatten().filter(|phase| *phase != Phase::Measure) else { return true };
        if is_the_only_work(sample, phase) || whole.contains(&identity(sample)) {
            return true;
        }
        left_out.add(phase, sample);
        false
    });
    merge_equal_samples(profile);
    left_out
}

impl LeftOut {
    /// How much time each of the phases took, in words; none if nothing of a CPU profile was left out.
    pub fn text(&self) -> Option<String> {
        let parts = [(self.warmup, "warm-up"), (self.setup, "set-up"), (self.analysis, "the harness's own work")];
        let parts: Vec<_> = parts
            .iter()
            .filter(|(nanos, _)| *nanos > 0)
            .map(|(nanos, what)| format!("{} of {what}", measurement::label(*nanos, "nanoseconds", "auto")))
            .collect();
        (!parts.is_empty()).then(|| format!("left out: {}", parts.join(", ")))
    }

    fn add(&mut self, phase: Phase, sample: Sample<'_>) {
        let sum = match phase {
            Phase::Warmup => &mut self.warmup,
            Phase::Setup => &mut self.setup,
            Phase::Analysis | Phase::Measure => &mut self.analysis,
        };
        *sum += sample.values.last().copied().unwrap_or(0);
        for (sum, value) in self.values.iter_mut().zip(sample.values) {
            *sum += value;
        }
    }
}

/// The phase of each sample, as far as its stack tells.
fn phases(profile: &Profile, harness: impl Fn(&str, &str) -> Option<BenchHarness>) -> Vec<Option<Phase>> {
    let mut known = HashMap::new();
    let mut signs = HashMap::new();
    let mut phase = |sample: Sample<'_>| {
        let [_, package, target] = identity(sample);
        let (package, target) = (package?, target?);
        let harness = *known.entry((package.clone(), target.clone())).or_insert_with(|| harness(&package, &target));
        let harness = harness.filter(|_| sample.text("bench").is_some())?;
        let of_locations = sample.locations.iter().map(|index| {
            let of_location = || Signs::of_location(harness, profile, &profile[*index]);
            *signs.entry((harness, *index)).or_insert_with(of_location)
        });
        of_locations.fold(Signs::default(), Signs::with).phase()
    };
    profile.samples.iter().map(&mut phase).collect()
}

/// Labels the sample at a position with its phase.
fn add_label(profile: &mut Profile, position: usize, phase: Phase) {
    let labels = [profile.samples.at(position).labels, &[label(phase)]].concat();
    profile.samples.set_labels(position, &labels);
}

/// Which benchmark a sample is of.
fn identity(sample: Sample<'_>) -> [Option<Text>; 3] {
    ["bench", "package", "target"].map(|key| sample.text(key).cloned())
}

fn is_named_as_its_target([bench, _, target]: &[Option<Text>; 3]) -> bool {
    let target = target.as_ref().and_then(|target| target.strip_prefix("bench/"));
    target.is_some() && target == bench.as_deref()
}

fn label(phase: Phase) -> Label {
    Label::text("phase", phase.name())
}

/// The name of a method or function without its path, its generic arguments and the closures in it.
pub(super) fn method(path: &str) -> &str {
    let (mut depth, mut before, mut start) = (0_i32, ' ', 0);
    let mut segments = Vec::new();
    for (at, character) in path.char_indices() {
        match character {
            '<' | '(' | '[' | '{' => depth += 1,
            // That of a function's type is no bracket.
            '>' if before == '-' => {}
            '>' | ')' | ']' | '}' => depth -= 1,
            ':' if before == ':' && depth <= 0 => {
                segments.push(&path[start..at - 1]);
                start = at + 1;
                depth = 0;
            }
            _ => {}
        }
        before = character;
    }
    segments.push(&path[start..]);
    let named = segments.into_iter().rfind(|segment| !segment.starts_with(['<', '{']));
    named.map_or("", |segment| segment.split('<').next().unwrap_or_default())
}

/// What functions on a stack tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Signs {
    is_in_loop: bool,
    is_in_warmup: bool,
    is_in_routine: bool,
    is_in_harness: bool,
    is_in_main: bool,
}

impl Signs {
    fn of_location(harness: BenchHarness, profile: &Profile, location: &Location) -> Signs {
        let functions = location.lines.iter().map(|line| &*profile[line.function].name);
        functions.map(|name| Signs::of_function(harness, name)).fold(Signs::default(), Signs::with)
    }

    fn of_function(harness: BenchHarness, name: &str) -> Signs {
        // Of a method the type comes first, and of a closure the function; other types are among its arguments.
        let own = name.trim_start_matches(['<', '&']);
        let mut signs =
            Signs { is_in_main: name == "main" || own.starts_with("std::rt::lang_start"), ..Signs::default() };
        match harness {
            BenchHarness::Criterion => {
                let method = method(own);
                signs.is_in_harness = own.starts_with("criterion::") || own.starts_with("criterion_plot::");
                signs.is_in_loop = own.starts_with("criterion::bencher::");
                signs.is_in_warmup = own.starts_with("criterion::routine::") && method == "warm_up";
                signs.is_in_routine =
                    signs.is_in_warmup || own.starts_with("criterion::routine::") && method == "bench";
            }
            BenchHarness::Divan => {
                let is_of = |module: &str| own.strip_prefix("divan::").is_some_and(|rest| rest.starts_with(module));
                signs.is_in_loop = is_of("benchmark::") && method(own).starts_with("bench_loop");
                signs.is_in_harness = ["time::", "stats::", "tree_painter::"].into_iter().any(is_of)
                    || is_of("benchmark::") && method(own) == "compute_stats";
            }
        }
        signs
    }

    fn with(self, other: Signs) -> Signs {
        Signs {
            is_in_loop: self.is_in_loop | other.is_in_loop,
            is_in_warmup: self.is_in_warmup | other.is_in_warmup,
            is_in_routine: self.is_in_routine | other.is_in_routine,
            is_in_harness: self.is_in_harness | other.is_in_harness,
            is_in_main: self.is_in_main | other.is_in_main,
        }
    }

    fn phase(self) -> Option<Phase> {
        if self.is_in_loop {
            Some(if self.is_in_warmup { Phase::Warmup } else { Phase::Measure })
        } else if self.is_in_routine {
            // What the benchmark's function does before it iterates.
            Some(Phase::Setup)
        } else if self.is_in_harness {
            Some(Phase::Analysis)
        } else {
            self.is_in_main.then_some(Phase::Setup)
        }
    }
}

#[cfg(test)]
mod tests {
    use prof_pprof::{Builder, Function, Line, ValueType};

    use super::*;

    /// A profile of samples of one benchmark each, with their stacks, leaf first.
    fn profile(samples: &[(&str, &[&str], i64)]) -> Profile {
        let mut builder = Builder::new(vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")]);
        for (bench, stack, value) in samples {
            let locations = stack.iter().map(|name| {
                let function = builder.function(Function { name: (*name).into(), ..Function::default() });
                builder.location(Location { lines: vec![Line { function, line: 1, column: 0 }], ..Location::default() })
            });
            let locations: Vec<_> = locations.collect();
            let labels = [("bench", *bench), ("package", "p"), ("target", "bench/b")];
            let labels = builder.label_set(&labels.map(|(key, value)| Label::text(key, value)));
            builder.add(&locations, labels, &[1, *value]);
        }
        builder.finish()
    }

    const ITER: &str = "<criterion::bencher::Bencher>::iter::<u64, b::run::{closure#0}>";
    const BENCH: &str =
        "<criterion::routine::Function<M, b::run::warm_up, ()> as criterion::routine::Routine<M, ()>>::bench";
    const WARM_UP: &str = "<criterion::routine::Function<M, F, T> as criterion::routine::Routine<M, T>>::warm_up";
    const MAIN: &str = "std::rt::lang_start::<()>::{closure#0}";

    fn applied(keep: Keep, profile: &mut Profile) -> LeftOut {
        apply(profile, keep, |package, target| {
            (package == "p" && target == "bench/b").then_some(BenchHarness::Criterion)
        })
    }

    fn left(profile: &Profile) -> Vec<(i64, Option<Text>)> {
        profile.samples.iter().map(|sample| (sample.values[1], sample.text("phase").cloned())).collect()
    }

    #[test]
    fn the_measured_loop_stays_and_what_went_is_counted() {
        let mut profile = profile(&[
            ("a", &["work", ITER, BENCH, MAIN], 1),
            ("a", &["work", ITER, WARM_UP, MAIN], 2),
            ("a", &["prepare", "b::run", BENCH, MAIN], 4),
            ("a", &["prepare", "b::run", MAIN], 8),
            ("a", &["sort", "criterion::stats::bivariate::fit", MAIN], 16),
            ("a", &["sort", "criterion::analysis::estimates", "rayon_core::registry::run"], 32),
            ("a", &["work", "pool::worker", "start_thread"], 64),
            ("slow", &["work", ITER, WARM_UP, MAIN], 128),
            ("slow", &["[unsampled]"], 0),
            // What ran as a whole, by its target's name.
            ("b", &["work", "b::main", MAIN], 256),
            ("broken", &["prepare", "b::main", MAIN], 0),
        ]);
        let left_out = applied(Keep::Loop, &mut profile);
        let expected = LeftOut { values: vec![6, 62], warmup: 2, setup: 12, analysis: 48, unmeasured: 1 };
        assert_eq!(left_out, expected);
        assert_eq!(left(&profile), [(1, None), (64, None), (128, Some("warmup".into())), (0, None), (256, None)]);
    }

    #[test]
    fn all_phases_are_labelled_where_all_are_kept() {
        let mut profile = profile(&[
            ("a", &["work", ITER, BENCH, MAIN], 1),
            ("a", &["work", ITER, WARM_UP, MAIN], 2),
            ("a", &["prepare", MAIN], 4),
            ("a", &["criterion::kde::sweep", MAIN], 8),
            ("a", &["work", "start_thread"], 16),
        ]);
        assert_eq!(applied(Keep::All, &mut profile).values, [0, 0]);
        let phases = ["measure", "warmup", "setup", "analysis"].map(|phase| Some(phase.into()));
        assert_eq!(
            profile.samples.iter().map(|sample| sample.text("phase").cloned()).collect::<Vec<_>>(),
            [&phases[..], &[None]].concat()
        );
    }

    #[test]
    fn other_harnesses_are_left_alone() {
        let mut whole = profile(&[("a", &["work", MAIN], 1)]);
        let before = whole.clone();
        let left_out = apply(&mut whole, Keep::Loop, |_, _| None);
        assert_eq!((left_out.values, whole), (vec![0, 0], before));
    }

    #[test]
    fn divans_loop_is_told_by_its_name() {
        let stack: &[&str] = &["work", "<divan::benchmark::BenchContext>::bench_loop_threaded::<(), u64, F>", MAIN];
        let mut profile = profile(&[
            ("a", stack, 1),
            ("a", &["divan::time::timer::Timer::measure_precision", MAIN], 2),
            ("a", &["prepare", "b::run", "divan::divan::Divan::run_tree", MAIN], 4),
        ]);
        let left_out = apply(&mut profile, Keep::Loop, |_, _| Some(BenchHarness::Divan));
        assert_eq!((left_out.analysis, left_out.setup, left(&profile)), (2, 4, vec![(1, None)]));
    }

    #[test]
    fn a_method_is_found_behind_types() {
        for (path, name) in [
            ("<a::B<fn(u8) -> a::C> as a::D<E>>::run::<X<Y>>::{closure#0}", "run"),
            ("a::b::c", "c"),
            ("a::B<T>::iter::{{closure}}", "iter"),
            ("main", "main"),
            ("a::run<T>", "run"),
        ] {
            assert_eq!(method(path), name, "{path}");
        }
    }
}
