//! The flags of the subcommands that run cargo, ours and cargo's own, as tables. What clap makes of them is in `cli.rs`,
//! which of them go on to cargo in `forward.rs`.

use super::Cargo::{self, Bench, Nextest, Run, Test};
use Value::{Optional, OptionalAfterEquals, Required};

/// A flag of the subcommands that run cargo.
pub struct Flag {
    /// Its long name, without dashes.
    pub long: &'static str,
    /// Its letter.
    pub short: Option<char>,
    /// What its value is called, if it takes one.
    pub value: Option<Value>,
    /// The subcommands that have it.
    pub of: &'static [Cargo],
    pub(super) heading: &'static str,
    pub(super) help: &'static str,
}

/// How a flag takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// It must follow, as the next argument or after `=`.
    Required(&'static str),
    /// It may follow, as the next argument or after `=`.
    Optional(&'static str),
    /// It may follow after `=` only.
    OptionalAfterEquals(&'static str),
}

/// Of flags that select tests.
const TESTING: &[Cargo] = &[Test, Bench, Nextest];
/// Of flags that nextest has another meaning for, or another name.
const BUILDING: &[Cargo] = &[Test, Bench, Run];
const EVERY: &[Cargo] = &[Test, Bench, Run, Nextest];

macro_rules! flags {
    ($([$heading:literal] $($long:literal $short:expr, $value:expr, $of:expr, $help:literal;)*)*) => {
        &[$($(Flag { long: $long, short: $short, value: $value, of: $of, heading: $heading, help: $help }),*),*]
    };
}

/// Cargo's flags, of which all but `--target-dir` go on to it as they are.
pub const CARGO_FLAGS: &[Flag] = flags! {
    ["Package selection"]
        "package" Some('p'), Some(Optional("SPEC")), EVERY, "Package to run";
        "workspace" None, None, TESTING, "All packages of the workspace";
        "exclude" None, Some(Required("SPEC")), TESTING, "Exclude packages";
        "all" None, None, TESTING, "Alias for --workspace";
    ["Target selection"]
        "lib" None, None, TESTING, "Only the package's library";
        "bins" None, None, TESTING, "All binaries";
        "bin" None, Some(Optional("NAME")), EVERY, "Only the binary NAME";
        "examples" None, None, TESTING, "All examples";
        "example" None, Some(Optional("NAME")), EVERY, "Only the example NAME";
        "tests" None, None, TESTING, "All targets that are tested by default";
        "test" None, Some(Optional("NAME")), TESTING, "Only the test target NAME";
        "benches" None, None, TESTING, "All targets that are benchmarked by default";
        "bench" None, Some(Optional("NAME")), TESTING, "Only the bench target NAME";
        "all-targets" None, None, TESTING, "All targets";
        "doc" None, None, &[Test], "Only the library's documentation (not profiled)";
    ["Feature selection"]
        "features" Some('F'), Some(Required("FEATURES")), EVERY, "Features to activate";
        "all-features" None, None, EVERY, "Activate all features";
        "no-default-features" None, None, EVERY, "Do not activate the default feature";
    ["Compilation"]
        "jobs" Some('j'), Some(Required("N")), BUILDING, "Number of parallel jobs";
        "keep-going" None, None, &[Run], "Build as much as possible";
        "release" Some('r'), None, &[Test, Run, Nextest], "Build in release mode";
        "profile" None, Some(Required("NAME")), BUILDING, "Build with the given build profile";
        "target" None, Some(Optional("TRIPLE")), EVERY, "Build for the target triple";
        "target-dir" None, Some(Required("DIRECTORY")), EVERY, "Directory for all generated artifacts";
        "unit-graph" None, None, BUILDING, "Output the build graph (unstable)";
        "timings" None, Some(OptionalAfterEquals("FMTS")), BUILDING, "Report how long each compilation takes";
    ["Manifest"]
        "manifest-path" None, Some(Required("PATH")), EVERY, "Path to Cargo.toml";
        "lockfile-path" None, Some(Required("PATH")), BUILDING, "Path to Cargo.lock (unstable)";
        "ignore-rust-version" None, None, EVERY, "Ignore rust-version in packages";
        "locked" None, None, EVERY, "Assert that Cargo.lock will remain unchanged";
        "offline" None, None, EVERY, "Run without accessing the network";
        "frozen" None, None, EVERY, "Equivalent to --locked and --offline";
    ["Cargo"]
        "no-run" None, None, TESTING, "Compile, but don't run";
        "no-fail-fast" None, None, TESTING, "Run all regardless of failure";
        "future-incompat-report" None, None, &[Test], "Output a future incompatibility report";
        "message-format" None, Some(Required("FMT")), BUILDING, "Error format";
        "verbose" Some('v'), None, EVERY, "Use verbose output (-vv very verbose)";
        "color" None, Some(Required("WHEN")), EVERY, "Coloring";
        "config" None, Some(Required("KEY=VALUE|PATH")), EVERY, "Override a configuration value";
        "Z" Some('Z'), Some(Required("FLAG")), EVERY, "Unstable flags of cargo (nightly only)";
};

/// Our own flags, which `forward.rs` keeps from cargo.
pub const OWN_FLAGS: &[Flag] = flags! {
    ["Profiles"]
        "cpuprofile" None, Some(Required("FILE")), EVERY, "Write a CPU profile to FILE";
        "cpuprofilerate" None, Some(Required("HZ")), EVERY, "Samples in a second of CPU time";
        "engine" None, Some(Required("NAME")), EVERY,
            "How to sample the CPU (default: the best that works; see cargo prof doctor)";
        "memprofile" None, Some(Required("FILE")), EVERY, "Write a memory profile to FILE";
        "memprofilerate" None, Some(Required("BYTES")), EVERY,
            "Mean bytes between two sampled allocations, 1 for every allocation";
        "peakprofile" None, Some(Required("FILE")), EVERY,
            "Write a profile to FILE of the memory in use when most was in use";
        "each" None, Some(Required("DIR")), TESTING,
            "Write a profile of each kind for each test or benchmark into DIR as well, with an index";
        "outputdir" None, Some(Required("DIR")), EVERY,
            "Directory for files with a relative path (default: the current one)";
    ["Benchmarks of criterion and divan"]
        "profile-time" None, Some(Required("SECONDS")), &[Bench], "How long each benchmark runs (default: 5)";
        "measure" None, None, &[Bench],
            "Run the harness's own measurement instead, keep what it prints, and label phases warmup, measure, analysis";
    ["Memory, exactly"]
        "memstats" None, None, EVERY,
            "Print how much each test or program allocates, has in use at most, and leaves at its end";
        "benchmem" None, None, &[Bench],
            "Print how long an iteration of each benchmark takes, and how many bytes and blocks it allocates";
        "leaks" None, Some(OptionalAfterEquals("WHICH")), EVERY,
            "List by stack what each test or program leaves at its end; with =all also what is set up once, or allowed";
        "fail-on-leak" None, None, EVERY, "List leaks too, and exit with status 3 if there are any";
        "allow-leak" None, Some(Required("REGEX")), EVERY,
            "No leak is what has a function or file on its stack that REGEX matches (repeatable)";
        "allow-leaks" None, Some(Required("FILE")), EVERY,
            "The same for each line of FILE that is not empty and does not begin with # (repeatable)";
        "format" None, Some(Required("FORMAT")), EVERY,
            "These results as text on standard error, or as json in the last line of standard output";
        "report" None, Some(Required("FILE")), EVERY, "Write these results to FILE as JSON as well";
};
