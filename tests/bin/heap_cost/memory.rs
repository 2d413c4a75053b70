//! How much memory the harness itself takes: resident memory with it less that of the plain run, by what the program
//! allocates. Prints a Markdown table.

use std::collections::BTreeMap;

use crate::tool::{Allocator, Seen, Tool, Workshop};
use prof_tests::figures::Sorted;

/// What the program does with its blocks of 64 bytes: the first is next to nothing, and tells what is fixed.
const WORK: [[&str; 2]; 3] = [["history", "1"], ["history", "10000000"], ["live", "1000000"]];

/// Mean bytes between two samples.
const RATES: [&str; 3] = ["1", "4096", "524288"];

const HEADING: &str = "\
| blocks of 64 bytes | setting | resident memory more than plain, MB (min-max) | live blocks with a sample \
| bytes for each, without what one block takes (min-max) |
|---|---|---|---|---|";

/// Measures and prints.
pub fn print(workshop: &Workshop, rounds: usize) {
    println!("{HEADING}");
    let mut fixed = BTreeMap::new();
    for [kind, blocks] in WORK {
        for rate in RATES {
            let measured = |tool| workshop.see(tool, &[kind, blocks]).unwrap_or_else(|reason| panic!("{reason}"));
            let (mut more, mut counts) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                let plain = measured(Tool::Plain(Allocator::System));
                let profiled = measured(Tool::CargoProf(Allocator::System, rate, false));
                more.push(profiled.told.number("resident") - plain.told.number("resident"));
                counts.push(samples(&profiled, rate));
            }
            let fixed = *fixed.entry(rate).or_insert_with(|| Sorted::of(more.clone()).median());
            let each = Sorted::of(more.iter().zip(&counts).map(|(more, count)| (more - fixed) / count));
            let (count, each) = match kind {
                "live" => {
                    let count = Sorted::of(counts).median();
                    (format!("{count:.0}"), each.median_and_range(2))
                }
                _ => ("–".to_owned(), "–".to_owned()),
            };
            println!(
                "| {blocks} {} | {} | {} | {count} | {each} |",
                if kind == "live" { "alive at once" } else { "one after the other" },
                if rate == "1" { "exact".to_owned() } else { format!("1 in {rate} bytes") },
                Sorted::of(more.iter().map(|bytes| bytes / 1e6)).median_and_range(2),
            );
        }
    }
}

/// Samples of the blocks that were kept. A profile gives what they stand for: a block of 64 bytes is sampled with the
/// probability 1 - exp(-64 / rate), as in Go's `mprof.go`, and counts for the inverse of that.
fn samples(seen: &Seen, rate: &str) -> f64 {
    let rate: f64 = rate.parse().expect("the rate is a number");
    let probability = if rate == 1.0 { 1.0 } else { 1.0 - (-64.0 / rate).exp() };
    seen.evidence.as_ref().map_or(0.0, |evidence| evidence.all().in_use().0 as f64 * probability)
}
