//! Checks `cargo prof` against real crates: the own tests of well-known crates from crates.io, run with plain cargo and
//! with `cargo prof test`, must give the same, and profiles that agree with it. The list is in `selection.rs`, the
//! outcome goes to `docs/compatibility.md`. The stories beside it need no crates but their fixtures.
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
#[path = "real_crates/source.rs"]
mod source;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use prof_tests::workspace_root;
use serde_json::Value;

use document::{Report, document};
use run::Workshop;
use selection::{SELECTION, Selected};
use source::failed;

fn main() -> ExitCode {
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

/// Whether all is well with the crates. The page is of all of them or not written.
fn check(crates: impl Iterator<Item = &'static Selected>, is_whole: bool) -> Result<bool, String> {
    let workshop = workshop()?;
    let mut reports = Vec::new();
    for selected in crates {
        let started = Instant::now();
        let outcome = judged::judge(&workshop, selected);
        let report = Report { selected, outcome, time: started.elapsed() };
        say(&report.for_terminal());
        reports.push(report);
    }
    if is_whole {
        let date = text_of("date", &["-u", "+%F"])?;
        let toolchain = format!("{} on {}", text_of("rustc", &["--version"])?, prof_tests::host_triple());
        let page = workspace_root().join("docs/compatibility.md");
        std::fs::write(&page, document(&reports, &date, &toolchain)).map_err(failed("write", &page))?;
    }
    let well = reports.iter().filter(|report| report.is_well()).count();
    say(&format!(
        "{well} of {} crates pass; outputs and profiles are in {}",
        reports.len(),
        workshop.folder.join("output").display()
    ));
    Ok(well == reports.len())
}

/// Builds the tool as it is installed, and finds the folder to work in.
fn workshop() -> Result<Workshop, String> {
    let metadata = text_of("cargo", &["metadata", "--format-version=1", "--no-deps"])?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let target_directory = metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
    let messages = text_of("cargo", &["build", "--release", "-p", "cargo-prof", "--message-format=json"])?;
    let tool = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "cargo-prof")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or("cargo does not name the executable that it built")?;
    Ok(Workshop { folder: PathBuf::from(target_directory).join("real-crates"), tool })
}

/// What a program prints, run in the workspace.
fn text_of(program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    let command = command.args(arguments).current_dir(workspace_root()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cannot start {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {}: {}", arguments.join(" "), output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[expect(clippy::print_stdout, reason = "this is the terminal")]
fn say(text: &str) {
    println!("{text}");
}
