//! `cargo prof top`, `tree`, `peek`, `list`, `disasm`, `traces` and `tags`: reports as text. What they are made of is read in `reading.rs`;
//! pictures and other formats are in `export.rs`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::ArgMatches;
use prof_pprof::OriginalIds;
use prof_pprof::graph::Order;
use prof_pprof::report::{Format, top_functions};

use super::delivery::deliver;
use super::reading::{Subject, warn, warn_if_empty};
use crate::{Error, pprof, summary, terminal};

/// Prints the report that a subcommand is called by.
pub fn main(name: &str, matches: &ArgMatches) -> Result<ExitCode, Error> {
    // The code knows no names for people and no frame that was folded away.
    let mut subject = if name == "disasm" { Subject::read_whole(matches)? } else { Subject::read(matches)? };
    let options = &mut subject.options;
    if let Ok(Some(count)) = matches.try_get_one::<u32>("nodecount") {
        options.node_count = i64::from(*count);
        // All are all, also those that cost next to nothing.
        options.trim = *count != 0;
    }
    if let Ok(Some(true)) = matches.try_get_one::<bool>("cum") {
        options.order = Order::Cum;
    }
    if let Some(unit) = matches.get_one::<String>("unit") {
        options.unit.clone_from(unit);
    }
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned().unwrap_or_default();
    (options.source_path, options.trim_path) = (text("source-path"), text("trim-path"));
    options.intel_syntax = matches!(matches.try_get_one("intel-syntax"), Ok(Some(true)));
    warn_if_empty(&subject.profile, &subject.options.sample_index);
    let format = format(name, matches);
    let is_seen = std::io::stdout().is_terminal() && !matches.contains_id("output");
    let next = if is_seen && format == Format::Text { next(&subject) } else { None };
    let report = pprof::report(subject.profile, &OriginalIds::default(), &format, &subject.options);
    let report = report.map_err(in_our_words)?;
    warn(&report.notices);
    match deliver(matches, |out| report.write_to(out), None)? {
        Some(path) => terminal::status(&format!("wrote {}", summary::shown(&path))),
        None => next.iter().for_each(|next| terminal::status(next)),
    }
    Ok(ExitCode::SUCCESS)
}

fn format(name: &str, matches: &ArgMatches) -> Format {
    let pattern = || matches.get_one::<String>("REGEX").expect("it is required").clone();
    match name {
        "tree" => Format::Tree,
        "peek" => Format::Peek(pattern()),
        "list" => Format::List(pattern()),
        "disasm" => Format::Disasm(pattern()),
        "traces" => Format::Traces,
        "tags" => Format::Tags,
        _ => Format::Text,
    }
}

/// Among so many functions the heaviest with a name is looked for.
const LOOKED_AT: usize = 10;

/// The command that says more of the heaviest function.
fn next(subject: &Subject) -> Option<String> {
    let paths = subject.shown_paths()?;
    let (functions, _) = top_functions(&subject.profile, Some(&subject.options.sample_index), LOOKED_AT).ok()?;
    let heaviest = functions.iter().find(|function| !function.name.is_empty() && !function.name.starts_with('['))?;
    let pattern = format!("^{}$", regex::escape(&heaviest.name)).replace('\'', r"'\''");
    Some(format!("\nnext: cargo prof peek '{pattern}' {paths}"))
}

/// The error for somebody who knows our flags and not Go's messages.
pub(super) fn in_our_words(error: prof_pprof::Error) -> Error {
    Error::Usage(match error {
        prof_pprof::Error::NoMatch { expression } => {
            format!("no function matches {expression:?}; names are matched as `cargo prof top -n 0` shows them")
        }
        prof_pprof::Error::Option { option, expression, reason } => {
            let reason = reason.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            format!("--{option} takes a regular expression, and {expression:?} is none: {reason}")
        }
        error => error.to_string(),
    })
}
