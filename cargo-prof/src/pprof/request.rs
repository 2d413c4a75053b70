//! Flags → what is asked for: a format, its options, and the profiles to make it of. How flags are read is in `flags.rs`,
//! profiles in `source.rs`.

use std::ffi::OsString;
use std::fmt::Write;

use prof_pprof::Granularity;
use prof_pprof::graph::Order;
use prof_pprof::report::{Format, Options};

use super::fetch::Fetching;
use super::flags::{self, Flag, Flags};
use super::viewer::Destination;

/// What a report may be sorted by.
pub(super) const ORDERS: [(&str, Order); 2] = [("cum", Order::Cum), ("flat", Order::Flat)];

/// What may be shown as one node.
pub(super) const GRANULARITIES: [(&str, Granularity); 5] = [
    ("functions", Granularity::Functions),
    ("filefunctions", Granularity::FileFunctions),
    ("files", Granularity::Files),
    ("lines", Granularity::Lines),
    ("addresses", Granularity::Addresses),
];

/// What is asked for.
#[derive(Debug)]
pub struct Request {
    /// The report and what becomes of it; a shell asks for it if there is none.
    pub report: Option<(Format, Destination)>,
    /// Its options.
    pub options: Options,
    /// The file to write it to; standard output if empty.
    pub output: String,
    /// The profiles.
    pub sources: Sources,
}

/// Profiles, and what is done to them before a report.
#[derive(Debug, Default)]
pub struct Sources {
    /// The profiles to merge.
    pub profiles: Vec<OsString>,
    /// The profile to subtract; none if empty.
    pub base: String,
    /// Whether shares are of the base.
    pub is_diff: bool,
    /// Whether the profiles are scaled to the base.
    pub normalize: bool,
    /// The main binary, if it is not the one that the profile names.
    pub binary: Option<OsString>,
    /// The build id of the main binary, if the profile names none.
    pub build_id: String,
    /// Where names come from.
    pub symbolize: String,
    /// A comment to add.
    pub comment: String,
    /// Whether frames stay that the profile itself asks to drop.
    pub all_frames: bool,
    /// How profiles are fetched that are no files.
    pub fetching: Fetching,
}

impl Request {
    /// Reads the flags and the arguments behind them. `is_binary` says whether a file is an object file.
    ///
    /// # Errors
    ///
    /// What is wrong, in the words of Go as far as it has them.
    pub fn new(
        flags: &Flags,
        arguments: &[OsString],
        is_binary: impl Fn(&OsString) -> bool,
        notices: &mut dyn FnMut(&str),
    ) -> Result<Request, String> {
        let (binary, profiles) = match arguments {
            [] => return Err("no profile source specified".into()),
            [first, rest @ ..] if !rest.is_empty() && is_binary(first) => (Some(first.clone()), rest),
            all => (None, all),
        };
        let mut options = options(flags)?;
        let chosen = chosen(flags)?;
        if !flags.text("http").is_empty() {
            return Err(match chosen {
                Some(_) => "-http is not compatible with an output format on the command line".into(),
                None => "-http: there is no web interface yet; name a format, such as -top".into(),
            });
        }
        if flags.is_on("no_browser") {
            return Err("-no_browser only makes sense with -http".into());
        }
        for (flag, sample_type) in [
            ("total_delay", "delay"),
            ("mean_delay", "delay"),
            ("contentions", "contentions"),
            ("inuse_space", "inuse_space"),
            ("inuse_objects", "inuse_objects"),
            ("alloc_space", "alloc_space"),
            ("alloc_objects", "alloc_objects"),
        ] {
            if !flags.is_on(flag) {
                continue;
            }
            if options.sample_index.is_empty() {
                options.sample_index = sample_type.into();
            } else {
                notices(&format!("Multiple value selections, ignoring -{flag}"));
            }
        }
        options.mean |= flags.is_on("mean_delay");
        let (base, diff_base) = (flags.text("base"), flags.text("diff_base"));
        if !base.is_empty() && !diff_base.is_empty() {
            return Err("-base and -diff_base flags cannot both be specified".into());
        }
        let is_diff = !diff_base.is_empty();
        let base = if is_diff { diff_base } else { base };
        if flags.is_on("normalize") && base.is_empty() {
            return Err("must have base profile to normalize by".into());
        }
        let report = chosen.map(|name| format(name, flags.text(name))).transpose()?;
        let sources = Sources {
            profiles: profiles.to_vec(),
            base: base.into(),
            is_diff,
            normalize: flags.is_on("normalize"),
            binary,
            build_id: flags.text("buildid").into(),
            symbolize: flags.text("symbolize").into(),
            comment: flags.text("add_comment").into(),
            all_frames: flags.is_on("all_frames"),
            fetching: Fetching {
                seconds: flags.integer("seconds").unwrap_or(-1),
                timeout: flags.integer("timeout").unwrap_or(-1),
                certificate: flags.text("tls_cert").into(),
                key: flags.text("tls_key").into(),
                authority: flags.text("tls_ca").into(),
            },
        };
        Ok(Request { report, options, output: flags.text("output").into(), sources })
    }
}

/// The name of the format that was chosen.
fn chosen(flags: &Flags) -> Result<Option<&'static str>, String> {
    let is_chosen = |flag: &&Flag| flags.is_on(flag.name) || !flags.text(flag.name).is_empty();
    let mut chosen = flags::FORMATS.iter().filter(is_chosen);
    match (chosen.next(), chosen.next()) {
        (first, None) => Ok(first.map(|flag| flag.name)),
        _ => Err("must set at most one output format".into()),
    }
}

/// The report that a name asks for, and what becomes of it.
///
/// # Errors
///
/// If it is not there.
pub(super) fn format(name: &str, pattern: &str) -> Result<(Format, Destination), String> {
    use Destination::{AwayFromTerminal, Drawing, Program, Text};
    Ok(match name {
        "callgrind" => (Format::Callgrind, AwayFromTerminal("callgraph.out")),
        "comments" => (Format::Comments, Text),
        "disasm" => (Format::Disasm(pattern.into()), Text),
        "dot" => (Format::Dot, Text),
        "folded" => (Format::Folded, Text),
        "list" => (Format::List(pattern.into()), Text),
        "peek" => (Format::Peek(pattern.into()), Text),
        "proto" => (Format::Proto, AwayFromTerminal("pb.gz")),
        "raw" => (Format::Raw, Text),
        "tags" => (Format::Tags, Text),
        "text" | "top" => (Format::Text, Text),
        "topproto" => (Format::TopProto, AwayFromTerminal("pb.gz")),
        "traces" => (Format::Traces, Text),
        "tree" => (Format::Tree, Text),
        "gif" => (Format::Dot, Drawing("gif")),
        "pdf" => (Format::Dot, Drawing("pdf")),
        "png" => (Format::Dot, Drawing("png")),
        "ps" => (Format::Dot, Drawing("ps")),
        "svg" => (Format::Dot, Drawing("svg")),
        "eog" => (Format::Dot, Program { drawing: Some("svg"), suffix: "svg", name: "eog" }),
        "evince" => (Format::Dot, Program { drawing: Some("pdf"), suffix: "pdf", name: "evince" }),
        "gv" => (Format::Dot, Program { drawing: Some("ps"), suffix: "ps", name: "gv --noantialias" }),
        "web" => (Format::Dot, Program { drawing: Some("svg"), suffix: "svg", name: "" }),
        "kcachegrind" => (Format::Callgrind, Program { drawing: None, suffix: "grind", name: "kcachegrind" }),
        "weblist" => {
            return Err("-weblist: there is no web interface yet; -list shows the source, -disasm the assembly".into());
        }
        other => return Err(format!("-{other} is not there yet")),
    })
}

fn options(flags: &Flags) -> Result<Options, String> {
    let text = |name| flags.text(name).to_owned();
    let mut options = Options {
        sample_index: text("sample_index"),
        mean: flags.is_on("mean"),
        no_inlines: flags.is_on("noinlines"),
        show_columns: flags.is_on("showcolumns"),
        focus: text("focus"),
        ignore: text("ignore"),
        show: text("show"),
        hide: text("hide"),
        show_from: text("show_from"),
        prune_from: text("prune_from"),
        tag_focus: text("tagfocus"),
        tag_ignore: text("tagignore"),
        tag_show: text("tagshow"),
        tag_hide: text("taghide"),
        tag_root: text("tagroot"),
        tag_leaf: text("tagleaf"),
        relative_percentages: flags.is_on("relative_percentages"),
        call_tree: flags.is_on("call_tree"),
        drop_negative: flags.is_on("drop_negative"),
        compact_labels: flags.is_on("compact_labels"),
        source_path: text("source_path"),
        trim_path: text("trim_path"),
        intel_syntax: flags.is_on("intel_syntax"),
        ..Options::default()
    };
    options.divide_by = flags.number("divide_by").unwrap_or(options.divide_by);
    options.node_count = flags.integer("nodecount").unwrap_or(options.node_count);
    options.node_fraction = flags.number("nodefraction").unwrap_or(options.node_fraction);
    options.edge_fraction = flags.number("edgefraction").unwrap_or(options.edge_fraction);
    options.trim = flags.switch("trim").unwrap_or(options.trim);
    if flags.is_given("unit") {
        options.unit = text("unit");
    }
    if let Some(order) = one_of(flags, &ORDERS)? {
        options.order = order;
    }
    options.granularity = one_of(flags, &GRANULARITIES)?.unwrap_or_default();
    Ok(options)
}

/// The one that is on.
fn one_of<T: Copy>(flags: &Flags, choices: &[(&str, T)]) -> Result<Option<T>, String> {
    let on: Vec<_> = choices.iter().filter(|(name, _)| flags.is_on(name)).collect();
    match &on[..] {
        [] => Ok(None),
        [(_, choice)] => Ok(Some(*choice)),
        several => {
            let names: Vec<_> = several.iter().map(|(name, _)| *name).collect();
            Err(format!("conflicting options set: [{}]", names.join(" ")))
        }
    }
}

/// What there is to ask for.
pub fn usage() -> String {
    let mut text = String::from(
        "usage:\n\n  cargo prof pprof FORMAT [options] [binary] PROFILE…\n  cargo prof pprof [options] [binary] PROFILE…\n\n\
         Without a format a shell asks for one again and again. Several profiles are merged; - is standard input, and one \
         that is no file is fetched from where it says, as from host:port or http://host/path. Options are as in \
         `go tool pprof`.\n",
    );
    for (title, flags) in [
        ("Formats, of which there is one", flags::FORMATS),
        ("Options", flags::OPTIONS),
        ("One of the first five, and one of the last two", flags::CHOICES),
        ("Sources", flags::SOURCES),
        ("Sample types by older names", flags::SHORTCUTS),
    ] {
        let _ = writeln!(text, "\n{title}:");
        for flag in flags {
            let _ = writeln!(text, "  -{:<20} {}", flag.name, flag.help);
        }
    }
    text.push_str(
        "\nPPROF_BINARY_PATH is where binaries are looked for, PPROF_TMPDIR where fetched profiles are saved.",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request, String> {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let (flags, rest) = Flags::parse(&arguments).unwrap();
        Request::new(&flags, rest, |path| path == "binary", &mut |_| {})
    }

    #[test]
    fn flags_become_options() {
        let request = request("-tree -cum -lines -nodecount=3 -unit=ms -mean_delay binary a.prof b.prof").unwrap();
        assert_eq!(request.report, Some((Format::Tree, Destination::Text)));
        assert_eq!((request.options.order, request.options.granularity), (Order::Cum, Granularity::Lines));
        assert_eq!((&*request.options.sample_index, request.options.mean), ("delay", true));
        assert_eq!(request.sources.binary, Some("binary".into()));
        assert_eq!(request.sources.profiles, ["a.prof", "b.prof"]);
        assert_eq!(self::request("-top binary").unwrap().sources.profiles, ["binary"]);
        assert_eq!(self::request("-cum x").unwrap().report, None);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (line, expected) in [
            ("-top -tree x", "must set at most one output format"),
            ("-top -cum -flat x", "conflicting options set: [cum flat]"),
            ("-top -http=:0 x", "-http is not compatible with an output format on the command line"),
            ("-top -base=a -diff_base=b x", "-base and -diff_base flags cannot both be specified"),
            ("-top -normalize x", "must have base profile to normalize by"),
            ("-top -no_browser x", "-no_browser only makes sense with -http"),
            (
                "-weblist=main x",
                "-weblist: there is no web interface yet; -list shows the source, -disasm the assembly",
            ),
        ] {
            assert_eq!(request(line).unwrap_err(), expected, "{line}");
        }
    }
}
