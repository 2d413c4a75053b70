//! `--memstats`, `--leaks` and `--fail-on-leak`: what each test allocated, had in use at most and left at its end, to the
//! byte; `--benchmem`: what an iteration of each benchmark allocates. Here is what was asked for and what comes of it; the
//! numbers are in `exact/memstats.rs` and `exact/benchmem.rs`, the JSON in `exact/document.rs`, what counts as a leak in `prof-pprof`'s `report/leaks.rs`. Never samples: rate 1 is part of it.

pub mod benchmem;
pub mod document;
pub mod memstats;

use std::ffi::OsString;

use clap::ArgMatches;
use clap::parser::ValueSource;
use prof_pprof::measurement;
use prof_pprof::report::{Allowed, Leak, LeaksOptions, Verdict, leaks, leaks_text};

use crate::Error;
use crate::cli::{Cargo, DEFAULT_MEM_RATE};
use crate::collect::Collected;
use document::Document;
use memstats::MemStats;

/// The exit status that says that there are leaks.
pub const LEAK_STATUS: u8 = 3;

/// What exact numbers were asked for.
pub struct Exact {
    /// Whether the numbers of each test are told.
    pub has_stats: bool,
    /// Whether the numbers of each benchmark's iterations are told.
    has_benchmem: bool,
    /// Whether leaks are listed, and with those that do not count.
    leaks: Option<ShowsAll>,
    /// Whether leaks change the exit status.
    pub fails: bool,
    allowed: Allowed,
    /// Whether the results go to standard output, as JSON.
    pub is_json: bool,
}

/// Whether what is set up once or allowed is listed as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ShowsAll(bool);

/// The results of a run.
pub struct Told {
    /// For people, without a newline at the end.
    pub text: String,
    /// For programs, one line.
    pub json: String,
    /// Why the run is not well, if it is to fail for its leaks.
    pub failure: Option<String>,
}

impl Exact {
    /// What the flags ask for; none if they do not.
    ///
    /// # Errors
    ///
    /// If they do not go together, or what is allowed cannot be read or is no regular expression.
    pub fn asked(matches: &ArgMatches) -> Result<Option<Exact>, Error> {
        let is_typed = |flag: &str| matches.value_source(flag) == Some(ValueSource::CommandLine);
        let (has_stats, fails) = (matches.get_flag("memstats"), matches.get_flag("fail-on-leak"));
        let has_benchmem = matches.try_get_one::<bool>("benchmem").ok().flatten() == Some(&true);
        let is_listing = is_typed("leaks");
        for flag in ["allow-leak", "allow-leaks"] {
            if is_typed(flag) && !is_listing && !fails {
                return Err(Error::Usage(format!("--{flag} is about leaks; add --leaks or --fail-on-leak")));
            }
        }
        let counts_all = has_stats || is_listing || fails;
        if !counts_all && !has_benchmem {
            let lonely = ["format", "report"].into_iter().find(|flag| is_typed(flag));
            return lonely.map_or(Ok(None), |flag| {
                let needed = "--memstats, --leaks, --fail-on-leak or --benchmem";
                Err(Error::Usage(format!("--{flag} is about the results of {needed}; add one of them")))
            });
        }
        let rate = *matches.get_one::<u64>("memprofilerate").expect("it has a default");
        if is_typed("memprofilerate") && rate != 1 && counts_all {
            let flag = [(has_stats, "--memstats"), (is_listing, "--leaks"), (true, "--fail-on-leak")];
            let flag = flag.into_iter().find(|(is_given, _)| *is_given).map_or("", |(_, flag)| flag);
            return Err(Error::Usage(format!(
                "{flag} counts every allocation, --memprofilerate {rate} does not; leave the rate out (its default here is 1, \
                 otherwise {DEFAULT_MEM_RATE}), or profile in a run of its own"
            )));
        }
        if matches.get_one::<OsString>("report").is_some_and(|file| file == "-") {
            return Err(Error::Usage("--report needs a file name; --format json writes to standard output".into()));
        }
        let shows_all = matches.get_one::<String>("leaks").is_some();
        Ok(Some(Exact {
            has_stats,
            has_benchmem,
            leaks: (is_listing || fails).then_some(ShowsAll(shows_all)),
            fails,
            allowed: allowed(matches)?,
            is_json: matches.get_one::<String>("format").is_some_and(|format| format == "json"),
        }))
    }

    /// Whether the run is to record every allocation. Benchmarks whose iterations are counted run once more for that.
    pub fn counts_all(&self) -> bool {
        self.has_stats || self.leaks.is_some()
    }

    /// The results; `root` is the project's folder.
    ///
    /// # Errors
    ///
    /// None that a collected run gives.
    pub fn tell(&self, collected: &Collected, cargo: Cargo, root: &str) -> Result<Told, Error> {
        let none = MemStats::new(cargo);
        let stats = collected.stats.as_ref().unwrap_or(&none);
        let mut found = None;
        if let (Some(_), Some((profile, _))) = (self.leaks, &collected.left) {
            let all = leaks(profile, &self.allowed).map_err(|error| Error::Environment(error.to_string()))?;
            found = Some(all.into_iter().partition::<Vec<Leak>, _>(|leak| stats.row_of(&leak.owner).is_some()));
        }
        let mut text = String::new();
        if self.has_stats {
            text.push_str(&stats.text());
        }
        if let (Some((leaks, others)), Some(ShowsAll(shows_all))) = (&found, self.leaks) {
            let options = LeaksOptions { shows_all, root: root.to_owned() };
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
            text.push_str(&leaks_text(leaks, &options));
            text.push_str(&aside(others));
        }
        let mut notes = collected.doubts.clone();
        if let Some(benchmem) = collected.benchmem.as_ref().filter(|_| self.has_benchmem) {
            text.push_str(if text.is_empty() { "" } else { "\n\n" });
            text.push_str(&benchmem.text());
            notes.extend(benchmem.notes());
            if self.counts_all() {
                text.push_str("\n  note: ");
                text.push_str(SLOWED);
                notes.push(SLOWED.to_owned());
            }
        }
        let leaks = found.as_ref().map(|(leaks, _)| leaks.as_slice());
        let json = Document::new(stats, leaks, collected.benchmem.as_ref(), &notes).line();
        let failure = leaks.filter(|_| self.fails).and_then(failure);
        Ok(Told { text, json, failure })
    }
}

/// What is to be known of times beside other numbers.
const SLOWED: &str = "every allocation was recorded while the times were measured, which makes them longer; --benchmem alone \
                      does without";

/// What may be left, by the flags.
fn allowed(matches: &ArgMatches) -> Result<Allowed, Error> {
    let mut allowed = Allowed::default();
    for expression in matches.get_many::<String>("allow-leak").into_iter().flatten() {
        allowed.add(expression).map_err(|error| Error::Usage(format!("--allow-leak: {error}")))?;
    }
    for path in matches.get_many::<OsString>("allow-leaks").into_iter().flatten() {
        let list = std::fs::read_to_string(path).map_err(Error::file("read", path))?;
        allowed.add_list(&list).map_err(|(line, error)| {
            Error::Usage(format!("--allow-leaks: line {line} of {}: {error}", path.display()))
        })?;
    }
    Ok(allowed)
}

/// A line for what no test left: threads that outlived their test, and programs that tests started.
fn aside(others: &[Leak]) -> String {
    let others = others.iter().filter(|leak| leak.verdict == Verdict::Leak);
    let (blocks, bytes) = others.fold((0i64, 0i64), |(blocks, bytes), leak| (blocks + leak.blocks, bytes + leak.bytes));
    if blocks == 0 {
        return String::new();
    }
    let bytes = measurement::label(bytes, "bytes", "auto");
    let s = if blocks == 1 { "" } else { "s" };
    format!(
        "\n\n  not counted: {blocks} block{s} ({bytes}) left by threads after their test, or by programs that tests ran"
    )
}

fn failure(leaks: &[Leak]) -> Option<String> {
    let blocks: i64 = leaks.iter().filter(|leak| leak.verdict == Verdict::Leak).map(|leak| leak.blocks).sum();
    (blocks > 0).then(|| {
        let are = if blocks == 1 { "1 block is leaked" } else { &format!("{blocks} blocks are leaked") };
        format!(
            "{are}; what may stay can be allowed by --allow-leak REGEX, which functions or files of its stack match"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &[&str]) -> Result<Option<Exact>, Error> {
        let matches = crate::cli::command().get_matches_from([&["cargo prof", "test"], line].concat());
        Exact::asked(matches.subcommand().expect("one is given").1)
    }

    fn refused(line: &[&str]) -> String {
        match asked(line) {
            Err(error @ Error::Usage(_)) => error.to_string(),
            other => panic!("{line:?}: {:?}", other.map(|exact| exact.is_some())),
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_the_way_out() {
        for (line, words) in [
            (
                &["--memstats", "--memprofilerate", "4096"][..],
                "--memstats counts every allocation, --memprofilerate 4096",
            ),
            (&["--leaks", "--memprofilerate=2"], "leave the rate out"),
            (&["--allow-leak", "x"], "add --leaks or --fail-on-leak"),
            (&["--memstats", "--allow-leaks", "x"], "add --leaks or --fail-on-leak"),
            (&["--format", "json"], "add one of them"),
            (&["--report", "x"], "add one of them"),
            (&["--memstats", "--report", "-"], "--format json"),
            (&["--leaks", "--allow-leak", "("], "\"(\" is not a regular expression: unclosed group"),
        ] {
            let error = refused(line);
            assert!(error.contains(words) && error.lines().count() == 1, "{line:?}: {error}");
        }
        assert!(matches!(asked(&["--leaks", "--allow-leaks", "no/such"]), Err(Error::File { .. })));
    }

    #[test]
    fn what_goes_together_is_taken() {
        assert!(asked(&[]).unwrap().is_none());
        let exact =
            asked(&["--memstats", "--memprofilerate", "1", "--format", "json"]).unwrap().expect("it is asked for");
        assert!(exact.has_stats && exact.is_json && exact.leaks.is_none() && !exact.fails);
        let exact =
            asked(&["--leaks", "name", "--allow-leak", "-x", "--allow-leak=y"]).unwrap().expect("it is asked for");
        assert_eq!((exact.leaks, exact.fails), (Some(ShowsAll(false)), false));
        let bench = ["cargo prof", "bench", "--benchmem", "--memprofilerate=4096", "--format=json"];
        let matches = crate::cli::command().get_matches_from(bench);
        let exact = Exact::asked(matches.subcommand().expect("one is given").1).unwrap().expect("it is asked for");
        assert!(exact.has_benchmem && exact.is_json && !exact.counts_all());
        let exact = asked(&["--fail-on-leak", "--leaks=all"]).unwrap().expect("it is asked for");
        assert_eq!((exact.leaks, exact.fails), (Some(ShowsAll(true)), true));
    }
}
