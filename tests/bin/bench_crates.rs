//! Checks `cargo prof bench` against real crates: the own benchmarks of well-known crates from crates.io, in versions
//! of criterion from 0.3 on, must each be labelled, and as much CPU time must be measured in their loops as criterion itself
//! says. The list is in `selection.rs`, the outcome goes to a section of `docs/compatibility.md`; the other is of
//! `real_crates.rs`. The stories beside it need no crates but their fixtures.
//!
//! ```text
//! cargo run -p prof-tests --bin bench-crates [-- NAME…]
//! ```
//!
//! Ends with status 1 if something is wrong with a crate or it cannot be checked, 2 if it is asked for a crate that is not on
//! the list.

#![forbid(unsafe_code)]

#[path = "bench_crates/document.rs"]
mod document;
#[path = "bench_crates/judged.rs"]
mod judged;
#[path = "bench_crates/own_times.rs"]
mod own_times;
#[path = "bench_crates/profiles.rs"]
mod profiles;
#[path = "bench_crates/run.rs"]
mod run;
#[path = "bench_crates/selection.rs"]
mod selection;
#[path = "bench_crates/used.rs"]
mod used;

use std::process::ExitCode;
use std::time::Instant;

use prof_tests::page;
use prof_tests::workshop::Workshop;

use document::{HEADING, Report, document};
use selection::{SELECTION, Selected};

fn main() -> ExitCode {
    if let Some(path) = std::env::var_os(used::VARIABLE) {
        return used::run(path.as_ref(), std::env::args_os().skip(1)).unwrap_or_else(|reason| {
            say(&reason);
            ExitCode::FAILURE
        });
    }
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = names.iter().find(|name| SELECTION.iter().all(|selected| selected.name != **name)) {
        let known: Vec<&str> = SELECTION.iter().map(|selected| selected.name).collect();
        say(&format!("{unknown} is not on the list: {}", known.join(", ")));
        return ExitCode::from(2);
    }
    let is_asked_for = |selected: &&Selected| names.is_empty() || names.iter().any(|name| name == selected.name);
    match check(SELECTION.iter().filter(is_asked_for), names.is_empty()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            say(&reason);
            ExitCode::FAILURE
        }
    }
}

/// Whether all is well with the crates. The section is of all of them or not written.
fn check(crates: impl Iterator<Item = &'static Selected>, is_whole: bool) -> Result<bool, String> {
    let workshop = Workshop::open("bench-crates")?;
    let mut reports = Vec::new();
    for selected in crates {
        let started = Instant::now();
        let outcome = judged::judge(&workshop, selected);
        let report = Report { selected, outcome, time: started.elapsed() };
        say(&report.for_terminal());
        reports.push(report);
    }
    if is_whole {
        page::write(HEADING, &document(&reports, &page::checked()?))?;
    }
    let well = reports.iter().filter(|report| report.is_well()).count();
    say(&format!(
        "{well} of {} crates pass; outputs and profiles are in {}",
        reports.len(),
        workshop.folder.join("output").display()
    ));
    Ok(well == reports.len())
}

#[expect(clippy::print_stdout, reason = "this is the terminal")]
fn say(text: &str) {
    println!("{text}");
}
