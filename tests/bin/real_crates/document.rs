//! Puts what came of the crates into words: a line a crate for the terminal, and a section of `docs/compatibility.md`. Never judges.

use prof_tests::check;

use crate::judged::{Judged, Verdict};
use crate::profiles::Made;
use crate::run::RATES;
use crate::selection::Selected;

/// What came of a crate.
pub type Report = check::Report<Selected, Judged>;

/// A judgement in a line.
pub fn in_words(judged: &Judged) -> String {
    format!(
        "{:>5} tests  {:<9} {:<15} {:>6} CPU samples {:>7} allocations sampled",
        judged.tests,
        word(judged),
        judged.status,
        judged.cpu.samples,
        judged.memory.samples,
    )
}

/// What differs from the plain run, and what is wrong with the profiles.
pub fn details(judged: &Judged) -> Vec<String> {
    differences(judged).iter().chain(&judged.wrong).cloned().collect()
}

fn row(report: &Report) -> String {
    let Selected { name, version, .. } = report.selected;
    match &report.outcome {
        Ok(judged) => format!(
            "| [{name}](https://crates.io/crates/{name}/{version}) | {version} | {} | {} | {} | {} | {} | {} |",
            judged.tests,
            word(judged),
            judged.status.trim_start_matches("exit status: "),
            judged.cpu.samples,
            judged.memory.samples,
            notes(report.selected, judged)
        ),
        Err(_) => format!("| {name} | {version} | – | not checked | – | – | – | not available |"),
    }
}

/// What the section is headed.
pub const HEADING: &str = "Tests";

/// The whole section, below its heading. `checked` says when and with what.
pub fn document(reports: &[Report], checked: &str) -> String {
    let rows: Vec<String> = reports.iter().map(row).collect();
    let (well, minutes) = (check::well(reports), check::minutes(reports));
    let (count, rows, rates) = (reports.len(), rows.join("\n"), RATES.join(" "));
    format!(
        "`cargo prof test` is to give what `cargo test` gives. This is checked with the published sources and the own tests of
{count} crates from crates.io; {well} of them pass. The section is written by the check itself:

```sh
cargo run -p prof-tests --bin real-crates            # all of them, and this section: about {minutes} minutes
cargo run -p prof-tests --bin real-crates -- anyhow  # some of them, and no section
```

Each crate's tests are run with plain cargo and profiled:

```sh
cargo test --no-fail-fast
cargo prof test --cpuprofile cpu.prof --memprofile mem.prof {rates} --no-fail-fast
```

A crate is **equal** if the two runs agree in

- the exit status and the test binaries that ran, in their order;
- libtest's line for each test (name, and `ok`, `FAILED` or `ignored`), binary by binary, and the counts;
- all of standard output, but for times, thread and memory addresses, and the order of tests that ran side by side.

If they do not, the plain run is repeated: where two plain runs differ as well, the crate is **flaky**, which says
nothing about us. Otherwise it is **different**. A crate passes if it is not different, and if moreover

- running again with nothing changed compiles nothing;
- both profiles can be read, and every index in them leads somewhere;
- every sample is labelled with the package and with one of its targets, and a `test` label is the name of a test that
  has a result in that target;
- not more CPU time was sampled than the run took, and nowhere is more memory in use than was allocated;
- no function of the harness is in a stack.

| crate | version | tests run | result | exit status | CPU samples | allocations sampled | notes |
|---|---|---:|---|---:|---:|---:|---|
{rows}

Tests that libtest ignores are not counted; documentation tests are, though they run unprofiled. The number of samples
depends on how long a crate's tests run, and says nothing about how good a profile is.

{checked}
"
    )
}

fn word(judged: &Judged) -> &'static str {
    match &judged.verdict {
        Verdict::Equal if judged.wrong.is_empty() => "equal",
        Verdict::Equal => "equal, but",
        Verdict::Flaky(_) => "flaky",
        Verdict::Different(_) => "different",
    }
}

fn differences(judged: &Judged) -> &[String] {
    match &judged.verdict {
        Verdict::Equal => &[],
        Verdict::Flaky(differences) | Verdict::Different(differences) => differences,
    }
}

fn notes(selected: &Selected, judged: &Judged) -> String {
    let mut notes = vec![selected.why.to_owned()];
    if !selected.arguments.is_empty() {
        notes.push(format!("with `{}`", selected.arguments.join(" ")));
    }
    for (kind, Made { lost, without_root, .. }) in [("CPU", judged.cpu), ("allocation", judged.memory)] {
        for (number, fate) in [(lost, "lost"), (without_root, "with a stack cut short")] {
            if number > 0 {
                let samples = if number == 1 { "sample" } else { "samples" };
                notes.push(format!("{number} {kind} {samples} {fate}"));
            }
        }
    }
    let differences = differences(judged).iter().chain(&judged.wrong);
    notes.extend(differences.map(|difference| difference.replace('|', "\\|")));
    notes.join("; ")
}
