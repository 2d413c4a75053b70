//! What profiling the heap costs, side by side with other heap profilers, for `docs/performance.md`:
//! `cargo run --release -p prof-tests --bin heap-cost [ROUNDS [WORK…]]`, where
//! WORK is `json`, `map`, `pair` or `memory` (default: all).
//!
//! One program (`tests/fixtures/heap-load`) allocates in known ways and tells by the kernel's clocks and counts what it
//! used. It runs plainly and under each tool in turn, round after round; the ratios are of runs in one round. What
//! profiling costs other programs is in `overhead.rs`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "heap_cost/memory.rs"]
mod memory;
#[path = "heap_cost/row.rs"]
mod row;
#[path = "heap_cost/tool.rs"]
mod tool;

use tool::{TOOLS, Tool, Workshop};

/// What the fixture does on each of its threads.
const WORK: [&str; 3] = ["json", "map", "pair"];

const THREADS: [&str; 2] = ["1", "2"];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let chosen: Vec<String> = arguments.collect();
    let is_chosen = |work: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == work);
    let workshop = Workshop::open();
    let works: Vec<&str> = WORK.into_iter().filter(|work| is_chosen(work)).collect();
    if !works.is_empty() {
        print_time(&workshop, &works, rounds);
    }
    if is_chosen("memory") {
        println!();
        memory::print(&workshop, rounds);
    }
}

/// How long each of the works takes under each tool.
fn print_time(workshop: &Workshop, works: &[&str], rounds: usize) {
    // Builds, and tells which tools there are.
    let reasons: Vec<_> = TOOLS.iter().map(|tool| workshop.measure(*tool, &["history", "1"]).err()).collect();
    for (tool, reason) in TOOLS.iter().zip(&reasons) {
        if let Some(reason) = reason {
            println!("{tool} is not available: {reason}\n");
        }
    }

    println!("{}", row::HEADING);
    for work in works {
        for threads in THREADS {
            let mut results: Vec<Vec<_>> = TOOLS.iter().map(|_| Vec::new()).collect();
            for round in 0..rounds {
                for ((tool, reason), results) in TOOLS.iter().zip(&reasons).zip(&mut results) {
                    if reason.is_none() && is_measured(*tool, threads, round) {
                        results.push(workshop.measure(*tool, &[*work, threads]));
                    }
                }
            }
            for (tool, rounds) in TOOLS.iter().zip(&results) {
                if !rounds.is_empty() {
                    let plain = TOOLS.iter().position(|other| *other == tool.plain()).expect("the plain run is a tool");
                    println!("| {work} | {threads} | {tool} | {} |", row::cells(rounds, &results[plain]));
                }
            }
        }
    }
}

/// Some tools are so slow that they are run once, and on one thread only.
fn is_measured(tool: Tool, threads: &str, round: usize) -> bool {
    match tool {
        Tool::Dhat => threads == "1" && round == 0,
        Tool::Heaptrack => round == 0,
        Tool::Plain(_) | Tool::CargoProf(..) | Tool::JemallocProf | Tool::Go(_) => true,
    }
}
