//! `cargo prof split`: a profile for each value of a label. How they are written is in `crate::split`.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;

use super::reading;
use crate::split::{Whole, write};
use crate::{Error, terminal};

/// Writes the profiles.
pub fn main(matches: &ArgMatches) -> Result<ExitCode, Error> {
    let (path, profile) = reading::read(matches)?;
    let key = matches.get_one::<String>("by").expect("it is required");
    let directory = Path::new(matches.get_one::<OsString>("outputdir").expect("it is required"));
    let whole = Whole { kind: None, path: &path, profile: &profile };
    terminal::status(&write(&[whole], key, directory)?.text());
    Ok(ExitCode::SUCCESS)
}
