//! The subcommands: what each does from its arguments to its end.

mod delivery;
mod doctor;
mod export;
mod merge;
mod profile;
mod reading;
mod show;
mod split;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::{self, Cargo};
use crate::{Error, forward, pprof, terminal};

/// Runs the command line after the program's name.
///
/// # Errors
///
/// As the subcommand's.
pub fn main(mut arguments: Vec<OsString>) -> Result<ExitCode, Error> {
    // Cargo calls `cargo-prof prof …`; called by hand, the name may be left out.
    if arguments.first().is_some_and(|first| first == "prof") {
        arguments.remove(0);
    }
    // Its flags are Go's, which clap does not know.
    if let Some((_, rest)) = arguments.split_first().filter(|(name, _)| *name == "pprof") {
        return Ok(pprof::main(rest));
    }
    // Whatever else is there is for nextest to check.
    let checked = match arguments.split_first() {
        Some((name, rest)) if name == Cargo::Nextest.name() => {
            [std::slice::from_ref(name), &*forward::known_of_nextest(rest)].concat()
        }
        _ => arguments.clone(),
    };
    let matches = match cli::command().try_get_matches_from([OsString::from("cargo prof")].iter().chain(&checked)) {
        Ok(matches) => matches,
        Err(error) => {
            terminal::clap(&error);
            return Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
    };
    let (name, matches) = matches.subcommand().expect("clap asks for one");
    match Cargo::ALL.into_iter().find(|cargo| cargo.name() == name) {
        Some(cargo) => {
            // Flags of ours stand only after the subcommand's name.
            let at = arguments.iter().position(|argument| argument == name).map_or(0, |at| at + 1);
            profile::main(cargo, matches, &arguments[at..])
        }
        None => match name {
            "doctor" => doctor::main(),
            "split" => split::main(matches),
            "merge" => merge::main(matches),
            "flamegraph" | "folded" | "convert" => export::main(name, matches),
            _ => show::main(name, matches),
        },
    }
}
