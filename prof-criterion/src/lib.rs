//! CPU and memory profiles and flame graphs of [criterion](https://docs.rs/criterion)'s benchmarks, by criterion's own
//! `Profiler` trait. For people who want it in their source; `cargo prof bench` needs none of it.
//!
//! ```
//! use criterion::{criterion_group, Criterion};
//! use prof_criterion::{Options, Profiler};
//!
//! fn sums(criterion: &mut Criterion) {
//!     criterion.bench_function("sum", |bencher| bencher.iter(|| (0..1000u64).sum::<u64>()));
//! }
//!
//! criterion_group! {
//!     name = benches;
//!     config = Criterion::default().with_profiler(Profiler::new(Options::default()));
//!     targets = sums
//! }
//! # fn main() {}
//! ```
//!
//! `cargo bench -- --profile-time 5` then writes `cpu.pb.gz`, which every pprof tool reads, and `flamegraph.svg` for each
//! benchmark, into `target/criterion/BENCHMARK/profile/`.
//!
//! Another measurement is here too: [`Allocations`], the bytes or objects that an iteration allocates, exactly.
//!
//! The traits are those of criterion 0.8; those of 0.5, 0.6 and 0.7 come with the features `criterion-0-5`,
//! `criterion-0-6` and `criterion-0-7`. Where `prof-harness` does not run (it knows x86-64 Linux with glibc), benchmarks run
//! unprofiled, and standard error says so.
//!
//! It never fails a benchmark: what cannot be done is a line on standard error.

#[cfg(not(any(
    feature = "criterion-0-5",
    feature = "criterion-0-6",
    feature = "criterion-0-7",
    feature = "criterion-0-8"
)))]
compile_error!(
    "prof-criterion does nothing without criterion; switch on the feature of its version, as `criterion-0-8`"
);

mod allocations;
mod counting;
mod error;
mod names;
mod options;
mod profiler;
mod profiles;
mod runtime;
#[cfg_attr(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")), path = "no_sampler.rs")]
mod sampler;
mod write;

pub use allocations::Allocations;
pub use counting::CountingAllocator;
pub use options::Options;
pub use prof_record::Engine;
pub use profiler::Profiler;

/// Implements what each version of criterion asks for by the macro `$implement`, which is given the feature of the version,
/// its crate, and what its `Throughput` has more than that of 0.5.
macro_rules! for_each_criterion {
    ($implement:ident) => {
        $implement!("criterion-0-5", criterion_0_5);
        $implement!("criterion-0-6", criterion_0_6);
        $implement!("criterion-0-7", criterion_0_7, Bits(number) => (number, "bit"));
        $implement!(
            "criterion-0-8",
            criterion,
            Bits(number) => (number, "bit"),
            // Criterion asks for the two one by one.
            ElementsAndBytes { elements: number, .. } => (number, "elem")
        );
    };
}
use for_each_criterion;
