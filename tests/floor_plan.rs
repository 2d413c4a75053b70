//! The floor plan as a test: which crate and which module may see which, where `unsafe` may stand, and how a file opens
//! and how long it may be. A room that is not on the plan fails until it is put there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use prof_tests::workspace_root;
use regex::Regex;
use serde_json::Value;

/// Each crate and the crates of this workspace that it may depend on, for more than its tests.
const CRATES: [(&str, &[&str]); 9] = [
    ("prof-record", &[]),
    ("prof-harness", &["prof-record"]),
    ("prof-test", &["prof-harness"]),
    ("prof-pprof", &["prof-record"]),
    ("cargo-prof", &["prof-pprof", "prof-record"]),
    ("prof-criterion", &["prof-record", "prof-harness", "prof-pprof"]),
    ("prof-tests", &["prof-record", "prof-harness", "prof-test", "prof-pprof", "cargo-prof"]),
    ("prof-examples", &[]),
    ("prof-fuzz", &["prof-pprof"]),
];

/// Folders that are not called as their package.
const FOLDERS: [(&str, &str); 3] = [("prof-tests", "tests"), ("prof-examples", "examples"), ("prof-fuzz", "fuzz")];

/// What injecting the harness may cost: itself and what it imports, and so on.
const CRATES_IN_THE_HARNESS: usize = 8;
const NEVER_IN_THE_HARNESS: [&str; 5] = ["serde", "prost", "flate2", "clap", "log"];

/// The modules of `prof-pprof` by floor: one sees only its own floor and those below.
const FLOORS_OF_PPROF: [&[&str]; 4] = [
    &["profile", "samples", "label_sets", "position", "error"],
    &[
        "address_space",
        "aggregate",
        "builder",
        "codec",
        "expression",
        "filter",
        "focus",
        "from_record",
        "label_filter",
        "label_frames",
        "label_units",
        "legacy",
        "measurement",
        "merge",
        "parallel",
        "path",
        "prune",
        "rust_reading",
        "sample_index",
        "sample_table",
        "split",
        "unsample",
        "wire",
    ],
    &["graph", "stacks"],
    &["report"],
];

/// What may be seen from the signal handler.
const SEEN_BY_THE_HANDLER: [&str; 9] =
    ["alive", "bucket", "cpu", "label", "registers", "stack", "sys", "thread", "unwind"];

/// What the reports have in common, beside them.
const SHARED_BY_REPORTS: [&str; 5] = ["frames", "header", "options", "values", "view"];

/// The only files in which `unsafe` may stand.
const FILES_WITH_UNSAFE: [&str; 47] = [
    "prof-criterion/src/counting.rs",
    "prof-harness/benches/capture.rs",
    "prof-harness/src/alive.rs",
    "prof-harness/src/arena.rs",
    "prof-harness/src/birth.rs",
    "prof-harness/src/copies.rs",
    "prof-harness/src/countdown.rs",
    "prof-harness/src/cpu/blocked.rs",
    "prof-harness/src/cpu/chain.rs",
    "prof-harness/src/cpu/clock.rs",
    "prof-harness/src/cpu/handler.rs",
    "prof-harness/src/cpu/itimer.rs",
    "prof-harness/src/cpu/wait.rs",
    "prof-harness/src/exec.rs",
    "prof-harness/src/heap/door.rs",
    "prof-harness/src/heap/exact.rs",
    "prof-harness/src/heap/jemalloc.rs",
    "prof-harness/src/heap/live.rs",
    "prof-harness/src/heap/mimalloc.rs",
    "prof-harness/src/heap/next.rs",
    "prof-harness/src/heap/region.rs",
    "prof-harness/src/heap/snmalloc.rs",
    "prof-harness/src/heap/wrapper.rs",
    "prof-harness/src/interpose.rs",
    "prof-harness/src/mapping.rs",
    "prof-harness/src/memory.rs",
    "prof-harness/src/named_tests.rs",
    "prof-harness/src/registers.rs",
    "prof-harness/src/session.rs",
    "prof-harness/src/sys/loader.rs",
    "prof-harness/src/sys/memory.rs",
    "prof-harness/src/sys/mod.rs",
    "prof-harness/src/sys/perf.rs",
    "prof-harness/src/sys/signal.rs",
    "prof-harness/src/sys/stack.rs",
    "prof-harness/src/sys/thread.rs",
    "prof-harness/src/testing.rs",
    "prof-harness/src/thread.rs",
    "prof-harness/src/unwind/leaves.rs",
    "prof-harness/src/unwind/mod.rs",
    "prof-harness/src/unwind/modules.rs",
    "prof-harness/src/unwind/recover.rs",
    "prof-harness/src/unwind/trail.rs",
    "prof-harness/src/unwind/trail/tests.rs",
    "prof-harness/tests/no_allocation.rs",
    "prof-harness/tests/profiler.rs",
    "prof-harness/tests/sessions.rs",
];

const LONGEST_FILE: usize = 400;

#[test]
fn a_crate_sees_only_what_stands_below_it() {
    let plan = BTreeMap::from(CRATES);
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let allowed = plan.get(name).unwrap_or_else(|| panic!("{name} is not on the plan"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let seen = dependency["name"].as_str().unwrap();
            let is_for_tests = dependency["kind"] == "dev";
            if plan.contains_key(seen) && !(is_for_tests && seen != "cargo-prof") {
                assert!(allowed.contains(&seen), "{name} depends on {seen}");
            }
        }
        if name == "prof-record" {
            let all = package["dependencies"].as_array().unwrap();
            assert!(all.iter().all(|dependency| dependency["kind"] == "dev"), "prof-record depends on {all:?}");
        }
    }
}

#[test]
fn a_folder_is_called_as_its_package() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        let expected = BTreeMap::from(FOLDERS).get(name).copied().unwrap_or(name);
        assert_eq!(folder, workspace_root().join(expected));
    }
}

#[test]
fn the_harness_is_cheap_to_inject() {
    let tree = cargo(&["tree", "-p", "prof-harness", "-e", "normal", "--prefix", "none", "--format", "{p}"]);
    let crates: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).collect();
    assert!(crates.len() <= CRATES_IN_THE_HARNESS, "{} crates: {crates:?}", crates.len());
    for never in NEVER_IN_THE_HARNESS {
        assert!(!crates.contains(never), "{never}");
    }
}

#[test]
fn a_module_of_pprof_sees_only_what_stands_below_it() {
    let root = workspace_root().join("prof-pprof/src");
    let exported = exports(&root.join("lib.rs"));
    let floor = |module: &str| FLOORS_OF_PPROF.iter().position(|modules| modules.contains(&module));
    for (path, text) in sources(&root) {
        let module = module_of(&root, &path);
        if module == "lib" {
            continue;
        }
        let own = floor(&module).unwrap_or_else(|| panic!("{} is on no floor of the plan", path.display()));
        for seen in seen_modules(before_tests(&text), &exported) {
            let other = floor(&seen).unwrap_or_else(|| panic!("{} sees {seen}, which is on no floor", path.display()));
            assert!(other <= own, "{} sees {seen}, which stands above it", path.display());
            assert!(seen != "wire" || module == "codec" || module == "wire", "{} sees the wire format", path.display());
        }
    }
}

#[test]
fn reports_never_see_each_other() {
    let root = workspace_root().join("prof-pprof/src/report");
    let mut reports: BTreeSet<String> = sources(&root).keys().map(|path| module_of(&root, path)).collect();
    reports.retain(|report| !SHARED_BY_REPORTS.contains(&&**report));
    for (path, text) in sources(&root) {
        let own = module_of(&root, &path);
        for other in reports.iter().filter(|other| **other != own) {
            for way in [format!("report::{other}"), format!("super::{other}")] {
                assert!(!contains_path(before_tests(&text), &way), "{} sees {way}", path.display());
            }
        }
    }
}

#[test]
fn the_signal_handler_sees_little() {
    let path = workspace_root().join("prof-harness/src/cpu/handler.rs");
    let text = fs::read_to_string(&path).unwrap();
    for seen in seen_modules(before_tests(&text), &BTreeMap::new()) {
        assert!(SEEN_BY_THE_HANDLER.contains(&&*seen), "the signal handler sees {seen}");
    }
}

#[test]
fn unsafe_code_stands_in_few_files() {
    let is_unsafe = Regex::new(r"(?m)^[^/\n]*(\bunsafe\s*(\{|fn|impl|extern|trait)|#\[unsafe\()").unwrap();
    let mut found = BTreeSet::new();
    for (path, text) in all_sources() {
        if is_unsafe.is_match(&text) {
            found.insert(path.strip_prefix(workspace_root()).unwrap().to_str().unwrap().to_owned());
        }
    }
    let listed: BTreeSet<String> = FILES_WITH_UNSAFE.map(str::to_owned).into();
    let (unlisted, needless) = (found.difference(&listed), listed.difference(&found));
    assert_eq!(
        found,
        listed,
        "not listed: {:?}\nwithout need: {:?}",
        unlisted.collect::<Vec<_>>(),
        needless.collect::<Vec<_>>()
    );
}

#[test]
fn a_file_opens_with_its_purpose_and_is_not_long() {
    for (path, text) in all_sources() {
        assert!(text.starts_with("//! "), "{} does not say what it is for", path.display());
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines; it is two rooms", path.display());
    }
}

/// The packages of the workspace, and those that stand beside it.
fn packages() -> Vec<Value> {
    let mut packages = Vec::new();
    for manifest in ["Cargo.toml", "prof-test/Cargo.toml", "fuzz/Cargo.toml"] {
        let metadata = cargo(&["metadata", "--no-deps", "--format-version=1", "--manifest-path", manifest]);
        let mut metadata: Value = serde_json::from_str(&metadata).unwrap();
        packages.extend(std::mem::take(metadata["packages"].as_array_mut().unwrap()));
    }
    packages
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new("cargo").args(arguments).current_dir(workspace_root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every source file of our own, not those of the fixtures.
fn all_sources() -> BTreeMap<PathBuf, String> {
    let folders = packages();
    let folders = folders.iter().map(|package| Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap());
    folders.flat_map(sources).collect()
}

/// The Rust files below a folder.
fn sources(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("fixtures") {
                found.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.insert(path, text);
        }
    }
    found
}

/// The module at the top of a crate that a file belongs to.
fn module_of(root: &Path, path: &Path) -> String {
    let first = path.strip_prefix(root).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The names that `lib.rs` exports, each with the module that it comes from.
fn exports(lib: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(lib).unwrap();
    let exports = Regex::new(r"pub use (\w+)::(\{[^}]*\}|\w+);").unwrap();
    let word = Regex::new(r"\w+").unwrap();
    let mut found = BTreeMap::new();
    for export in exports.captures_iter(&text) {
        found.extend(word.find_iter(&export[2]).map(|name| (name.as_str().to_owned(), export[1].to_owned())));
    }
    found
}

/// The modules that a file's `crate::` paths lead to.
fn seen_modules(text: &str, exported: &BTreeMap<String, String>) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let path = Regex::new(r"\bcrate::(\w+|\{(?:[^{}]|\{[^{}]*\})*\})").unwrap();
    let nested = Regex::new(r"\{[^{}]*\}").unwrap();
    let first_of_path = Regex::new(r"(?:^|,)\s*(\w+)").unwrap();
    let mut seen = BTreeSet::new();
    for path in path.captures_iter(&code) {
        let inner = path[1].strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(&path[1]);
        for first in first_of_path.captures_iter(&nested.replace_all(inner, "")) {
            let name = first[1].to_owned();
            seen.insert(exported.get(&name).cloned().unwrap_or(name));
        }
    }
    seen
}

fn contains_path(text: &str, path: &str) -> bool {
    Regex::new(&format!(r"\b{path}\b")).unwrap().is_match(text)
}

fn before_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}
