//! The program that `probe.rs` compiles and runs: it burns CPU time so that two samples rarely have the same stack. Not
//! a module of cargo-prof. Prints the nanoseconds of CPU time that it used, 0 if the kernel does not count them.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How many stacks there are, and how long each is on the CPU: 0.3 s in all. A slice is shorter than a sampling period,
/// so each sample is of another one, and stacks that were seen count the moments at which samples were taken.
const SLICES: u32 = 1200;
const SLICE: Duration = Duration::from_micros(250);

fn main() {
    let before = cpu_nanos();
    for slice in 0..SLICES {
        walk(slice, SLICES.ilog2() + 1);
    }
    println!("{}", cpu_nanos() - before);
}

fn cpu_nanos() -> u64 {
    // Otherwise the kernel adds the time since the last tick at the next one.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

/// Writes the number of the slice into the stack: each of its bits is a call from one line or the other.
#[inline(never)]
fn walk(slice: u32, bits: u32) {
    match (bits, slice & 1) {
        (0, _) => burn(),
        (_, 0) => walk(slice >> 1, bits - 1),
        (_, _) => walk(slice >> 1, bits - 1),
    }
}

#[inline(never)]
fn burn() {
    let start = Instant::now();
    let mut sum = 0u64;
    while start.elapsed() < SLICE {
        for number in 0..2000u64 {
            sum = black_box(sum.wrapping_add(number * number));
        }
    }
}
