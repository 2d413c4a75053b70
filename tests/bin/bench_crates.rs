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

use prof_tests::check::{Check, say};

use document::{HEADING, document, in_words};
use selection::SELECTION;

fn main() -> ExitCode {
    if let Some(path) = std::env::var_os(used::VARIABLE) {
        return used::run(path.as_ref(), std::env::args_os().skip(1)).unwrap_or_else(|reason| {
            say(&reason);
            ExitCode::FAILURE
        });
    }
    let check = Check {
        name: "bench-crates",
        heading: HEADING,
        selection: SELECTION,
        identity: |selected| [selected.name, selected.version],
        judge: judged::judge,
        is_well: |judged| judged.wrong.is_empty(),
        in_words,
        details: |judged| judged.wrong.clone(),
        document,
    };
    check.main()
}
