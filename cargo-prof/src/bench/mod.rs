//! Benchmarks one at a time. Cargo is told to run what it benches by way of cargo-prof ([`runner`]), which knows the
//! [`BenchHarness`] in each executable, asks it for its list ([`list`]) and runs each benchmark in a process of its own,
//! which is labelled with the benchmark's id. What of such a process is the measured loop is told by its stacks
//! ([`phase`]).

mod asked;
mod command_line;
pub mod harness;
pub mod list;
pub mod phase;
mod progress;
pub mod runner;

pub use asked::Benches;
pub use harness::BenchHarness;
