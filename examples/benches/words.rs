//! The two ways of counting, measured by criterion: `cargo prof bench -p prof-examples`.

use criterion::{Criterion, criterion_group, criterion_main};

fn words(criterion: &mut Criterion) {
    let text = prof_examples::text(20_000);
    let mut group = criterion.benchmark_group("count");
    group.bench_function("by hash", |bencher| bencher.iter(|| prof_examples::count(&text)));
    group.bench_function("ignoring case", |bencher| bencher.iter(|| prof_examples::count_ignoring_case(&text)));
    group.finish();
}

criterion_group!(benches, words);
criterion_main!(benches);
