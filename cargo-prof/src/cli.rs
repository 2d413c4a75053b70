//! The command line. The subcommands that run cargo take all the flags that cargo's own do; which of them go on to
//! cargo, and how, is in `forward.rs`.

mod flags;
mod reading;
mod split;

use clap::builder::{OsStringValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, Command, value_parser};
use prof_record::Engine;

use Cargo::{Bench, Nextest, Run, Test};
use Value::{Optional, OptionalAfterEquals, Required};

pub use flags::{CARGO_FLAGS, Flag, OWN_FLAGS, Value};

/// The subcommands that run cargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cargo {
    /// `cargo test`.
    Test,
    /// `cargo bench`.
    Bench,
    /// `cargo run`.
    Run,
    /// `cargo nextest`.
    Nextest,
}

impl Cargo {
    /// All of them.
    pub const ALL: [Cargo; 4] = [Test, Bench, Run, Nextest];

    /// The subcommand's name, ours and cargo's.
    pub fn name(self) -> &'static str {
        match self {
            Test => "test",
            Bench => "bench",
            Run => "run",
            Nextest => "nextest",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Test => "Run the tests of a project and profile them, each sample labelled with its test",
            Bench => "Run the benchmarks of a project and profile them",
            Run => "Run a program of a project and profile it",
            Nextest => {
                "Run the tests of a project by cargo-nextest and profile them, each sample labelled with its test"
            }
        }
    }
}

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
    command.subcommands(reading::commands()).subcommand(pprof()).subcommand(split::split()).subcommand(doctor())
}

const AFTER_HELP: &str = "Examples:
  cargo prof test  --cpuprofile cpu.prof --memprofile mem.prof
  cargo prof bench --bench parse --cpuprofile cpu.prof
  cargo prof bench --benchmem
  cargo prof run   --release -- input.txt
  cargo prof test  --memstats --fail-on-leak
  cargo prof top cpu.prof
  cargo prof top --mine --cum
  cargo prof flamegraph cpu.prof -o cpu.svg
  cargo prof merge all.prof profiles/
  cargo prof pprof -tree -focus=parse cpu.prof
  cargo prof split cpu.prof --by test --outputdir by-test
  cargo prof doctor";

const AFTER_HELP_OF_RUNNING: &str = "\
Without a profile flag both profiles go to target/prof/runs/, the newest at target/prof/latest. With --memstats, --leaks,
--fail-on-leak or --benchmem no profile is written but those with a flag; but for the last, every allocation is counted
(--memprofilerate 1).";

const AFTER_HELP_OF_NEXTEST: &str = "\
All other flags and filters go to cargo nextest as they are; `cargo nextest run --help` tells of them.";

fn running(cargo: Cargo) -> Command {
    let mut command = Command::new(cargo.name()).about(cargo.about()).after_help(AFTER_HELP_OF_RUNNING);
    for flag in OWN_FLAGS {
        command = command.arg(own(flag));
    }
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
        Nextest => command.after_help(AFTER_HELP_OF_NEXTEST).arg(
            Arg::new("COMMAND")
                .required(true)
                .value_parser(PossibleValuesParser::new(["run", "archive"]))
                .help("Run the tests, or build them into an archive"),
        ),
        Test | Bench => command
            .arg(
                Arg::new("FILTER").value_parser(OsStringValueParser::new()).help("Only what contains this in its name"),
            )
            .arg(rest("ARGS").last(true).help("Arguments for the test or bench binary")),
    }
}

/// Known for the list of subcommands alone: it has a command line of its own, see `pprof/flags.rs`.
fn pprof() -> Command {
    Command::new("pprof").about("Show profiles as `go tool pprof` does, with its flags")
}

/// The engine of that name.
pub fn engine(name: &str) -> Option<Engine> {
    Engine::ALL.into_iter().find(|engine| engine.name() == name)
}

fn own(flag: &'static Flag) -> Arg {
    let arg = arg(flag);
    match flag.long {
        "cpuprofilerate" => arg.value_parser(value_parser!(u64)).default_value(DEFAULT_CPU_RATE),
        "memprofilerate" => arg.value_parser(value_parser!(u64)).default_value(DEFAULT_MEM_RATE),
        "engine" => arg.value_parser(PossibleValuesParser::new(Engine::ALL.map(Engine::name))),
        "leaks" => arg.value_parser(PossibleValuesParser::new(["all"])),
        "format" => arg.value_parser(PossibleValuesParser::new(["text", "json"])).default_value("text"),
        "allow-leak" => arg.action(ArgAction::Append).value_parser(value_parser!(String)).allow_hyphen_values(true),
        "allow-leaks" => arg.action(ArgAction::Append),
        _ if flag.value.is_none() => arg.action(ArgAction::SetTrue),
        _ => arg,
    }
}

fn cargos(flag: &'static Flag) -> Arg {
    let arg = arg(flag);
    match flag.value {
        None => arg.action(ArgAction::Count),
        Some(_) if flag.long == "color" => {
            arg.action(ArgAction::Append).value_parser(PossibleValuesParser::new(["auto", "always", "never"]))
        }
        Some(_) => arg.action(ArgAction::Append),
    }
}

/// What the flags of both have in common.
fn arg(flag: &'static Flag) -> Arg {
    let arg = Arg::new(flag.long).help(flag.help).help_heading(flag.heading);
    let arg = if flag.long.len() > 1 { arg.long(flag.long) } else { arg };
    let arg = flag.short.into_iter().fold(arg, Arg::short);
    let with_value = |arg: Arg, name| arg.value_name(name).value_parser(OsStringValueParser::new());
    match flag.value {
        None => arg,
        Some(Required(name)) => with_value(arg, name),
        Some(Optional(name)) => with_value(arg, name).num_args(0..=1),
        Some(OptionalAfterEquals(name)) => with_value(arg, name).num_args(0..=1).require_equals(true),
    }
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
