//! Judges one crate: its tests run plainly and profiled, the results compared, the profiles checked. A crate whose
//! plain runs differ from each other is called flaky, and is no fault of ours. How it is told is in `document.rs`.

use prof_tests::published;
use prof_tests::workshop::Workshop;

use crate::profiles::{self, Made, Truth};
use crate::results::Results;
use crate::run;
use crate::selection::Selected;

/// What came of a crate.
pub struct Judged {
    /// Tests that have a result.
    pub tests: usize,
    /// How the plain run ended.
    pub status: String,
    /// Whether the profiled run gave the same.
    pub verdict: Verdict,
    /// What is wrong with the profiles, or with how they were made.
    pub wrong: Vec<String>,
    /// How the CPU profile was made.
    pub cpu: Made,
    /// How the memory profile was made.
    pub memory: Made,
}

/// Whether two runs gave the same.
pub enum Verdict {
    /// They did.
    Equal,
    /// They did not, and nor did two plain runs: in this.
    Flaky(Vec<String>),
    /// They did not, while two plain runs did: in this.
    Different(Vec<String>),
}

impl Judged {
    /// Whether nothing is held against us.
    pub fn is_well(&self) -> bool {
        self.wrong.is_empty() && !matches!(self.verdict, Verdict::Different(_))
    }
}

/// Runs and judges.
///
/// # Errors
///
/// If the crate cannot be obtained, or does not build with plain cargo.
pub fn judge(workshop: &Workshop, selected: &Selected) -> Result<Judged, String> {
    let source = published::obtain(selected.name, selected.version, &workshop.folder)?;
    let plain = Results::of(&run::plain(workshop, selected, &source, "plain")?);
    let (ran, paths) = run::profiled(workshop, selected, &source)?;
    let profiled = Results::of(&ran);

    let differences = plain.differences(&profiled);
    let verdict = if differences.is_empty() {
        Verdict::Equal
    } else {
        let again = Results::of(&run::plain(workshop, selected, &source, "plain-again")?);
        match plain.differences(&again) {
            chance if chance.is_empty() => Verdict::Different(differences),
            chance => Verdict::Flaky(chance),
        }
    };

    let mut wrong = Vec::new();
    if ran.stderr.lines().any(|line| line.trim_start().starts_with("Compiling ")) {
        wrong.push("the second run with nothing changed compiled again".to_owned());
    }
    let tests = profiled.tests_by_target(&source).unwrap_or_else(|reason| {
        wrong.push(reason);
        Default::default()
    });
    let truth = Truth { package: selected.name, tests: &tests, targets: &source.labels, cpu: ran.cpu };
    let cpu = profiles::check_cpu(&paths.cpu, &truth, &mut wrong).unwrap_or_default();
    let memory = profiles::check_memory(&paths.memory, &truth, &mut wrong).unwrap_or_default();
    Ok(Judged { tests: plain.tests_run(), status: plain.status().to_owned(), verdict, wrong, cpu, memory })
}
