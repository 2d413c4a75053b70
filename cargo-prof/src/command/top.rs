//! `cargo prof top`: the table of functions.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ArgMatches;
use prof_pprof::Profile;
use prof_pprof::graph::Order;
use prof_pprof::report::{TopOptions, top};

use crate::{Error, terminal};

/// Prints the table.
pub fn main(matches: &ArgMatches) -> Result<ExitCode, Error> {
    let (_, profile) = read(matches)?;
    let count = *matches.get_one::<usize>("n").expect("it has a default");
    let options = TopOptions {
        sample_index: matches.get_one::<String>("sample-index").cloned(),
        node_count: (count != 0).then_some(count),
        order: if matches.get_flag("cum") { Order::Cum } else { Order::Flat },
        ..TopOptions::default()
    };
    let table = top(&profile, &options).map_err(|error| Error::Usage(error.to_string()))?;
    terminal::result(&table).map_err(Error::file("write", "standard output"))?;
    Ok(ExitCode::SUCCESS)
}

/// The profile that the argument FILE names, or the newest run's, and where it is.
pub(super) fn read(matches: &ArgMatches) -> Result<(PathBuf, Profile), Error> {
    let path = match matches.get_one::<OsString>("FILE") {
        Some(path) => PathBuf::from(path),
        None => newest()?,
    };
    let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
    let profile = prof_pprof::decode(&bytes).map_err(|source| Error::Profile { path: path.clone(), source })?;
    Ok((path, profile))
}

/// The CPU profile of the newest run without file names, in this project; or its memory profile, if that is all.
fn newest() -> Result<PathBuf, Error> {
    let missing = || Error::Usage("name a profile, such as cpu.prof: there is no newest run in this project".into());
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec().map_err(|_| missing())?;
    let latest: &Path = metadata.target_directory.as_std_path();
    let latest = latest.join("prof/latest");
    ["cpu.prof", "mem.prof"].into_iter().map(|name| latest.join(name)).find(|path| path.is_file()).ok_or_else(missing)
}
