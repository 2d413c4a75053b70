//! How much CPU time the processes of benchmarks use, as the kernel counts it: this program is cargo's runner for them, which
//! `cargo prof bench` calls for each as cargo would. It is the truth for a profile of all phases, however busy the machine
//! is. And whether it is busy.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use prof_tests::published::failed;
use prof_tests::workshop::cpu_time_of_children;

/// Names the file that a runner writes to; it is one if this is set.
pub const VARIABLE: &str = "BENCH_CRATES_USED";

/// Runs an executable with its arguments, and adds a line with its CPU seconds to the file.
///
/// # Errors
///
/// If it cannot be run, or the file not be written.
pub fn run(path: &Path, mut words: impl Iterator<Item = OsString>) -> Result<ExitCode, String> {
    let executable = words.next().ok_or("a runner is called with an executable")?;
    let arguments: Vec<OsString> = words.collect();
    let status = Command::new(&executable).args(&arguments).status();
    let status = status.map_err(|error| format!("cannot start {}: {error}", executable.display()))?;
    // What makes the list is not profiled.
    if !arguments.iter().any(|argument| argument == "--list") {
        let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(failed("open", path))?;
        writeln!(file, "{}", cpu_time_of_children()?.as_secs_f64()).map_err(failed("write", path))?;
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The sum of the CPU seconds in the file.
///
/// # Errors
///
/// If it cannot be read.
pub fn seconds(path: &Path) -> Result<f64, String> {
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    Ok(text.lines().filter_map(|line| line.parse::<f64>().ok()).sum())
}

/// How long, since the machine started, something waited for a processor while others used it; none where the kernel does not
/// count that.
pub fn waited() -> Option<Duration> {
    let text = fs::read_to_string("/proc/pressure/cpu").ok()?;
    let total = text.lines().find(|line| line.starts_with("some "))?.rsplit_once("total=")?.1;
    Some(Duration::from_micros(total.parse().ok()?))
}
