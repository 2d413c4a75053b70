//! The command line. The subcommands that run cargo take all the flags that cargo's own do; which of them go on to
//! cargo, and how, is in `forward.rs`.

use clap::builder::{OsStringValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, Command, value_parser};
use prof_record::Engine;

use Cargo::{Bench, Run, Test};
use Value::{Optional, OptionalAfterEquals, Required};

/// The subcommands that run cargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cargo {
    /// `cargo test`.
    Test,
    /// `cargo bench`.
    Bench,
    /// `cargo run`.
    Run,
}

impl Cargo {
    /// All of them.
    pub const ALL: [Cargo; 3] = [Test, Bench, Run];

    /// The subcommand's name, ours and cargo's.
    pub fn name(self) -> &'static str {
        match self {
            Test => "test",
            Bench => "bench",
            Run => "run",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Test => "Run the tests of a project and profile them, each sample labelled with its test",
            Bench => "Run the benchmarks of a project and profile them",
            Run => "Run a program of a project and profile it",
        }
    }
}

/// A flag of cargo's.
pub struct Flag {
    /// Its long name, without dashes.
    pub long: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// What its value is called, if it takes one.
    pub value: Option<Value>,
    /// The subcommands that have it.
    pub of: &'static [Cargo],
    heading: &'static str,
    help: &'static str,
}

/// How a flag takes its value.
#[derive(Clone, Copy)]
pub enum Value {
    /// It must follow, as the next argument or after `=`.
    Required(&'static str),
    /// It may follow, as the next argument or after `=`.
    Optional(&'static str),
    /// It may follow after `=` only.
    OptionalAfterEquals(&'static str),
}

const BOTH: &[Cargo] = &[Test, Bench];
const EVERY: &[Cargo] = &[Test, Bench, Run];

macro_rules! flags {
    ($([$heading:literal] $($long:literal $short:expr, $value:expr, $of:expr, $help:literal;)*)*) => {
        &[$($(Flag { long: $long, short: $short, value: $value, of: $of, heading: $heading, help: $help }),*),*]
    };
}

/// Cargo's flags, of which all but `--target-dir` go on to it as they are.
pub const CARGO_FLAGS: &[Flag] = flags! {
    ["Package selection"]
        "package" Some('p'), Some(Optional("SPEC")), EVERY, "Package to run";
        "workspace" None, None, BOTH, "All packages of the workspace";
        "exclude" None, Some(Required("SPEC")), BOTH, "Exclude packages";
        "all" None, None, BOTH, "Alias for --workspace";
    ["Target selection"]
        "lib" None, None, BOTH, "Only the package's library";
        "bins" None, None, BOTH, "All binaries";
        "bin" None, Some(Optional("NAME")), EVERY, "Only the binary NAME";
        "examples" None, None, BOTH, "All examples";
        "example" None, Some(Optional("NAME")), EVERY, "Only the example NAME";
        "tests" None, None, BOTH, "All targets that are tested by default";
        "test" None, Some(Optional("NAME")), BOTH, "Only the test target NAME";
        "benches" None, None, BOTH, "All targets that are benchmarked by default";
        "bench" None, Some(Optional("NAME")), BOTH, "Only the bench target NAME";
        "all-targets" None, None, BOTH, "All targets";
        "doc" None, None, &[Test], "Only the library's documentation (not profiled)";
    ["Feature selection"]
        "features" Some('F'), Some(Required("FEATURES")), EVERY, "Features to activate";
        "all-features" None, None, EVERY, "Activate all features";
        "no-default-features" None, None, EVERY, "Do not activate the default feature";
    ["Compilation"]
        "jobs" Some('j'), Some(Required("N")), EVERY, "Number of parallel jobs";
        "keep-going" None, None, &[Run], "Build as much as possible";
        "release" Some('r'), None, &[Test, Run], "Build in release mode";
        "profile" None, Some(Required("NAME")), EVERY, "Build with the given build profile";
        "target" None, Some(Optional("TRIPLE")), EVERY, "Build for the target triple";
        "target-dir" None, Some(Required("DIRECTORY")), EVERY, "Directory for all generated artifacts";
        "unit-graph" None, None, EVERY, "Output the build graph (unstable)";
        "timings" None, Some(OptionalAfterEquals("FMTS")), EVERY, "Report how long each compilation takes";
    ["Manifest"]
        "manifest-path" None, Some(Required("PATH")), EVERY, "Path to Cargo.toml";
        "lockfile-path" None, Some(Required("PATH")), EVERY, "Path to Cargo.lock (unstable)";
        "ignore-rust-version" None, None, EVERY, "Ignore rust-version in packages";
        "locked" None, None, EVERY, "Assert that Cargo.lock will remain unchanged";
        "offline" None, None, EVERY, "Run without accessing the network";
        "frozen" None, None, EVERY, "Equivalent to --locked and --offline";
    ["Cargo"]
        "no-run" None, None, BOTH, "Compile, but don't run";
        "no-fail-fast" None, None, BOTH, "Run all regardless of failure";
        "future-incompat-report" None, None, &[Test], "Output a future incompatibility report";
        "message-format" None, Some(Required("FMT")), EVERY, "Error format";
        "verbose" Some('v'), None, EVERY, "Use verbose output (-vv very verbose)";
        "color" None, Some(Required("WHEN")), EVERY, "Coloring";
        "config" None, Some(Required("KEY=VALUE|PATH")), EVERY, "Override a configuration value";
        "Z" Some('Z'), Some(Required("FLAG")), EVERY, "Unstable flags of cargo (nightly only)";
};

/// Our own flags on the subcommands that run cargo; `forward.rs` keeps them from cargo. All take a value.
pub const OWN_FLAGS: &[&str] = &["cpuprofile", "cpuprofilerate", "engine", "memprofile", "memprofilerate", "outputdir"];

/// Samples a CPU-second by default, as in Go.
pub const DEFAULT_CPU_RATE: &str = "100";
/// Mean bytes between two sampled allocations by default, as in Go.
pub const DEFAULT_MEM_RATE: &str = "524288";

/// The whole command line after `cargo-prof`.
pub fn command() -> Command {
    let mut command = Command::new("cargo prof")
        .bin_name("cargo prof")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Profiles of any cargo project's tests, benchmarks and programs, with no change to its source")
        .after_help(AFTER_HELP)
        .subcommand_required(true)
        .arg_required_else_help(true);
    for cargo in Cargo::ALL {
        command = command.subcommand(running(cargo));
    }
    command.subcommand(top()).subcommand(doctor())
}

const AFTER_HELP: &str = "Examples:
  cargo prof test  --cpuprofile cpu.prof --memprofile mem.prof
  cargo prof bench --bench parse --cpuprofile cpu.prof
  cargo prof run   --release -- input.txt
  cargo prof top cpu.prof
  cargo prof doctor";

fn running(cargo: Cargo) -> Command {
    let mut command = Command::new(cargo.name())
        .about(cargo.about())
        .after_help("Without a profile flag both profiles go to target/prof/runs/, the newest at target/prof/latest.")
        .arg(own("cpuprofile", "FILE", "Write a CPU profile to FILE"))
        .arg(
            own("cpuprofilerate", "HZ", "Samples in a second of CPU time")
                .value_parser(value_parser!(u64))
                .default_value(DEFAULT_CPU_RATE),
        )
        .arg(
            own("engine", "NAME", "How to sample the CPU (default: the best that works; see cargo prof doctor)")
                .value_parser(PossibleValuesParser::new(Engine::ALL.map(Engine::name))),
        )
        .arg(own("memprofile", "FILE", "Write a memory profile to FILE"))
        .arg(
            own("memprofilerate", "BYTES", "Mean bytes between two sampled allocations, 1 for every allocation")
                .value_parser(value_parser!(u64))
                .default_value(DEFAULT_MEM_RATE),
        )
        .arg(own("outputdir", "DIR", "Directory for profiles with a relative path (default: the current one)"));
    for flag in CARGO_FLAGS.iter().filter(|flag| flag.of.contains(&cargo)) {
        command = command.arg(cargos(flag));
    }
    command = command.arg(
        Arg::new("quiet")
            .long("quiet")
            .short('q')
            .action(ArgAction::Count)
            .help_heading("Cargo")
            .help("Say nothing but errors"),
    );
    let rest = |name: &'static str| Arg::new(name).num_args(0..).value_parser(OsStringValueParser::new());
    match cargo {
        Run => {
            command.arg(rest("ARGS").trailing_var_arg(true).allow_hyphen_values(true).help("Arguments for the program"))
        }
        _ => command
            .arg(
                Arg::new("FILTER").value_parser(OsStringValueParser::new()).help("Only what contains this in its name"),
            )
            .arg(rest("ARGS").last(true).help("Arguments for the test or bench binary")),
    }
}

/// The engine of that name.
pub fn engine(name: &str) -> Option<Engine> {
    Engine::ALL.into_iter().find(|engine| engine.name() == name)
}

fn own(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .help(help)
        .value_parser(OsStringValueParser::new())
        .help_heading("Profiles")
}

fn cargos(flag: &'static Flag) -> Arg {
    let arg = Arg::new(flag.long).help(flag.help).help_heading(flag.heading);
    let arg = if flag.long.len() > 1 { arg.long(flag.long) } else { arg };
    let arg = flag.short.into_iter().fold(arg, Arg::short);
    let with_value = |name| {
        let arg = Arg::clone(&arg).value_name(name).action(ArgAction::Append);
        match flag.long {
            "color" => arg.value_parser(PossibleValuesParser::new(["auto", "always", "never"])),
            _ => arg.value_parser(OsStringValueParser::new()),
        }
    };
    match flag.value {
        Some(Required(name)) => with_value(name),
        Some(Optional(name)) => with_value(name).num_args(0..=1),
        Some(OptionalAfterEquals(name)) => with_value(name).num_args(0..=1).require_equals(true),
        None => arg.action(ArgAction::Count),
    }
}

fn top() -> Command {
    Command::new("top")
        .about("Print the functions that a profile's samples are in, the heaviest first")
        .arg(Arg::new("FILE").value_parser(OsStringValueParser::new()).help("The profile (default: the newest run's)"))
        .arg(
            Arg::new("n")
                .short('n')
                .long("nodecount")
                .value_name("N")
                .value_parser(value_parser!(usize))
                .default_value("20")
                .help("Rows to print, 0 for all"),
        )
        .arg(
            Arg::new("cum")
                .long("cum")
                .action(ArgAction::SetTrue)
                .help("Sort by what functions and their callees cost"),
        )
        .arg(
            Arg::new("sample-index")
                .long("sample-index")
                .value_name("NAME")
                .help("Kind of value: a name such as inuse_space, or its number (default: the profile's)"),
        )
}

fn doctor() -> Command {
    Command::new("doctor")
        .about("Try out how well programs can be profiled here, and say what would make it better")
        .after_help("Exits with 0 if programs can be profiled here, in or outside of a project, and with 96 if not.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn what_cargo_takes_is_taken() {
        let lines: &[&[&str]] = &[
            &[
                "test",
                "-p",
                "a",
                "--workspace",
                "--exclude",
                "b",
                "--lib",
                "--bins",
                "--bin",
                "x",
                "filter",
                "--",
                "--nocapture",
            ],
            &[
                "test",
                "--test",
                "t",
                "--tests",
                "--examples",
                "--example",
                "e",
                "--all-targets",
                "-Fa,b",
                "--no-default-features",
            ],
            &[
                "bench",
                "--bench",
                "b",
                "--benches",
                "--profile",
                "p",
                "--target",
                "t",
                "--target-dir",
                "d",
                "--no-run",
                "name",
            ],
            &[
                "bench",
                "--config",
                "a=1",
                "--config",
                "b=2",
                "--locked",
                "--offline",
                "--frozen",
                "-j2",
                "-vv",
                "--color",
                "never",
            ],
            &["run", "--release", "--bin", "x", "-q", "--", "-v", "--cpuprofile"],
            &["run", "-r", "file", "--flag", "-x"],
            &["test", "--timings", "--no-fail-fast", "-Zunstable-options", "--manifest-path", "m"],
        ];
        for line in lines {
            command().try_get_matches_from([&["cargo prof"], *line].concat()).unwrap();
        }
    }
}
