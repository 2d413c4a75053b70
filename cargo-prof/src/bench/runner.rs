//! The runner of `cargo prof bench`. Cargo calls it as `RUNNER EXECUTABLE ARGUMENTS…`, once for each target. It runs the
//! benchmarks of criterion and divan one after the other, each in a process labelled with its id; everything else is run
//! as cargo would. A benchmark that fails does not keep the others from running.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal as _, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::time::{Instant, SystemTime};

use prof_record::{BENCH_TIMES_VARIABLE, BENCH_VARIABLE, DIRECTORY_VARIABLE, TEST_THREADS_VARIABLE};
use serde::{Deserialize, Serialize};

use super::BenchHarness;
use super::harness::Length;
use super::list::{Listed, list};
use super::memory::{self, Known, Memory};
use super::progress::Progress;
use crate::inject::made::Made;
use crate::inject::wrapper;
use crate::{Error, run, terminal};

/// The name that cargo-prof is called by as a runner.
const NAME: &str = "cargo-prof-bench-runner";
const FILE: &str = "runner.json";

/// What the runner needs to know, in a file beside the name that it is called by.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Where the notes on the executables are.
    pub target_directory: PathBuf,
    /// The runner that cargo would call without us, with its arguments.
    pub chain: Vec<PathBuf>,
    /// How many seconds each benchmark is to run, as typed; none for the harness's own measurement.
    pub seconds: Option<String>,
    /// The project's targets: the source file and name of each.
    pub targets: Vec<(PathBuf, String)>,
    /// Variables for the processes of benchmarks that run one by one.
    pub variables: Vec<(String, PathBuf)>,
    /// Where notes on the memory of benchmarks go, if that is counted.
    pub memory: Option<PathBuf>,
    /// Whether to say nothing but errors.
    pub is_quiet: bool,
}

impl Plan {
    /// Writes the plan into `directory` and returns the path to call the runner by.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&self, directory: &Path) -> Result<PathBuf, Error> {
        let text = serde_json::to_vec_pretty(self).expect("a plan is plain data");
        crate::outputs::replace(&directory.join(FILE), &text)?;
        let own = std::env::current_exe().map_err(Error::file("find", "cargo-prof"))?;
        wrapper::link(&own, directory, NAME)
    }
}

/// Whether the program was called as a runner.
pub fn is_called_by(called: &OsStr) -> bool {
    Path::new(called).file_name() == Some(OsStr::new(NAME))
}

/// Runs an executable as cargo asked.
pub fn main(called: &Path, arguments: Vec<OsString>) -> ExitCode {
    let mut arguments = arguments.into_iter();
    let plan = called.parent().and_then(|directory| std::fs::read(directory.join(FILE)).ok());
    let plan: Option<Plan> = plan.and_then(|text| serde_json::from_slice(&text).ok());
    let (Some(plan), Some(executable)) = (plan, arguments.next()) else {
        terminal::warning("cargo prof's runner is called by cargo, with a bench executable and its arguments");
        return ExitCode::from(2);
    };
    let program = Program { executable: executable.into(), arguments: arguments.collect(), plan };
    let made = program.made();
    match made.as_ref().and_then(|made| made.bench_harness) {
        Some(harness) => program.one_by_one(harness, made.as_ref()),
        None => program.whole(made.as_ref()),
    }
}

/// How the ordinary run of a benchmark ended.
struct Ended {
    status: ExitStatus,
    /// What it printed, as far as it was heard.
    said: Vec<u8>,
    began: SystemTime,
}

/// An executable to be run, with the arguments that cargo gives it.
struct Program {
    executable: PathBuf,
    arguments: Vec<OsString>,
    plan: Plan,
}

impl Program {
    fn made(&self) -> Option<Made> {
        let executable = std::fs::canonicalize(&self.executable).ok()?;
        let notes = Made::read_all(&self.plan.target_directory);
        notes.into_iter().find(|made| std::fs::canonicalize(&made.executable).is_ok_and(|path| path == executable))
    }

    fn command(&self, arguments: &[OsString]) -> Command {
        let executable = [self.executable.clone()];
        let mut words = self.plan.chain.iter().chain(&executable);
        let mut command = Command::new(words.next().map_or(OsStr::new(""), |first| first.as_os_str()));
        command.args(words).args(arguments);
        command
    }

    /// Runs the executable once. One without any harness is a benchmark as a whole, by its target's name.
    fn whole(&self, made: Option<&Made>) -> ExitCode {
        let mut command = self.command(&self.arguments);
        if let Some(mut memory) = self.memory(made) {
            if made.is_some_and(|made| made.is_test) {
                return self.libtest(memory, command);
            }
            let why = "without criterion, divan or #[bench], iterations are not known";
            memory.add(self.target(made).as_str(), Err(why.into()), Err(why.into()));
            end(&memory);
        }
        if made.is_some_and(|made| !made.is_test) {
            command.env(BENCH_VARIABLE, self.target(made));
        }
        let error = command.exec();
        terminal::error(&Error::file("run", &self.executable)(error));
        ExitCode::from(101)
    }

    /// The note on the memory of the executable's benchmarks, if one is asked for.
    fn memory(&self, made: Option<&Made>) -> Option<Memory> {
        let (directory, made) = (self.plan.memory.as_ref()?, made?);
        let is_measuring = !made.is_test || memory::is_libtest_measuring(&self.arguments);
        // Where the substitute for libtest is missing, nothing runs single iterations.
        let is_known = !made.is_test || std::env::var_os(TEST_THREADS_VARIABLE).is_none();
        if !is_measuring || !is_known || made.not_injected.is_some() {
            return None;
        }
        let memory = Memory::begin(directory, &made.executable);
        memory.map_err(|error| terminal::warning(&format!("memory is not counted: {error}"))).ok()
    }

    /// Runs the benchmarks of libtest as cargo would, then once more to be counted.
    fn libtest(&self, mut memory: Memory, mut command: Command) -> ExitCode {
        match command.env(BENCH_TIMES_VARIABLE, memory.times()).status() {
            Ok(status) => {
                if !is_interruption(status) {
                    memory.libtest(self.command(&self.arguments));
                    end(&memory);
                }
                run::end_as(status)
            }
            Err(error) => {
                terminal::error(&Error::file("run", &self.executable)(error));
                ExitCode::from(101)
            }
        }
    }

    fn variables(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.plan.variables.iter().map(|(name, value)| (name.as_str(), value.as_path()))
    }

    /// What the target is called in labels and messages.
    fn target(&self, made: Option<&Made>) -> String {
        let Some(made) = made else { return self.executable.display().to_string() };
        let mut targets = self.plan.targets.iter().filter(|(source, _)| *source == made.source).map(|(_, name)| name);
        targets.find(|name| name.replace('-', "_") == made.crate_name).unwrap_or(&made.crate_name).clone()
    }

    fn one_by_one(&self, harness: BenchHarness, made: Option<&Made>) -> ExitCode {
        let target = &self.target(made);
        let Some(call) = harness.list(&self.arguments) else {
            let error = self.command(&self.arguments).env_remove(DIRECTORY_VARIABLE).exec();
            terminal::error(&Error::file("run", &self.executable)(error));
            return ExitCode::from(101);
        };
        let mut command = self.command(&call.arguments);
        // What makes the list is not to be in the profile.
        command.env_remove(DIRECTORY_VARIABLE).envs(call.variables.iter().copied()).envs(self.variables());
        let ids = match list(command, harness) {
            Ok(Listed::Benchmarks(ids)) => ids,
            Ok(Listed::Other) => {
                terminal::warning(&format!(
                    "{target} did not list its benchmarks when asked; it runs as one, labelled {target}"
                ));
                return self.whole(made);
            }
            Ok(Listed::Refused) => {
                // If it does not take the rest either, it says so when it runs, once.
                terminal::warning(&format!(
                    "{target} does not list its benchmarks with these arguments; it runs as one, labelled {target}"
                ));
                return self.whole(made);
            }
            Ok(Listed::Failed(text)) => {
                terminal::relay(text.as_bytes());
                terminal::warning(&format!(
                    "{target} failed when it was asked for the list of its benchmarks; it runs as one, labelled {target}"
                ));
                return self.whole(made);
            }
            Err(error) => {
                terminal::error(&Error::file("run", &self.executable)(error));
                return ExitCode::from(101);
            }
        };
        if ids.is_empty() {
            terminal::warning(&format!("{target} has no benchmark that these arguments select"));
            return ExitCode::SUCCESS;
        }
        self.each(harness, target, &ids, self.memory(made))
    }

    /// Counts the memory of a benchmark that has run.
    fn count(&self, memory: &mut Memory, harness: BenchHarness, id: &str, ended: &Ended, length: &Length) {
        if !ended.status.success() {
            return memory.add(id, Err("it failed".into()), Err("it failed".into()));
        }
        let nanos = if harness == BenchHarness::Criterion && *length != Length::Measurement {
            Err("criterion measures no time when it runs for a profile; --measure has it do so".into())
        } else {
            match harness {
                BenchHarness::Divan => memory::nanos_of_divan(&ended.said),
                BenchHarness::Criterion => {
                    memory::nanos_of_criterion(id, self.criterion_home().as_deref(), ended.began)
                }
            }
        };
        let commands = harness.counted(&self.arguments, id).into_iter().map(|call| {
            let mut command = self.command(&call.arguments);
            command.env(BENCH_VARIABLE, id).envs(call.variables.iter().copied()).envs(self.variables());
            command
        });
        let iterations: Known<u64> = memory.count(harness, id, commands).unwrap_or_else(|error| Err(error.to_string()));
        memory.add(id, nanos, iterations);
    }

    /// Where criterion's results go.
    fn criterion_home(&self) -> Option<PathBuf> {
        const HOME: &str = "CRITERION_HOME";
        let ours = self.plan.variables.iter().find(|(name, _)| name == HOME).map(|(_, value)| value.clone());
        let set = || std::env::var_os(HOME).map(PathBuf::from);
        let below = || std::env::var_os("CARGO_TARGET_DIR").map(|target| Path::new(&target).join("criterion"));
        ours.or_else(set).or_else(below)
    }

    /// Runs each benchmark and returns the status of the first that failed.
    fn each(&self, harness: BenchHarness, target: &str, ids: &[String], mut memory: Option<Memory>) -> ExitCode {
        let own = self.plan.seconds.clone().map_or(Length::Measurement, Length::Seconds);
        let length = harness.length(&self.arguments).unwrap_or(own);
        let shows = !self.plan.is_quiet;
        let is_terminal = std::io::stderr().is_terminal() && length != Length::Measurement;
        let mut progress = Progress::new(ids.len());
        let mut failed: Option<ExitStatus> = None;
        for id in ids {
            if shows && is_terminal {
                terminal::transient(&progress.line(id, terminal::columns()));
            } else if shows {
                terminal::status(&progress.line(id, None));
            }
            let start = Instant::now();
            let call = harness.one(&self.arguments, id, &length);
            let mut command = self.command(&call.arguments);
            command.env(BENCH_VARIABLE, id).envs(call.variables.iter().copied()).envs(self.variables());
            let is_heard = memory.is_some() && harness == BenchHarness::Divan;
            let has_color = || call.arguments.iter().any(|argument| argument.to_string_lossy().starts_with("--color"));
            if is_heard && length == Length::Measurement && std::io::stdout().is_terminal() && !has_color() {
                // It writes to us, we to the terminal.
                command.args(["--color", "always"]);
            }
            let began = SystemTime::now();
            let (status, said) = match run_one(&mut command, &length, is_heard) {
                Ok(ended) => ended,
                Err(error) => {
                    terminal::error(&Error::file("run", &self.executable)(error));
                    return ExitCode::from(101);
                }
            };
            if is_terminal && shows {
                terminal::transient("");
            }
            if is_interruption(status) {
                // Whoever asked for this wants no other benchmark either.
                return run::end_as(status);
            }
            if !status.success() {
                terminal::relay(&said);
                terminal::warning(&format!("the benchmark {id} of {target} failed ({status}); the others go on"));
                failed = failed.or(Some(status));
            }
            if let Some(memory) = &mut memory {
                self.count(memory, harness, id, &Ended { status, said, began }, &length);
            }
            progress.has_done(start.elapsed());
        }
        if let Some(memory) = &memory {
            end(memory);
        }
        if shows {
            terminal::status(&progress.end(target));
        }
        // By a signal of its own a benchmark ends itself, not us.
        failed.map_or(ExitCode::SUCCESS, |status| {
            ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(101))
        })
    }
}

/// Runs a benchmark. What it prints is for people if it measures, of which we may hear too, and held back if it is only run.
fn run_one(command: &mut Command, length: &Length, is_heard: bool) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    match length {
        Length::Measurement if is_heard => heard(command),
        Length::Measurement => Ok((command.status()?, Vec::new())),
        Length::Seconds(_) => {
            let output = command.stdin(Stdio::null()).output()?;
            Ok((output.status, [output.stdout, output.stderr].concat()))
        }
    }
}

/// Runs a command and repeats what it prints to standard output as it comes.
fn heard(command: &mut Command) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let (mut said, mut part) = (Vec::new(), [0; 4096]);
    if let Some(mut stdout) = child.stdout.take() {
        while let Some(read) = stdout.read(&mut part).ok().filter(|read| *read > 0) {
            terminal::repeat(&part[..read]);
            said.extend_from_slice(&part[..read]);
        }
    }
    Ok((child.wait()?, said))
}

fn end(memory: &Memory) {
    if let Err(error) = memory.end() {
        terminal::warning(&format!("memory is not counted: {error}"));
    }
}

/// Whether somebody ended the process, by Ctrl-C for example.
fn is_interruption(status: ExitStatus) -> bool {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    status.signal().is_some_and(|signal| [SIGINT, SIGTERM, SIGHUP, SIGQUIT].contains(&signal))
}
