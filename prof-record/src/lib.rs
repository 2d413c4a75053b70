//! What the profiled process hands over: the `PROF_*` contract ([`Settings`]), the layout of a record file
//! ([`layout`]) and the parsed [`Record`].
//!
//! The harness writes a record into a shared mapping of a file, so that it survives whatever ends the process;
//! `cargo-prof` parses it afterwards. This crate imports nothing and knows nothing of pprof, cargo or signals.

#![forbid(unsafe_code)]

pub mod layout;

mod contract;
mod doors;
mod error;
mod parse;
mod record;

pub use contract::{
    SettingError, Settings, BENCH_ITERATIONS_VARIABLE, BENCH_TIMES_VARIABLE, BENCH_VARIABLE, CPU_PERIOD_VARIABLE,
    DIRECTORY_VARIABLE, ENGINE_VARIABLE, HEAP_PEAK_VARIABLE, HEAP_PERIOD_VARIABLE, TEST_THREADS_VARIABLE,
};
pub use doors::{DOORS, PULLED};
pub use error::Error;
pub use record::{CpuBucket, Door, Engine, HeapBucket, Label, LabelKind, Loss, Mapping, Record, Stack};
