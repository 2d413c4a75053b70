//! Runs the fixture under one tool and says what the tool saw. What is made of it is in `row.rs`; perf's own words are
//! read in `perf.rs`.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use prof_tests::{Evidence, Selection, clean_environment, workspace_root};

use crate::perf;
use crate::workload::{Told, Workload};

/// What samples the program.
#[derive(Debug, Clone, Copy)]
pub enum Tool {
    /// `cargo prof run`, with the engine of this name or the one that it chooses.
    CargoProf(Option<&'static str>),
    /// pprof-rs in the program, built in by this feature of the fixture.
    PprofRs(&'static str),
    /// `perf record`.
    Perf,
}

/// The tools, in the order of the table's rows.
pub const TOOLS: [Tool; 7] = [
    Tool::CargoProf(None),
    Tool::CargoProf(Some("perf-clock")),
    Tool::CargoProf(Some("thread-timer")),
    Tool::CargoProf(Some("process-timer")),
    Tool::PprofRs("pprof-default"),
    Tool::PprofRs("pprof-framehop"),
    Tool::Perf,
];

impl fmt::Display for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tool::CargoProf(None) => formatter.write_str("cargo prof"),
            Tool::CargoProf(Some(engine)) => write!(formatter, "cargo prof, {engine}"),
            Tool::PprofRs("pprof-default") => formatter.write_str("pprof-rs 0.15"),
            Tool::PprofRs(feature) => write!(formatter, "pprof-rs 0.15, {}", feature.trim_start_matches("pprof-")),
            Tool::Perf => formatter.write_str("perf record"),
        }
    }
}

/// What a tool saw of one run, and the truth about that run.
pub struct Seen {
    /// What the program says.
    pub truth: Told,
    /// Samples in the profile.
    pub samples: f64,
    /// Seconds of CPU time that the profile claims.
    pub seconds: f64,
    /// Samples and seconds by function, in the workload's order.
    pub functions: Vec<(f64, f64)>,
    /// Moments at which a stack was captured. Samples that are credited for one late signal share theirs.
    pub moments: f64,
    /// Seconds that the profile claims without a stack; none where the tool has no such thing.
    pub unsampled: Option<f64>,
    /// How the CPU was sampled, if the tool says.
    pub engine: Option<String>,
}

/// Where the fixture is built and the profiles are written.
pub struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    /// Makes the folder.
    pub fn open() -> Workshop {
        let folder = workspace_root().join("target/cpu-truth");
        fs::create_dir_all(&folder).expect("the target directory is writable");
        Workshop { folder }
    }

    /// Runs the workload under the tool, sampled at `rate` Hz.
    ///
    /// # Errors
    ///
    /// If the tool is not there, refuses, or did other than it was told.
    pub fn measure(&self, tool: Tool, workload: &Workload, rate: u64) -> Result<Seen, String> {
        match tool {
            Tool::CargoProf(engine) => self.with_cargo_prof(engine, workload, rate),
            Tool::PprofRs(feature) => self.with_pprof_rs(feature, workload, rate),
            Tool::Perf => self.with_perf(workload, rate),
        }
    }

    fn with_cargo_prof(&self, engine: Option<&str>, workload: &Workload, rate: u64) -> Result<Seen, String> {
        let profile = self.folder.join("cpu.prof");
        let _ = fs::remove_file(&profile);
        let rate = rate.to_string();
        let mut command = self.command(prof_tests::tool());
        command.args(["prof", "run", "--release", "--quiet", "--target-dir"]).arg(&self.folder);
        command.args(["--cpuprofile", "cpu.prof", "--cpuprofilerate", &rate, "--outputdir"]).arg(&self.folder);
        command.args(engine.iter().flat_map(|engine| ["--engine", engine]));
        let output = succeeded(command.args(["--", workload.name]))?;
        if !profile.exists() {
            return Err("it wrote no profile".to_owned());
        }

        let (truth, evidence) = (told(&output), Evidence::read(&profile));
        let used = evidence.engine();
        if engine.is_some_and(|asked| asked != used) {
            return Err(format!("it used {used}"));
        }
        let all = evidence.all();
        let samples = |selection: &Selection<'_>| selection.total("samples") as f64;
        let functions = workload.functions.iter().map(|function| all.clone().through(function));
        Ok(Seen {
            samples: samples(&all),
            seconds: all.seconds(),
            functions: functions.map(|through| (samples(&through), through.seconds())).collect(),
            moments: evidence.commented("captures") as f64,
            unsampled: Some(all.clone().through("[unsampled]").seconds()),
            engine: Some(used),
            truth,
        })
    }

    fn with_pprof_rs(&self, feature: &str, workload: &Workload, rate: u64) -> Result<Seen, String> {
        // Each build in a directory of its own, or each would undo the other's.
        let program = self.built(feature, &["--features", feature])?;
        let truth = told(&succeeded(self.command(program).args([workload.name, &rate.to_string()]))?);
        let seconds = |samples: f64| samples / rate as f64;
        let sampled = workload.functions.iter().map(|function| truth.sampled(function));
        Ok(Seen {
            samples: truth.samples(),
            seconds: seconds(truth.samples()),
            functions: sampled.map(|samples| (samples, seconds(samples))).collect(),
            moments: truth.samples(),
            unsampled: None,
            engine: None,
            truth,
        })
    }

    fn with_perf(&self, workload: &Workload, rate: u64) -> Result<Seen, String> {
        let program = self.built("plain", &[])?;
        let data = self.folder.join("perf.data");
        let mut record = self.command("perf");
        record.args(perf::RECORD).arg(format!("--count={}", 1_000_000_000 / rate)).arg("--output").arg(&data);
        let truth = told(&succeeded(record.arg("--").arg(program).arg(workload.name))?);
        let script = succeeded(self.command("perf").args(perf::SCRIPT).arg("--input").arg(&data))?;
        let _ = fs::remove_file(&data);
        let samples = perf::samples(&String::from_utf8_lossy(&script.stdout))?;
        let sum = |function: &str| {
            let through = samples.iter().filter(|sample| sample.functions.iter().any(|name| name.ends_with(function)));
            through.fold((0.0, 0.0), |(count, seconds), sample| (count + 1.0, seconds + sample.seconds))
        };
        Ok(Seen {
            samples: samples.len() as f64,
            seconds: samples.iter().map(|sample| sample.seconds).sum(),
            functions: workload.functions.iter().map(|function| sum(function)).collect(),
            moments: samples.len() as f64,
            unsampled: None,
            engine: None,
            truth,
        })
    }

    /// The fixture, built by plain cargo.
    fn built(&self, folder: &str, arguments: &[&str]) -> Result<PathBuf, String> {
        let target = self.folder.join(folder);
        let program = target.join("release/cpu-truth");
        let mut command = self.command(env!("CARGO"));
        succeeded(command.args(["build", "--release", "--target-dir"]).arg(&target).args(arguments))?;
        Ok(program)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        clean_environment(&mut command);
        command.current_dir(workspace_root().join("tests/fixtures/cpu-truth"));
        command
    }
}

fn told(output: &Output) -> Told {
    Told::read(&String::from_utf8_lossy(&output.stdout))
}

/// What the command printed, if it succeeded; else the last line of its complaint.
fn succeeded(command: &mut Command) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().rsplit('/').next().unwrap_or_default().to_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{name}: {}: {}", output.status, last.trim()))
}
