//! The runtime inside a profiled process. `cargo-prof` links it into a program that knows nothing of it: a
//! constructor before `main` looks for the `PROF_*` variables of [`prof_record`] and, if they are there, starts
//!
//! * a CPU sampler: a clock on each thread, a SIGPROF handler that unwinds (`cpu`);
//! * an allocation sampler: definitions of `malloc` and its kin before libc's, and before those of allocators that are
//!   linked in (`heap`);
//!
//! both of which count into buckets in a shared mapping of a record file (`arena`, `bucket`). The kernel keeps
//! what is in the mapping however the process ends, so there is no thread that drains and nothing to flush.
//!
//! A program can start them as well, for a part of itself: see [`Profiler`]. With [`Alloc`] it shows them the allocations
//! of an allocator that they know no door to.
//!
//! It never prints, never fails its host and never calls the program's own allocator from a signal or a hook: what
//! it cannot record it counts.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
compile_error!("prof-harness knows x86-64 Linux with glibc only; other targets run unprofiled");

#[macro_use]
mod interpose;

mod alive;
mod arena;
mod autostart;
mod birth;
mod bucket;
mod copies;
mod countdown;
mod cpu;
mod exec;
mod heap;
mod label;
mod lock;
mod mapping;
mod memory;
mod named_tests;
mod owned_lock;
mod profiler;
mod random;
mod registers;
mod session;
mod stack;
mod sys;
mod thread;
mod unwind;

pub mod benching;
pub mod testing;

pub use heap::Alloc;
pub use prof_record;
pub use profiler::{Options, Profiler, ProfilerError};
