//! The probe: a small program, compiled with the user's compiler and the harness in it, and run as `cargo prof run`
//! would run it. What its record says of engine, samples and stacks is the truth that the doctor tells; what its
//! executable says of std is read by `standard_library.rs`.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use prof_record::{
    CPU_PERIOD_VARIABLE, DIRECTORY_VARIABLE, ENGINE_VARIABLE, Engine, HEAP_PERIOD_VARIABLE, Record,
    TEST_THREADS_VARIABLE,
};

use crate::Error;
use crate::inject::plan::Libraries;
use crate::inject::wrapper;
use crate::project::Toolchain;

const SOURCE: &str = include_str!("probe_program.rs");
/// The name of its crate.
pub(super) const NAME: &str = "doctor_probe";

/// Samples in a second of CPU time that the probe asks for: more than the tick of most kernels.
pub(super) const RATE: u64 = 1000;

/// A probe that ran.
pub(super) struct Probe {
    pub(super) executable: PathBuf,
    pub(super) record: Record,
    /// Nanoseconds of CPU time that it used.
    cpu_nanos: u64,
}

impl Probe {
    /// Compiles the probe in `directory` and runs it.
    ///
    /// # Errors
    ///
    /// If it cannot be compiled, cannot be run, or its CPU time is not sampled.
    pub(super) fn run(toolchain: &Toolchain, libraries: &Libraries, directory: &Path) -> Result<Probe, Error> {
        let executable = compile(toolchain, libraries, directory)?;
        let records = directory.join("records");
        std::fs::create_dir_all(&records).map_err(Error::file("create", &records))?;
        let mut command = Command::new(&executable);
        command
            .env(DIRECTORY_VARIABLE, &records)
            .env(CPU_PERIOD_VARIABLE, (1_000_000_000 / RATE).to_string())
            .stdin(Stdio::null());
        for variable in [ENGINE_VARIABLE, HEAP_PERIOD_VARIABLE, TEST_THREADS_VARIABLE] {
            command.env_remove(variable);
        }
        let output = command.output().map_err(|error| {
            Error::Environment(format!(
                "cannot run a program from {}: {error}; set TMPDIR to a directory that allows programs to run",
                directory.display()
            ))
        })?;
        if !output.status.success() {
            let end = match output.status.signal() {
                Some(signal) => format!("signal {signal}"),
                None => format!("status {}", output.status.code().unwrap_or_default()),
            };
            return Err(Error::Environment(format!(
                "the probe with the harness in it ended with {end}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )));
        }
        let record = read(&records)?;
        let counted = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0);
        let sampled = record.cpu.iter().map(|bucket| bucket.nanos).sum();
        let cpu_nanos = if counted > 0 { counted } else { sampled };
        let probe = Probe { executable, record, cpu_nanos };
        if probe.record.engine == Engine::None || probe.samples() == 0 {
            return Err(Error::Environment(format!(
                "the CPU time of programs cannot be sampled here: no engine works, {}",
                match probe.record.perf_error {
                    0 => "and none says why".to_owned(),
                    error => std::io::Error::from_raw_os_error(error).to_string(),
                }
            )));
        }
        Ok(probe)
    }

    /// Samples, with those that the kernel merged into one signal.
    fn samples(&self) -> u64 {
        self.record.cpu.iter().map(|bucket| bucket.samples).sum()
    }

    /// Samples in a second of CPU time.
    pub(super) fn samples_a_second(&self) -> u64 {
        self.a_second(self.samples())
    }

    /// Moments in a second of CPU time at which samples were taken.
    pub(super) fn moments_a_second(&self) -> u64 {
        self.a_second(self.record.cpu_captures)
    }

    /// How many stacks in a hundred reached their root.
    pub(super) fn whole_stacks(&self) -> u64 {
        let stacks = self.record.stacks.iter().filter(|stack| !stack.unsampled);
        let whole = stacks.clone().filter(|stack| !stack.truncated && !stack.broken).count() as u64;
        whole * 100 / (stacks.count() as u64).max(1)
    }

    fn a_second(&self, count: u64) -> u64 {
        (count as f64 * 1e9 / self.cpu_nanos.max(1) as f64).round() as u64
    }
}

fn compile(toolchain: &Toolchain, libraries: &Libraries, directory: &Path) -> Result<PathBuf, Error> {
    let source = directory.join("probe.rs");
    std::fs::write(&source, SOURCE).map_err(Error::file("write", &source))?;
    let executable = directory.join(NAME);
    let mut call = Command::new(&toolchain.rustc);
    // Unoptimised: more of std's functions stay such.
    call.args(["--crate-name", NAME, "--edition=2021", "-Copt-level=0", "-Cdebuginfo=1", "-Cstrip=none"]);
    // Its symbols name the crate that code of std is compiled in.
    call.arg("-Csymbol-mangling-version=v0");
    call.arg("-o").arg(&executable).arg(&source).stdin(Stdio::null());
    wrapper::link_by_force(&mut call, libraries, toolchain.is_nightly());
    let output = call.output().map_err(Error::file("run", &toolchain.rustc))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        // What a linker says comes after rustc's own line, which holds its whole command.
        let linker = words.lines().filter_map(|line| line.trim().strip_prefix("= note: ")).next_back();
        let reason = linker.map_or_else(|| wrapper::why(&output.stderr), str::to_owned);
        return Err(Error::Environment(format!("cannot compile a program with the harness in it: {reason}")));
    }
    Ok(executable)
}

/// The one record in the directory.
fn read(records: &Path) -> Result<Record, Error> {
    let entry = std::fs::read_dir(records).map_err(Error::file("read", records))?.next();
    let entry = entry.ok_or_else(|| Error::Environment("the harness in the probe left no record".into()))?;
    let path = entry.map_err(Error::file("read", records))?.path();
    let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
    Record::parse(&bytes).map_err(|error| Error::Environment(format!("the probe's record cannot be read: {error}")))
}
