//! `cargo prof pprof`: Go's `go tool pprof`, with its command line and its output. [`flags`] reads the command line,
//! [`request`] says what it means, `source` reads the profiles, `prof-pprof` makes the report, and `viewer` shows it. Without
//! a format on the command line `shell` asks for one again and again.

mod binary;
mod fetch;
pub mod flags;
mod names;
mod perf;
pub mod request;
mod shell;
mod source;
mod viewer;
pub mod zone;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use prof_pprof::report::{Format, Options, Report, report_with};
use prof_pprof::{Error, OriginalIds, Profile};

use crate::disassemble::Disassembler;
use crate::source_files::SourceFiles;
use crate::terminal;
use flags::{Flags, Unreadable};
use request::{Request, Sources};
use viewer::{Destination, Shown};

/// The exit status for whatever goes wrong, as in Go.
const FAILED: u8 = 2;

/// A report, and what becomes of it.
#[derive(Debug)]
pub struct Answer {
    body: Body,
    output: String,
    destination: Destination,
}

#[derive(Debug)]
enum Body {
    Report(Report),
    Drawing(Vec<u8>),
}

impl Answer {
    /// The report.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.body {
            Body::Report(report) => report.into_bytes(),
            Body::Drawing(bytes) => bytes,
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.body {
            Body::Report(report) => report.write_to(out),
            Body::Drawing(bytes) => out.write_all(bytes),
        }
    }
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
/// If the arguments are wrong or name no format, a profile cannot be read, or there is nothing to show.
pub fn answer(arguments: &[OsString], notices: &mut dyn FnMut(&str)) -> Result<Answer, Failure> {
    let (request, _) = requested(arguments, notices)?;
    let Some(report) = request.report else {
        return Err(Failure::Other("name a format, such as -top".into()));
    };
    let (profile, ids, options) = opened(&request.sources, request.options, notices).map_err(Failure::Other)?;
    made(profile, &ids, report, &options, request.output, notices).map_err(Failure::Other)
}

/// The report on a profile, with the source files and the binaries of this machine where it needs them.
///
/// # Errors
///
/// As [`report_with`].
pub fn report(profile: Profile, ids: &OriginalIds, format: &Format, options: &Options) -> Result<Report, Error> {
    let mut files = SourceFiles::new(&options.source_path, &options.trim_path);
    report_with(profile, ids, format, options, &mut |file| files.read(file), &mut Disassembler)
}

/// Runs the command.
pub fn main(arguments: &[OsString]) -> ExitCode {
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Other(text)) => {
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

fn run(arguments: &[OsString]) -> Result<(), Failure> {
    let notices = &mut terminal::status;
    let (request, flags) = requested(arguments, notices)?;
    let (profile, ids, options) = opened(&request.sources, request.options, notices).map_err(Failure::Other)?;
    let done = match request.report {
        Some(report) => made(profile, &ids, report, &options, request.output, notices)
            .and_then(|answer| deliver(&answer, false))
            .and_then(|shown| shown.map_or(Ok(()), Shown::wait)),
        None => shell::run(&profile, &ids, shell::Settings::new(options, &flags)),
    };
    done.map_err(Failure::Other)
}

fn requested(arguments: &[OsString], notices: &mut dyn FnMut(&str)) -> Result<(Request, Flags), Failure> {
    let (flags, rest) = Flags::parse(arguments).map_err(|unreadable| match unreadable {
        Unreadable::Help => Failure::Usage { asked: true },
        Unreadable::Wrong(text) => Failure::Flags(text),
    })?;
    if rest.is_empty() {
        return Err(Failure::Usage { asked: false });
    }
    let request = Request::new(&flags, rest, |path| viewer::is_object(path), notices).map_err(Failure::Other)?;
    Ok((request, flags))
}

/// The profile that is asked for, and the options with its time zone.
fn opened(
    sources: &Sources,
    options: Options,
    notices: &mut dyn FnMut(&str),
) -> Result<(Profile, OriginalIds, Options), String> {
    let (profile, ids) = source::profile(sources, notices)?;
    let zone = zone::at(profile.time_nanos.div_euclid(1_000_000_000));
    Ok((profile, ids, Options { zone, ..options }))
}

/// A report on the profile, drawn if that is what becomes of it.
fn made(
    profile: Profile,
    ids: &OriginalIds,
    (format, destination): (Format, Destination),
    options: &Options,
    output: String,
    notices: &mut dyn FnMut(&str),
) -> Result<Answer, String> {
    let report = report(profile, ids, &format, options).map_err(|error| in_words_of_go(&error))?;
    report.notices.iter().for_each(|notice| notices(notice));
    let body = match destination {
        Destination::Drawing(kind) | Destination::Program { drawing: Some(kind), .. } => {
            Body::Drawing(viewer::draw(&report.into_bytes(), kind)?)
        }
        _ => Body::Report(report),
    };
    Ok(Answer { body, output, destination })
}

/// Brings a report to where it belongs; gives the program that shows it, if one does. From a shell nothing is printed that
/// is not for people, wherever its output goes.
fn deliver(answer: &Answer, is_shell: bool) -> Result<Option<Shown>, String> {
    let plain = |error: io::Error| viewer::plain(&error);
    if !answer.output.is_empty() {
        terminal::status(&format!("Generating report in {}", answer.output));
        let file = File::create(&answer.output).map_err(|error| format!("open {}: {}", answer.output, plain(error)));
        return answer.write_to(&mut file?).map_err(plain).map(|()| None);
    }
    match answer.destination {
        Destination::AwayFromTerminal(suffix) | Destination::Drawing(suffix)
            if is_shell || io::stdout().is_terminal() =>
        {
            let (mut file, path) = viewer::new_file("".as_ref(), "profile", suffix).map_err(plain)?;
            terminal::status(&format!("Generating report in {}", path.display()));
            answer.write_to(&mut file).map_err(plain).map(|()| None)
        }
        Destination::Program { suffix, name, .. } => {
            let names = if name.is_empty() { viewer::browsers() } else { vec![name.to_owned()] };
            viewer::show(|file| answer.write_to(file), suffix, &names).map(Some)
        }
        _ => terminal::written(|out| answer.write_to(out)).map_err(plain).map(|()| None),
    }
}

fn in_words_of_go(error: &Error) -> String {
    use Error::{NoSampleTypes, SampleType};
    match error {
        SampleType { name, known } => match name.parse::<i64>() {
            Ok(_) => format!("sample_index {name} is outside the range [0..{}]", known.len() - 1),
            Err(_) => format!("sample_index {name:?} must be one of: [{}]", known.join(" ")),
        },
        NoSampleTypes => "profile has no samples".into(),
        other => other.to_string(),
    }
}
