//! The program that `probe.rs` compiles and runs: it burns CPU time. Not a module of cargo-prof. Prints the nanoseconds of
//! CPU time that it used, 0 if the kernel does not count them.

use std::hint::black_box;
use std::time::{Duration, Instant};

const BURNED: Duration = Duration::from_millis(300);

fn main() {
    let before = cpu_nanos();
    burn();
    println!("{}", cpu_nanos() - before);
}

fn cpu_nanos() -> u64 {
    // Otherwise the kernel adds the time since the last tick at the next one.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

#[inline(never)]
fn burn() {
    let start = Instant::now();
    let mut sum = 0u64;
    while start.elapsed() < BURNED {
        for number in 0..2000u64 {
            sum = black_box(sum.wrapping_add(number * number));
        }
    }
}
