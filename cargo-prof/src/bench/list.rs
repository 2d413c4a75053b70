//! Asks a bench executable for the benchmarks in it. Whatever else it prints is looked over.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use super::BenchHarness;

/// What an executable said when it was asked for its list.
#[derive(Debug, PartialEq, Eq)]
pub enum Listed {
    /// The ids, in its order, each once.
    Benchmarks(Vec<String>),
    /// It said nothing that is a list, but something: perhaps it does not know the question.
    Other,
    /// It failed; with what it printed.
    Failed(String),
    /// It does not take the arguments that it was given, or not the question.
    Refused,
}

/// The exit code by which clap, which reads the arguments of both harnesses, says that they are wrong.
const USAGE: i32 = 2;

/// Runs `command`, which is to print the list of `harness`.
///
/// # Errors
///
/// If it cannot be run.
pub fn list(mut command: Command, harness: BenchHarness) -> std::io::Result<Listed> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let errors = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read is only not shown.
        let _ = stderr.as_mut().map(|stderr| stderr.read_to_end(&mut bytes));
        bytes
    });
    let mut text = String::new();
    for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).split(b'\n')) {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if harness.is_measuring(&line) {
            // It would measure everything, unseen, only to be run again.
            child.kill()?;
            child.wait()?;
            return Ok(Listed::Other);
        }
        text.push_str(&line);
        text.push('\n');
    }
    let status = child.wait()?;
    if status.code() == Some(USAGE) {
        return Ok(Listed::Refused);
    }
    if !status.success() {
        text.push_str(&String::from_utf8_lossy(&errors.join().unwrap_or_default()));
        return Ok(Listed::Failed(text));
    }
    Ok(read(&text, harness))
}

fn read(text: &str, harness: BenchHarness) -> Listed {
    let mut ids: Vec<String> = Vec::new();
    for id in text.lines().filter_map(|line| harness.listed(line.trim_end_matches('\r'))) {
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    if ids.is_empty() && !text.trim().is_empty() {
        return Listed::Other;
    }
    Listed::Benchmarks(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_is_looked_over_and_nothing_else_is_no_list() {
        let read = |text| read(text, BenchHarness::Criterion);
        let benchmarks = |ids: &[&str]| Listed::Benchmarks(ids.iter().map(|id| (*id).to_owned()).collect());
        assert_eq!(
            read("loading…\na/1: benchmark\n\nb c: bench\r\na/1: benchmark\ndone\n"),
            benchmarks(&["a/1", "b c"])
        );
        assert_eq!(read("\n"), benchmarks(&[]));
        assert_eq!(read("sum: 12 ns/iter\n"), Listed::Other);
    }

    #[test]
    fn one_that_measures_instead_is_stopped() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'x  fastest │ slowest │ mean'; exec sleep 100"]);
        let start = std::time::Instant::now();
        assert_eq!(list(command, BenchHarness::Divan).unwrap(), Listed::Other);
        assert!(start.elapsed().as_secs() < 50);
    }

    #[test]
    fn a_failure_keeps_what_was_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exit 3"]);
        assert_eq!(list(command, BenchHarness::Divan).unwrap(), Listed::Failed("out\nerr\n".into()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo no such flag >&2; exit 2"]);
        assert_eq!(list(command, BenchHarness::Divan).unwrap(), Listed::Refused);
    }
}
