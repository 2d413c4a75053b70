//! The trait's methods as criterion calls them, and what they write.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use criterion::profiler::Profiler as _;
use prof_criterion::{Options, Profiler};
use prof_pprof::{decode, LabelValue, Profile};

/// There is one profiler at a time in a process.
static TURN: Mutex<()> = Mutex::new(());

#[inline(never)]
fn burn(duration: Duration) -> u64 {
    let end = Instant::now() + duration;
    let mut state = 1u64;
    while Instant::now() < end {
        (0..10_000).for_each(|_| state = black_box(state.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7)));
    }
    state
}

#[inline(never)]
fn hoard(blocks: usize) -> Vec<Vec<u8>> {
    (0..blocks).map(|_| Vec::with_capacity(12_345)).collect()
}

/// A directory of the test's own, which does not exist yet.
fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("prof-criterion-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&directory);
    directory
}

fn read(path: &Path) -> Profile {
    decode(&std::fs::read(path).unwrap()).unwrap()
}

fn sum(profile: &Profile, kind: &str, is_counted: impl Fn(&[String]) -> bool) -> i64 {
    let index = profile.sample_index(Some(kind)).unwrap();
    let counted = profile.samples.iter().filter(|sample| {
        let lines = sample.locations.iter().flat_map(|location| &profile[*location].lines);
        is_counted(&lines.map(|line| profile[line.function].name.to_string()).collect::<Vec<_>>())
    });
    counted.map(|sample| sample.values[index]).sum()
}

fn assert_labelled(profile: &Profile, benchmark: &str) {
    for sample in &profile.samples {
        let of = |key: &str| sample.labels.iter().find(|label| &*label.key == key).map(|label| label.value.clone());
        assert_eq!(of("bench"), Some(LabelValue::Text(benchmark.into())));
        assert_eq!(of("target"), Some(LabelValue::Text("bench/profiler".into())));
        assert_eq!(of("package"), Some(LabelValue::Text("prof-criterion".into())));
    }
}

/// CPU time of the calling thread so far, as the kernel tells it.
fn thread_cpu() -> Duration {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(status.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn a_benchmark_gets_its_profiles_and_its_picture() {
    let _turn = TURN.lock();
    let directory = directory("all");
    let mut profiler = Profiler::new(Options::default().heap_period(1));
    let mut kept = Vec::new();
    for (benchmark, blocks) in [("group/<first>", 10), ("group/second", 20)] {
        profiler.start_profiling(benchmark, &directory);
        let before = thread_cpu();
        black_box(burn(Duration::from_millis(700)));
        kept.push(hoard(blocks));
        let used = thread_cpu() - before;
        profiler.stop_profiling(benchmark, &directory);

        let cpu = read(&directory.join("cpu.pb.gz"));
        assert_labelled(&cpu, benchmark);
        let all = sum(&cpu, "cpu", |_| true) as f64 / used.as_nanos() as f64;
        assert!((0.85..1.15).contains(&all), "{all} of {used:?}");
        let burned = sum(&cpu, "cpu", |names| names.iter().any(|name| name == "profiler::burn"));
        assert!(burned as f64 / used.as_nanos() as f64 > 0.8, "{burned} of {used:?}");
        assert!(cpu.comments[0].starts_with("prof-criterion 0.1.0: engine "), "{:?}", cpu.comments);
        assert!(cpu.mappings[0].has_functions);
        assert!(cpu.functions.iter().all(|function| !function.name.contains("prof_harness::")), "{:?}", cpu.functions);
        let function = cpu.functions.iter().find(|function| &*function.name == "profiler::burn").unwrap();
        assert!(function.file.ends_with("tests/profiler.rs"), "{function:?}");
        let lines = cpu.locations.iter().flat_map(|location| &location.lines);
        // The lines of the loop.
        assert!(lines.filter(|line| cpu[line.function] == *function).all(|line| (17..=24).contains(&line.line)));

        let mem = read(&directory.join("mem.pb.gz"));
        assert_labelled(&mem, benchmark);
        let hoarded = |names: &[String]| names.iter().any(|name| name == "profiler::hoard");
        let exact = blocks as i64 * 12_345 + blocks as i64 * size_of::<Vec<u8>>() as i64;
        assert_eq!(sum(&mem, "inuse_space", hoarded), exact);

        let picture = std::fs::read_to_string(directory.join("flamegraph.svg")).unwrap();
        assert!(picture.contains("<title>profiler::burn\n"), "{picture}");
        assert!(picture.contains(&benchmark.replace('<', "&lt;").replace('>', "&gt;")));
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn another_profiler_is_left_alone() {
    let _turn = TURN.lock();
    let directory = directory("another");
    let other = prof_harness::Profiler::start(prof_harness::Options::default()).unwrap();
    let mut profiler = Profiler::default();
    profiler.start_profiling("id", &directory);
    let before = thread_cpu();
    black_box(burn(Duration::from_millis(300)));
    let used = thread_cpu() - before;
    profiler.stop_profiling("id", &directory);
    assert!(!directory.exists());
    let record = other.stop().unwrap();
    let seen = Duration::from_nanos(record.cpu.iter().map(|bucket| bucket.nanos).sum());
    // One period of the sampler's, one tick of the kernel's.
    assert!(seen + Duration::from_millis(20) > used, "{seen:?} of {used:?}");
}

#[test]
fn options_choose_what_is_written_and_where() {
    let _turn = TURN.lock();
    let (given, own) = (directory("given"), directory("own"));
    let options = Options::default().cpu_rate(0).heap_period(1).flamegraph(false).directory(&own);
    let mut profiler = Profiler::new(options);
    profiler.start_profiling("group/id", &given);
    let kept = hoard(3);
    profiler.stop_profiling("group/id", &given);
    drop(black_box(kept));
    assert!(!given.exists());
    let files: Vec<_> =
        std::fs::read_dir(own.join("group/id")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["mem.pb.gz"]);
    std::fs::remove_dir_all(&own).unwrap();
}

#[test]
fn what_cannot_be_is_no_panic() {
    let _turn = TURN.lock();
    // Nothing is asked for.
    let mut profiler = Profiler::new(Options::default().cpu_rate(0));
    profiler.start_profiling("id", Path::new("/does/not/exist"));
    profiler.stop_profiling("id", Path::new("/does/not/exist"));
    // It cannot be written.
    let mut profiler = Profiler::default();
    profiler.start_profiling("id", Path::new("/proc/self/nowhere"));
    profiler.stop_profiling("id", Path::new("/proc/self/nowhere"));
    // A stop without a start.
    profiler.stop_profiling("id", Path::new("/proc/self/nowhere"));
}
