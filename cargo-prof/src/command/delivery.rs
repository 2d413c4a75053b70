//! Where the result of a command that reads profiles goes: standard output, or a file, replaced as a whole. What else files
//! are for is in `crate::outputs`.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use crate::{Error, outputs, terminal};

/// Writes a result to where `--output` says, or else to standard output; what no terminal can show goes to the file
/// `instead` there. Gives the file if there is one.
///
/// # Errors
///
/// If it cannot be written.
pub(super) fn deliver(
    matches: &ArgMatches,
    report: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    instead: Option<&str>,
) -> Result<Option<PathBuf>, Error> {
    let asked = matches.get_one::<OsString>("output").map(PathBuf::from);
    let path = match asked {
        Some(path) if path.as_os_str() == "-" => None,
        Some(path) => Some(path),
        None => instead.filter(|_| io::stdout().is_terminal()).map(PathBuf::from),
    };
    match &path {
        Some(path) => write(path.clone(), report)?,
        None => terminal::written(report).map_err(Error::file("write", "standard output"))?,
    }
    Ok(path)
}

/// Replaces a file by a whole new one.
///
/// # Errors
///
/// If it cannot be written.
pub(super) fn write(path: PathBuf, content: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> Result<(), Error> {
    outputs::replace_by(&check(&path)?, content)
}

/// The absolute path of a file that can be written.
///
/// # Errors
///
/// If it cannot.
pub(super) fn check(path: &Path) -> Result<PathBuf, Error> {
    if path.as_os_str().is_empty() {
        return Err(Error::Usage("the file to write has no name".into()));
    }
    let absolute = std::path::absolute(path).map_err(Error::file("find", path))?;
    outputs::check(&absolute, path)?;
    Ok(absolute)
}
