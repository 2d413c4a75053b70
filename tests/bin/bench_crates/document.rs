//! Puts what came of the crates' benchmarks into words: lines for the terminal, and a section of `docs/compatibility.md`.
//! Never judges.

use prof_tests::check;

use crate::judged::{DEVIATION, Judged, MEASUREMENTS, OWN_SHARE, UNSAMPLED};
use crate::run::{RATE, SECONDS};
use crate::selection::Selected;

/// What the section is headed.
pub const HEADING: &str = "Benchmarks";

/// What came of a crate.
pub type Report = check::Report<Selected, Judged>;

/// A judgement in a line.
pub fn in_words(judged: &Judged) -> String {
    format!(
        "criterion {:<7} {:>3} of {:>3} labelled  {:>4.1} % own work  {:.3} of the time ({}), {:.3} of the kernel's{}",
        judged.criterion,
        judged.labelled,
        judged.listed,
        judged.own_share * 100.0,
        judged.compared.ratio,
        range(judged),
        judged.compared.sampled,
        if judged.compared.is_busy() { ", the machine is busy" } else { "" },
    )
}

fn row(report: &Report) -> String {
    let Selected { name, version, bench, filter, .. } = report.selected;
    let filter = if filter.is_empty() { "all".to_owned() } else { format!("`{}`", filter.replace('|', "\\|")) };
    match &report.outcome {
        Ok(judged) => format!(
            "| [{name}](https://crates.io/crates/{name}/{version}) | {version} | {} | `{bench}` | {filter} | {} | {} | {:.1} % | {} | {:.3} | {} |",
            judged.criterion,
            judged.listed,
            judged.labelled,
            judged.own_share * 100.0,
            if judged.compared.is_busy() { "busy".to_owned() } else { format!("{:.3}", judged.compared.ratio) },
            judged.compared.sampled,
            if judged.wrong.is_empty() { "pass".to_owned() } else { judged.wrong.join("; ").replace('|', "\\|") },
        ),
        Err(_) => {
            format!("| {name} | {version} | – | `{bench}` | {filter} | – | – | – | – | – | not checked |")
        }
    }
}

/// The whole section, below its heading. `checked` says when and with what.
pub fn document(reports: &[Report], checked: &str) -> String {
    let rows: Vec<String> = reports.iter().map(row).collect();
    let (well, minutes) = (check::well(reports), check::minutes(reports));
    let (count, rows, own_share, deviation) = (reports.len(), rows.join("\n"), OWN_SHARE * 100.0, DEVIATION * 100.0);
    let [first, .., last] = MEASUREMENTS;
    let unsampled = UNSAMPLED * 100.0;
    format!(
        "`cargo prof bench` is to measure what the benchmark harness measures. This is checked with the published sources and
some of the own benchmarks of {count} crates from crates.io; {well} of them pass. The section is written by the check itself:

```sh
cargo run -p prof-tests --bin bench-crates          # all of them, and this section: about {minutes} minutes
cargo run -p prof-tests --bin bench-crates -- itoa  # some of them, and no section
```

The benchmarks are run for a time, and with the harness's own measurement:

```sh
cargo prof bench --bench BENCH --cpuprofile cpu.prof --cpuprofilerate {RATE} --profile-time {SECONDS} FILTER
cargo prof bench --bench BENCH --cpuprofile cpu.prof --cpuprofilerate {RATE} --measure FILTER
```

A crate passes if

- every sample is labelled with the package, the bench target and the id of a benchmark that the bench executable lists, and
  each that it lists has samples;
- at most {own_share} % of the profile is the harness's own work: statistics, plots, reports;
- the CPU time in the measured loops (`phase` is `measure`) is what the harness itself measured, within {deviation} %: the sum
  of the times in criterion's `sample.json`;
- the CPU time in all phases together is what the kernel counts for the processes, at most {deviation} % more, and
  {unsampled} % less for what they do before sampling begins and after it ends.

The harness measures wall time, and what else runs on the machine is in it. So a measurement that is off is repeated for
longer, from {first} seconds up to {last} for each benchmark. It is called busy, and not held against anybody, if it is
longer than the CPU time while something waited for a processor for more than {deviation} % of the time.

| crate | version | criterion | bench | filter | benchmarks | labels found | harness's own work | measured / own time | sampled / used | result |
|---|---|---|---|---|---:|---:|---:|---:|---:|---|
{rows}

{checked}
"
    )
}

/// The smallest and the largest ratio of a benchmark.
fn range(judged: &Judged) -> String {
    let ratios = judged.compared.ratios.values().copied();
    let (least, most) = (ratios.clone().fold(f64::INFINITY, f64::min), ratios.fold(0.0, f64::max));
    format!("{least:.3} to {most:.3}")
}
