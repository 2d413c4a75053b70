//! Reports: a profile's shape → text. One file a report; reports never see each other. None of them prints: each gives
//! a string.

use std::io;

use crate::{Error, OriginalIds, Profile, encode_to};

mod callers;
mod callgrind;
pub mod comments;
mod disasm;
mod dot;
pub mod firefox;
pub mod flamegraph;
pub mod folded;
mod frames;
mod header;
pub mod leaks;
mod list;
mod options;
mod proto;
pub mod raw;
pub mod speedscope;
mod summary;
pub mod tags;
pub mod top;
pub mod traces;
mod values;
mod view;

pub use comments::comments;
pub use disasm::{Code, Instruction, Symbol, Syntax, Wanted};
pub use firefox::firefox;
pub use flamegraph::{FlamegraphOptions, LabelFilter, flamegraph};
pub use folded::folded;
pub use header::Zone;
pub use leaks::{Allowed, Frame, Leak, LeaksOptions, Owner, Verdict, leaks, leaks_text};
pub use list::Source;
pub use options::{Format, Options};
pub use raw::raw;
pub use speedscope::speedscope;
pub use summary::{Summary, label_notices, summary};
pub use tags::tags;
pub use top::{TopFunction, TopOptions, top, top_functions};
pub use traces::traces;
pub use values::ValueOptions;

use callers::Callers;
use view::View;

/// A report as `go tool pprof` gives it.
#[derive(Debug, Clone)]
pub struct Report {
    body: Body,
    /// What the user should know but that stops nothing, one line each.
    pub notices: Vec<String>,
}

#[derive(Debug, Clone)]
enum Body {
    Bytes(Vec<u8>),
    /// These are as long as the profile, so they are made as they are written.
    Callers(Box<Callers>),
    Proto(Box<Profile>),
    /// Much longer than the profile, so it is made as it is written.
    Traces {
        profile: Box<Profile>,
        options: ValueOptions,
        zone: Zone,
    },
}

impl Body {
    fn of(whole: impl Into<Vec<u8>>) -> Body {
        Body::Bytes(whole.into())
    }
}

impl Report {
    /// The report: text, or a gzipped profile.
    pub fn into_bytes(self) -> Vec<u8> {
        if let Body::Bytes(bytes) = self.body {
            return bytes;
        }
        let mut bytes = Vec::new();
        self.write_to(&mut bytes).expect("memory takes every byte");
        bytes
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_to(&self, out: &mut dyn io::Write) -> io::Result<()> {
        match &self.body {
            Body::Bytes(bytes) => out.write_all(bytes),
            Body::Callers(callers) => callers.write(out),
            Body::Proto(profile) => encode_to(profile, out),
            Body::Traces { profile, options, zone } => traces::write(profile, options, zone, out),
        }
    }
}

/// The report on a profile that `format` names, byte for byte as `go tool pprof` gives it, but for compression. Without
/// sources and code to read, [`Format::List`] shows no lines and [`Format::Disasm`] finds nothing; see [`report_with`].
///
/// `ids` are those of the file that the profile was read from, which only `-raw` shows; see [`raw()`].
///
/// # Errors
///
/// If an option cannot be read or does not fit the profile, or if there is nothing to show of what was asked for by name.
pub fn report(profile: Profile, ids: &OriginalIds, format: &Format, options: &Options) -> Result<Report, Error> {
    let mut no_source = |_: &str| Err("no source files are read here".to_owned());
    report_with(profile, ids, format, options, &mut no_source, &mut disasm::NoCode)
}

/// As [`report()`], with what else a report may need to read: `source` gives [`Format::List`] the text of source files, and
/// `code` gives [`Format::Disasm`] the instructions. Other formats use neither.
///
/// # Errors
///
/// As [`report()`], and if code cannot be disassembled.
pub fn report_with(
    profile: Profile,
    ids: &OriginalIds,
    format: &Format,
    options: &Options,
    source: &mut Source<'_>,
    code: &mut dyn Code,
) -> Result<Report, Error> {
    let inlined_into = match format {
        Format::Disasm(pattern) => disasm::inlined_into(&profile, pattern),
        _ => Vec::new(),
    };
    let mut view = View::new(profile, format, options)?;
    let mut notices = std::mem::take(&mut view.notices);
    let body = match format {
        Format::Callgrind => Body::of(callgrind::callgrind(&mut view)),
        Format::Comments => Body::of(comments(&view.profile)),
        Format::Disasm(pattern) => Body::of(disasm::disasm(&mut view, pattern, &inlined_into, code, &mut notices)?),
        Format::Dot => Body::of(dot::dot(&mut view)),
        Format::List(pattern) => Body::of(list::list(&mut view, pattern, source)?),
        Format::Folded => Body::of(folded::text(&view.profile, |sample| view.scaled(sample.values[view.sample_index]))),
        Format::Peek(pattern) => Body::Callers(Box::new(Callers::new(view, Some(pattern))?)),
        Format::Proto => Body::Proto(Box::new(proto::proto(view))),
        Format::Raw => Body::of(raw(&view.profile, ids, &view.options.zone)),
        Format::Tags => Body::of(tags(&view.profile, &view.value_options())),
        Format::Text => Body::of(top::text(&mut view)),
        Format::TopProto => Body::Proto(Box::new(proto::top_proto(&mut view))),
        Format::Traces => {
            let (options, zone) = (view.value_options(), view.options.zone.clone());
            Body::Traces { profile: Box::new(view.profile), options, zone }
        }
        Format::Tree => Body::Callers(Box::new(Callers::new(view, None)?)),
    };
    Ok(Report { body, notices })
}

/// What the filters of the options leave of a profile, and notices as in [`Report`]. Values are divided as they say.
///
/// # Errors
///
/// As [`report()`].
pub fn filtered(profile: Profile, options: &Options) -> Result<(Profile, Vec<String>), Error> {
    let mut view = View::new(profile, &Format::Proto, options)?;
    let notices = std::mem::take(&mut view.notices);
    Ok((proto::proto(view), notices))
}
