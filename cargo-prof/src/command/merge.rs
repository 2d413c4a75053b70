//! `cargo prof merge`: many profiles → one file with their sum. Few of them are in memory at once, which so grows with
//! what is distinct in them, not with how many they are. How two become one is `prof_pprof::Merger`'s.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ArgMatches;
use prof_pprof::encode_to;

use super::delivery::{self, write};
use super::reading::{Sum, check_standard_input, read_file};
use crate::ahead::ahead;
use crate::summary::counted;
use crate::{Error, outputs, summary, terminal};

/// How the names of profiles end.
const ENDINGS: [&str; 6] = [".prof", ".pprof", ".pb", ".prof.gz", ".pprof.gz", ".pb.gz"];

/// Writes the sum.
pub fn main(matches: &ArgMatches) -> Result<ExitCode, Error> {
    let output = PathBuf::from(matches.get_one::<OsString>("OUT").expect("it is required"));
    // The first of the profiles, if OUT was forgotten.
    if output.is_file() && !matches.get_flag("force") {
        let output = output.display();
        return Err(Error::Usage(format!(
            "{output} is there already, and would be replaced by the sum: name a new file first, or add --force"
        )));
    }
    // Before anything is read, which may take long.
    delivery::check(&output)?;
    let given = || matches.get_many::<OsString>("FILE").into_iter().flatten();
    check_standard_input(given().map(OsString::as_os_str))?;
    // In a directory there may be anything.
    let mut paths: Vec<(PathBuf, bool)> = Vec::new();
    for path in given().map(PathBuf::from) {
        if path.is_dir() {
            paths.extend(profiles_in(&path, &output)?.into_iter().map(|path| (path, true)));
        } else {
            paths.push((path, false));
        }
    }
    let mut sum = Sum::expecting(paths.len());
    for (read, path, is_optional) in ahead(paths, |(path, is_optional)| (read_file(&path), path, is_optional)) {
        match read {
            Err(error) if is_optional => terminal::warning(&format!("{error}; it is left out")),
            read => sum.add(&path, read?)?,
        }
    }
    let (profiles, samples) = (sum.profiles, sum.samples);
    let Some(merged) = sum.finish() else {
        return Err(Error::Usage(format!("there are no profiles there; their names end in {}", ENDINGS.join(", "))));
    };
    write(output.clone(), |out| encode_to(&merged, out))?;
    let output = summary::shown(&output);
    let (of, left) = (counted(samples as u64, "sample"), merged.samples.len());
    terminal::status(&format!(
        "merged {} with {of} into {output}, which has {left}",
        counted(profiles as u64, "profile")
    ));
    terminal::status(&format!("next: cargo prof top {output}"));
    Ok(ExitCode::SUCCESS)
}

/// The files of a directory that are called like profiles, but for the output, in the order of their names.
fn profiles_in(directory: &Path, output: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::file("read", directory)(error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_profile = ENDINGS.iter().any(|ending| name.ends_with(ending)) && !name.starts_with('.');
        if is_profile && path.is_file() && !outputs::is_same(&path, output) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
