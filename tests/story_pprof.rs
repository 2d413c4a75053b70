//! `cargo prof pprof` prints what `go tool pprof` prints, byte for byte: on many profiles, in many formats, with many
//! options, as Go's own tool was once recorded. The records lie outside this repository; without them the story is skipped.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cargo_prof::pprof;
use prof_tests::workspace_root;
use serde_json::Value;

/// Cases in which Go's own output changes from run to run, because it leaves open which of two nodes or edges comes first:
/// nodes of one name and value, as in a tree of addresses without names, and edges whose weights differ in their sign alone.
const OPEN: [&[&str]; 11] = [
    &["-dot", "-call_tree", "cppbench.contention"],
    &["-dot", "-call_tree", "cppbench.cpu"],
    &["-dot", "-call_tree", "cppbench.growth"],
    &["-dot", "-call_tree", "go.crc32.cpu"],
    &["-dot", "-call_tree", "go.goroutine.txt"],
    &["-dot", "-call_tree", "go.mutex.txt"],
    &["-dot", "-call_tree", "go.threadcreate.pb.gz"],
    &["-dot", "-call_tree", "java.contention"],
    &["-files", "-cum", "go.cpu.pb.gz"],
    &["-files", "-cum", "rust.heap.pb.gz"],
    &["-tree", "-diff_base=rust.cpu2.pb.gz", "rust.cpu.pb.gz"],
];

#[test]
fn the_output_is_that_of_go() {
    let Some(folder) = records() else {
        let reason = "there are no recorded cases; PPROF_CONFORMANCE names their folder";
        return prof_tests::skip("the_output_is_that_of_go", reason);
    };
    let cases = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let cases: Vec<Case> = cases.lines().map(|line| Case::new(&folder, line)).collect();
    // The only test of this process, so nothing else depends on where it is.
    std::env::set_current_dir(folder.join("profiles")).unwrap();
    let next = AtomicUsize::new(0);
    let told = Mutex::new(Told::default());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let is_equal = case.is_equal();
                    told.lock().unwrap().tell(case, is_equal);
                }
            });
        }
    });
    let Told { equal, open, different } = told.into_inner().unwrap();
    assert!(equal > 0, "no case was found");
    assert!(different.is_empty(), "{equal} are equal, {open} are left open by Go, these differ: {different:#?}");
}

/// A command line and what Go printed.
struct Case {
    arguments: Vec<String>,
    expected: Vec<u8>,
}

impl Case {
    fn new(folder: &Path, line: &str) -> Case {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let arguments = case["args"].as_array().unwrap().iter().map(text).collect();
        Case { arguments, expected: fs::read(folder.join(text(&case["stdout"]))).unwrap() }
    }

    fn is_equal(&self) -> bool {
        let arguments: Vec<OsString> = self.arguments.iter().map(OsString::from).collect();
        let found = pprof::answer(&arguments, &mut |_| {}).map(|answer| answer.into_bytes());
        found.unwrap_or_default() == self.expected
    }

    /// Whether Go leaves open what is printed.
    fn is_open(&self) -> bool {
        let all_given = |wanted: &&&[&str]| wanted.iter().all(|word| self.arguments.iter().any(|given| given == word));
        OPEN.iter().any(|wanted| all_given(&wanted))
    }
}

/// What came of all cases.
#[derive(Default)]
struct Told {
    equal: usize,
    open: usize,
    /// By format.
    different: BTreeMap<String, Vec<String>>,
}

impl Told {
    fn tell(&mut self, case: &Case, is_equal: bool) {
        if is_equal {
            self.equal += 1;
        } else if case.is_open() {
            self.open += 1;
        } else {
            let format = case.arguments[1].split('=').next().unwrap_or_default();
            self.different.entry(format.to_owned()).or_default().push(case.arguments.join(" "));
        }
    }
}

/// The folder of the recorded cases.
fn records() -> Option<PathBuf> {
    let named = std::env::var_os("PPROF_CONFORMANCE").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| workspace_root().join("../shared/pprof-conformance"));
    folder.join("cases.jsonl").is_file().then_some(folder)
}
