//! What came of a command: its status and both its outputs. What of them may differ between two runs is known to
//! `comparable.rs`.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Output};

use serde_json::Value;

use crate::comparable;

/// What came of a command.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Outcome {
    /// The exit status as a shell sees it: 128 and the signal's number for a process that a signal ended.
    pub fn code(&self) -> i32 {
        self.status.code().or_else(|| self.status.signal().map(|signal| 128 + signal)).expect("it has ended")
    }

    /// Fails unless the command succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Outcome {
        assert!(self.status.success(), "{}\n{}\n{}", self.status, self.stdout, self.stderr);
        self
    }

    /// The JSON document in the last line of standard output.
    #[track_caller]
    pub fn document(&self) -> Value {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}\n{}", self.stderr))
    }

    /// The names of the packages that cargo compiled.
    pub fn compiled(&self) -> Vec<&str> {
        let lines = self.stderr.lines();
        lines.filter_map(|line| line.trim_start().strip_prefix("Compiling ")?.split_whitespace().next()).collect()
    }

    /// libtest's line for each test, without times, sorted.
    pub fn test_lines(&self) -> Vec<String> {
        let text = comparable::stdout(&self.stdout);
        let mut lines: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("test ") && line.contains(" ... "))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    }

    /// Fails unless the two are equal in all but what differs between two runs of one command.
    #[track_caller]
    pub fn assert_same(&self, other: &Outcome) {
        assert_same_text(&comparable::stdout(&self.stdout), &comparable::stdout(&other.stdout), "stdout", other);
        assert_same_text(&comparable::stderr(&self.stderr), &comparable::stderr(&other.stderr), "stderr", other);
        assert_eq!(self.code(), other.code(), "exit status\n{}", other.stderr);
    }
}

/// The row of that target and name in a list of rows of such a document.
#[track_caller]
pub fn row<'a>(rows: &'a Value, target: &str, name: &str) -> &'a Value {
    let found = rows.as_array().and_then(|rows| rows.iter().find(|row| row["target"] == target && row["name"] == name));
    found.unwrap_or_else(|| panic!("no {target} {name} in {rows:#}"))
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Outcome {
        Outcome {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Shows the first line that differs, which in long outputs is what one looks for, then all.
#[track_caller]
fn assert_same_text(expected: &str, found: &str, what: &str, whole: &Outcome) {
    if expected != found {
        let differing = expected.lines().zip(found.lines()).position(|(left, right)| left != right);
        let line = differing.unwrap_or_else(|| expected.lines().count().min(found.lines().count()));
        panic!(
            "{what} differs from plain cargo's in line {}:\n  plain: {:?}\n  ours:  {:?}\n\n--- plain\n{expected}\n--- ours\n{found}\n--- ours, as it is\n{}\n{}",
            line + 1,
            expected.lines().nth(line),
            found.lines().nth(line),
            whole.stdout,
            whole.stderr,
        );
    }
}
