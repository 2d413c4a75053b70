//! `cargo prof pprof`: Go's `go tool pprof`, with its command line and its output. [`flags`] reads the command line,
//! [`request`] says what it means, `source` reads the profiles, `prof-pprof` makes the report, and `viewer` shows it.

mod binary;
pub mod flags;
mod names;
pub mod request;
mod source;
mod viewer;
mod zone;

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use crate::terminal;
use flags::{Flags, Unreadable};
use request::Request;
use viewer::Destination;

/// The exit status for whatever goes wrong, as in Go.
const FAILED: u8 = 2;

/// A report, and what becomes of it.
#[derive(Debug)]
pub struct Answer {
    /// The report.
    pub bytes: Vec<u8>,
    output: String,
    destination: Destination,
}

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// How to use the command, because that was asked for or nothing was.
    Usage {
        /// Whether it was asked for.
        asked: bool,
    },
    /// The flags cannot be read; how to use the command helps.
    Flags(String),
    /// Something else, in Go's words as far as it has them.
    Other(String),
}

/// Makes the report that the arguments behind `pprof` ask for. What stops nothing goes to `notices`, line by line.
///
/// # Errors
///
/// If the arguments are wrong, a profile cannot be read, or there is nothing to show.
pub fn answer(arguments: &[OsString], notices: &mut dyn FnMut(&str)) -> Result<Answer, Failure> {
    let (flags, rest) = Flags::parse(arguments).map_err(|unreadable| match unreadable {
        Unreadable::Help => Failure::Usage { asked: true },
        Unreadable::Wrong(text) => Failure::Flags(text),
    })?;
    if rest.is_empty() {
        return Err(Failure::Usage { asked: false });
    }
    let mut request = Request::new(&flags, rest, |path| viewer::is_object(path), notices).map_err(Failure::Other)?;
    let (profile, ids) = source::profile(&request.sources, notices).map_err(Failure::Other)?;
    request.options.zone = zone::at(profile.time_nanos.div_euclid(1_000_000_000));
    let report = prof_pprof::report::report(profile, &ids, &request.format, &request.options);
    let report = report.map_err(|error| Failure::Other(in_words_of_go(&error)))?;
    report.notices.iter().for_each(|notice| notices(notice));
    let bytes = match request.destination {
        Destination::Drawing(kind) | Destination::Program { drawing: Some(kind), .. } => {
            viewer::draw(&report.bytes, kind).map_err(Failure::Other)?
        }
        _ => report.bytes,
    };
    Ok(Answer { bytes, output: request.output, destination: request.destination })
}

/// Runs the command.
pub fn main(arguments: &[OsString]) -> ExitCode {
    let written = answer(arguments, &mut terminal::status).map(|answer| deliver(&answer));
    match written {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(text)) | Err(Failure::Other(text)) => {
            terminal::status(&text);
            ExitCode::from(FAILED)
        }
        Err(Failure::Flags(text)) => {
            terminal::status(&format!("{text}\n\n{}", request::usage()));
            ExitCode::from(FAILED)
        }
        Err(Failure::Usage { asked: true }) => {
            terminal::status(&request::usage());
            ExitCode::SUCCESS
        }
        Err(Failure::Usage { asked: false }) => {
            terminal::status(&format!("{}\n\nno profile source specified", request::usage()));
            ExitCode::from(FAILED)
        }
    }
}

/// Brings a report to where it belongs.
fn deliver(answer: &Answer) -> Result<(), String> {
    let plain = |error: std::io::Error| viewer::plain(&error);
    if !answer.output.is_empty() {
        terminal::status(&format!("Generating report in {}", answer.output));
        let file = File::create(&answer.output).map_err(|error| format!("open {}: {}", answer.output, plain(error)));
        return file?.write_all(&answer.bytes).map_err(plain);
    }
    let is_terminal = std::io::stdout().is_terminal();
    match answer.destination {
        Destination::AwayFromTerminal(suffix) | Destination::Drawing(suffix) if is_terminal => {
            let (mut file, path) = viewer::new_file("".as_ref(), "profile", suffix).map_err(plain)?;
            terminal::status(&format!("Generating report in {}", path.display()));
            file.write_all(&answer.bytes).map_err(plain)
        }
        Destination::Program { suffix, name, .. } => {
            let names = if name.is_empty() { viewer::browsers() } else { vec![name.to_owned()] };
            viewer::show(&answer.bytes, suffix, &names)
        }
        _ => terminal::bytes(&answer.bytes).map_err(plain),
    }
}

fn in_words_of_go(error: &prof_pprof::Error) -> String {
    use prof_pprof::Error::{NoSampleTypes, SampleType};
    match error {
        SampleType { name, known } => match name.parse::<i64>() {
            Ok(_) => format!("sample_index {name} is outside the range [0..{}]", known.len() - 1),
            Err(_) => format!("sample_index {name:?} must be one of: [{}]", known.join(" ")),
        },
        NoSampleTypes => "profile has no samples".into(),
        other => other.to_string(),
    }
}
