//! The command line of `cargo prof split`. What it does is in `command/split.rs`.

use clap::builder::OsStringValueParser;
use clap::{Arg, Command};

use super::reading::file;

const AFTER_HELP: &str = "\
DIR also gets an index.json, which says what each file is of. What an earlier split left in DIR is removed: the files \
that the index.json there names, no others.

A sample with several values of the label goes to the file of each, one with none to unlabelled.prof.";

/// The subcommand.
pub(super) fn split() -> Command {
    let os_string = OsStringValueParser::new;
    Command::new("split")
        .about("Write a profile for each test, benchmark or other label of a profile")
        .after_help(AFTER_HELP)
        .arg(file())
        .arg(
            Arg::new("by")
                .long("by")
                .value_name("LABEL")
                .required(true)
                .help("The label: test, bench, target, package, or another of the profile's"),
        )
        .arg(
            Arg::new("outputdir")
                .long("outputdir")
                .value_name("DIR")
                .required(true)
                .value_parser(os_string())
                .help("Directory for the profiles; it is made if it is not there"),
        )
}
