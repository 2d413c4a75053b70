//! `--benchmem`, on the runner's side: after each benchmark it runs once more, in a process for which every allocation is
//! recorded and whose iterations are counted, and what the harnesses say of time and iterations is left in a note. What was
//! allocated in these iterations is found out after the run, by `collect/bench_memory.rs`. The ordinary run of a benchmark
//! is not touched, so that its time is that of a run without.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use prof_record::{
    BENCH_ITERATIONS_VARIABLE, CPU_PERIOD_VARIABLE, DIRECTORY_VARIABLE, HEAP_PEAK_VARIABLE, HEAP_PERIOD_VARIABLE,
};
use serde::{Deserialize, Serialize};

use super::BenchHarness;
use super::results;
use crate::Error;

/// How many iterations of each `#[bench]` are counted.
pub const LIBTEST_ITERATIONS: u32 = 10;

/// Something that is known, or why not.
pub type Known<T> = Result<T, String>;

/// What was found out of the benchmarks of one executable.
#[derive(Debug, Serialize, Deserialize)]
pub struct Note {
    /// The executable, as in the note on how it was made.
    pub executable: PathBuf,
    /// The directory with the records of the processes in which every allocation was recorded.
    pub records: PathBuf,
    /// How many iterations each benchmark in the records did that is not among `benchmarks`.
    pub others: Option<u64>,
    /// The benchmarks.
    pub benchmarks: Vec<Ran>,
}

/// A benchmark that ran.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ran {
    /// Its id.
    pub name: String,
    /// The nanoseconds of an iteration.
    pub nanos: Known<f64>,
    /// How many iterations were counted.
    pub iterations: Known<u64>,
}

/// The room of one executable's note and records.
pub struct Memory {
    directory: PathBuf,
    note: Note,
}

impl Memory {
    /// Begins a note below `directory` on an executable.
    ///
    /// # Errors
    ///
    /// If there can be no directory for it.
    pub fn begin(directory: &Path, executable: &Path) -> Result<Memory, Error> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = directory.join(name);
        let records = directory.join("records");
        std::fs::create_dir_all(&records).map_err(Error::file("create", &records))?;
        let note = Note { executable: executable.to_owned(), records, others: None, benchmarks: Vec::new() };
        Ok(Memory { directory, note })
    }

    /// All notes below `directory`, in the order of the names.
    pub fn read_all(directory: &Path) -> Vec<Note> {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path().join("note.json")).collect();
        paths.sort();
        paths.iter().filter_map(|path| serde_json::from_slice(&std::fs::read(path).ok()?).ok()).collect()
    }

    /// Ends the note.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn end(&self) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(&self.note).expect("a note is plain data");
        crate::outputs::replace(&self.directory.join("note.json"), &text)
    }

    /// The file in which the substitute for libtest is to note times.
    pub fn times(&self) -> PathBuf {
        self.directory.join("times")
    }

    /// Adds a benchmark.
    pub fn add(&mut self, name: &str, nanos: Known<f64>, iterations: Known<u64>) {
        self.note.benchmarks.push(Ran { name: name.to_owned(), nanos, iterations });
    }

    /// Notes the times of the `#[bench]` functions that were measured, and counts what single iterations of them allocate:
    /// `command` runs them all.
    pub fn libtest(&mut self, mut command: Command) {
        let times = std::fs::read_to_string(self.times()).unwrap_or_default();
        command.env(BENCH_ITERATIONS_VARIABLE, LIBTEST_ITERATIONS.to_string());
        // One that fails has failed before, and libtest goes on with the others.
        let status = self.record(&mut command).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let iterations = status.map(|_| u64::from(LIBTEST_ITERATIONS)).map_err(|error| not_again(&error));
        self.note.others = iterations.clone().ok();
        for (name, nanos) in results::libtest_times(&times) {
            self.add(&name, Ok(nanos), iterations.clone());
        }
    }

    /// Runs a benchmark of `harness` once more, by the first of `commands` that succeeds, and returns how many iterations
    /// it did. Each of them is made for a directory for the harness's own results.
    pub fn count(
        &self,
        harness: BenchHarness,
        id: &str,
        commands: impl Iterator<Item = Command>,
    ) -> std::io::Result<Known<u64>> {
        let home = self.directory.join("results");
        let mut failed = String::new();
        for mut command in commands {
            let _ = std::fs::remove_dir_all(&home);
            if harness == BenchHarness::Criterion {
                command.env("CRITERION_HOME", &home);
            }
            let output = self.record(&mut command).output()?;
            if !output.status.success() {
                failed = not_again(&output.status);
                continue;
            }
            let iterations = match harness {
                BenchHarness::Divan => {
                    let rows = results::divan_rows(&String::from_utf8_lossy(&output.stdout));
                    Some(rows.iter().map(|row| row.iterations).sum()).filter(|sum| *sum > 0)
                }
                BenchHarness::Criterion => results::criterion_directory(&home, id).and_then(|directory| {
                    results::criterion_iterations(&std::fs::read(directory.join("sample.json")).ok()?)
                }),
            };
            return Ok(iterations.ok_or_else(|| format!("{} did not say how many iterations it ran", harness.name())));
        }
        Ok(Err(failed))
    }

    /// Has every allocation of the command's processes recorded, and nothing else.
    fn record<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(DIRECTORY_VARIABLE, &self.note.records).env(HEAP_PERIOD_VARIABLE, "1");
        command.env(CPU_PERIOD_VARIABLE, "0").env(HEAP_PEAK_VARIABLE, "0").stdin(Stdio::null())
    }
}

fn not_again(reason: &dyn std::fmt::Display) -> String {
    format!("it failed when it ran again to be counted ({reason})")
}

/// The time of a benchmark by what divan printed of it alone.
///
/// # Errors
///
/// Why that does not tell.
pub fn nanos_of_divan(printed: &[u8]) -> Known<f64> {
    match *results::divan_rows(&String::from_utf8_lossy(printed)) {
        [row] => Ok(row.nanos),
        [] => Err("divan printed no time".into()),
        [..] => Err("divan measured it on several numbers of threads".into()),
    }
}

/// The time of a benchmark by what criterion wrote below `home` since it `began` to measure it.
///
/// # Errors
///
/// Why that does not tell.
pub fn nanos_of_criterion(id: &str, home: Option<&Path>, began: SystemTime) -> Known<f64> {
    let nanos = home.and_then(|home| {
        let path = results::criterion_directory(home, id)?.join("estimates.json");
        // The clock of a file system is coarse.
        let is_new = path.metadata().and_then(|file| file.modified()).ok()? + Duration::from_millis(100) >= began;
        results::criterion_nanos(&std::fs::read(path).ok().filter(|_| is_new)?)
    });
    nanos.ok_or_else(|| "criterion wrote no estimates where they are looked for".into())
}

/// Whether libtest, called with `arguments`, runs benchmarks.
pub fn is_libtest_measuring(arguments: &[OsString]) -> bool {
    const OTHER: [&str; 6] = ["--list", "--test", "--help", "-h", "--version", "-V"];
    let is = |flag: &str| arguments.iter().any(|argument| argument == flag);
    is("--bench") && !OTHER.into_iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = Memory::begin(directory.path(), Path::new("/a/b")).unwrap();
        memory.add("one", Ok(1.5), Err("why".into()));
        memory.end().unwrap();
        Memory::begin(directory.path(), Path::new("/not/ended")).unwrap();
        let notes = Memory::read_all(directory.path());
        assert_eq!(notes.len(), 1);
        assert_eq!((&*notes[0].executable, notes[0].others), (Path::new("/a/b"), None));
        assert_eq!((&notes[0].benchmarks[0].nanos, &notes[0].benchmarks[0].iterations), (&Ok(1.5), &Err("why".into())));
    }

    #[test]
    fn a_time_that_is_not_told_has_a_reason() {
        let divan = |table: &str| nanos_of_divan(table.as_bytes());
        let row = "t=1  1 ns │ 1 ns │ 2 ns │ 1 ns │ 10 │ 100\n";
        assert_eq!(divan(row), Ok(2.0));
        assert!(divan("").is_err() && divan(&row.repeat(2)).is_err());
        let home = tempfile::tempdir().unwrap();
        let new = home.path().join("a/new");
        std::fs::create_dir_all(&new).unwrap();
        let files = [
            ("benchmark.json", r#"{"full_id":"a"}"#),
            ("sample.json", "{}"),
            ("estimates.json", r#"{"mean":{"point_estimate":5.5},"slope":null}"#),
        ];
        files.iter().for_each(|(name, text)| std::fs::write(new.join(name), text).unwrap());
        let (now, later) = (SystemTime::now(), SystemTime::now() + Duration::from_secs(60));
        assert_eq!(nanos_of_criterion("a", Some(home.path()), now), Ok(5.5));
        assert!(nanos_of_criterion("a", Some(home.path()), later).is_err(), "an old result is taken for a new one");
        assert!(nanos_of_criterion("b", Some(home.path()), now).is_err());
    }

    #[test]
    fn only_a_measurement_is_counted() {
        let measures =
            |line: &str| is_libtest_measuring(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>());
        assert!(measures("name --bench"));
        for line in ["--bench --list", "name", "--bench --test"] {
            assert!(!measures(line), "{line}");
        }
    }
}
