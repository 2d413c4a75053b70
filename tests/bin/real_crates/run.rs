//! Runs a crate's tests, plainly and profiled. What the outputs say is read in `results.rs`; the workshop is the library's.

use std::fs;
use std::path::PathBuf;

use prof_tests::published::Source;
use prof_tests::workshop::{Run, Workshop};

use crate::selection::Selected;

const SUBCOMMAND: &str = "test";

/// How finely is sampled: by far more than by default, so that short suites are seen too.
pub const RATES: [&str; 4] = ["--cpuprofilerate", "1000", "--memprofilerate", "4096"];

/// The two profiles of a run.
pub struct Profiles {
    /// The CPU profile.
    pub cpu: PathBuf,
    /// The memory profile.
    pub memory: PathBuf,
}

/// Builds the tests with plain cargo, then runs them. `name` tells the outputs of two runs apart.
///
/// # Errors
///
/// If the tests do not build: that is no difference, and says nothing of us.
pub fn plain(workshop: &Workshop, selected: &Selected, source: &Source, name: &str) -> Result<Run, String> {
    let cargo = |more: &[&str], name| {
        let mut command = workshop.command("cargo", source);
        workshop.run(command.arg(SUBCOMMAND).args(arguments(selected, more)), &file(selected, name))
    };
    let built = cargo(&["--no-run"], "plain-build")?;
    if built.status != "exit status: 0" {
        return Err(format!(
            "the tests do not build with plain cargo, see {}",
            workshop.output(&file(selected, "plain-build.stderr")).display()
        ));
    }
    cargo(&[], name)
}

/// Builds the tests with `cargo prof`, then runs them with both profiles.
///
/// # Errors
///
/// If the tool cannot be run at all.
pub fn profiled(workshop: &Workshop, selected: &Selected, source: &Source) -> Result<(Run, Profiles), String> {
    let path = |kind| workshop.output(&file(selected, &format!("{kind}.prof")));
    let profiles = Profiles { cpu: path("cpu"), memory: path("mem") };
    let mut asked = RATES.map(PathBuf::from).to_vec();
    for (flag, path) in [("--cpuprofile", &profiles.cpu), ("--memprofile", &profiles.memory)] {
        // Lest that of an earlier run be taken for this one's.
        let _ = fs::remove_file(path);
        asked.extend([flag.into(), path.clone()]);
    }
    let prof = |more: &[&str], name| {
        let mut command = workshop.command(&workshop.tool, source);
        // Ours come before a `--`.
        command.args(["prof", SUBCOMMAND]).args(&asked).args(arguments(selected, more));
        workshop.run(&mut command, &file(selected, name))
    };
    prof(&["--no-run"], "profiled-build")?;
    let run = prof(&[], "profiled")?;
    Ok((run, profiles))
}

/// Arguments of cargo's subcommand, `more` before those for the test binaries.
fn arguments<'a>(selected: &Selected, more: &[&'a str]) -> Vec<&'a str> {
    let (cargos, tests) = match selected.arguments.iter().position(|argument| *argument == "--") {
        Some(at) => selected.arguments.split_at(at),
        None => (selected.arguments, &[][..]),
    };
    [&["--no-fail-fast", "--locked", "--offline"][..], cargos, more, tests].concat()
}

/// What a file of the crate's outputs is called.
fn file(selected: &Selected, name: &str) -> String {
    format!("{}.{name}", selected.name)
}
