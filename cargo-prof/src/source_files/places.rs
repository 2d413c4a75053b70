//! Where cargo and rustup keep sources: registries and git checkouts of dependencies, `rust-src` of toolchains, and the
//! project itself. A path in a profile may come from another machine or have its beginning replaced; what is behind it says
//! which version of which package it is. Where Go's own tool looks is in `mod.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::project::Toolchain;

/// The folders with sources.
#[derive(Default)]
pub(super) struct Places {
    /// Where cargo keeps what it downloads.
    cargo_home: PathBuf,
    /// The folder of the package that is worked on, and those above it that have a manifest.
    projects: Vec<PathBuf>,
    /// Looked for only when a file of the standard library is asked for.
    libraries: OnceLock<Vec<Library>>,
}

/// The sources of a standard library.
struct Library {
    /// The compiler's commit.
    commit: String,
    /// The folder above `library`.
    folder: PathBuf,
}

impl Places {
    /// Those of this machine. `here` is the current directory.
    pub(super) fn of_this_machine(here: &Path) -> Places {
        let has_manifest = |folder: &&Path| folder.join("Cargo.toml").is_file();
        Places {
            cargo_home: home("CARGO_HOME", ".cargo"),
            projects: here.ancestors().filter(has_manifest).map(Path::to_owned).collect(),
            libraries: OnceLock::new(),
        }
    }

    /// Where a file is that a profile calls `file`, if it is known what it is and it is here.
    ///
    /// # Errors
    ///
    /// What the user can do to have it here.
    pub(super) fn find(&self, file: &str) -> Result<Option<PathBuf>, String> {
        let recorded = Path::new(file);
        if recorded.is_absolute() && recorded.is_file() {
            return Ok(Some(recorded.to_owned()));
        }
        if let Some((commit, rest)) = of_library(file) {
            return self.in_library(commit, rest).map(Some);
        }
        let found = self.in_checkout(file).or_else(|| self.in_registry(file)).or_else(|| self.in_project(file));
        Ok(found)
    }

    /// A file of the standard library. `commit` is the compiler's if it is known.
    fn in_library(&self, commit: Option<&str>, rest: &str) -> Result<PathBuf, String> {
        let libraries = self.libraries.get_or_init(libraries);
        let is_it = |library: &&Library| commit.is_none_or(|commit| library.commit == commit);
        let found = libraries.iter().filter(is_it).map(|library| library.folder.join(rest)).find(|path| path.is_file());
        found.ok_or_else(|| {
            let install = "install the standard library's sources with `rustup component add rust-src`";
            match commit {
                Some(commit) if !libraries.is_empty() => {
                    let commit = commit.get(..9).unwrap_or(commit);
                    format!("{install} for the toolchain that it was built with, of commit {commit}")
                }
                _ => install.into(),
            }
        })
    }

    /// A file of a dependency from a registry, whose folder is called by name and version.
    fn in_registry(&self, file: &str) -> Option<PathBuf> {
        let (package, rest) = of_package(file)?;
        let mut registries = folders_in(&self.cargo_home.join("registry/src"));
        // Dependencies of the standard library come with its sources.
        let vendored =
            || self.libraries.get_or_init(libraries).iter().map(|library| library.folder.join("library/vendor"));
        if file.starts_with("/rust/deps/") {
            registries.extend(vendored());
        }
        registries.into_iter().map(|registry| registry.join(package).join(rest)).find(|path| path.is_file())
    }

    /// A file of a dependency from git, whose folder is called by repository and revision.
    fn in_checkout(&self, file: &str) -> Option<PathBuf> {
        let (_, rest) = file.split_once("/git/checkouts/")?;
        Some(self.cargo_home.join("git/checkouts").join(rest)).filter(|path| path.is_file())
    }

    /// A file of the project that is worked on, built where its folder had the same name.
    fn in_project(&self, file: &str) -> Option<PathBuf> {
        if file.contains("/registry/src/") || file.contains("/git/checkouts/") || of_package(file).is_some() {
            return None;
        }
        let relative = (!file.starts_with('/')).then_some(file);
        self.projects.iter().find_map(|project| {
            let name = format!("/{}/", project.file_name()?.to_str()?);
            let below = file.split_once(&name).map(|(_, rest)| rest);
            below.into_iter().chain(relative).map(|rest| project.join(rest)).find(|path| path.is_file())
        })
    }
}

/// The compiler's commit, if it is known, and the path from `library` on, of a file of the standard library.
fn of_library(file: &str) -> Option<(Option<&str>, &str)> {
    if let Some((commit, rest)) = file.strip_prefix("/rustc/").and_then(|rest| rest.split_once('/')) {
        return rest.starts_with("library/").then_some((Some(commit), rest));
    }
    let (_, rest) = file.split_once("/lib/rustlib/src/rust/")?;
    rest.starts_with("library/").then_some((None, rest))
}

/// The folder called by a package's name and version, and the path below it.
fn of_package(file: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    for part in file.split('/') {
        let behind = start + part.len() + 1;
        if is_package(part) && behind < file.len() {
            return Some((part, &file[behind..]));
        }
        start = behind;
    }
    None
}

/// Whether a folder is called by name and version, such as `serde-1.0.228` or `some-crate-0.1.0-alpha.1`.
fn is_package(part: &str) -> bool {
    part.match_indices('-').any(|(dash, _)| {
        let mut numbers = part[dash + 1..].splitn(3, '.');
        let mut is_next_number = || numbers.next().is_some_and(is_number);
        let are_numbers = dash > 0 && is_next_number() && is_next_number();
        are_numbers && numbers.next().is_some_and(|patch| is_number(patch.split(['-', '+']).next().unwrap_or_default()))
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The standard libraries whose sources are here, that of the current toolchain first.
fn libraries() -> Vec<Library> {
    let mut found = Vec::new();
    if let Ok(toolchain) = Toolchain::here()
        && let Some(folder) = toolchain.rust_src()
    {
        found.push(Library { commit: commit(&toolchain.version), folder });
    }
    for toolchain in folders_in(&home("RUSTUP_HOME", ".rustup").join("toolchains")) {
        let folder = toolchain.join("lib/rustlib/src/rust");
        if !folder.join("library").is_dir() || found.iter().any(|library| library.folder == folder) {
            continue;
        }
        if let Ok(output) = Command::new(toolchain.join("bin/rustc")).arg("-vV").output() {
            found.push(Library { commit: commit(&String::from_utf8_lossy(&output.stdout)), folder });
        }
    }
    found
}

/// The commit in what `rustc -vV` says.
fn commit(version: &str) -> String {
    version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or_default().into()
}

/// A folder that a variable names, or one in the user's own.
fn home(variable: &str, name: &str) -> PathBuf {
    match std::env::var_os(variable).filter(|path| !path.is_empty()) {
        Some(path) => path.into(),
        None => Path::new(&std::env::var_os("HOME").unwrap_or_default()).join(name),
    }
}

/// What lies in a folder, by name.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(files: &[&str]) -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        for file in files {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), "").unwrap();
        }
        let library = Library { commit: "59807616e1fa".into(), folder: root.join("rust-src") };
        let places = Places {
            cargo_home: root.join("cargo"),
            projects: vec![root.join("project/member"), root.join("project")],
            libraries: OnceLock::from(vec![library]),
        };
        (folder, places)
    }

    #[test]
    fn a_dependency_is_found_by_its_version() {
        let crate_file = "cargo/registry/src/index-1/some-crate-1.2.3/src/lib.rs";
        let git_file = "cargo/git/checkouts/tool-0a1b/77aa/src/lib.rs";
        let (folder, places) = places(&[crate_file, git_file]);
        for recorded in [
            "/home/other/.cargo/registry/src/index-2/some-crate-1.2.3/src/lib.rs",
            "/remapped/some-crate-1.2.3/src/lib.rs",
            "some-crate-1.2.3/src/lib.rs",
        ] {
            assert_eq!(places.find(recorded), Ok(Some(folder.path().join(crate_file))), "{recorded}");
        }
        assert_eq!(places.find("/home/other/.cargo/registry/src/index-2/some-crate-1.2.4/src/lib.rs"), Ok(None));
        let found = places.find("/other/git/checkouts/tool-0a1b/77aa/src/lib.rs");
        assert_eq!(found, Ok(Some(folder.path().join(git_file))));
    }

    #[test]
    fn the_standard_library_is_found_by_the_compiler() {
        let file = "rust-src/library/core/src/hint.rs";
        let (folder, places) = places(&[file]);
        let found = Ok(Some(folder.path().join(file)));
        assert_eq!(places.find("/rustc/59807616e1fa/library/core/src/hint.rs"), found);
        assert_eq!(places.find("/home/other/toolchain/lib/rustlib/src/rust/library/core/src/hint.rs"), found);
        let help = places.find("/rustc/0123456789ab/library/core/src/hint.rs").unwrap_err();
        assert!(help.contains("`rustup component add rust-src`") && help.ends_with("of commit 012345678"), "{help}");
    }

    #[test]
    fn the_project_is_found_in_another_place() {
        let (folder, places) = places(&["project/member/src/lib.rs", "project/src/lib.rs"]);
        let root = folder.path();
        assert_eq!(places.find("/ci/project/member/src/lib.rs"), Ok(Some(root.join("project/member/src/lib.rs"))));
        assert_eq!(places.find("/ci/project/src/lib.rs"), Ok(Some(root.join("project/src/lib.rs"))));
        // Of a dependency, which only looks like it.
        assert_eq!(places.find("/ci/project/.cargo/registry/src/index/a-1.0.0/src/lib.rs"), Ok(None));
        assert_eq!(places.find("/ci/other/src/lib.rs"), Ok(None));
    }

    #[test]
    fn folders_of_packages_are_told_by_their_version() {
        for package in ["serde-1.0.228", "some-crate-0.1.0-alpha.1", "x-1.2.3+meta", "a-1-1.0.0"] {
            assert!(is_package(package), "{package}");
        }
        for other in ["serde", "serde-1.0", "-1.0.0", "1.95.0-x86_64-unknown-linux-gnu", "tool-0a1b"] {
            assert!(!is_package(other), "{other}");
        }
    }
}
