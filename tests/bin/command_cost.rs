//! What `cargo prof` adds to whole commands of many processes, for `docs/performance.md`:
//! `cargo run --release -p prof-tests --bin command-cost [ROUNDS [COMMAND…]]`, where COMMAND is `bench` or `nextest`
//! (default: both).
//!
//! A command runs plainly and profiled in turn, from its start to its end, with everything built before: so listing,
//! starting processes, collecting and naming are in it. What sampling costs inside of a process is in `overhead.rs`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::process::Command;
use std::time::Instant;

use prof_tests::Project;
use prof_tests::figures::Sorted;

/// How many tests that do nothing nextest runs.
const TESTS: usize = 300;

/// A command without and with the profiler, and the processes that do its work.
struct Pair {
    name: &'static str,
    fixture: &'static str,
    plain: &'static [&'static str],
    /// What follows `cargo prof`; the same without the profiles asked for.
    profiled: &'static [&'static str],
    processes: usize,
}

const PAIRS: [Pair; 2] = [
    Pair {
        name: "bench",
        fixture: "bench-harnesses",
        plain: &["bench", "--bench", "criterion-8", "--", "--profile-time", "5"],
        profiled: &["bench", "--bench", "criterion-8", "--profile-time", "5"],
        processes: 4,
    },
    Pair {
        name: "nextest",
        fixture: "nextest",
        plain: &["nextest", "run", "--test", "many"],
        profiled: &["nextest", "run", "--test", "many"],
        processes: TESTS,
    },
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let chosen: Vec<String> = arguments.collect();
    println!(
        "| command | processes | plain, s | profiled, s | profiled / plain (min-max) | more for each process, ms |"
    );
    println!("|---|---|---|---|---|---|");
    for pair in PAIRS.iter().filter(|pair| chosen.is_empty() || chosen.iter().any(|name| name == pair.name)) {
        print_row(pair, rounds);
    }
}

fn print_row(pair: &Pair, rounds: usize) {
    let project = Project::of(pair.fixture);
    if pair.name == "nextest" {
        let tests: String = (0..TESTS).map(|number| format!("#[test]\nfn number_{number}() {{}}\n")).collect();
        project.write("tests/many.rs", &tests);
    }
    let plain = || seconds(project.command("cargo").args(pair.plain));
    let profiled = || seconds(&mut project.profiled_command(pair.profiled, &[]));
    // Builds, and warms up.
    plain();
    profiled();
    let times: Vec<(f64, f64)> = (0..rounds).map(|_| (plain(), profiled())).collect();
    let column = |value: &dyn Fn(&(f64, f64)) -> f64| Sorted::of(times.iter().map(value));
    println!(
        "| `cargo {}` | {} | {:.2} | {:.2} | {} | {:.1} |",
        pair.plain.join(" "),
        pair.processes,
        column(&|times| times.0).median(),
        column(&|times| times.1).median(),
        column(&|times| times.1 / times.0).median_and_range(3),
        column(&|times| (times.1 - times.0) * 1000.0).median() / pair.processes as f64,
    );
}

/// How long a command takes that must succeed.
fn seconds(command: &mut Command) -> f64 {
    let start = Instant::now();
    let output = command.output().expect("cargo runs");
    let seconds = start.elapsed().as_secs_f64();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    seconds
}
