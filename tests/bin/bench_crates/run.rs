//! Runs a crate's benchmarks with `cargo prof bench`: to list them, for a time, and with criterion's own measurement. What
//! came of it is read in `profiles.rs` and `own_times.rs`. No run builds but the first.

use std::fs;
use std::path::{Path, PathBuf};

use prof_tests::host_triple;
use prof_tests::published::{Source, failed};
use prof_tests::workshop::{Run, Workshop};

use crate::selection::Selected;
use crate::used;

/// How finely is sampled: by far more than by default, so that few seconds are enough.
pub const RATE: &str = "1000";
/// How many seconds each benchmark runs.
pub const SECONDS: &str = "2";

/// A crate whose benchmarks are built.
pub struct Benches<'a> {
    workshop: &'a Workshop,
    selected: &'a Selected,
    source: &'a Source,
}

/// What a measurement leaves.
pub struct Measured {
    /// The CPU profile.
    pub profile: PathBuf,
    /// The folder in which criterion leaves what it measured.
    pub home: PathBuf,
    /// The file with the CPU seconds of each process.
    pub used: PathBuf,
}

impl<'a> Benches<'a> {
    /// Builds them.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn build(workshop: &'a Workshop, selected: &'a Selected, source: &'a Source) -> Result<Benches<'a>, String> {
        let benches = Benches { workshop, selected, source };
        let built = benches.run(&["--no-run"], &[], "build", &[])?;
        benches.must_succeed(&built, "build")?;
        Ok(benches)
    }

    /// The benchmarks that the bench executable itself lists, by their ids.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn listed(&self) -> Result<Vec<String>, String> {
        let run = self.run(&[], &["--list"], "list", &[])?;
        self.must_succeed(&run, "list")?;
        let id =
            |line: &str| line.strip_suffix(": benchmark").or_else(|| line.strip_suffix(": bench")).map(str::to_owned);
        Ok(run.stdout.lines().filter_map(id).collect())
    }

    /// Runs each for a time. Returns the CPU profile.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn profiled(&self) -> Result<PathBuf, String> {
        let profile = self.profile("profiled")?;
        let run = self.run(&[&cpu_profile(&profile), "--profile-time", SECONDS], &[], "profiled", &[])?;
        self.must_succeed(&run, "profiled")?;
        Ok(profile)
    }

    /// Has the harness measure each for so many seconds.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn measured(&self, seconds: u32) -> Result<Measured, String> {
        let profile = self.profile("measured")?;
        let [home, used] = ["criterion", "used"].map(|name| self.workshop.output(&self.file(name)));
        if home.exists() {
            fs::remove_dir_all(&home).map_err(failed("remove", &home))?;
        }
        if used.exists() {
            fs::remove_file(&used).map_err(failed("remove", &used))?;
        }
        let seconds = seconds.to_string();
        let harness = ["--warm-up-time", "1", "--measurement-time", &seconds];
        let own = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let runner = format!("CARGO_TARGET_{}_RUNNER", host_triple().replace('-', "_").to_uppercase());
        let variables = [("CRITERION_HOME", &*home), (&runner, &own), (used::VARIABLE, &used)];
        let run = self.run(&[&cpu_profile(&profile), "--measure"], &harness, "measured", &variables)?;
        self.must_succeed(&run, "measured")?;
        Ok(Measured { profile, home, used })
    }

    fn run(&self, more: &[&str], harness: &[&str], name: &str, variables: &[(&str, &Path)]) -> Result<Run, String> {
        let mut command = self.workshop.command(&self.workshop.tool, self.source);
        command.args(["prof", "bench", "--locked", "--offline", "--cpuprofilerate", RATE]);
        command.args(["--bench", self.selected.bench]).args(more);
        if !self.selected.filter.is_empty() {
            command.arg(self.selected.filter);
        }
        command.arg("--").args(harness).envs(variables.iter().copied());
        self.workshop.run(&mut command, &self.file(name))
    }

    fn must_succeed(&self, run: &Run, name: &str) -> Result<(), String> {
        if run.status == "exit status: 0" {
            return Ok(());
        }
        let output = self.workshop.output(&self.file(&format!("{name}.stderr")));
        Err(format!("{}, see {}", run.status, output.display()))
    }

    /// Where a profile goes, without that of an earlier run.
    fn profile(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.workshop.output(&self.file(&format!("{name}.prof")));
        if path.exists() {
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(path)
    }

    fn file(&self, name: &str) -> String {
        format!("{}-{}.{name}", self.selected.name, self.selected.version)
    }
}

fn cpu_profile(path: &Path) -> String {
    format!("--cpuprofile={}", path.display())
}
