//! The exact numbers and leaks as JSON, for scripts. Its fields stay as long as its version does; fields may be added.

use prof_pprof::report::{Leak, Verdict};
use serde::Serialize;

use super::benchmem::{self, Benchmem};
use super::memstats::{Kind, MemStats, Row};

/// The version of the document's form.
const VERSION: u32 = 1;

/// The whole.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    version: u32,
    rows: Vec<&'a Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaks: Option<Vec<LeakRow<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    benchmarks: Option<Vec<&'a benchmem::Row>>,
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct LeakRow<'a> {
    package: &'a str,
    target: &'a str,
    kind: Kind,
    name: &'a str,
    verdict: &'static str,
    blocks: i64,
    bytes: i64,
    freed_later: i64,
    stack: Vec<FrameRow<'a>>,
}

#[derive(Debug, Serialize)]
struct FrameRow<'a> {
    function: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    file: &'a str,
    #[serde(skip_serializing_if = "is_unknown")]
    line: i64,
}

fn is_unknown(line: &i64) -> bool {
    *line == 0
}

impl<'a> Document<'a> {
    /// The document of these numbers, of leaks and of benchmarks' iterations if they are to be in it, and of what the user
    /// should know of them.
    pub fn new(
        stats: &'a MemStats,
        leaks: Option<&'a [Leak]>,
        benchmem: Option<&'a Benchmem>,
        notes: &'a [String],
    ) -> Document<'a> {
        let leaks = leaks.map(|leaks| leaks.iter().filter_map(|leak| leak_row(stats, leak)).collect());
        Document { version: VERSION, rows: stats.rows(), leaks, benchmarks: benchmem.map(Benchmem::rows), notes }
    }

    /// The document in one line, without a newline at the end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("the document is plain data")
    }
}

fn leak_row<'a>(stats: &'a MemStats, leak: &'a Leak) -> Option<LeakRow<'a>> {
    let row = stats.row_of(&leak.owner)?;
    let frame = |frame: &'a prof_pprof::report::Frame| FrameRow {
        function: &frame.function,
        file: &frame.file,
        line: frame.line,
    };
    Some(LeakRow {
        package: &row.package,
        target: &row.target,
        kind: row.kind,
        name: &row.name,
        verdict: match leak.verdict {
            Verdict::Leak => "leak",
            Verdict::OneTime => "one-time",
            Verdict::Allowed => "allowed",
        },
        blocks: leak.blocks,
        bytes: leak.bytes,
        freed_later: leak.freed_later,
        stack: leak.stack.iter().map(frame).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::memstats::tests::{of_target, record};
    use super::*;
    use crate::cli::Cargo;
    use prof_pprof::report::{Frame, Owner};
    use prof_record::HeapBucket;
    use serde_json::json;

    #[test]
    fn the_document_is_what_scripts_rely_on() {
        let mut stats = MemStats::new(Cargo::Test);
        let bucket = HeapBucket { label: Some(0), size: 1 << 40, allocations: 3, frees: 2, ..HeapBucket::default() };
        stats.add(&record(&[("tests::one", 5)], &[bucket]), &of_target("lib/pack"));
        let owner = |test| Owner { package: "pack".into(), target: "lib/pack".into(), test };
        let frame = |file: &str, line| Frame { function: "f".into(), file: file.into(), line, is_plumbing: false };
        let leak = |test| Leak {
            owner: owner(test),
            verdict: Verdict::OneTime,
            blocks: 1,
            bytes: 1 << 40,
            freed_later: 0,
            stack: vec![frame("a.rs", 3), frame("", 0)],
        };
        let leaks = [leak(Some("tests::one".into())), leak(None)];
        let text = Document::new(&stats, Some(&leaks), None, &["a note".into()]).line();
        assert!(!text.contains('\n'));
        let expected = json!({
            "version": 1,
            "rows": [{
                "package": "pack", "target": "lib/pack", "kind": "test", "name": "tests::one",
                "allocations": 3, "bytes": 3_298_534_883_328_u64, "peak_bytes": 5,
                "left_blocks": 1, "left_bytes": 1_099_511_627_776_u64,
            }],
            "leaks": [{
                "package": "pack", "target": "lib/pack", "kind": "test", "name": "tests::one", "verdict": "one-time",
                "blocks": 1, "bytes": 1_099_511_627_776_u64, "freed_later": 0,
                "stack": [{"function": "f", "file": "a.rs", "line": 3}, {"function": "f"}],
            }],
            "notes": ["a note"],
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
        let plain = Document::new(&MemStats::new(Cargo::Run), None, None, &[]).line();
        assert_eq!(plain, r#"{"version":1,"rows":[],"notes":[]}"#);
    }
    #[test]
    fn benchmarks_are_beside_the_rows() {
        use super::super::benchmem::tests::row;
        let rows = vec![row("b", Err("no time".into()), Err("threads".into())), row("a", Ok(1.5), Ok((4, [2, 96])))];
        let benchmem = Benchmem { rows, doubts: Vec::new() };
        let text = Document::new(&MemStats::new(Cargo::Bench), None, Some(&benchmem), &[]).line();
        let expected = json!([{
            "package": "pack", "target": "bench/b", "name": "a", "ns_per_iteration": 1.5, "iterations": 4,
            "allocations": 2, "bytes": 96, "bytes_per_iteration": 24.0, "allocations_per_iteration": 0.5, "unknown": [],
        }, {
            "package": "pack", "target": "bench/b", "name": "b", "ns_per_iteration": null, "iterations": null,
            "allocations": null, "bytes": null, "bytes_per_iteration": null, "allocations_per_iteration": null,
            "unknown": ["no time", "threads"],
        }]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["benchmarks"], expected);
    }
}
