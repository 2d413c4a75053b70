//! How true CPU profiles are, side by side with other profilers, for `docs/performance.md`:
//! `cargo run --release -p prof-tests --bin cpu-truth [ROUNDS]`.
//!
//! One program (`tests/fixtures/cpu-truth`) burns known shares of CPU time in named functions and tells by the kernel's
//! clocks what they used. It runs under each tool in turn, round after round; what the tool claims is held against what
//! the program tells. What each tool costs is in `overhead.rs`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "cpu_truth/perf.rs"]
mod perf;
#[path = "cpu_truth/row.rs"]
mod row;
#[path = "cpu_truth/tool.rs"]
mod tool;
#[path = "cpu_truth/workload.rs"]
mod workload;

use tool::{TOOLS, Workshop};
use workload::WORKLOADS;

/// Samples asked for in a second of CPU time.
const RATES: [u64; 3] = [99, 999, 4999];

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let workshop = Workshop::open();
    // Builds, and tells which tools there are.
    let available = TOOLS.map(|tool| (tool, workshop.measure(tool, &workload::NOTHING, RATES[0]).err()));
    for (tool, reason) in &available {
        if let Some(reason) = reason {
            println!("{tool} is not available: {reason}\n");
        }
    }

    println!("{}", row::HEADING);
    for workload in &WORKLOADS {
        for rate in RATES {
            let mut results = TOOLS.map(|_| Vec::new());
            for _ in 0..rounds {
                for ((tool, reason), results) in available.iter().zip(&mut results) {
                    if reason.is_none() {
                        results.push(workshop.measure(*tool, workload, rate));
                    }
                }
            }
            for (tool, results) in TOOLS.iter().zip(results) {
                println!("| {} | {rate} | {tool} | {} |", workload.name, row::cells(&results, workload, rate));
            }
        }
    }
}
