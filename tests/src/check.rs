//! The frame of a check of published crates: which of its list are asked for, what came of each, and the section of
//! `docs/compatibility.md` (`page.rs`). What is run and judged, and in which words, is the check's own.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::page;
use crate::workshop::Workshop;

/// A check of the crates `S`, each of which is judged as a `J`.
pub struct Check<S: 'static, J> {
    /// Its name, and that of its folder.
    pub name: &'static str,
    /// What its section is headed.
    pub heading: &'static str,
    /// The crates.
    pub selection: &'static [S],
    /// A crate's name and version.
    pub identity: fn(&S) -> [&'static str; 2],
    /// Judges a crate, or says why that cannot be.
    pub judge: fn(&Workshop, &'static S) -> Result<J, String>,
    /// Whether all that is checked holds.
    pub is_well: fn(&J) -> bool,
    /// A judgement in a line for the terminal.
    pub in_words: fn(&J) -> String,
    /// What is to be told below it, a line each.
    pub details: fn(&J) -> Vec<String>,
    /// The section, below its heading. The text says when and with what it was checked.
    pub document: fn(&[Report<S, J>], &str) -> String,
}

/// What came of a crate.
pub struct Report<S: 'static, J> {
    /// The crate.
    pub selected: &'static S,
    /// The judgement, or why there is none.
    pub outcome: Result<J, String>,
    /// How long it took to build and to run.
    pub time: Duration,
    /// Whether all that is checked holds.
    pub is_well: bool,
}

impl<S, J> Check<S, J> {
    /// Checks the crates that the program's arguments name, or all of them. The section is of all of them or not written.
    /// Status 1 if one is not well, 2 if one is not on the list.
    pub fn main(&self) -> ExitCode {
        let names: Vec<String> = std::env::args().skip(1).collect();
        let is_on_list = |name: &String| self.selection.iter().any(|selected| self.name_of(selected) == *name);
        if let Some(unknown) = names.iter().find(|name| !is_on_list(name)) {
            let known: Vec<_> = self.selection.iter().map(|selected| self.name_of(selected)).collect();
            say(&format!("{unknown} is not on the list: {}", known.join(", ")));
            return ExitCode::from(2);
        }
        match self.check(&names) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(reason) => {
                say(&reason);
                ExitCode::FAILURE
            }
        }
    }

    fn check(&self, names: &[String]) -> Result<bool, String> {
        let workshop = Workshop::open(self.name)?;
        let is_asked_for = |selected: &&S| names.is_empty() || names.iter().any(|name| name == self.name_of(selected));
        let mut reports = Vec::new();
        for selected in self.selection.iter().filter(is_asked_for) {
            let started = Instant::now();
            let outcome = (self.judge)(&workshop, selected);
            let is_well = outcome.as_ref().is_ok_and(self.is_well);
            let report = Report { selected, outcome, time: started.elapsed(), is_well };
            say(&self.for_terminal(&report));
            reports.push(report);
        }
        if names.is_empty() {
            page::write(self.heading, &(self.document)(&reports, &page::checked()?))?;
        }
        let well = well(&reports);
        let kept = workshop.folder.join("output");
        say(&format!("{well} of {} crates pass; outputs and profiles are in {}", reports.len(), kept.display()));
        Ok(well == reports.len())
    }

    fn name_of(&self, selected: &S) -> &'static str {
        (self.identity)(selected)[0]
    }

    /// One line, and one for each thing to be told.
    fn for_terminal(&self, report: &Report<S, J>) -> String {
        let identity = (self.identity)(report.selected).join(" ");
        match &report.outcome {
            Ok(judged) => {
                let line = format!("{identity:<28} {}  ({} s)", (self.in_words)(judged), report.time.as_secs());
                let details = (self.details)(judged).into_iter().map(|detail| format!("    {detail}"));
                std::iter::once(line).chain(details).collect::<Vec<_>>().join("\n")
            }
            Err(reason) => format!("{identity:<28} not checked: {reason}"),
        }
    }
}

/// How many crates are well.
pub fn well<S, J>(reports: &[Report<S, J>]) -> usize {
    reports.iter().filter(|report| report.is_well).count()
}

/// Minutes that all of them took, rounded up.
pub fn minutes<S, J>(reports: &[Report<S, J>]) -> u64 {
    reports.iter().map(|report| report.time).sum::<Duration>().as_secs().div_ceil(60)
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "checks are programs for the terminal")]
pub fn say(text: &str) {
    println!("{text}");
}
