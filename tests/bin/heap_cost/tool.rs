//! Runs the fixture plainly or under one tool and reads what it says of itself. What is made of it is in `row.rs`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use prof_tests::{Evidence, clean_environment, workspace_root};

/// What gives the program its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocator {
    /// glibc's malloc.
    System,
    /// tikv-jemallocator.
    Jemalloc,
}

/// How the program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// By itself.
    Plain(Allocator),
    /// By `cargo prof run`, with a sample in so many bytes, and with the profile of the peak or without.
    CargoProf(Allocator, &'static str, bool),
    /// With dhat in the program.
    Dhat,
    /// By `heaptrack`.
    Heaptrack,
    /// With jemalloc's own profiler, a sample in 512 KiB.
    JemallocProf,
    /// Its twin in Go, with a sample of Go's own memory profile in so many bytes, 0 for none.
    Go(&'static str),
}

/// The tools, in the order of the table's rows.
pub const TOOLS: [Tool; 11] = [
    Tool::Plain(Allocator::System),
    Tool::CargoProf(Allocator::System, "524288", false),
    Tool::CargoProf(Allocator::System, "1", false),
    Tool::CargoProf(Allocator::System, "1", true),
    Tool::Heaptrack,
    Tool::Dhat,
    Tool::Plain(Allocator::Jemalloc),
    Tool::CargoProf(Allocator::Jemalloc, "524288", false),
    Tool::JemallocProf,
    Tool::Go("0"),
    Tool::Go("524288"),
];

impl Tool {
    /// The run without a profiler that it is compared with.
    pub fn plain(self) -> Tool {
        match self {
            Tool::Plain(allocator) | Tool::CargoProf(allocator, ..) => Tool::Plain(allocator),
            Tool::Dhat | Tool::Heaptrack => Tool::Plain(Allocator::System),
            Tool::JemallocProf => Tool::Plain(Allocator::Jemalloc),
            Tool::Go(_) => Tool::Go("0"),
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tool::Plain(Allocator::System) => formatter.write_str("none"),
            Tool::Plain(Allocator::Jemalloc) => formatter.write_str("none, jemalloc"),
            Tool::CargoProf(allocator, rate, peak) => {
                formatter.write_str("cargo prof")?;
                match *rate {
                    "1" => formatter.write_str(", exact")?,
                    rate => write!(formatter, ", 1 in {rate} bytes")?,
                }
                formatter.write_str(if *peak { ", peak" } else { "" })?;
                formatter.write_str(if *allocator == Allocator::Jemalloc { ", jemalloc" } else { "" })
            }
            Tool::Dhat => formatter.write_str("dhat 0.3"),
            Tool::Heaptrack => formatter.write_str("heaptrack"),
            Tool::JemallocProf => formatter.write_str("jemalloc's profiler, 1 in 524288 bytes"),
            Tool::Go("0") => formatter.write_str("none, in Go"),
            Tool::Go(rate) => write!(formatter, "Go's memory profile, 1 in {rate} bytes"),
        }
    }
}

/// What the program says: numbers by name.
pub struct Told(BTreeMap<String, f64>);

impl Told {
    /// The number of this name: nanoseconds or bytes.
    pub fn number(&self, name: &str) -> f64 {
        self.told(name).unwrap_or_else(|| panic!("the program says nothing of {name}"))
    }

    /// The same, if the program says.
    pub fn told(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

/// One run: what the program says, and the profile if `cargo prof` wrote one.
pub struct Seen {
    pub told: Told,
    pub evidence: Option<Evidence>,
}

/// Where the fixture is built and the profiles are written.
pub struct Workshop {
    folder: PathBuf,
    built: RefCell<BTreeSet<String>>,
}

impl Workshop {
    /// Makes the folder.
    pub fn open() -> Workshop {
        let folder = workspace_root().join("target/heap-cost");
        fs::create_dir_all(&folder).expect("the target directory is writable");
        Workshop { folder, built: RefCell::default() }
    }

    /// Runs the fixture with these arguments.
    ///
    /// # Errors
    ///
    /// If the tool is not there, or the fixture does not build or fails.
    pub fn measure(&self, tool: Tool, arguments: &[&str]) -> Result<Told, String> {
        let mut command = match tool {
            Tool::Plain(allocator) => self.command(self.built(feature(allocator))?),
            Tool::CargoProf(allocator, rate, peak) => self.cargo_prof(allocator, rate, peak),
            Tool::Dhat => self.command(self.built("dhat")?),
            Tool::Heaptrack => {
                let program = self.built("plain")?;
                let mut heaptrack = self.command("heaptrack");
                heaptrack.arg("--output").arg(self.folder.join("heaptrack")).arg(program);
                heaptrack
            }
            Tool::JemallocProf => {
                let mut command = self.command(self.built("jemalloc-prof")?);
                command.env("_RJEM_MALLOC_CONF", "prof:true,prof_active:true,lg_prof_sample:19");
                command
            }
            Tool::Go(rate) => {
                let mut command = self.command(self.built_by_go()?);
                command.env("HEAP_LOAD_RATE", rate);
                command
            }
        };
        // dhat writes its profile where the program runs.
        told(command.args(arguments).current_dir(&self.folder))
    }

    /// The same, with the profile.
    ///
    /// # Errors
    ///
    /// As [`Workshop::measure`].
    pub fn see(&self, tool: Tool, arguments: &[&str]) -> Result<Seen, String> {
        let profile = self.folder.join("mem.prof");
        let _ = fs::remove_file(&profile);
        let told = self.measure(tool, arguments)?;
        let evidence = profile.exists().then(|| Evidence::read(&profile));
        Ok(Seen { told, evidence })
    }

    fn cargo_prof(&self, allocator: Allocator, rate: &str, peak: bool) -> Command {
        let feature = feature(allocator);
        let mut command = self.command(prof_tests::tool());
        command.args(["prof", "run", "--release", "--quiet", "--manifest-path"]).arg(manifest());
        command.arg("--target-dir").arg(self.folder.join(feature)).args(features(feature));
        command.args(["--memprofile", "mem.prof", "--memprofilerate", rate, "--outputdir"]).arg(&self.folder);
        command.args(if peak { &["--peakprofile", "peak.prof"][..] } else { &[] }).arg("--");
        command
    }

    /// The fixture with this feature, built by plain cargo the first time. Each build has a directory of its own, or each
    /// would undo the other's.
    fn built(&self, feature: &str) -> Result<PathBuf, String> {
        let target = self.folder.join(feature);
        if !self.built.borrow().contains(feature) {
            let mut command = self.command(env!("CARGO"));
            command.args(["build", "--release", "--quiet", "--manifest-path"]).arg(manifest());
            succeeded(command.arg("--target-dir").arg(&target).args(features(feature)))?;
            self.built.borrow_mut().insert(feature.to_owned());
        }
        Ok(target.join("release/heap-load"))
    }

    /// The twin, built where there is Go.
    fn built_by_go(&self) -> Result<PathBuf, String> {
        let program = self.folder.join("go-load");
        if self.built.borrow_mut().insert("in Go".to_owned()) {
            // Lest an older one stands in for it.
            let _ = fs::remove_file(&program);
            let mut command = self.command("go");
            command.args(["build", "-o"]).arg(&program).arg(fixture().join("go/main.go"));
            succeeded(command.env("GO111MODULE", "off").env("GOTOOLCHAIN", "local"))?;
        }
        Ok(program)
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        clean_environment(&mut command);
        command
    }
}

fn feature(allocator: Allocator) -> &'static str {
    match allocator {
        Allocator::System => "plain",
        Allocator::Jemalloc => "jemalloc",
    }
}

fn features(feature: &str) -> Vec<&str> {
    if feature == "plain" { Vec::new() } else { vec!["--features", feature] }
}

fn manifest() -> PathBuf {
    fixture().join("Cargo.toml")
}

fn fixture() -> PathBuf {
    workspace_root().join("tests/fixtures/heap-load")
}

fn told(command: &mut Command) -> Result<Told, String> {
    let stdout = succeeded(command)?;
    let words = stdout.lines().filter_map(|line| line.split_once(' '));
    Ok(Told(words.filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?))).collect()))
}

/// What the command printed, if it succeeded; else the last line of its complaint.
fn succeeded(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().rsplit('/').next().unwrap_or_default().to_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{name}: {}: {}", output.status, last.trim()))
}
