//! `cargo prof flamegraph`, `folded` and `convert`: a profile for a browser or another tool. What is read is in
//! `reading.rs`; reports as text are in `show.rs`.

use std::process::ExitCode;

use clap::ArgMatches;
use prof_pprof::encode;
use prof_pprof::report::{FlamegraphOptions, filtered, firefox, flamegraph, folded, speedscope};

use super::delivery::deliver;
use super::reading::{Subject, warn, warn_if_empty};
use super::show::in_our_words;
use crate::{Error, summary, terminal};

/// Writes what a subcommand is called by.
pub fn main(name: &str, matches: &ArgMatches) -> Result<ExitCode, Error> {
    let kind = if name == "convert" { matches.get_one::<String>("to").expect("it is required") } else { name };
    let is_whole = kind == "pprof";
    let Subject { profile, options, .. } =
        if is_whole { Subject::read_whole(matches)? } else { Subject::read(matches)? };
    let sample_index = profile.sample_index(Some(&options.sample_index)).map_err(in_our_words)?;
    if matches!(kind, "flamegraph" | "folded") {
        warn_if_empty(&profile, &options.sample_index);
    }
    let (profile, notices) = filtered(profile, &options).map_err(in_our_words)?;
    warn(&notices);
    let (bytes, file, hint) = match kind {
        "flamegraph" => {
            let options = FlamegraphOptions {
                sample_index: Some(sample_index.to_string()),
                title: matches.get_one::<String>("title").cloned(),
                inverted: matches.get_flag("inverted"),
                ..FlamegraphOptions::default()
            };
            let picture = flamegraph(&profile, &options).map_err(in_our_words)?;
            (picture.into_bytes(), Some("flamegraph.svg"), "open it in a browser: click to zoom, ctrl-F to search")
        }
        "speedscope" => {
            let file = speedscope(&profile, sample_index).map_err(in_our_words)?;
            (file.into_bytes(), Some("profile.speedscope.json"), "open it at https://www.speedscope.app")
        }
        "firefox" => {
            let file = firefox(&profile, sample_index).map_err(in_our_words)?;
            (file.into_bytes(), Some("profile.firefox.json"), "open it at https://profiler.firefox.com")
        }
        "pprof" => (encode(&profile), Some("profile.pb.gz"), ""),
        _ => (folded(&profile, sample_index).into_bytes(), None, ""),
    };
    if let Some(path) = deliver(matches, |out| out.write_all(&bytes), file)? {
        let hint = if hint.is_empty() { String::new() } else { format!("; {hint}") };
        terminal::status(&format!("wrote {}{hint}", summary::shown(&path)));
    }
    Ok(ExitCode::SUCCESS)
}
