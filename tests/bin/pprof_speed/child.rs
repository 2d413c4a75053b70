//! A command from its start to its end: how long it takes, and how much memory at most. Measures nothing inside of it.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a command took.
pub struct Used {
    /// From start to end.
    pub seconds: f64,
    /// Resident at most, as far as it was seen.
    pub megabytes: f64,
}

/// How often the memory is looked at. The kernel remembers the most there was, so only what is added right before the end
/// can be missed.
const PAUSE: Duration = Duration::from_millis(2);

/// Runs a command that must succeed, its output to a file.
pub fn run(command: &mut Command, output: &Path) -> Used {
    let output = File::create(output).expect("the target directory is writable");
    let start = Instant::now();
    let mut child = command.stdout(output).stderr(Stdio::null()).spawn().expect("the command starts");
    let status = format!("/proc/{}/status", child.id());
    let mut kilobytes = 0.0f64;
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("a child can be waited for") {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        kilobytes = kilobytes.max(most.unwrap_or(0.0));
        std::thread::sleep(PAUSE);
    };
    let seconds = start.elapsed().as_secs_f64();
    assert!(ended.success(), "{command:?} failed");
    Used { seconds, megabytes: kilobytes * 1024.0 / 1e6 }
}
