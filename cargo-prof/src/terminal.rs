//! The only place that prints: results to standard output, everything else to standard error.

#![expect(clippy::print_stderr, clippy::print_stdout, reason = "this is the terminal")]

use std::io::{self, Write};

use crate::Error;

/// Prints an error, in one line if it has one. Cargo's own errors are on the terminal already.
pub fn error(error: &Error) {
    if !matches!(error, Error::Cargo(_)) {
        eprintln!("error: {error}");
    }
}

/// Prints something that the user should know but that stops nothing.
pub fn warning(text: &str) {
    eprintln!("warning: {text}");
}

/// Prints a line of progress or summary.
pub fn status(text: &str) {
    eprintln!("{text}");
}

/// Prints a line of progress that the next one takes the place of; an empty one leaves nothing of it.
pub fn transient(text: &str) {
    eprint!("\r\x1b[K{text}");
}

/// The width of the terminal that standard error is, if it is one.
pub fn columns() -> Option<usize> {
    rustix::termios::tcgetwinsize(io::stderr()).ok().map(|size| size.ws_col.into()).filter(|columns| *columns > 0)
}

/// Writes a result that is text.
pub fn result(text: &str) -> io::Result<()> {
    bytes(text.as_bytes())
}

/// Writes a result. That its reader went away, as with `| head`, is no error.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    written(|out| out.write_all(bytes))
}

/// Has `write` write a result, which may be long. That its reader went away is no error.
pub fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Repeats what a compiler wrote to standard error, byte for byte.
pub fn relay(bytes: &[u8]) {
    // There is nobody left to tell if this fails.
    let _ = io::stderr().lock().write_all(bytes);
}

/// Repeats what a program wrote to standard output, byte for byte and at once.
pub fn repeat(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    // Its reader may have gone away, as with `| head`.
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Prints a line for the user to read, from clap.
pub fn clap(error: &clap::Error) {
    let _ = error.print();
}

/// Prints a line to standard output.
pub fn line(text: &str) {
    println!("{text}");
}
