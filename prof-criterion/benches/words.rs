//! A benchmark with the profiler in its source: `cargo bench -p prof-criterion --bench words -- --profile-time 2`.

use std::collections::HashMap;

use criterion::{criterion_group, criterion_main, Criterion};
use prof_criterion::{Options, Profiler};

fn count(text: &str) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_insert(0) += 1;
    }
    counts
}

fn sort(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text.split_whitespace().map(str::to_uppercase).collect();
    words.sort();
    words
}

fn words(criterion: &mut Criterion) {
    let text: String = (0..20_000u64).map(|n| format!("{:x} ", n.wrapping_mul(0x9e37_79b9) % 5_003)).collect();
    let mut group = criterion.benchmark_group("words");
    group.bench_function("count", |bencher| bencher.iter(|| count(&text)));
    group.bench_function("sort", |bencher| bencher.iter(|| sort(&text)));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_profiler(Profiler::new(Options::default().heap_period(512 << 10)));
    targets = words
}
criterion_main!(benches);
