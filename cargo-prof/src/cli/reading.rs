//! The command lines of the commands that read profiles: `top`, `tree`, `peek`, `list`, `disasm`, `traces`, `tags`,
//! `flamegraph`, `folded`, `convert` and `merge`. What they do is in `command/reading.rs` and beside it.

use clap::builder::{OsStringValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, Command, value_parser};

/// What `convert` can write.
pub const CONVERSIONS: [&str; 3] = ["speedscope", "firefox", "pprof"];

const FILTERS: &str = "What is counted";
const READING: &str = "How it reads";

const AFTER_HELP: &str = "\
Names are read without generic arguments, so that a function counts as one, and std's plumbing between two functions (calls \
through Fn, catching panics, starting threads) counts to the caller. Expressions match names as they are shown; RE2's \
syntax. `cargo prof pprof` shows everything as `go tool pprof` does.";

const AFTER_HELP_OF_CONVERT: &str = "\
speedscope: the file format of https://www.speedscope.app, a profile for each kind of value.
firefox: the processed format of https://profiler.firefox.com, a thread for each kind of value.
pprof: pprof's own format, after filters; names and frames stay whole but for --mine. Old text formats become readable by \
every pprof tool this way.

On a terminal, the file is profile.speedscope.json, profile.firefox.json or profile.pb.gz unless -o says otherwise. \
`cargo prof folded` and `cargo prof flamegraph` write folded stacks and flame graphs.";

const AFTER_HELP_OF_MERGE: &str = "\
Equal stacks with equal labels are summed up, of the kinds of values that all profiles have. Profiles are read one by one. \
Of a directory, all files are taken whose names end as those of profiles do (.prof, .pprof, .pb, also with .gz), but for \
OUT; those that are no profiles are named and left out.";

/// The subcommands, in the order in which help lists them.
pub(super) fn commands() -> [Command; 11] {
    [
        report("top", "Print the functions that a profile's samples are in, the heaviest first")
            .arg(node_count("20"))
            .arg(cum()),
        report("tree", "Print each function with its callers and callees").arg(node_count("80")).arg(cum()),
        of_functions("peek", "Print the callers and callees of functions that match").arg(cum()),
        of_functions("list", "Print the source of functions that match, with what was measured in each line")
            .args(source_paths()),
        of_functions("disasm", "Print the instructions of functions that match, with what was measured at each")
            .args(source_paths())
            .arg(switch("intel-syntax", "Instructions in Intel's syntax").help_heading(READING)),
        report("traces", "Print all samples with their stacks and labels"),
        report("tags", "Print all labels, such as tests, and what was measured under each"),
        flamegraph(),
        filtered("folded", "Print folded stacks, a line each, for other tools").arg(output()).after_help(AFTER_HELP),
        convert(),
        merge(),
    ]
}

/// The profile argument of a command that reads one.
pub(super) fn file() -> Arg {
    Arg::new("FILE").value_parser(OsStringValueParser::new()).help("The profile (default: the newest run's)")
}

/// A command that prints text on some functions.
fn of_functions(name: &'static str, about: &'static str) -> Command {
    let pattern = Arg::new("REGEX").required(true).help("Which functions");
    // Before FILE, which takes the rest.
    let command = Command::new(name).about(about).arg(pattern);
    with_filters(command).arg(unit()).arg(output()).after_help(AFTER_HELP)
}

fn source_paths() -> [Arg; 2] {
    let list = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("DIR:…").help_heading(READING).help(help)
    };
    [
        list("source-path", "Where source files are, beside where they were and where cargo and rustup keep them"),
        list("trim-path", "What file names lose at their start"),
    ]
}

fn flamegraph() -> Command {
    filtered("flamegraph", "Draw a flame graph: an SVG file that zooms and searches in a browser")
        .arg(output())
        .arg(switch("inverted", "Draw the roots at the top").help_heading(READING))
        .arg(
            Arg::new("title")
                .long("title")
                .value_name("TEXT")
                .help_heading(READING)
                .help("The heading (default: the program's name)"),
        )
        .after_help(format!("{AFTER_HELP}\n\nOn a terminal, the file is flamegraph.svg unless -o says otherwise."))
}

fn convert() -> Command {
    filtered("convert", "Write a profile in another format")
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("FORMAT")
                .required(true)
                .value_parser(PossibleValuesParser::new(CONVERSIONS))
                .help("The format"),
        )
        .arg(output())
        .after_help(AFTER_HELP_OF_CONVERT)
}

fn merge() -> Command {
    let path = |name: &'static str| Arg::new(name).required(true).value_parser(OsStringValueParser::new());
    Command::new("merge")
        .about("Write the sum of several profiles")
        .after_help(AFTER_HELP_OF_MERGE)
        .arg(path("OUT").help("The file to write"))
        .arg(path("FILE").num_args(1..).help("Profiles, or directories of profiles"))
        .arg(switch("force", "Replace OUT if it is there"))
}

/// A command that prints text.
fn report(name: &'static str, about: &'static str) -> Command {
    filtered(name, about).arg(unit()).arg(output()).after_help(AFTER_HELP)
}

/// A command on profiles, filtered and read.
fn filtered(name: &'static str, about: &'static str) -> Command {
    with_filters(Command::new(name).about(about))
}

fn with_filters(command: Command) -> Command {
    let expression = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).allow_hyphen_values(true).help_heading(FILTERS).help(help)
    };
    let base = |name: &'static str, other: &'static str, help: &'static str| {
        let arg = Arg::new(name).long(name).value_name("FILE").conflicts_with(other).help_heading(FILTERS).help(help);
        arg.value_parser(OsStringValueParser::new())
    };
    command
        .arg(
            Arg::new("FILE")
                .num_args(0..)
                .value_parser(OsStringValueParser::new())
                .help("The profiles, summed up; - is standard input (default: the newest run's)"),
        )
        .arg(expression(
            "sample-index",
            "NAME",
            "Kind of value: a name such as inuse_space, or its number [default: the profile's]",
        ))
        .arg(expression("focus", "REGEX", "Only samples with a frame that matches"))
        .arg(expression("ignore", "REGEX", "No samples with a frame that matches"))
        .arg(expression("show", "REGEX", "Only frames that match, and samples that have any"))
        .arg(expression("hide", "REGEX", "No frames that match; they count to their callers"))
        .arg(expression(
            "tagfocus",
            "LABEL",
            "Only samples with this label, such as test=tests::slow, or a range such as 1kb:",
        ))
        .arg(expression("tagignore", "LABEL", "No samples with this label"))
        .arg(base("base", "diff-base", "Subtract this profile"))
        .arg(base("diff-base", "base", "Subtract this profile, with shares of it"))
        .arg(
            switch("mine", "Only the frames of this workspace's crates; others count to their callers")
                .help_heading(READING),
        )
        .arg(switch("full-names", "Names with all generic arguments").help_heading(READING))
        .arg(switch("plumbing", "All frames, those of std's plumbing too").help_heading(READING))
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn node_count(default: &'static str) -> Arg {
    Arg::new("nodecount")
        .short('n')
        .long("nodecount")
        .value_name("N")
        .value_parser(value_parser!(u32))
        .default_value(default)
        .help("Functions to print, 0 for all")
}

fn cum() -> Arg {
    switch("cum", "Sort by what functions and their callees cost")
}

fn unit() -> Arg {
    Arg::new("unit").long("unit").value_name("UNIT").help_heading(READING).help("Unit of all values, such as ms or kB")
}

fn output() -> Arg {
    Arg::new("output")
        .long("output")
        .short('o')
        .value_name("OUT")
        .value_parser(OsStringValueParser::new())
        .help("The file to write; - is standard output")
}
