//! The numbers of each test or benchmark, or of each process where there are none: how much it allocated, had in use at
//! most, and left at its end. Stacks are no matter here; those of what was left are in `prof-pprof`'s `report/leaks.rs`.

use std::collections::HashMap;
use std::fmt::Write as _;

use prof_pprof::report::Owner;
use prof_pprof::{Origin, measurement};
use prof_record::{LabelKind, Record};
use serde::Serialize;

use crate::cli::Cargo;

/// What a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A test.
    Test,
    /// A benchmark.
    Bench,
    /// A process.
    Process,
}

/// The numbers of one test, benchmark or process, exact if all allocations were sampled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The package.
    pub package: String,
    /// The target in it.
    pub target: String,
    /// What the row is of.
    pub kind: Kind,
    /// The full name of the test or benchmark, or the name of a process's target.
    pub name: String,
    /// The process's id, if the row is of a process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// How many allocations.
    pub allocations: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The most bytes that were in use at a time.
    pub peak_bytes: u64,
    /// How many blocks were in use at the end.
    pub left_blocks: u64,
    /// Their bytes.
    pub left_bytes: u64,
}

/// The rows of a run.
#[derive(Debug)]
pub struct MemStats {
    cargo: Cargo,
    rows: Vec<Row>,
    /// The row of each test and benchmark. One that ran in several processes has one for all.
    of_labels: HashMap<(Origin, LabelKind, String), usize>,
}

impl MemStats {
    /// No rows yet, of a run of this subcommand.
    pub fn new(cargo: Cargo) -> MemStats {
        MemStats { cargo, rows: Vec::new(), of_labels: HashMap::new() }
    }

    /// Adds what a process allocated. What a test or benchmark did in several processes adds up, its peaks too: they may
    /// have been at one time.
    pub fn add(&mut self, record: &Record, origin: &Origin) {
        let row_of_label: Vec<_> = record.labels.iter().map(|label| self.label(label, origin)).collect();
        let row_of_process = self.has_row(record, origin).then(|| {
            let name = origin.target.split_once('/').map_or(&*origin.target, |(_, name)| name);
            let row = row(origin, Kind::Process, name);
            self.rows.push(Row { pid: Some(record.pid), peak_bytes: record.heap_peak.unwrap_or(0), ..row });
            self.rows.len() - 1
        });
        for bucket in &record.heap {
            let Some(index) = bucket.label.map_or(row_of_process, |label| row_of_label.get(label).copied()) else {
                continue;
            };
            let row = &mut self.rows[index];
            row.allocations = row.allocations.saturating_add(bucket.allocations);
            row.bytes = row.bytes.saturating_add(bucket.allocations.saturating_mul(bucket.size));
            row.left_blocks = row.left_blocks.saturating_add(bucket.left());
            row.left_bytes = row.left_bytes.saturating_add(bucket.left().saturating_mul(bucket.size));
        }
    }

    fn label(&mut self, label: &prof_record::Label, origin: &Origin) -> usize {
        let kind = if label.kind == LabelKind::Bench { Kind::Bench } else { Kind::Test };
        let rows = &mut self.rows;
        let key = (origin.clone(), label.kind, label.name.clone());
        let index = *self.of_labels.entry(key).or_insert_with(|| {
            rows.push(row(origin, kind, &label.name));
            rows.len() - 1
        });
        rows[index].peak_bytes = rows[index].peak_bytes.saturating_add(label.heap_peak);
        index
    }

    /// Whether a process is told of as a whole. Among tests that is one that has none of its own, as with `harness = false`;
    /// a program that a test started is not.
    fn has_row(&self, record: &Record, origin: &Origin) -> bool {
        let is_program = !["lib/", "test/", "bench/"].iter().any(|kind| origin.target.starts_with(kind));
        record.labels.is_empty() && (self.cargo == Cargo::Run || !is_program && !record.heap.is_empty())
    }

    /// The rows, the one that allocated most bytes first.
    pub fn rows(&self) -> Vec<&Row> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by(|one, other| {
            let name = |row: &Row| (row.package.clone(), row.target.clone(), row.name.clone(), row.pid);
            other.bytes.cmp(&one.bytes).then_with(|| name(one).cmp(&name(other)))
        });
        rows
    }

    /// A row of what left something.
    pub fn row_of(&self, owner: &Owner) -> Option<&Row> {
        self.rows.iter().find(|row| {
            *row.package == *owner.package
                && *row.target == *owner.target
                && match &owner.test {
                    Some(test) => row.kind != Kind::Process && *row.name == **test,
                    None => row.kind == Kind::Process,
                }
        })
    }

    /// The table for people, without a newline at the end.
    pub fn text(&self) -> String {
        let what = match self.cargo {
            Cargo::Test | Cargo::Nextest => "test",
            Cargo::Bench => "benchmark",
            Cargo::Run => "program",
        };
        let mut text = format!("allocations       bytes        peak        left  blocks  {what}");
        for row in self.rows() {
            let bytes = |count: u64| measurement::label(i64::try_from(count).unwrap_or(i64::MAX), "bytes", "auto");
            let _ = write!(
                text,
                "\n{:>11}  {:>10}  {:>10}  {:>10}  {:>6}  {} {}",
                row.allocations,
                bytes(row.bytes),
                bytes(row.peak_bytes),
                bytes(row.left_bytes),
                row.left_blocks,
                row.package,
                row.target
            );
            let _ = match row.pid {
                Some(pid) => write!(text, " (process {pid})"),
                None => write!(text, " {}", row.name),
            };
        }
        text
    }
}

fn row(origin: &Origin, kind: Kind, name: &str) -> Row {
    Row {
        package: origin.package.clone(),
        target: origin.target.clone(),
        kind,
        name: name.to_owned(),
        pid: None,
        allocations: 0,
        bytes: 0,
        peak_bytes: 0,
        left_blocks: 0,
        left_bytes: 0,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use prof_record::layout::{self, header};
    use prof_record::{HeapBucket, Label};

    /// A record of a process with these tests and blocks.
    pub(crate) fn record(tests: &[(&str, u64)], heap: &[HeapBucket]) -> Record {
        let mut words = [0u64; layout::HEADER_WORDS];
        words[header::MAGIC] = layout::MAGIC;
        words[header::VERSION] = layout::VERSION;
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut record = Record::parse(&bytes).expect("a header is a record");
        record.pid = 7;
        record.heap_peak = Some(900);
        let label = |(name, heap_peak): &(&str, u64)| Label {
            kind: LabelKind::Test,
            name: (*name).into(),
            heap_peak: *heap_peak,
        };
        record.labels = tests.iter().map(label).collect();
        record.heap = heap.to_vec();
        record
    }

    pub(crate) fn of_target(target: &str) -> Origin {
        Origin { package: "pack".into(), target: target.into() }
    }

    fn bucket(label: Option<usize>, size: u64, allocations: u64, frees: u64, late_frees: u64) -> HeapBucket {
        HeapBucket { label, size, allocations, frees, late_frees, ..HeapBucket::default() }
    }

    #[test]
    fn a_test_in_two_processes_is_one_row_and_the_largest_comes_first() {
        let mut stats = MemStats::new(Cargo::Test);
        let one = record(
            &[("small", 8), ("large", 2000)],
            &[bucket(Some(0), 8, 3, 1, 0), bucket(Some(1), 1024, 2, 2, 1), bucket(None, 1 << 20, 1, 0, 0)],
        );
        stats.add(&one, &of_target("lib/pack"));
        stats.add(&record(&[("large", 1000)], &[bucket(Some(0), 100, 1, 0, 0)]), &of_target("lib/pack"));
        stats.add(&record(&[("small", 1)], &[]), &of_target("test/other"));
        let rows = stats.rows();
        let numbers: Vec<_> = rows
            .iter()
            .map(|row| (&*row.name, row.allocations, row.bytes, row.peak_bytes, row.left_blocks, row.left_bytes))
            .collect();
        assert_eq!(numbers, [("large", 3, 2148, 3000, 2, 1124), ("small", 3, 24, 8, 2, 16), ("small", 0, 0, 1, 0, 0)]);
        let expected = "\
allocations       bytes        peak        left  blocks  test
          3      2.10kB      2.93kB      1.10kB       2  pack lib/pack large
          3         24B          8B         16B       2  pack lib/pack small
          0           0          1B           0       0  pack test/other small";
        assert_eq!(stats.text(), expected);
    }

    #[test]
    fn a_process_without_tests_is_a_row_if_it_is_no_program_that_a_test_started() {
        let process = record(&[], &[bucket(None, 10, 2, 1, 0)]);
        let rows_of = |cargo, target| {
            let mut stats = MemStats::new(cargo);
            stats.add(&process, &of_target(target));
            stats.rows().into_iter().cloned().collect::<Vec<_>>()
        };
        assert_eq!(rows_of(Cargo::Test, "bin/tool"), []);
        assert_eq!(rows_of(Cargo::Bench, "bench/own")[0].kind, Kind::Process);
        let row = rows_of(Cargo::Run, "bin/tool").remove(0);
        assert_eq!((&*row.name, row.pid, row.peak_bytes, row.left_bytes), ("tool", Some(7), 900, 10));
    }

    #[test]
    fn what_is_left_finds_its_row() {
        let mut stats = MemStats::new(Cargo::Test);
        stats.add(&record(&[("one", 0)], &[]), &of_target("lib/pack"));
        let owner = |target: &str, test: Option<&str>| Owner {
            package: "pack".into(),
            target: target.into(),
            test: test.map(Into::into),
        };
        assert!(stats.row_of(&owner("lib/pack", Some("one"))).is_some());
        assert!(stats.row_of(&owner("lib/pack", Some("two"))).is_none());
        assert!(stats.row_of(&owner("lib/pack", None)).is_none());
        assert!(stats.row_of(&owner("bin/pack", Some("one"))).is_none());
    }
}
