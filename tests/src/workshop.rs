//! Where published crates are checked: runs commands in their copies (`published.rs`) with a user's environment, keeps what
//! they print, and measures the time that they took. Never lets a run hang the check: what takes too long is ended.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::published::{Source, failed};
use crate::{clean_environment, workspace_root};

/// Far more than the slowest crate takes.
const TOO_LONG: Duration = Duration::from_secs(15 * 60);

/// Where all that the runs make lies.
#[derive(Debug)]
pub struct Workshop {
    /// The folder of the check.
    pub folder: PathBuf,
    /// The executable `cargo-prof`.
    pub tool: PathBuf,
}

/// What came of one run.
#[derive(Debug)]
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

impl Workshop {
    /// Builds the tool as it is installed. The folder to work in is called `name`, in this workspace's target directory.
    ///
    /// # Errors
    ///
    /// If it cannot be built.
    pub fn open(name: &str) -> Result<Workshop, String> {
        let metadata = text_of("cargo", &["metadata", "--format-version=1", "--no-deps"])?;
        let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
        let target_directory =
            metadata["target_directory"].as_str().ok_or("cargo metadata names no target directory")?;
        let messages = text_of("cargo", &["build", "--release", "-p", "cargo-prof", "--message-format=json"])?;
        let tool = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == "cargo-prof")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .ok_or("cargo does not name the executable that it built")?;
        Ok(Workshop { folder: PathBuf::from(target_directory).join(name), tool })
    }

    /// The target directory of all crates: what two of them depend on is built once.
    pub fn target_directory(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// The file of that name beside what the runs print.
    pub fn output(&self, name: &str) -> PathBuf {
        self.folder.join("output").join(name)
    }

    /// A command in the crate's copy, with a user's environment but for where it builds.
    pub fn command(&self, program: impl AsRef<Path>, source: &Source) -> Command {
        let mut command = Command::new(program.as_ref());
        clean_environment(&mut command);
        command.env("CARGO_TARGET_DIR", self.target_directory()).env("CARGO_PROF_CACHE", self.folder.join("cache"));
        command.current_dir(&source.directory).stdin(Stdio::null());
        command
    }

    /// Runs a command. What it prints is kept in `name.stdout` and `name.stderr`.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or what it printed cannot be kept.
    pub fn run(&self, command: &mut Command, name: &str) -> Result<Run, String> {
        let folder = self.folder.join("output");
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        let file = |kind: &str| folder.join(format!("{name}.{kind}"));
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

/// What a program prints, run in this workspace.
///
/// # Errors
///
/// If it cannot be started or fails.
pub fn text_of(program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    let command = command.args(arguments).current_dir(workspace_root()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("cannot start {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {}: {}", arguments.join(" "), output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
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

/// User and system time of all children that ended and were waited for, and of theirs, to a hundredth of a second.
///
/// # Errors
///
/// If the kernel does not say.
pub fn cpu_time_of_children() -> Result<Duration, String> {
    /// `USER_HZ`: the same on all of Linux's platforms that Rust has a tier for.
    const TICKS_PER_SECOND: f64 = 100.0;
    let path = Path::new("/proc/self/stat");
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    // The name, in brackets, may hold spaces. After it `cutime` and `cstime` are the fields 16 and 17 of proc(5).
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(13).take(2).map(|field| field.parse::<f64>().unwrap_or(0.0));
    Ok(Duration::from_secs_f64(ticks.sum::<f64>() / TICKS_PER_SECOND))
}
