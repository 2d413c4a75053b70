//! Runs a crate's tests, plainly and profiled, with a user's environment, and measures the CPU time that the run took.
//! What the outputs say is read in `results.rs`. Never lets a run hang the check: what takes too long is ended.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use prof_tests::clean_environment;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::selection::Selected;
use crate::source::{Source, failed};

/// Far more than the slowest crate takes.
const TOO_LONG: Duration = Duration::from_secs(15 * 60);

const SUBCOMMAND: &str = "test";

/// How finely is sampled: by far more than by default, so that short suites are seen too.
pub const RATES: [&str; 4] = ["--cpuprofilerate", "1000", "--memprofilerate", "4096"];

/// Where all that the runs make lies.
pub struct Workshop {
    /// The folder of the check.
    pub folder: PathBuf,
    /// The executable `cargo-prof`.
    pub tool: PathBuf,
}

/// What came of one run.
pub struct Run {
    /// `exit status: 0`, say, or that it took too long.
    pub status: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// CPU time of cargo and all processes below it that were waited for.
    pub cpu: Duration,
}

/// The two profiles of a run.
pub struct Profiles {
    /// The CPU profile.
    pub cpu: PathBuf,
    /// The memory profile.
    pub memory: PathBuf,
}

impl Workshop {
    /// The target directory of all crates: what two of them depend on is built once.
    pub fn target_directory(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// Builds the tests with plain cargo, then runs them. `name` tells the outputs of two runs apart.
    ///
    /// # Errors
    ///
    /// If the tests do not build: that is no difference, and says nothing of us.
    pub fn plain(&self, selected: &Selected, source: &Source, name: &str) -> Result<Run, String> {
        let cargo = |more: &[&str], name| {
            let mut command = self.command("cargo", source);
            self.run(command.arg(SUBCOMMAND).args(arguments(selected, more)), selected, name)
        };
        let built = cargo(&["--no-run"], "plain-build")?;
        if built.status != "exit status: 0" {
            return Err(format!(
                "the tests do not build with plain cargo, see {}",
                self.output(selected, "plain-build")
            ));
        }
        cargo(&[], name)
    }

    /// Builds the tests with `cargo prof`, then runs them with both profiles.
    ///
    /// # Errors
    ///
    /// If the tool cannot be run at all.
    pub fn profiled(&self, selected: &Selected, source: &Source) -> Result<(Run, Profiles), String> {
        let path = |kind| self.folder.join("output").join(format!("{}.{kind}.prof", selected.name));
        let profiles = Profiles { cpu: path("cpu"), memory: path("mem") };
        let mut asked = RATES.map(PathBuf::from).to_vec();
        for (flag, path) in [("--cpuprofile", &profiles.cpu), ("--memprofile", &profiles.memory)] {
            // Lest that of an earlier run be taken for this one's.
            let _ = fs::remove_file(path);
            asked.extend([flag.into(), path.clone()]);
        }
        let prof = |more: &[&str], name| {
            let mut command = self.command(&self.tool, source);
            // Ours come before a `--`.
            command.args(["prof", SUBCOMMAND]).args(&asked).args(arguments(selected, more));
            self.run(&mut command, selected, name)
        };
        prof(&["--no-run"], "profiled-build")?;
        let run = prof(&[], "profiled")?;
        Ok((run, profiles))
    }

    /// Where the output of a run is kept.
    pub fn output(&self, selected: &Selected, name: &str) -> String {
        self.folder.join("output").join(format!("{}.{name}.stderr", selected.name)).display().to_string()
    }

    fn command(&self, program: impl AsRef<Path>, source: &Source) -> Command {
        let mut command = Command::new(program.as_ref());
        clean_environment(&mut command);
        command.env("CARGO_TARGET_DIR", self.target_directory()).env("CARGO_PROF_CACHE", self.folder.join("cache"));
        command.current_dir(&source.directory).stdin(Stdio::null());
        command
    }

    fn run(&self, command: &mut Command, selected: &Selected, name: &str) -> Result<Run, String> {
        let folder = self.folder.join("output");
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        let file = |kind: &str| folder.join(format!("{}.{name}.{kind}", selected.name));
        let open = |path: &Path| File::create(path).map_err(failed("write", path));
        let read = |path: &Path| match fs::read(path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(failed("read", path)(error)),
        };
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        // Files, not pipes: what a test leaves running would keep a pipe open.
        command.stdout(open(&stdout)?).stderr(open(&stderr)?).process_group(0);
        let before = cpu_time_of_children()?;
        let child = command.spawn().map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let status = ended(child)?;
        let cpu = cpu_time_of_children()?.saturating_sub(before);
        let status = match status {
            Some(status) => shown(status),
            None => format!("none within {} minutes", TOO_LONG.as_secs() / 60),
        };
        Ok(Run { status, stdout: read(&stdout)?, stderr: read(&stderr)?, cpu })
    }
}

/// Arguments of cargo's subcommand, `more` before those for the test binaries.
fn arguments<'a>(selected: &Selected, more: &[&'a str]) -> Vec<&'a str> {
    let (cargos, tests) = match selected.arguments.iter().position(|argument| *argument == "--") {
        Some(at) => selected.arguments.split_at(at),
        None => (selected.arguments, &[][..]),
    };
    [&["--no-fail-fast", "--locked", "--offline"][..], cargos, more, tests].concat()
}

/// How the child ended, or nothing if it had to be ended.
fn ended(mut child: Child) -> Result<Option<ExitStatus>, String> {
    let started = Instant::now();
    let failed = |error| format!("cannot wait for cargo: {error}");
    while started.elapsed() < TOO_LONG {
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It may have ended just now.
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    child.wait().map_err(failed)?;
    Ok(None)
}

fn shown(status: ExitStatus) -> String {
    match status.signal() {
        Some(signal) => format!("signal {signal}"),
        None => format!("exit status: {}", status.code().unwrap_or_default()),
    }
}

/// User and system time of all children that ended and were waited for, and of theirs.
fn cpu_time_of_children() -> Result<Duration, String> {
    /// `USER_HZ`: the same on all of Linux's platforms that Rust has a tier for.
    const TICKS_PER_SECOND: f64 = 100.0;
    let path = Path::new("/proc/self/stat");
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    // The name, in brackets, may hold spaces. After it `cutime` and `cstime` are the fields 16 and 17 of proc(5).
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(13).take(2).map(|field| field.parse::<f64>().unwrap_or(0.0));
    Ok(Duration::from_secs_f64(ticks.sum::<f64>() / TICKS_PER_SECOND))
}
