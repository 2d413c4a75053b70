//! The numbers of each benchmark, as Go's `-benchmem` has them: the time of an iteration, the bytes and the allocations that
//! it makes. Where one is not known there is none, and why. What they are made from is in `collect/bench_memory.rs`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::bench::iteration::Sum;
use crate::bench::memory::Known;

/// The numbers of the benchmarks of a run.
#[derive(Debug, Default)]
pub struct Benchmem {
    /// A row for each benchmark.
    pub rows: Vec<Row>,
    /// What the user should know of them.
    pub doubts: Vec<String>,
}

/// The numbers of a benchmark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The package.
    pub package: String,
    /// The target in it.
    pub target: String,
    /// The full name of the benchmark.
    pub name: String,
    /// Nanoseconds of an iteration, as its harness measured them.
    pub ns_per_iteration: Option<f64>,
    /// How many iterations were counted.
    pub iterations: Option<u64>,
    /// How many allocations they made.
    pub allocations: Option<u64>,
    /// The bytes of these.
    pub bytes: Option<u64>,
    /// `bytes` over `iterations`.
    pub bytes_per_iteration: Option<f64>,
    /// `allocations` over `iterations`.
    pub allocations_per_iteration: Option<f64>,
    /// Why what is not known is not.
    pub unknown: Vec<String>,
}

impl Row {
    /// The row of a benchmark, for which this time and these iterations with what they allocated are known, or not.
    pub fn new(package: String, target: String, name: String, nanos: Known<f64>, memory: Known<(u64, Sum)>) -> Row {
        let memory =
            memory.and_then(|memory| if memory.0 == 0 { Err("it did no iteration".into()) } else { Ok(memory) });
        let mut unknown: Vec<String> = [nanos.clone().err(), memory.clone().err()].into_iter().flatten().collect();
        unknown.dedup();
        let memory = memory.ok();
        let per_iteration =
            |count: fn(Sum) -> u64| memory.map(|(iterations, sum)| count(sum) as f64 / iterations as f64);
        Row {
            package,
            target,
            name,
            ns_per_iteration: nanos.ok(),
            iterations: memory.map(|(iterations, _)| iterations),
            allocations: memory.map(|(_, sum)| sum.allocations),
            bytes: memory.map(|(_, sum)| sum.bytes),
            bytes_per_iteration: per_iteration(|sum| sum.bytes),
            allocations_per_iteration: per_iteration(|sum| sum.allocations),
            unknown,
        }
    }
}

const UNKNOWN: &str = "–";

impl Benchmem {
    /// The rows, by name.
    pub fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|row| (&row.name, &row.package, &row.target));
        rows
    }

    /// The table for people, and below it each reason for what is not known, without a newline at the end.
    pub fn text(&self) -> String {
        let rows = self.rows();
        let head = ["benchmark", "ns/iter", "B/op", "allocs/op", "target"].map(str::to_owned);
        let cells = rows.iter().map(|row| {
            [
                row.name.clone(),
                number(row.ns_per_iteration),
                number(row.bytes_per_iteration),
                number(row.allocations_per_iteration),
                format!("{} {}", row.package, row.target),
            ]
        });
        let lines: Vec<[String; 5]> = [head].into_iter().chain(cells).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let [name, nanos, bytes, allocations] = [0, 1, 2, 3].map(width);
        let lines = lines.iter().map(|line| {
            format!(
                "{:name$}  {:>nanos$}  {:>bytes$}  {:>allocations$}  {}",
                line[0], line[1], line[2], line[3], line[4]
            )
        });
        let mut text = lines.collect::<Vec<_>>().join("\n");
        for note in self.notes() {
            let _ = write!(text, "\n  note: {note}");
        }
        text
    }

    /// What the user should know: each reason for what is not known once, with the benchmarks that it is about.
    pub fn notes(&self) -> Vec<String> {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in self.rows() {
            row.unknown.iter().for_each(|why| reasons.entry(why).or_default().push(&row.name));
        }
        let mut notes = self.doubts.clone();
        notes.extend(reasons.into_iter().map(|(why, names)| match *names {
            [name] => format!("{UNKNOWN} for {name}: {why}"),
            [name, ..] => format!("{UNKNOWN} for {name} and {} more: {why}", names.len() - 1),
            [] => why.to_owned(),
        }));
        notes
    }
}

/// With two digits after the point, unless it is whole.
fn number(value: Option<f64>) -> String {
    match value {
        None => UNKNOWN.to_owned(),
        Some(value) if value.fract() == 0.0 => format!("{value}"),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn row(name: &str, nanos: Known<f64>, memory: Known<(u64, [u64; 2])>) -> Row {
        let memory = memory.map(|(iterations, [allocations, bytes])| (iterations, Sum { allocations, bytes }));
        Row::new("pack".into(), "bench/b".into(), name.into(), nanos, memory)
    }

    #[test]
    fn an_iterations_part_is_the_whole_over_their_number() {
        let known = row("a", Ok(1.5), Ok((10, [25, 960])));
        assert_eq!((known.allocations_per_iteration, known.bytes_per_iteration), (Some(2.5), Some(96.0)));
        assert_eq!(known.unknown, [""; 0]);
        let none = row("a", Ok(1.5), Ok((0, [0, 0])));
        assert_eq!((none.bytes_per_iteration, &*none.unknown), (None, &["it did no iteration".to_owned()][..]));
        let twice = row("a", Err("why".into()), Err("why".into()));
        assert_eq!((twice.ns_per_iteration, &*twice.unknown), (None, &["why".to_owned()][..]));
    }

    #[test]
    fn the_table_is_aligned_and_a_reason_is_told_once() {
        let rows = vec![
            row("b/long name", Ok(1234.561), Ok((10, [30, 960]))),
            row("a", Ok(2.0), Ok((3, [1, 0]))),
            row("d", Err("no time".into()), Ok((1, [0, 0]))),
            row("c", Err("no time".into()), Err("threads".into())),
        ];
        let text = Benchmem { rows, doubts: vec!["a doubt".into()] }.text();
        let expected = "\
benchmark    ns/iter  B/op  allocs/op  target
a                  2     0       0.33  pack bench/b
b/long name  1234.56    96          3  pack bench/b
c                  –     –          –  pack bench/b
d                  –     0          0  pack bench/b
  note: a doubt
  note: – for c and 1 more: no time
  note: – for c: threads";
        assert_eq!(text, expected);
    }
}
