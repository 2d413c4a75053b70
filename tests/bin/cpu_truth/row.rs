//! What rounds of one tool come to, as cells of a Markdown table. Runs nothing.

use prof_tests::figures::Sorted;

use crate::tool::Seen;
use crate::workload::Workload;

/// The table's head.
pub const HEADING: &str = "\
| workload | rate, Hz | tool | sampled s / true s (min-max) | largest share error, standard errors (worst round) \
| samples | distinct moments / asked | `[unsampled]` |
|---|---|---|---|---|---|---|---|";

/// The cells after the tool's name; `results` are empty for a tool that is not available.
pub fn cells(results: &[Result<Seen, String>], workload: &Workload, rate: u64) -> String {
    if let Some(Err(reason)) = results.iter().find(|result| result.is_err()) {
        return format!("failed: {} | | | |", reason.replace('|', "/"));
    }
    let rounds: Vec<&Seen> = results.iter().flatten().collect();
    let Some(first) = rounds.first() else {
        return "not available | | | |".to_owned();
    };
    let column = |value: &dyn Fn(&Seen) -> f64| Sorted::of(rounds.iter().map(|seen| value(seen)));
    let ratio = column(&|seen| seen.seconds / seen.truth.process());
    let engine = first.engine.as_ref().map_or(String::new(), |engine| format!(" ({engine})"));
    let moments = column(&|seen| seen.moments / (seen.truth.process() * rate as f64));
    let unsampled = first.unsampled.map_or("–".to_owned(), |_| {
        let share = column(&|seen| seen.unsampled.unwrap_or(0.0) / seen.seconds);
        format!("{:.1} %", 100.0 * share.median())
    });
    format!(
        "{}{engine} | {} | {:.0} | {:.3} | {unsampled}",
        ratio.median_and_range(3),
        share_errors(&rounds, workload),
        column(&|seen| seen.samples).median(),
        moments.median(),
    )
}

/// Median and worst of the rounds. A fair sampler's largest of two to four errors is between 1 and 1.5 on average.
fn share_errors(rounds: &[&Seen], workload: &Workload) -> String {
    let errors: Vec<f64> = rounds.iter().filter_map(|seen| share_error(seen, workload)).collect();
    if errors.is_empty() {
        return "no samples".to_owned();
    }
    let errors = Sorted::of(errors);
    format!("{:.1} ({:.1})", errors.median(), errors.most())
}

/// How far the share of a function is from the truth at most, measured in standard errors of as many samples drawn
/// fairly; none without samples.
fn share_error(seen: &Seen, workload: &Workload) -> Option<f64> {
    let spent: Vec<f64> = workload.functions.iter().map(|function| seen.truth.spent(function)).collect();
    let all_spent: f64 = spent.iter().sum();
    let (samples, seconds) =
        seen.functions.iter().fold((0.0, 0.0), |sum, function| (sum.0 + function.0, sum.1 + function.1));
    let errors = seen.functions.iter().zip(spent).map(|((_, sampled), spent)| {
        let (share, truth) = (sampled / seconds, spent / all_spent);
        (share - truth).abs() / (truth * (1.0 - truth) / samples).sqrt()
    });
    if samples == 0.0 { None } else { errors.max_by(f64::total_cmp) }
}
