//! The harness, compiled for a toolchain and target. It is built once from the sources that cargo-prof carries, with
//! the lock file that it was tested with, and kept in the user's cache directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::Message;

use super::embedded;
use super::plan::{Libraries, hash};
use crate::project::Toolchain;
use crate::{Error, terminal};

/// The harness for `triple`, from the cache or built now.
///
/// # Errors
///
/// If it cannot be compiled for that target, with cargo's words, or the cache cannot be written.
pub fn for_target(toolchain: &Toolchain, triple: &str, is_offline: bool, fallback: &Path) -> Result<Libraries, Error> {
    let fingerprint = embedded::fingerprint();
    let key = hash(&[&fingerprint.to_le_bytes(), toolchain.version.as_bytes(), triple.as_bytes()]);
    let directory = cache(fallback)?.join(format!("{key:016x}"));
    let done = directory.join("harness.json");
    let read = || {
        let libraries: Libraries = serde_json::from_slice(&std::fs::read(&done).ok()?).ok()?;
        libraries.harness.exists().then_some(libraries)
    };
    if let Some(libraries) = read() {
        return Ok(libraries);
    }
    // A run beside this one may be building the same.
    std::fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
    let lock = directory.join("lock");
    let lock =
        std::fs::File::create(&lock).and_then(|file| file.lock().map(|()| file)).map_err(Error::file("lock", &lock))?;
    if let Some(libraries) = read() {
        return Ok(libraries);
    }
    terminal::status(&format!("   Preparing the profiling harness for {triple} (once per toolchain)"));
    let sources = directory.join("source");
    write_sources(&sources)?;
    let build = Build { toolchain, triple, is_offline, sources: &sources, output: &directory.join("build") };
    let (rlibs, has_test) = match build.run("prof-test") {
        Ok(rlibs) => (rlibs, true),
        // A toolchain with another libtest: its tests are told apart by their threads.
        Err(reason) => match build.run("prof-harness") {
            Ok(rlibs) => {
                terminal::warning(
                    "this toolchain's libtest is unknown to cargo prof: tests are told apart by the names of their threads",
                );
                (rlibs, false)
            }
            Err(_) => return Err(Error::Environment(reason)),
        },
    };
    let libraries = keep(&rlibs, &directory.join("lib"), has_test)?;
    let _ = std::fs::remove_dir_all(directory.join("build"));
    let text = serde_json::to_vec_pretty(&libraries).expect("paths are plain data");
    crate::outputs::replace(&done, &text)?;
    drop(lock);
    Ok(libraries)
}

/// The directory for compiled harnesses: `CARGO_PROF_CACHE`, the user's cache directory, or `fallback` where that cannot
/// be written.
fn cache(fallback: &Path) -> Result<PathBuf, Error> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let preferred = variable("CARGO_PROF_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("cargo-prof")))
        .or_else(|| Some(variable("HOME")?.join(".cache/cargo-prof")));
    let is_usable =
        |directory: &PathBuf| std::fs::create_dir_all(directory).is_ok() && tempfile::tempfile_in(directory).is_ok();
    if let Some(directory) = preferred.filter(is_usable) {
        return Ok(directory);
    }
    std::fs::create_dir_all(fallback).map_err(Error::file("create", fallback))?;
    Ok(fallback.to_owned())
}

fn write_sources(directory: &Path) -> Result<(), Error> {
    for (name, content) in embedded::SOURCES {
        let path = directory.join(name);
        let parent = path.parent().unwrap_or(directory);
        std::fs::create_dir_all(parent).map_err(Error::file("create", parent))?;
        // Unchanged files keep their times, so that cargo sees nothing new.
        if std::fs::read(&path).is_ok_and(|there| there == *content) {
            continue;
        }
        crate::outputs::replace(&path, content)?;
    }
    Ok(())
}

struct Build<'a> {
    toolchain: &'a Toolchain,
    triple: &'a str,
    is_offline: bool,
    sources: &'a Path,
    output: &'a Path,
}

impl Build<'_> {
    /// Compiles `package` and returns the rlibs of it and all it needs, or cargo's words.
    fn run(&self, package: &str) -> Result<Vec<PathBuf>, String> {
        let own_cargo = self.toolchain.sysroot.join("bin/cargo");
        let cargo = if own_cargo.is_file() { own_cargo.into_os_string() } else { self.toolchain.cargo.clone() };
        let mut command = Command::new(cargo);
        command
            .args([
                "build",
                "--release",
                "--lib",
                "--quiet",
                "--message-format=json-render-diagnostics",
                "--package",
                package,
            ])
            .args(["--target", self.triple, "--target-dir"])
            .arg(self.output)
            // In a folder of its own, only the configuration in the home directory applies; what of it would change the
            // code is set here.
            .current_dir(self.sources.join("prof-test"));
        for setting in
            ["panic=\"unwind\"", "lto=false", "strip=false", "debug=1", "opt-level=3", "overflow-checks=false"]
        {
            command.arg("--config").arg(format!("profile.release.{setting}"));
        }
        if self.is_offline {
            command.arg("--offline");
        }
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_another_build(name)) {
            command.env_remove(name);
        }
        command
            .env("RUSTC", &self.toolchain.rustc)
            .env("RUSTC_WRAPPER", "")
            .env("RUSTC_WORKSPACE_WRAPPER", "")
            // For the substitute alone: the features of the crates below it are not unlocked.
            .env("RUSTC_BOOTSTRAP", "prof_test")
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags())
            .stdin(Stdio::null());
        let output = command.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("cannot compile the harness: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(Message::parse_stream(&*output.stdout)
            .filter_map(|message| match message.ok()? {
                Message::CompilerArtifact(artifact) => Some(artifact.filenames),
                _ => None,
            })
            .flatten()
            .map(cargo_metadata::camino::Utf8PathBuf::into_std_path_buf)
            .filter(|file| file.extension().is_some_and(|extension| extension == "rlib"))
            .collect())
    }
}

impl Build<'_> {
    fn flags(&self) -> String {
        let mut flags = vec![
            // For programs with fat LTO.
            "-Cembed-bitcode=yes".to_owned(),
            // Makes our crates others than equal ones in the program.
            "-Cmetadata=injected-by-cargo-prof".to_owned(),
        ];
        // The frames of std that are instantiated here show in panics' backtraces, as libtest's own would.
        let hash = self.toolchain.version.lines().find_map(|line| line.strip_prefix("commit-hash: "));
        if let (Some(source), Some(hash)) = (self.toolchain.rust_src(), hash) {
            flags.push(format!("--remap-path-prefix={}=/rustc/{hash}", source.display()));
        }
        flags.join("\u{1f}")
    }
}

/// Variables that would make our build one of the user's.
fn is_of_another_build(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_ENCODED_", "CARGO_UNSTABLE_"]
        .iter()
        .any(|p| name.starts_with(p))
        || ["RUSTFLAGS", "CARGO_INCREMENTAL", "CARGO_MAKEFLAGS", "MAKEFLAGS"].contains(&&*name)
}

/// Moves the rlibs into one directory, wherever this cargo puts them.
fn keep(rlibs: &[PathBuf], directory: &Path, has_test: bool) -> Result<Libraries, Error> {
    std::fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    let mut kept = Vec::new();
    for rlib in rlibs {
        let to = directory.join(rlib.file_name().unwrap_or_default());
        std::fs::copy(rlib, &to).map_err(Error::file("copy", rlib))?;
        kept.push(to);
    }
    let find = |name: &str| {
        let found = kept.iter().find(|rlib| {
            let stem = rlib.file_stem().unwrap_or_default().to_string_lossy();
            stem == name || stem.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
        });
        found.cloned().ok_or_else(|| Error::Environment(format!("cargo made no {name}.rlib of the harness")))
    };
    let test = if has_test { Some(find("libprof_test")?) } else { None };
    Ok(Libraries { harness: find("libprof_harness")?, test, directory: directory.to_owned() })
}
