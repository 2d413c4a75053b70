//! A user's project: a fixture, copied to a folder of its own where cargo may write. The copy is kept between runs, so
//! that the next one compiles little.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tool::{stories_folder, tool, workspace_root};
use crate::{Evidence, Outcome, clean_environment};

/// A project to work in. While it is there, no other story works in it.
#[derive(Debug)]
pub struct Project {
    directory: PathBuf,
    _lock: File,
}

/// What came of a command with plain cargo and with `cargo prof`.
#[derive(Debug)]
pub struct Twice {
    /// From plain cargo.
    pub plain: Outcome,
    /// From `cargo prof`.
    pub ours: Outcome,
    /// The CPU profile.
    pub cpu: Evidence,
    /// The heap profile.
    pub heap: Evidence,
}

/// Sampled as finely as it goes: every allocation, and the CPU at 1000 Hz.
const FINE: [&str; 4] = ["--cpuprofilerate", "1000", "--memprofilerate", "1"];

impl Project {
    /// A copy of the fixture.
    pub fn of(fixture: &str) -> Project {
        Project::copied(fixture, &stories_folder().join("plain"))
    }

    /// A copy of the fixture in a folder whose path has a space and letters that are not ASCII.
    pub fn in_awkward_folder(fixture: &str) -> Project {
        Project::copied(fixture, &stories_folder().join("zwei Wörter"))
    }

    fn copied(fixture: &str, folder: &Path) -> Project {
        let directory = folder.join(fixture);
        fs::create_dir_all(directory.join("target")).expect("a target directory can be written");
        let lock = File::create(folder.join(format!("{fixture}.lock"))).expect("a lock file can be written");
        lock.lock().expect("a file can be locked");
        let source = workspace_root().join("tests/fixtures").join(fixture);
        synchronize(&source, &directory, true).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        Project { directory, _lock: lock }
    }

    /// A path in the project.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.directory.join(relative)
    }

    /// Overwrites a file of the copy; the next copy undoes it.
    pub fn write(&self, relative: &str, content: &str) {
        fs::write(self.path(relative), content).expect("the copy can be written");
    }

    /// Runs plain cargo.
    pub fn cargo(&self, arguments: &[&str]) -> Outcome {
        outcome(self.command("cargo").args(arguments))
    }

    /// Runs `cargo prof` with these arguments.
    pub fn prof(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.prof_command(arguments))
    }

    /// `cargo prof`, found by cargo on the `PATH` as it is when installed.
    pub fn prof_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("cargo");
        // `cargo +toolchain prof …`: the toolchain comes first.
        let toolchain = arguments.iter().take_while(|argument| argument.starts_with('+')).count();
        command.args(&arguments[..toolchain]).arg("prof").args(&arguments[toolchain..]);
        command.env("PATH", with_first_on_path(tool().parent().expect("the tool lies in a folder")));
        command
    }

    /// The command, started by another program.
    pub fn started_by(&self, starter: &[&str], command: &Command) -> Command {
        let mut whole = self.command(starter[0]);
        whole.args(&starter[1..]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                whole.env(name, value);
            }
        }
        whole
    }

    /// The command, which does not ignore a signal such as `INT`: whoever started these tests in the background may have had
    /// them ignore it.
    pub fn heeding(&self, signal: &str, command: &Command) -> Command {
        self.started_by(&["env", &format!("--default-signal={signal}")], command)
    }

    /// A command in the project's folder with a user's environment and nothing on its standard input.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        clean_environment(&mut command);
        command.current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    /// Runs a cargo command (its name first) plainly and with both profiles, sampled finely; fails unless both end the
    /// same way and print the same.
    #[track_caller]
    pub fn twice(&self, arguments: &[&str]) -> Twice {
        self.twice_with(arguments, |_| ())
    }

    /// The same, with both commands changed by `prepare`.
    #[track_caller]
    pub fn twice_with(&self, arguments: &[&str], prepare: impl Fn(&mut Command)) -> Twice {
        let mut command = self.command("cargo");
        prepare(command.args(arguments));
        let plain = outcome(&mut command);

        let ours = self.profiled_with(arguments, &FINE, prepare);
        plain.assert_same(&ours);
        Twice { plain, ours, cpu: self.cpu_profile(), heap: self.heap_profile() }
    }

    /// Runs a cargo command with both profiles, sampled finely.
    pub fn profiled(&self, arguments: &[&str]) -> Outcome {
        self.profiled_with(arguments, &FINE, |_| ())
    }

    /// Runs a cargo command with both profiles and `ours` added; `prepare` changes the command.
    pub fn profiled_with(&self, arguments: &[&str], ours: &[&str], prepare: impl Fn(&mut Command)) -> Outcome {
        let mut command = self.profiled_command(arguments, ours);
        prepare(&mut command);
        outcome(&mut command)
    }

    /// The command that writes both profiles. Those of the command before are removed, lest they be read again.
    pub fn profiled_command(&self, arguments: &[&str], ours: &[&str]) -> Command {
        let folder = self.path("target/profiles");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the target directory can be written");
        // Our flags follow the name of the subcommand, as far as possible from a `--`.
        let name = arguments.iter().position(|argument| !argument.starts_with('+')).expect("a subcommand") + 1;
        let mut all = arguments[..name].to_vec();
        let folder = folder.to_str().expect("the path is UTF-8");
        all.extend(["--outputdir", folder, "--cpuprofile", "cpu.prof", "--memprofile", "mem.prof"]);
        all.extend(ours);
        all.extend(&arguments[name..]);
        self.prof_command(&all)
    }

    /// The CPU profile of the last `profiled` command.
    #[track_caller]
    pub fn cpu_profile(&self) -> Evidence {
        Evidence::read(&self.path("target/profiles/cpu.prof"))
    }

    /// The heap profile of the last `profiled` command.
    #[track_caller]
    pub fn heap_profile(&self) -> Evidence {
        Evidence::read(&self.path("target/profiles/mem.prof"))
    }
}

fn outcome(command: &mut Command) -> Outcome {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")).into()
}

fn with_first_on_path(folder: &Path) -> std::ffi::OsString {
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([folder.to_owned()].into_iter().chain(std::env::split_paths(&others)))
        .expect("the folder's name has no colon")
}

/// Makes `to` equal to `from`, but for the target directory at the top. A file that is right already keeps its time, so
/// that cargo does not build it again.
fn synchronize(from: &Path, to: &Path, is_top: bool) -> io::Result<()> {
    let is_target = |name: &OsStr| is_top && name == "target";
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() && !is_target(&entry.file_name()) {
            if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) }?;
        }
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if !is_target(&entry.file_name()) {
                synchronize(&entry.path(), &copy, false)?;
            }
        } else if fs::read(&copy).ok() != Some(fs::read(entry.path())?) {
            fs::copy(entry.path(), &copy)?;
        }
    }
    Ok(())
}
