//! Decoding, encoding and the top table of a profile with 50 000 samples: `cargo bench -p prof-pprof`.

use criterion::{Criterion, criterion_group, criterion_main};
use prof_pprof::report::{TopOptions, top};
use prof_pprof::{Builder, Function, Label, Line, Location, Profile, ValueType, decode, encode};

/// Stacks of 30 frames over 5 000 functions that share their roots, each sample with a label.
fn profile() -> Profile {
    let mut builder = Builder::new(vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")]);
    let locations: Vec<_> = (0..5_000u64)
        .map(|n| {
            let function = builder.function(Function {
                name: format!("crate_{}::module::function_{n}", n % 40).into(),
                file: format!("src/file_{}.rs", n % 400).into(),
                ..Function::default()
            });
            let lines = vec![Line { function, line: n as i64 % 300, column: 9 }];
            builder.location(Location { mapping: None, address: 0x1000 + n * 16, lines, is_folded: false })
        })
        .collect();
    let mut state = 1u64;
    for n in 0..50_000 {
        let stack = (0..30)
            .map(|depth| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // The nearer the root, the fewer choices.
                locations[(state >> 33) as usize % (5_000 >> (depth / 3)).max(1)]
            })
            .collect::<Vec<_>>();
        let labels = builder.label_set(&[Label::text("test", &*format!("tests::case_{}", n % 100))]);
        builder.add(&stack, labels, &[1, 10_000_000]);
    }
    builder.finish()
}

fn codec(criterion: &mut Criterion) {
    let profile = profile();
    let bytes = encode(&profile);
    let mut group = criterion.benchmark_group("50 000 samples");
    group.sample_size(10);
    group.bench_function("encode", |bencher| bencher.iter(|| encode(&profile)));
    group.bench_function("decode", |bencher| bencher.iter(|| decode(&bytes)));
    group.bench_function("top", |bencher| bencher.iter(|| top(&profile, &TopOptions::default())));
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
