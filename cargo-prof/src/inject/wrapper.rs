//! The rustc wrapper. Cargo calls it as `WRAPPER RUSTC ARGUMENTS…`; it adds what a profile needs and calls on: debug
//! info for all that runs, the harness for the executables. What is not ours to touch goes through as it came. If an
//! executable cannot be made with the harness, it is made without and a note says why; only what the user's own code
//! fails at is shown.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use prof_record::{DOORS, PULLED};

use super::invocation::Invocation;
use super::made::Made;
use super::plan::{Libraries, Plan};
use crate::{Error, terminal};

/// The name that cargo-prof is called by as a wrapper. What reads process lists finds a rustc wrapper in it.
pub const NAME: &str = "cargo-prof-rustc-wrapper";

/// Whether the program was called as a wrapper.
pub fn is_called_by(called: &OsStr) -> bool {
    Path::new(called).file_name() == Some(OsStr::new(NAME))
}

/// Makes `name` in `directory` mean the program `own`.
///
/// # Errors
///
/// If the link cannot be made.
pub fn link(own: &Path, directory: &Path, name: &str) -> Result<PathBuf, Error> {
    let link = directory.join(name);
    if std::fs::read_link(&link).is_ok_and(|target| target == own) {
        return Ok(link);
    }
    // By way of another name, so that a run beside this one never finds none.
    let fresh = directory.join(format!("{name}.{}", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    std::os::unix::fs::symlink(own, &fresh).map_err(Error::file("create", &fresh))?;
    std::fs::rename(&fresh, &link).map_err(Error::file("create", &link))?;
    Ok(link)
}

/// Stands in for rustc.
pub fn main(called: &Path, arguments: Vec<OsString>) -> ExitCode {
    let plan = Plan::read(called);
    let chain = plan.as_ref().and_then(|plan| plan.chain.clone());
    let mut compiler = chain.into_iter().map(PathBuf::into_os_string).chain(arguments);
    let Some(program) = compiler.next() else {
        terminal::warning("cargo prof's rustc wrapper is called by cargo, with rustc's command line");
        return ExitCode::from(2);
    };
    let arguments: Vec<OsString> = compiler.collect();
    let mut call = Command::new(program);
    call.args(&arguments);
    if let Some(plan) = &plan
        && let Some(invocation) = Invocation::parse(compiler_arguments(&arguments))
        && invocation.is_below(&plan.target_directory)
    {
        if !invocation.is_for_the_build() {
            call.args(debug_info(&invocation));
        }
        if invocation.makes_executable() {
            return make(plan, &invocation, call);
        }
    }
    let error = call.exec();
    terminal::error(&Error::file("run", call.get_program())(error));
    ExitCode::from(101)
}

/// What follows rustc itself: cargo puts a workspace wrapper, and we the user's, before it.
fn compiler_arguments(arguments: &[OsString]) -> &[OsString] {
    let flags = arguments.iter().position(|argument| {
        let bytes = argument.as_encoded_bytes();
        bytes.starts_with(b"-") || bytes.starts_with(b"@")
    });
    arguments.get(flags.unwrap_or(0)..).unwrap_or_default()
}

/// Function names, inline frames and lines, where the user's build profile asks for none. The code stays the same, and
/// so does what build scripts see.
fn debug_info(invocation: &Invocation) -> Vec<&'static str> {
    let mut flags = vec!["-Cstrip=none", "-Csplit-debuginfo=off"];
    if !invocation.has_debug_info {
        flags.push("-Cdebuginfo=1");
    }
    flags
}

/// A way to make an executable with the harness in it.
struct Attempt {
    flags: Vec<OsString>,
    /// Whether the flags are unstable.
    is_unstable: bool,
    /// What must have gone wrong before.
    after: After,
}

/// What makes an attempt worth its time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing.
    All,
    /// The name `test` has become ambiguous in the crate.
    Ambiguity,
    /// The linker failed.
    Linking,
}

impl After {
    fn has_come(self, reason: &str) -> bool {
        match self {
            After::All => true,
            After::Ambiguity => reason.contains("ambiguous"),
            After::Linking => reason.contains("linking with"),
        }
    }
}

impl Attempt {
    /// The same with more flags.
    fn with(&self, flags: impl IntoIterator<Item = OsString>) -> Attempt {
        let flags = self.flags.iter().cloned().chain(flags).collect();
        Attempt { flags, is_unstable: self.is_unstable, after: self.after }
    }

    fn join(&self, call: &mut Command, is_nightly: bool) {
        call.args(&self.flags);
        if self.is_unstable {
            // For this one call: build scripts and other crates never see it.
            call.env("RUSTC_BOOTSTRAP", "1");
            if !is_nightly {
                // For our flags alone: the program's own code stays on stable.
                call.arg("-Zallow-features=");
            }
        }
    }
}

/// Makes an executable, with the harness if it can be.
fn make(plan: &Plan, invocation: &Invocation, mut plain: Command) -> ExitCode {
    let triple = invocation.target.as_deref().unwrap_or(&plan.host);
    let mut reason = format!("there is no harness for {triple}");
    if invocation.is_static {
        // Its libc has no other definition of `pthread_create` for ours to hand on to.
        reason = "it links libc statically".into();
    } else if let Some(libraries) = plan.libraries.get(triple) {
        for attempt in with_doors(attempts(libraries, invocation.is_test), invocation) {
            if !attempt.after.has_come(&reason) {
                continue;
            }
            match run(plan, &plain, &attempt) {
                Ok(output) if output.status.success() => {
                    terminal::relay(&output.stderr);
                    forget_bootstrap(invocation);
                    note(plan, invocation, None);
                    return ExitCode::SUCCESS;
                }
                // What is wrong with the machine is wrong without us too. To go on could leave an executable without the
                // harness that cargo takes for fresh.
                Ok(output) if output.status.code() != Some(1) || is_out_of_room(&output.stderr) => {
                    terminal::relay(&output.stderr);
                    return ExitCode::from(101);
                }
                Ok(output) => reason = why(&output.stderr),
                Err(error) => reason = error.to_string(),
            }
        }
    }
    match plain.status() {
        Ok(status) if status.success() => {
            note(plan, invocation, Some(reason));
            ExitCode::SUCCESS
        }
        Ok(status) => ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(101)),
        Err(error) => {
            terminal::error(&Error::file("run", plain.get_program())(error));
            ExitCode::from(101)
        }
    }
}

/// Whether rustc or the linker failed for want of disk space or memory.
fn is_out_of_room(stderr: &[u8]) -> bool {
    let text = String::from_utf8_lossy(stderr);
    let signs = ["No space left on device", "Disk quota exceeded", "Cannot allocate memory", "signal: 9"];
    signs.iter().any(|sign| text.contains(sign))
}

/// If the crate's code asks for the variable, says in what rustc notes for cargo that it is not set: to cargo, ours is not,
/// and it would compile the crate again each time.
fn forget_bootstrap(invocation: &Invocation) {
    const NOTE: &str = "# env-dep:RUSTC_BOOTSTRAP";
    let path = invocation.executable();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".d");
    let path = path.with_file_name(name);
    let Ok(text) = std::fs::read_to_string(&path) else { return };
    if std::env::var_os("RUSTC_BOOTSTRAP").is_none() && text.contains(NOTE) {
        let lines = text.lines().map(|line| if line.starts_with(NOTE) { NOTE } else { line });
        let _ = std::fs::write(&path, lines.flat_map(|line| [line, "\n"]).collect::<String>());
    }
}

fn attempts(libraries: &Libraries, is_test: bool) -> Vec<Attempt> {
    let named = |option: &str, library: &Path| {
        let mut value = OsString::from(option);
        value.push(library);
        value
    };
    let flags = |option: &str, library: &Path, is_unstable: bool| {
        let mut flags = vec![OsString::from("--extern"), named(option, library)];
        flags.extend([OsString::from("-L"), named("dependency=", &libraries.directory)]);
        if is_unstable {
            flags.push(OsString::from("-Zunstable-options"));
        }
        Attempt { flags, is_unstable, after: After::All }
    };
    match &libraries.test {
        Some(test) if is_test => vec![
            flags("test=", test, false),
            // Outside the extern prelude, for crates with a `test` of their own that paths could now also mean.
            Attempt { after: After::Ambiguity, ..flags("noprelude:test=", test, true) },
        ],
        _ => vec![flags("force,nounused,noprelude:prof_harness_injected=", &libraries.harness, true)],
    }
}

/// The attempts, each first with the calls of allocators in the executable sent to the harness, if its linker can be told to.
fn with_doors(attempts: Vec<Attempt>, invocation: &Invocation) -> Vec<Attempt> {
    if !invocation.links_by_a_compiler {
        return attempts;
    }
    let doors = DOORS.iter().map(|name| format!(",--wrap={name}"));
    let pulled = PULLED.iter().map(|name| format!(",-u,{name}"));
    let flag = OsString::from(format!("-Clink-arg=-Wl{}", doors.chain(pulled).collect::<String>()));
    let pairs = attempts.into_iter().map(|attempt| {
        let with_doors = attempt.with([flag.clone()]);
        [with_doors, Attempt { after: After::Linking, ..attempt }]
    });
    pairs.flatten().collect()
}

/// Changes a call of rustc into one that links the harness by force. It needs no substitute for libtest.
pub fn link_by_force(call: &mut Command, libraries: &Libraries, is_nightly: bool) {
    for attempt in attempts(libraries, false) {
        attempt.join(call, is_nightly);
    }
}

/// Runs rustc with its messages held back: if this attempt fails, the next one's count.
fn run(plan: &Plan, plain: &Command, attempt: &Attempt) -> std::io::Result<Output> {
    let mut command = Command::new(plain.get_program());
    command.args(plain.get_args()).stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::piped());
    attempt.join(&mut command, plan.is_nightly);
    command.output()
}

/// Why rustc failed, by its JSON or plain messages: that `test` is ambiguous, or else its last error.
pub fn why(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let messages = text.lines().filter_map(|line| match serde_json::from_str::<serde_json::Value>(line) {
        Ok(json) if json["level"] == "error" => Some(json["message"].as_str()?.to_owned()),
        Ok(_) => None,
        Err(_) => line.strip_prefix("error").map(|rest| rest.trim_start_matches([':', ' ']).to_owned()),
    });
    let errors: Vec<String> = messages.filter(|message| !message.starts_with("aborting due to")).collect();
    let ambiguous = errors.iter().find(|message| message.contains("`test` is ambiguous"));
    ambiguous.or(errors.last()).cloned().unwrap_or_else(|| "rustc failed with it".to_owned())
}

fn note(plan: &Plan, invocation: &Invocation, not_injected: Option<String>) {
    let variable = |name: &str| std::env::var(name).ok();
    let mut made = Made {
        executable: invocation.executable(),
        build_id: None,
        package: variable("CARGO_PKG_NAME").unwrap_or_default(),
        source: std::path::absolute(&invocation.source).unwrap_or_else(|_| invocation.source.clone()),
        name: variable("CARGO_BIN_NAME"),
        crate_name: invocation.crate_name.clone(),
        is_test: invocation.is_test,
        allocators: BTreeSet::new(),
        bench_harness: None,
        not_injected,
    };
    made.examine();
    made.write(&plan.target_directory);
}
