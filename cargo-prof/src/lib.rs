//! The cargo subcommand and the viewer: builds a cargo project's tests, benchmarks or program with the harness inside
//! ([`inject`]), runs them, benchmarks one by one ([`mod@bench`]), collects the records of all their processes ([`collect`])
//! into one pprof profile a kind, names the code in it ([`symbolize`]) and says what came out ([`summary`]), to the byte if
//! it is asked to ([`exact`]), and in a file for each test if it is asked to ([`split`]). What `go tool pprof` does with a
//! profile is in [`pprof`], with the sources ([`source_files`]) and the instructions ([`disassemble`]) that it shows.
//!
//! A library only so that the tests of this repository can reach it; it promises no stable interface.

#![forbid(unsafe_code)]

mod ahead;
pub mod bench;
pub mod cli;
pub mod collect;
pub mod command;
pub mod disassemble;
pub mod error;
pub mod exact;
pub mod forward;
pub mod inject;
pub mod outputs;
pub mod pprof;
pub mod project;
pub mod run;
pub mod source_files;
pub mod split;
pub mod summary;
pub mod symbolize;
pub mod terminal;

pub use error::Error;
