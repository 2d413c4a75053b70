//! Story: what cannot work is refused before anything is built, in one line that names the thing and the way out.

use std::fs;
use std::path::Path;

use prof_tests::{Outcome, Project};

const USAGE: i32 = 2;
const ENVIRONMENT: i32 = 96;

/// Arguments, exit status, and words that the error must hold.
type Case = (&'static [&'static str], i32, &'static [&'static str]);

const CASES: [Case; 20] = [
    (&["test", "--cpuprofilerate", "0"], USAGE, &["--cpuprofilerate", "0"]),
    (&["run", "--memprofilerate", "0"], USAGE, &["--memprofilerate", "0"]),
    (&["bench", "--cpuprofilerate", "1000000000000"], USAGE, &["--cpuprofilerate", "1000000000000"]),
    (&["test", "--cpuprofile", "one.prof", "--memprofile", "one.prof"], USAGE, &["one.prof"]),
    (&["test", "--cpuprofile", "one.prof", "--memprofile", "./one.prof"], USAGE, &["one.prof"]),
    (&["test", "--cpuprofile", "src/../one.prof", "--memprofile", "one.prof"], USAGE, &["one.prof"]),
    (&["test", "--cpuprofile", "src"], ENVIRONMENT, &["src", "directory"]),
    (&["run", "--memprofile", "no/such/folder/mem.prof"], ENVIRONMENT, &["no/such/folder"]),
    (&["run", "--outputdir", "missing", "--cpuprofile", "cpu.prof"], ENVIRONMENT, &["missing", "--outputdir"]),
    (
        &["run", "--outputdir", "Cargo.toml", "--cpuprofile", "cpu.prof"],
        ENVIRONMENT,
        &["Cargo.toml", "not a directory"],
    ),
    // Nobody can make files there, not even root.
    (&["test", "--cpuprofile", "/proc/cpu.prof"], ENVIRONMENT, &["/proc"]),
    (&["test", "--outputdir", "/proc", "--memprofile", "mem.prof"], ENVIRONMENT, &["/proc"]),
    (&["run", "--peakprofile", "one.prof", "--memprofile", "one.prof"], USAGE, &["--memprofile and --peakprofile"]),
    (&["test", "--memstats", "--memprofilerate", "512"], USAGE, &["--memstats", "--memprofilerate 512", "leave"]),
    (&["bench", "--leaks", "--allow-leak", "a("], USAGE, &["--allow-leak", "a(", "unclosed group"]),
    (&["test", "--fail-on-leak", "--allow-leaks", "no/such.txt"], ENVIRONMENT, &["no/such.txt"]),
    (&["test", "--allow-leak", "a"], USAGE, &["--allow-leak", "--fail-on-leak"]),
    (&["test", "--format", "json"], USAGE, &["--format", "--memstats"]),
    (&["test", "--memstats", "--report", "one.prof", "--cpuprofile", "one.prof"], USAGE, &["one.prof"]),
    (&["test", "--leaks", "--report", "no/such/folder/r.json"], ENVIRONMENT, &["no/such/folder"]),
];

#[test]
fn what_cannot_work_is_refused_before_anything_is_built() {
    let project = Project::in_awkward_folder("doctests");
    let target = project.path("target");
    fs::remove_dir_all(&target).unwrap();
    for (arguments, code, words) in CASES {
        let refused = project.prof(arguments);
        assert_one_line(&refused, arguments, code, words);
        assert!(!target.exists(), "{arguments:?} left a target directory");
    }
    assert!(!project.path("one.prof").exists());
}

#[test]
fn no_project_is_no_project() {
    let folder = std::env::temp_dir().join(format!("no project {}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let project = Project::of("doctests");
    let arguments = ["test", "--cpuprofile", "cpu.prof"];
    let refused: Outcome = project.prof_command(&arguments).current_dir(&folder).output().unwrap().into();
    let left = files_in(&folder);
    fs::remove_dir_all(&folder).unwrap();
    assert_one_line(&refused, &arguments, ENVIRONMENT, &["Cargo.toml"]);
    assert_eq!(left, 0, "files in the folder");
}

#[test]
fn what_is_no_command_is_a_usage_error() {
    let project = Project::of("doctests");
    for arguments in
        [&["frobnicate"][..], &["test", "--cpuprofilerate", "ten"], &["test", "--cpuprofile"], &["top", "-n"]]
    {
        let refused = project.prof(arguments);
        assert_eq!(refused.code(), USAGE, "{arguments:?}\n{}", refused.stderr);
        assert!(refused.stderr.starts_with("error: "), "{arguments:?}\n{}", refused.stderr);
        assert_eq!(refused.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_failed_build_shows_what_cargo_shows() {
    let project = Project::of("broken");
    // One job, or it is chance which of the two compilations of the library fails first.
    let plain = project.cargo(&["test", "-j1"]);
    assert_eq!(plain.code(), 101);

    let before = b"the profile of an earlier run";
    let existing = project.path("target/cpu.prof");
    fs::write(&existing, before).unwrap();
    let ours = project.prof(&["test", "-j1", "--cpuprofile", "target/cpu.prof"]);
    assert_eq!(ours.code(), 101);
    assert!(ours.stderr.contains("error[E0308]: mismatched types"), "{}", ours.stderr);
    plain.assert_same(&ours);
    assert_eq!(fs::read(&existing).unwrap(), before, "an old profile is replaced by a new one only");
}

#[test]
fn what_needs_nightly_needs_it_with_us() {
    // The harness is linked with a flag that is unstable; it must not open the door for the program.
    let project = Project::of("program");
    let source = "#![feature(never_type)]\nfn main() { let _: fn() -> ! = || std::process::exit(0); }\n";
    project.write("src/bin/short.rs", source);
    let arguments = ["run", "--bin", "short"];
    let plain = project.cargo(&arguments);
    let ours = project.prof(&arguments);
    assert_eq!(plain.code(), 101, "{}", plain.stderr);
    plain.assert_same(&ours);
    assert!(ours.stderr.contains("error[E0554]"), "{}", ours.stderr);
}

fn assert_one_line(refused: &Outcome, arguments: &[&str], code: i32, words: &[&str]) {
    assert_eq!(refused.code(), code, "{arguments:?}\n{}{}", refused.stdout, refused.stderr);
    assert_eq!(refused.stderr.lines().count(), 1, "{arguments:?}\n{}", refused.stderr);
    assert!(refused.stderr.starts_with("error: "), "{arguments:?}\n{}", refused.stderr);
    for word in words {
        assert!(refused.stderr.contains(word), "{arguments:?}: no {word:?} in {}", refused.stderr);
    }
    assert_eq!(refused.stdout, "", "{arguments:?}");
}

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}
