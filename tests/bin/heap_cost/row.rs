//! What rounds of one tool come to, as cells of a Markdown table. Runs nothing.

use prof_tests::figures::Sorted;

use crate::tool::Told;

/// The table's head.
pub const HEADING: &str = "\
| work | threads | tool | CPU time, s | CPU time / plain (min-max) | wall time / plain | peak memory, MB | ns per pair |
|---|---|---|---|---|---|---|---|";

/// The cells after the tool's name. Each round is held against the plain run of the same round.
pub fn cells(rounds: &[Result<Told, String>], plain: &[Result<Told, String>]) -> String {
    if let Some(Err(reason)) = rounds.iter().find(|result| result.is_err()) {
        return format!("failed: {} | | | | |", reason.replace('|', "/"));
    }
    let pairs: Vec<(&Told, &Told)> = rounds.iter().flatten().zip(plain.iter().flatten()).collect();
    if pairs.is_empty() {
        return "the plain run failed | | | | |".to_owned();
    }
    let column = |value: &dyn Fn(&(&Told, &Told)) -> f64| Sorted::of(pairs.iter().map(value));
    let nanos_per_pair = pairs[0].0.told("pairs").map_or("–".to_owned(), |count| {
        let nanos = column(&|pair| pair.0.number("cpu") / (count * pair.0.number("threads")));
        format!("{:.1}", nanos.median())
    });
    format!(
        "{:.3} | {} | {:.2} | {:.0} | {nanos_per_pair}",
        column(&|pair| pair.0.number("cpu") / 1e9).median(),
        column(&|pair| pair.0.number("cpu") / pair.1.number("cpu")).median_and_range(2),
        column(&|pair| pair.0.number("wall") / pair.1.number("wall")).median(),
        column(&|pair| pair.0.number("peak") / 1e6).median(),
    )
}
