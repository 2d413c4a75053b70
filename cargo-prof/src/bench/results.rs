//! What benchmark harnesses say of time and iterations: divan's table, criterion's JSON files, and the lines of the
//! substitute for libtest. Who has them run is in `memory.rs`. A form that is not known gives nothing, never a guess.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A row of divan's table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DivanRow {
    /// The median time of an iteration, in nanoseconds.
    pub nanos: f64,
    /// How many iterations ran.
    pub iterations: u64,
}

/// The rows of benchmarks in what divan printed, with or without colours. One that runs on several numbers of threads has
/// several rows.
pub fn divan_rows(output: &str) -> Vec<DivanRow> {
    output.lines().filter_map(|line| divan_row(&without_colours(line))).collect()
}

fn divan_row(line: &str) -> Option<DivanRow> {
    // From the end: the tree before the first column is drawn with bars as well.
    let mut cells = line.rsplit('│').map(str::trim);
    let (iterations, _samples, _mean, median) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
    Some(DivanRow { nanos: nanos(median)?, iterations: iterations.parse().ok()? })
}

/// Nanoseconds of a duration as divan writes it.
fn nanos(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 8] =
        [("ps", 1e-3), ("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86_400e9)];
    let (number, unit) = text.split_once(' ')?;
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(number.parse::<f64>().ok()? * factor)
}

fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

/// The newest results of the benchmark `id` below a directory of criterion's: the directory that they are in.
pub fn criterion_directory(home: &Path, id: &str) -> Option<PathBuf> {
    let mut found = Vec::new();
    let mut unread = vec![home.to_owned()];
    while let Some(directory) = unread.pop() {
        // Those of earlier runs and baselines have other names.
        if directory.ends_with("new") && is_of(&directory.join("benchmark.json"), id) {
            let time = std::fs::metadata(directory.join("sample.json")).and_then(|metadata| metadata.modified());
            found.extend(time.ok().map(|time| (time, directory.clone())));
        }
        let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
        unread.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir() && !path.is_symlink()));
    }
    found.into_iter().max().map(|(_, directory)| directory)
}

fn is_of(path: &Path, id: &str) -> bool {
    #[derive(Deserialize)]
    struct Benchmark {
        full_id: String,
    }
    let text = std::fs::read(path).unwrap_or_default();
    serde_json::from_slice(&text).is_ok_and(|benchmark: Benchmark| benchmark.full_id == id)
}

/// How many iterations criterion measured, by its `sample.json`.
pub fn criterion_iterations(sample: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Sample {
        iters: Vec<f64>,
    }
    let sample: Sample = serde_json::from_slice(sample).ok()?;
    let sum: f64 = sample.iters.iter().sum();
    // Beyond, not all whole numbers are there.
    const MOST: f64 = 9_007_199_254_740_992.0;
    (sum > 0.0 && sum < MOST && sum.fract() == 0.0).then_some(sum as u64)
}

/// The nanoseconds of an iteration that criterion prints, by its `estimates.json`.
pub fn criterion_nanos(estimates: &[u8]) -> Option<f64> {
    #[derive(Deserialize)]
    struct Estimate {
        point_estimate: f64,
    }
    #[derive(Deserialize)]
    struct Estimates {
        mean: Estimate,
        slope: Option<Estimate>,
    }
    let estimates: Estimates = serde_json::from_slice(estimates).ok()?;
    Some(estimates.slope.unwrap_or(estimates.mean).point_estimate)
}

/// The names and nanoseconds that the substitute for libtest wrote down. Of one that ran again the last counts.
pub fn libtest_times(lines: &str) -> Vec<(String, f64)> {
    let mut times: Vec<(String, f64)> = Vec::new();
    for (nanos, name) in lines.lines().filter_map(|line| line.split_once(' ')) {
        let Ok(nanos) = nanos.parse() else { continue };
        times.retain(|(known, _)| known != name);
        times.push((name.to_owned(), nanos));
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divans_table_is_read_by_its_columns() {
        let table = "\
Timer precision: 20 ns
divan               fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ inner                          │               │               │               │         │
│  ╰─ prepared      1.2 µs        │ 2 ms          │ 1.234 µs      │ 1.5 µs        │ 100     │ 25600
│                   1 GB/s        │ 2 GB/s        │ 3 GB/s        │ 4 GB/s        │         │
╰─ t=4              1.5 ns        │ 2 s           │ 4.5 s         │ 4 m           │ 10      │ 100
";
        let rows = divan_rows(table);
        assert_eq!(rows.iter().map(|row| row.iterations).collect::<Vec<_>>(), [25600, 100]);
        assert!((rows[0].nanos - 1234.0).abs() < 1e-9 && (rows[1].nanos - 4.5e9).abs() < 1.0, "{rows:?}");
        let coloured = "\x1b[1m╰─ a\x1b[0m  1 ns │ 1 ns │ \x1b[32m7 ns\x1b[0m │ 1 ns │ 1 │ \x1b[1m3\x1b[0m";
        assert_eq!(divan_rows(coloured), [DivanRow { nanos: 7.0, iterations: 3 }]);
        assert_eq!(divan_rows("a │ b │ c │ d │ e │ f\nrunning 1 test"), []);
    }

    #[test]
    fn criterions_files_are_found_by_the_full_id() {
        let home = tempfile::tempdir().unwrap();
        for (directory, id) in [("a/new", "a group/x"), ("a/base", "a group/x"), ("b/c/new", "other")] {
            let directory = home.path().join(directory);
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join("benchmark.json"), format!(r#"{{"full_id":"{id}","title":"t"}}"#)).unwrap();
            std::fs::write(directory.join("sample.json"), "{}").unwrap();
        }
        assert_eq!(criterion_directory(home.path(), "a group/x"), Some(home.path().join("a/new")));
        assert_eq!(criterion_directory(home.path(), "a group"), None);
    }

    #[test]
    fn criterions_numbers_are_those_that_it_prints() {
        assert_eq!(criterion_iterations(br#"{"iters":[1.0,2.0,3.0],"times":[1.0,2.0,3.0]}"#), Some(6));
        assert_eq!(criterion_iterations(br#"{"iters":[],"times":[]}"#), None);
        let linear = br#"{"mean":{"point_estimate":5.5},"slope":{"point_estimate":5.25}}"#;
        assert_eq!(criterion_nanos(linear), Some(5.25));
        assert_eq!(criterion_nanos(br#"{"mean":{"point_estimate":5.5},"slope":null}"#), Some(5.5));
        assert_eq!(criterion_nanos(b"{}"), None);
    }

    #[test]
    fn a_benchmarks_last_time_counts() {
        assert_eq!(libtest_times("1.5 a b\nx y\n2 c\n3 a b\n"), [("c".into(), 2.0), ("a b".into(), 3.0)]);
    }
}
