//! Story: `cargo prof` leaves a project as it found it. No file outside the target directory changes, what plain cargo
//! has built stays built, and a second run compiles nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use prof_tests::Project;

/// Every file below a folder with its time and length, but for those below `without`.
fn files(folder: &Path, without: &Path) -> BTreeMap<PathBuf, (SystemTime, u64)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            if path == without {
            } else if metadata.is_dir() {
                folders.push(path);
            } else {
                found.insert(path, (metadata.modified().unwrap(), metadata.len()));
            }
        }
    }
    found
}

#[test]
fn plain_cargo_does_not_notice() {
    let project = Project::in_awkward_folder("workspace");
    let arguments = ["test", "--workspace", "--all-targets"];
    project.cargo(&arguments).succeeded();
    let (sources, built) = (
        files(&project.path(""), &project.path("target")),
        files(&project.path("target/debug"), &project.path("target/debug/.cargo-lock")),
    );

    project.profiled(&arguments).succeeded();
    assert_eq!(files(&project.path(""), &project.path("target")), sources);
    assert_eq!(files(&project.path("target/debug"), &project.path("target/debug/.cargo-lock")), built);

    let again = project.cargo(&arguments).succeeded();
    assert_eq!(again.compiled(), [""; 0], "{}", again.stderr);
}

#[test]
fn a_second_run_compiles_nothing() {
    let project = Project::in_awkward_folder("workspace");
    for arguments in [&["test", "--workspace"][..], &["run", "-p", "two-words"]] {
        project.profiled(arguments).succeeded();
        let again = project.profiled(arguments).succeeded();
        assert_eq!(again.compiled(), [""; 0], "{}", again.stderr);
    }
    // Other rates, other files: still the same build.
    let again = project.prof(&["test", "--workspace", "--cpuprofile", "target/other.prof", "--cpuprofilerate", "50"]);
    assert_eq!(again.succeeded().compiled(), [""; 0]);
}

#[test]
fn a_lock_file_that_is_not_there_is_not_made_by_us_alone() {
    // Cargo makes one; ours must be the same, in the same place.
    let project = Project::of("doctests");
    let lock_file = project.path("Cargo.lock");
    fs::remove_file(&lock_file).unwrap();
    project.cargo(&["test", "--lib"]).succeeded();
    let by_cargo = fs::read(&lock_file).unwrap();
    fs::remove_file(&lock_file).unwrap();
    project.profiled(&["test", "--lib"]).succeeded();
    assert_eq!(fs::read(&lock_file).unwrap(), by_cargo);
}

#[test]
fn a_locked_offline_build_stays_one() {
    let project = Project::in_awkward_folder("workspace");
    let twice = project.twice(&["test", "--workspace", "--lib", "--frozen"]);
    assert_eq!(twice.ours.code(), 0);
}
