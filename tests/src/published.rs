//! Obtains a published crate's source through cargo alone: a scratch package depends on the exact version, and cargo
//! says where the registry's copy lies. With a warm registry no network is needed. What is then run in the copy is in
//! `workshop.rs`. Never changes the registry's copy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::clean_environment;

/// A copy of a published crate, ready for cargo's `--locked --offline`.
#[derive(Debug)]
pub struct Source {
    /// The package's folder.
    pub directory: PathBuf,
    /// The target's label in a profile by the path that cargo shows for it, such as `test/drain` by `tests/drain.rs`.
    pub labels: BTreeMap<String, String>,
    /// Labels of the targets that have a `main` of their own.
    pub harness_free: Vec<String>,
}

/// Copies the crate into `folder` unless it is there, with its lock file, and fetches what it depends on.
///
/// # Errors
///
/// If cargo does not find the version, or a file cannot be copied.
pub fn obtain(name: &str, version: &str, folder: &Path) -> Result<Source, String> {
    let directory = folder.join(format!("{name}-{version}"));
    if !directory.exists() {
        let published = published(name, version, &folder.join("scratch").join(name))?;
        // Beside and renamed: an interrupted copy is not taken for a whole one.
        let unfinished = folder.join("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        copy(&published, &unfinished)?;
        stand_alone(&unfinished)?;
        fs::rename(&unfinished, &directory).map_err(failed("rename", &unfinished))?;
    }
    if !directory.join("Cargo.lock").exists() {
        cargo_warm_or_not(&directory, &["generate-lockfile"])?;
    }
    cargo_warm_or_not(&directory, &["fetch", "--locked"])?;
    let labels = labels(&directory)?;
    let harness_free = harness_free(&directory)?;
    Ok(Source { directory, labels, harness_free })
}

/// Where the registry's copy lies.
fn published(name: &str, version: &str, scratch: &Path) -> Result<PathBuf, String> {
    let source = scratch.join("src");
    fs::create_dir_all(&source).map_err(failed("create", &source))?;
    let manifest = format!(
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\n{name} = \"={version}\"\n"
    );
    for (path, text) in [(scratch.join("Cargo.toml"), &*manifest), (source.join("lib.rs"), "")] {
        fs::write(&path, text).map_err(failed("write", &path))?;
    }
    let metadata = metadata(scratch, &[])?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    // Of two versions in the graph, one is a dependency's dependency.
    let is_asked_for = |package: &Value| package["name"] == name && package["version"] == version;
    packages
        .filter(|package| is_asked_for(package))
        .find_map(|package| Path::new(package["manifest_path"].as_str()?).parent().map(Path::to_owned))
        .ok_or_else(|| format!("cargo metadata does not name {name} {version}"))
}

/// Keeps the copy out of the workspace that the target directory lies in, and takes out what is the registry's.
fn stand_alone(directory: &Path) -> Result<(), String> {
    let mark = directory.join(".cargo-ok");
    if mark.exists() {
        fs::remove_file(&mark).map_err(failed("remove", &mark))?;
    }
    let path = directory.join("Cargo.toml");
    let mut manifest = fs::read_to_string(&path).map_err(failed("read", &path))?;
    if !manifest.lines().any(|line| line.starts_with("[workspace]")) {
        manifest.push_str("\n[workspace]\n");
        fs::write(&path, manifest).map_err(failed("write", &path))?;
    }
    Ok(())
}

impl Source {
    /// The versions of a dependency in the lock file, smallest first as cargo sorts them.
    ///
    /// # Errors
    ///
    /// If the lock file cannot be read.
    pub fn locked(&self, dependency: &str) -> Result<Vec<String>, String> {
        let lock = table(&self.directory.join("Cargo.lock"))?;
        let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
        let named = packages.filter(|package| package.get("name").and_then(toml::Value::as_str) == Some(dependency));
        Ok(named.filter_map(|package| Some(package.get("version")?.as_str()?.to_owned())).collect())
    }
}

fn labels(directory: &Path) -> Result<BTreeMap<String, String>, String> {
    let metadata = metadata(directory, &["--no-deps"])?;
    let targets =
        metadata["packages"].as_array().into_iter().flatten().filter_map(|package| package["targets"].as_array());
    let label = |target: &Value| {
        let kind = match target["kind"][0].as_str()? {
            "custom-build" => return None,
            kind @ ("bin" | "example" | "test" | "bench") => kind,
            _ => "lib",
        };
        let path = Path::new(target["src_path"].as_str()?).strip_prefix(directory).ok()?;
        Some((path.to_str()?.to_owned(), format!("{kind}/{}", target["name"].as_str()?)))
    };
    Ok(targets.flatten().filter_map(label).collect())
}

fn harness_free(directory: &Path) -> Result<Vec<String>, String> {
    let manifest = table(&directory.join("Cargo.toml"))?;
    let mut labels = Vec::new();
    for kind in ["test", "bench", "bin", "example"] {
        let targets = manifest.get(kind).and_then(toml::Value::as_array).into_iter().flatten();
        let without = targets.filter(|target| target.get("harness").and_then(toml::Value::as_bool) == Some(false));
        let names = without.filter_map(|target| target.get("name")?.as_str());
        labels.extend(names.map(|name| format!("{kind}/{name}")));
    }
    Ok(labels)
}

fn table(path: &Path) -> Result<toml::Table, String> {
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    text.parse().map_err(|error| format!("{} is not TOML: {error}", path.display()))
}

fn metadata(directory: &Path, flags: &[&str]) -> Result<Value, String> {
    let mut arguments = vec!["metadata", "--format-version=1"];
    arguments.extend(flags);
    let text = cargo_warm_or_not(directory, &arguments)?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata in {}: {error}", directory.display()))
}

/// Runs cargo without the network, and if that does not do, with it.
fn cargo_warm_or_not(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let run = |network: &[&str]| {
        let mut command = Command::new("cargo");
        clean_environment(&mut command);
        let output = command.args(arguments).args(network).current_dir(directory).output();
        let output = output.map_err(|error| format!("cannot start cargo: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let reason = String::from_utf8_lossy(&output.stderr);
        Err(format!("cargo {} in {}: {}", arguments.join(" "), directory.display(), reason.trim()))
    };
    run(&["--offline"]).or_else(|_| run(&[]))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(failed("create", to))?;
    for entry in fs::read_dir(from).map_err(failed("read", from))? {
        let path = entry.map_err(failed("read", from))?.path();
        let copied = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            fs::copy(&path, &copied).map_err(failed("copy", &path))?;
        }
    }
    Ok(())
}

/// Says what could not be done to which path.
pub fn failed(what: &str, path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("cannot {what} {}: {error}", path.display())
}
