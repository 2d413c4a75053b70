//! What the command line asks of benchmarks, and the runner that is told so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_config2::Config;
use clap::ArgMatches;

use super::phase::Keep;
use super::runner::Plan;
use crate::Error;
use crate::project::Project;

/// What is asked of benchmarks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Benches {
    /// How many seconds each is to run; none for the harness's own measurement.
    seconds: Option<String>,
    /// Whether what an iteration allocates is counted.
    pub counts_memory: bool,
    is_quiet: bool,
}

/// How long each benchmark of criterion and divan runs by default.
const DEFAULT_SECONDS: &str = "5";

impl Benches {
    /// Reads the flags.
    ///
    /// # Errors
    ///
    /// If they ask for what cannot be.
    pub fn asked(matches: &ArgMatches) -> Result<Benches, Error> {
        let is_quiet = matches.get_count("quiet") > 0;
        let seconds = matches.get_one::<OsString>("profile-time");
        let counts_memory = matches.get_flag("benchmem");
        let has_profile = ["cpuprofile", "memprofile", "peakprofile"].iter().any(|flag| matches.contains_id(flag));
        // Without a profile to write, a run for one would tell nothing.
        let is_for_numbers = counts_memory && !has_profile && seconds.is_none();
        if matches.get_flag("measure") || is_for_numbers {
            if seconds.is_some() {
                return Err(Error::Usage(
                    "--measure runs as long as the benchmark harness measures; leave --profile-time out".into(),
                ));
            }
            return Ok(Benches { seconds: None, counts_memory, is_quiet });
        }
        let seconds = seconds.map_or(DEFAULT_SECONDS.into(), |seconds| seconds.to_string_lossy());
        // criterion warms up for a second of it.
        if !seconds.parse::<f64>().is_ok_and(|seconds| seconds > 1.0 && seconds < 1e6) {
            return Err(Error::Usage(format!(
                "--profile-time {seconds} is not a number of seconds above 1, of which criterion takes one to warm up; \
                 --profile-time {DEFAULT_SECONDS} is the default"
            )));
        }
        Ok(Benches { seconds: Some(seconds.into_owned()), counts_memory, is_quiet })
    }

    /// Which phases stay in the profiles.
    pub fn keep(&self) -> Keep {
        if self.seconds.is_some() { Keep::Loop } else { Keep::All }
    }

    /// Makes the runner in `run_directory`, for executables that are built below `target_directory`.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn runner(
        &self,
        project: &Project,
        triples: &[String],
        target_directory: &Path,
        run_directory: &Path,
    ) -> Result<PathBuf, Error> {
        let packages = project.metadata.packages.iter().flat_map(|package| &package.targets);
        let plan = Plan {
            target_directory: target_directory.to_owned(),
            chain: chain(triples),
            seconds: self.seconds.clone(),
            targets: packages.map(|target| (target.src_path.clone().into(), target.name.clone())).collect(),
            variables: variables(project),
            memory: self.counts_memory.then(|| memory_directory(run_directory)),
            is_quiet: self.is_quiet,
        };
        let directory = run_directory.join("runner");
        std::fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
        plan.write(&directory)
    }
}

/// Where the runner leaves what it found out of the memory of benchmarks.
pub fn memory_directory(run_directory: &Path) -> PathBuf {
    run_directory.join("benchmem")
}

/// The runner that cargo would call without us.
fn chain(triples: &[String]) -> Vec<PathBuf> {
    let runner = Config::load().ok().and_then(|config| config.runner(triples.first()?).ok().flatten());
    runner.map_or(Vec::new(), |runner| {
        [runner.path].into_iter().chain(runner.args.into_iter().map(PathBuf::from)).collect()
    })
}

/// What spares each process of criterion a call of `cargo metadata`: where its results would go without it.
fn variables(project: &Project) -> Vec<(String, PathBuf)> {
    const HOME: &str = "CRITERION_HOME";
    let is_set = [HOME, "CARGO_TARGET_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    let home = project.metadata.target_directory.join("criterion");
    if is_set { Vec::new() } else { vec![(HOME.to_owned(), home.into())] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_alone_are_of_the_harnesss_own_measurement() {
        let seconds = |line: &[&str]| {
            let matches = crate::cli::command().get_matches_from([&["cargo prof", "bench"], line].concat());
            Benches::asked(matches.subcommand().expect("one is given").1).unwrap().seconds
        };
        assert_eq!(seconds(&["--benchmem"]), None);
        assert_eq!(seconds(&["--benchmem", "--cpuprofile", "c"]).as_deref(), Some(DEFAULT_SECONDS));
        assert_eq!(seconds(&["--benchmem", "--profile-time", "3"]).as_deref(), Some("3"));
        assert_eq!(seconds(&[]).as_deref(), Some(DEFAULT_SECONDS));
    }
}
