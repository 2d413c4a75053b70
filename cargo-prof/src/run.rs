//! Runs cargo, and outlives it: whatever ends the run, what was measured until then is collected after it.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use prof_record::{
    BENCH_ITERATIONS_VARIABLE, BENCH_TIMES_VARIABLE, BENCH_VARIABLE, CPU_PERIOD_VARIABLE, DIRECTORY_VARIABLE,
    ENGINE_VARIABLE, HEAP_PEAK_VARIABLE, HEAP_PERIOD_VARIABLE, TEST_THREADS_VARIABLE,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

use crate::Error;
use crate::cli::Cargo;
use crate::collect::Asked;
use crate::forward::Forwarded;
use crate::project::Project;

/// Everything about the cargo to run.
pub struct Run<'a> {
    /// The subcommand.
    pub cargo: Cargo,
    /// The user's arguments.
    pub forwarded: &'a Forwarded,
    /// The project.
    pub project: &'a Project,
    /// Where to build.
    pub target_directory: &'a Path,
    /// The rustc wrapper to build with.
    pub wrapper: &'a Path,
    /// The target triples of the build.
    pub triples: &'a [String],
    /// Where the processes leave their records.
    pub records: &'a Path,
    /// What cargo is to run benchmarks by.
    pub runner: Option<&'a Path>,
    /// Whether the executables come from an archive of nextest's, and where it is unpacked if that is left to us.
    pub unpacked: Option<Option<&'a Path>>,
    /// What they are to measure.
    pub asked: Asked,
    /// Whether the substitute for libtest is missing.
    pub tells_tests_by_thread: bool,
}

impl Run<'_> {
    /// Runs cargo to its end.
    ///
    /// # Errors
    ///
    /// If cargo cannot be started.
    pub fn to_its_end(&self) -> Result<ExitStatus, Error> {
        let mut command = self.command();
        let failed = Error::file("run", &self.project.toolchain.cargo);
        // What is ignored, as after nohup, stays ignored: a handler would not be handed on to cargo as that.
        let watched: Vec<i32> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal)).collect();
        let mut signals = SignalsInfo::<WithOrigin>::new(&watched).map_err(Error::file("watch", "signals"))?;
        let watch = signals.handle();
        let mut child = command.spawn().map_err(failed)?;
        let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let forwarding = std::thread::spawn(move || {
            for origin in signals.forever() {
                // What a terminal sends went to cargo as well.
                if let (Some(pid), true) = (pid, is_sent_to_us(&origin)) {
                    let signal = rustix::process::Signal::from_named_raw(origin.signal);
                    let _ = signal.map(|signal| rustix::process::kill_process(pid, signal));
                }
            }
        });
        let status = child.wait();
        watch.close();
        let _ = forwarding.join();
        // From here on they end us, as they would have without a handler.
        let is_over = Arc::new(AtomicBool::new(true));
        for signal in watched {
            let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&is_over));
        }
        status.map_err(Error::file("wait for", &self.project.toolchain.cargo))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.project.toolchain.cargo);
        command.arg(self.cargo.name()).args(&self.forwarded.options);
        match self.unpacked {
            // Nothing is built, and nextest refuses what is about building.
            Some(directory) => {
                command.args(
                    directory
                        .map(|directory| [OsStr::new("--extract-to"), directory.as_os_str()])
                        .into_iter()
                        .flatten(),
                );
            }
            None => self.build(&mut command),
        }
        if let Some(runner) = self.runner {
            for triple in self.triples {
                // A triple may have a dot in it.
                let triple = if triple.contains('.') { format!("'{triple}'") } else { triple.clone() };
                command.arg("--config").arg(list(&format!("target.{triple}.runner"), runner));
            }
        }
        command.args(&self.forwarded.rest);
        self.measure(&mut command);
        command
    }

    /// Says where and how to build.
    fn build(&self, command: &mut Command) {
        command.arg("--target-dir").arg(self.target_directory);
        if self.project.has_wrapper_variable {
            // It weighs more than any configuration.
            command.env("RUSTC_WRAPPER", self.wrapper);
        } else {
            // Unlike a variable, a flag does not show in the programs that are run.
            command.arg("--config").arg(setting("build.rustc-wrapper", self.wrapper));
        }
        // Where the user has a directory apart for what cargo builds on the way, ours is to be no part of it.
        let metadata = &self.project.metadata;
        if metadata.build_directory.as_ref().is_some_and(|directory| *directory != metadata.target_directory) {
            command.arg("--config").arg(setting("build.build-dir", self.target_directory));
        }
    }

    /// Says what to measure.
    fn measure(&self, command: &mut Command) {
        command.env(DIRECTORY_VARIABLE, self.records);
        command.env(CPU_PERIOD_VARIABLE, self.asked.cpu_period().to_string());
        command.env(HEAP_PERIOD_VARIABLE, self.asked.mem_rate.unwrap_or(0).to_string());
        command.env(HEAP_PEAK_VARIABLE, if self.asked.keeps_peaks() { "1" } else { "0" });
        // Who runs a benchmark alone says so there.
        for of_benchmarks in [BENCH_VARIABLE, BENCH_ITERATIONS_VARIABLE, BENCH_TIMES_VARIABLE] {
            command.env_remove(of_benchmarks);
        }
        match self.asked.engine {
            Some(engine) => command.env(ENGINE_VARIABLE, engine.name()),
            None => command.env_remove(ENGINE_VARIABLE),
        };
        if self.tells_tests_by_thread && self.cargo != Cargo::Run {
            command.env(TEST_THREADS_VARIABLE, "1");
        }
    }
}

fn setting(key: &str, path: &Path) -> OsString {
    let value = toml::Value::from(path.to_string_lossy().into_owned());
    format!("{key}={value}").into()
}

/// A setting that is a list, for a path in it may have spaces.
fn list(key: &str, path: &Path) -> OsString {
    let value = toml::Value::from(vec![path.to_string_lossy().into_owned()]);
    format!("{key}={value}").into()
}

/// Whether we were started with the signal ignored, by the mask in `/proc/self/status`.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

fn is_sent_to_us(origin: &Origin) -> bool {
    matches!(origin.cause, Cause::Sent(_))
}

/// Ends as cargo ended: with its status, or by the signal that ended it.
pub fn end_as(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        // Where that is not what the signal does.
        return ExitCode::from(128u8.saturating_add(u8::try_from(signal).unwrap_or(0)));
    }
    ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(101))
}
