//! Profiles a part of itself and prints where it was: `cargo run -p prof-harness --example part`.

use std::collections::BTreeMap;
use std::time::Duration;

use prof_harness::{Options, Profiler};

#[expect(clippy::print_stdout, reason = "a program for the terminal")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words = prepare();
    let options = Options::default().cpu_period(Duration::from_millis(1)).heap_period(64 << 10);
    let profiler = Profiler::start(options)?;
    let sorted = sort(words);
    let record = profiler.stop()?;

    println!("{} words sorted, the CPU sampled by {}", sorted.len(), record.engine.name());
    let mut by_leaf: BTreeMap<String, u64> = BTreeMap::new();
    for bucket in &record.cpu {
        let leaf = record.stacks[bucket.stack].pcs.first().map_or("no stack".to_owned(), |pc| name(*pc));
        *by_leaf.entry(leaf).or_default() += bucket.nanos;
    }
    let mut by_leaf: Vec<_> = by_leaf.into_iter().collect();
    by_leaf.sort_by_key(|(_, nanos)| std::cmp::Reverse(*nanos));
    for (leaf, nanos) in by_leaf.iter().take(5) {
        println!("{:>6.1} ms  {leaf}", *nanos as f64 / 1e6);
    }
    Ok(())
}

fn prepare() -> Vec<String> {
    (0..300_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string()).collect()
}

fn sort(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

/// The function at an address of this process.
fn name(pc: u64) -> String {
    let mut name = None;
    backtrace::resolve(pc as *mut std::ffi::c_void, |symbol| {
        name = name.take().or_else(|| symbol.name().map(|name| format!("{name:#}")));
    });
    name.unwrap_or_else(|| format!("{pc:#x}"))
}
