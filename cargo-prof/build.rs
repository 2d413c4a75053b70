//! Packs the sources of the crates that are injected into users' programs, so that an installed cargo-prof does not
//! need its checkout. They are written out and compiled, with the user's toolchain, by `src/inject/harness.rs`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

const CRATES: [&str; 3] = ["prof-harness", "prof-record", "prof-test"];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut files = Vec::new();
    for name in CRATES {
        println!("cargo::rerun-if-changed={}", root.join(name).display());
        gather(&root, Path::new(name), &mut files);
    }
    files.sort();

    // The crates inherit from the workspace's manifest; there it has fewer members.
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the workspace has a manifest");
    let manifest_path = out.join("Cargo.toml");
    fs::write(&manifest_path, with_members(&manifest)).expect("OUT_DIR is writable");

    let mut list = String::from("&[\n");
    writeln!(list, "    (\"Cargo.toml\", include_bytes!({manifest_path:?})),").expect("a string");
    for file in files {
        let path = root.join(&file).canonicalize().expect("it was just listed");
        writeln!(list, "    ({:?}, include_bytes!({path:?})),", file.to_str().expect("our names are UTF-8"))
            .expect("a string");
    }
    list.push_str("]\n");
    fs::write(out.join("sources.rs"), list).expect("OUT_DIR is writable");
}

fn gather(root: &Path, below: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(root.join(below)).expect("a crate's folder").map(|entry| entry.expect("readable")).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = below.join(entry.file_name());
        if entry.file_type().expect("readable").is_dir() {
            if entry.file_name() != "target" {
                gather(root, &path, files);
            }
        } else {
            files.push(path);
        }
    }
}

/// The workspace's manifest with only the injected crates for members.
fn with_members(manifest: &str) -> String {
    let start = manifest.find("members = [").expect("the manifest lists its members");
    let end = start + manifest[start..].find(']').expect("the list ends") + 1;
    format!("{}members = [\"prof-harness\", \"prof-record\"]{}", &manifest[..start], &manifest[end..])
}
