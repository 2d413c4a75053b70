//! Checks `cargo prof` against real crates: the own tests of well-known crates from crates.io, run with plain cargo and
//! with `cargo prof test`, must give the same, and profiles that agree with it. The list is in `selection.rs`, the
//! outcome goes to a section of `docs/compatibility.md`; the other is of `bench_crates.rs`. The stories beside it need no crates but their fixtures.
//!
//! ```text
//! cargo run -p prof-tests --bin real-crates [-- NAME…]
//! ```
//!
//! Ends with status 1 if a crate differs or cannot be checked, 2 if it is asked for a crate that is not on the list.

#![forbid(unsafe_code)]

#[path = "real_crates/document.rs"]
mod document;
#[path = "real_crates/judged.rs"]
mod judged;
#[path = "real_crates/profiles.rs"]
mod profiles;
#[path = "real_crates/results.rs"]
mod results;
#[path = "real_crates/run.rs"]
mod run;
#[path = "real_crates/selection.rs"]
mod selection;

use std::process::ExitCode;

use prof_tests::check::Check;

use document::{HEADING, details, document, in_words};
use selection::SELECTION;

fn main() -> ExitCode {
    let check = Check {
        name: "real-crates",
        heading: HEADING,
        selection: SELECTION,
        identity: |selected| [selected.name, selected.version],
        judge: judged::judge,
        is_well: judged::Judged::is_well,
        in_words,
        details,
        document,
    };
    check.main()
}
