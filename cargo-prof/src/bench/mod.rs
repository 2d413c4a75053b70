//! Benchmarks one at a time. Cargo is told to run what it benches by way of cargo-prof ([`runner`]), which knows the
//! [`BenchHarness`] in each executable, asks it for its list ([`list`]) and runs each benchmark in a process of its own,
//! which is labelled with the benchmark's id. What of such a process is the measured loop is told by its stacks
//! ([`phase`]). What an iteration allocates is counted in a process more ([`memory`]), by stacks as well ([`iteration`]).

mod asked;
mod command_line;
pub mod harness;
pub mod iteration;
pub mod list;
pub mod memory;
pub mod phase;
mod progress;
mod results;
pub mod runner;

pub use asked::{Benches, memory_directory};
pub use harness::BenchHarness;
