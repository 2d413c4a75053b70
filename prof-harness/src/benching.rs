//! For test frameworks that run `#[bench]` functions: what `cargo prof bench --benchmem` asks them to do with each, and where
//! the time goes that they measured. The samplers around a function are in `testing.rs`. Never called from a signal or a
//! hook.

#![forbid(unsafe_code)]

use std::fs::OpenOptions;
use std::io::Write;
use std::num::NonZeroU32;

use prof_record::{BENCH_ITERATIONS_VARIABLE, BENCH_TIMES_VARIABLE};

/// How many single iterations of each benchmark are to be run instead of measuring it, if that is asked for.
pub fn single_iterations() -> Option<NonZeroU32> {
    std::env::var(BENCH_ITERATIONS_VARIABLE).ok()?.parse().ok()
}

/// Whether anybody wants to know how long an iteration takes.
pub fn wants_times() -> bool {
    std::env::var_os(BENCH_TIMES_VARIABLE).is_some()
}

/// Hands over how many nanoseconds an iteration of the benchmark `name` took. If that fails, its time stays unknown.
pub fn took(name: &str, nanos: f64) {
    let Some(path) = std::env::var_os(BENCH_TIMES_VARIABLE) else { return };
    let file = OpenOptions::new().append(true).create(true).open(path);
    // In one call: processes of one run may add to one file.
    let _ = file.and_then(|mut file| file.write_all(format!("{nanos} {name}\n").as_bytes()));
}
