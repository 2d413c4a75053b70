//! Benchmarks of what is allocated instead of the time: `cargo bench -p prof-criterion --bench allocations`.

use std::alloc::System;
use std::hint::black_box;

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use prof_criterion::{Allocations, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);

fn grow(criterion: &mut Criterion<Allocations>) {
    let mut group = criterion.benchmark_group("grow");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("from nothing", |bencher| {
        bencher.iter(|| {
            (0..1000u64).fold(Vec::new(), |mut list, n| {
                list.push(black_box(n));
                list
            })
        })
    });
    group.bench_function("at once", |bencher| bencher.iter(|| (0..1000u64).collect::<Vec<_>>()));
    group.bench_function("nothing", |bencher| bencher.iter(|| (0..1000u64).map(black_box).sum::<u64>()));
    group.finish();
}

criterion_group! {
    name = bytes;
    config = Criterion::default().with_measurement(Allocations::bytes());
    targets = grow
}
criterion_main!(bytes);
