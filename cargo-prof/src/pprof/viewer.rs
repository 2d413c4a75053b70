//! What becomes of a report: text, a file, an image that Graphviz draws, or a program that shows it. What is in it is made
//! in `prof-pprof`.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// What becomes of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// It is printed.
    Text,
    /// It is printed unless to a terminal; there it goes to a file with this ending.
    AwayFromTerminal(&'static str),
    /// Graphviz draws an image of this kind, which is then treated the same.
    Drawing(&'static str),
    /// A program shows it.
    Program {
        /// The kind of image that Graphviz draws first.
        drawing: Option<&'static str>,
        /// The ending of the file that the program is given.
        suffix: &'static str,
        /// The program and its arguments; a browser if empty.
        name: &'static str,
    },
}

/// Graphviz's drawing of a graph in its language.
///
/// # Errors
///
/// If Graphviz is not there or fails, in Go's words.
pub fn draw(graph: &[u8], kind: &str) -> Result<Vec<u8>, String> {
    let failed = |reason: String| format!("failed to execute dot. Is Graphviz installed? Error: {reason}");
    let dot = Command::new("dot").arg(format!("-T{kind}")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut dot = dot.map_err(|error| failed(not_started("dot", &error)))?;
    let mut input = dot.stdin.take().expect("it is piped");
    let output = thread::scope(|scope| {
        // Both ends at once, or a large graph would fill both pipes.
        scope.spawn(move || input.write_all(graph));
        dot.wait_with_output()
    });
    let output = output.map_err(|error| failed(plain(&error)))?;
    if !output.status.success() {
        return Err(failed(exit_status(output.status)));
    }
    if kind != "svg" {
        return Ok(output.stdout);
    }
    // Some versions leave an ampersand without its name.
    Ok(String::from_utf8_lossy(&output.stdout).replace("&;", "&amp;;").into_bytes())
}

/// A program that shows a file, and the file. Dropping it removes the file.
#[derive(Debug)]
pub struct Shown {
    program: Child,
    // Whoever shows it has read it by then; if it stays, the system clears it away.
    _file: Temporary,
}

impl Shown {
    /// Waits until the user closes the program.
    ///
    /// # Errors
    ///
    /// If it fails, in Go's words.
    pub fn wait(mut self) -> Result<(), String> {
        let status = self.program.wait().map_err(|error| plain(&error))?;
        if status.success() { Ok(()) } else { Err(exit_status(status)) }
    }
}

/// A file that goes away with its owner.
#[derive(Debug)]
pub struct Temporary(pub PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Gives a program a file of these bytes. The first program of `names` that starts is taken.
///
/// # Errors
///
/// If the file cannot be written or none starts, in Go's words.
pub fn show(write: impl FnOnce(&mut File) -> io::Result<()>, suffix: &str, names: &[String]) -> Result<Shown, String> {
    let (mut file, path) = new_file(&std::env::temp_dir(), "pprof", suffix).map_err(|error| plain(&error))?;
    let temporary = Temporary(path);
    write(&mut file).map_err(|error| plain(&error))?;
    let program = start(&temporary.0, names)?;
    Ok(Shown { program, _file: temporary })
}

fn start(path: &Path, names: &[String]) -> Result<Child, String> {
    let mut failure = String::new();
    for name in names {
        let mut words = name.split(' ');
        let program = words.next().unwrap_or_default();
        let mut command = Command::new(program);
        // What the user types next is not for it.
        match command.args(words).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
            Ok(child) => {
                // It may only ask another program, which still has to read the file.
                thread::sleep(Duration::from_secs(1));
                return Ok(child);
            }
            Err(error) => failure = not_started(program, &error),
        }
    }
    Err(failure)
}

/// Why a program did not start, in Go's words.
pub fn not_started(program: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("exec: \"{program}\": executable file not found in $PATH"),
        _ => plain(error),
    }
}

/// How a program ended, in Go's words.
pub fn exit_status(status: ExitStatus) -> String {
    status.to_string().replace("exit status: ", "exit status ")
}

/// The programs that may open a page, the user's own first.
pub fn browsers() -> Vec<String> {
    let own = std::env::var("BROWSER").ok().filter(|browser| !browser.is_empty());
    let known = ["chrome", "google-chrome", "chromium", "firefox", "sensible-browser"].map(str::to_owned);
    let has_display = std::env::var_os("DISPLAY").is_some_and(|display| !display.is_empty());
    own.into_iter().chain(known).chain(has_display.then(|| "xdg-open".to_owned())).collect()
}

/// A new file in a folder, called by a prefix, the first free number and a suffix.
///
/// # Errors
///
/// If the folder cannot be written to.
pub fn new_file(folder: &Path, prefix: &str, suffix: &str) -> io::Result<(File, PathBuf)> {
    for number in 1..10_000 {
        let path = folder.join(format!("{prefix}{number:03}.{suffix}"));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("could not create file of the form {prefix}001.{suffix}")))
}

/// What the system says, as Go writes it: without its number and in lower case.
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Whether a file is one that names come from: an object file.
pub fn is_object(path: &OsStr) -> bool {
    let mut start = [0; 4];
    let read = File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut start));
    read.is_ok() && start == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let name = || new_file(folder.path(), "profile", "pb.gz").unwrap().1.file_name().unwrap().to_owned();
        assert_eq!([name(), name()], ["profile001.pb.gz", "profile002.pb.gz"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let names = ["no-such-viewer-1".to_owned(), "no-such-viewer-2 --flag".to_owned()];
        let expected = "exec: \"no-such-viewer-2\": executable file not found in $PATH";
        assert_eq!(show(|_| Ok(()), "svg", &names).unwrap_err(), expected);
    }
}
