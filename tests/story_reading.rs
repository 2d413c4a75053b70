//! Story: the commands that read profiles show Rust as its authors know it. Names read well in both manglings, std's
//! plumbing and other people's crates fold away, and whatever folds, no time is lost; other tools get the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};

use prof_tests::{Evidence, Project};
use serde_json::Value;

const USAGE: i32 = 2;
const ENVIRONMENT: i32 = 96;
const CPU: &str = "target/profiles/cpu.prof";
const MEM: &str = "target/profiles/mem.prof";

/// How the names end that nobody who reads a stack wants to see. `std::sync::Once::call_once` is none of them.
const PLUMBING: [&str; 6] = [
    "FnOnce::call_once",
    "FnOnce>::call_once",
    "catch_unwind",
    "do_call",
    "lang_start",
    "__rust_begin_short_backtrace",
];

/// What names are built with.
const MANGLINGS: [&str; 2] = [V0, DEFAULT];
const V0: &str = "-Csymbol-mangling-version=v0";
/// That of the toolchain: of a stable one the older mangling, for now.
const DEFAULT: &str = "";

/// Profiles the project's test.
fn profile(project: &Project, mangling: &str) {
    let with_flags = |command: &mut Command| {
        command.env("RUSTFLAGS", mangling);
    };
    project.profiled_with(&["test", "-q", "--lib"], &["--cpuprofilerate", "1000"], with_flags).succeeded();
}

/// Folded stacks, outermost first, and their values.
fn folded(project: &Project, flags: &[&str]) -> BTreeMap<Vec<String>, i64> {
    let text = project.prof(&[&["folded", CPU], flags].concat()).succeeded().stdout;
    let line = |line: &str| {
        let (stack, value) = line.rsplit_once(' ').unwrap();
        (stack.split(';').map(str::to_owned).collect(), value.parse().unwrap())
    };
    text.lines().map(line).collect()
}

fn names(stacks: &BTreeMap<Vec<String>, i64>) -> BTreeSet<&str> {
    stacks.keys().flatten().map(|name| &**name).collect()
}

/// The time in such stacks.
fn time(stacks: &BTreeMap<Vec<String>, i64>, is_such: impl Fn(&[String]) -> bool) -> i64 {
    stacks.iter().filter(|(stack, _)| is_such(stack)).map(|(_, value)| value).sum()
}

/// The time in stacks with these frames one right upon the other, the caller first.
fn time_in(stacks: &BTreeMap<Vec<String>, i64>, frames: &[&str]) -> i64 {
    time(stacks, |stack| stack.windows(frames.len()).any(|window| window == frames))
}

#[test]
fn names_read_well_and_plumbing_folds() {
    let project = Project::in_awkward_folder("reading");
    for mangling in MANGLINGS {
        profile(&project, mangling);
        let total = project.cpu_profile().all().total("cpu");
        let (read, whole) = (folded(&project, &[]), folded(&project, &["--full-names", "--plumbing"]));
        let named = names(&read);
        for expected in [
            "two_shelves::Shelf::count",
            "two_shelves::everything",
            "two_shelves::call",
            "<two_shelves::Page as ink::Print>::print",
            "<two_shelves::Page as core::fmt::Display>::fmt",
            "<ink::Pot as core::fmt::Display>::fmt",
            "ink::blot",
        ] {
            assert!(named.contains(expected), "{expected} of {mangling:?} in {named:#?}");
        }
        for plumbing in PLUMBING {
            assert!(!named.iter().any(|name| name.ends_with(plumbing)), "{plumbing} of {mangling:?} in {named:#?}");
        }
        for plumbing in ["call_once", "catch_unwind"] {
            assert!(names(&whole).iter().any(|name| name.contains(plumbing)), "{plumbing} of {mangling:?}");
        }
        assert_eq!(read.values().sum::<i64>(), total);
        assert_eq!(whole.values().sum::<i64>(), total);
        // What runs under `catch_unwind` is called by whoever called that.
        let caught = |closure| ["two_shelves::everything", closure, "two_shelves::Shelf::count"];
        let closures = ["two_shelves::everything::{closure#1}", "two_shelves::everything::{closure}"];
        let time: i64 = closures.iter().map(|closure| time_in(&read, &caught(closure))).sum();
        assert!(time > 0, "{read:#?}");
        assert!(time_in(&read, &["two_shelves::Shelf::count", "ink::blot"]) > total / 4, "{read:#?}");
    }
}

#[test]
fn every_command_reads_the_same_way() {
    let project = Project::in_awkward_folder("reading");
    profile(&project, V0);
    let count = "two_shelves::Shelf::count";
    let show = |line: &[&str]| project.prof(line).succeeded().stdout;
    let rows = |table: &str| table.lines().filter(|line| line.ends_with(count)).count();
    assert_eq!(rows(&show(&["top", CPU, "-n", "0", "--cum"])), 1);
    assert_eq!(show(&["top", CPU, "-n", "0", "--cum", "--full-names"]).matches("<two_shelves::Shelf<u").count(), 3);
    assert!(show(&["tree", CPU, "-n", "0"]).contains(&format!("| {count}")));
    let peek = show(&["peek", "Shelf::count$", CPU]);
    assert!(peek.contains(&format!("| {count}\n")) && peek.contains("|   ink::blot"), "{peek}");
    assert!(show(&["traces", CPU]).contains(&format!("   {count}\n")));
    assert!(show(&["tags", CPU]).contains(": lib/two_shelves"));
    let focused = show(&["top", CPU, "--focus", "Page as core::fmt::Display", "--ignore", "Pot"]);
    assert!(focused.contains("focus=Page") && !focused.contains(count), "{focused}");

    // Into a file, of standard input.
    let mut command = project.prof_command(&["top", "-", "-n", "0", "-o", "target/top.txt"]);
    command.stdin(Stdio::from(fs::File::open(project.path(CPU)).unwrap()));
    assert!(command.output().unwrap().status.success());
    assert_eq!(fs::read_to_string(project.path("target/top.txt")).unwrap(), show(&["top", CPU, "-n", "0"]));

    // Go's own way shows everything, and folded stacks too.
    let of_go = show(&["pprof", "-folded", CPU]);
    assert!(of_go.contains("<two_shelves::Shelf<u32, 2>>::count;ink::blot"), "{of_go}");
}

#[test]
fn mine_are_the_workspaces_own() {
    let project = Project::in_awkward_folder("reading");
    profile(&project, V0);
    let total = project.cpu_profile().all().total("cpu");
    let mine = folded(&project, &["--mine"]);
    assert_eq!(mine.values().sum::<i64>(), total);
    for name in names(&mine) {
        assert!(name.contains("two_shelves::") || name == "[other crates]" || name == "[unsampled]", "{name}");
        assert!(!name.contains("Pot") && !name.starts_with("core"), "{name}");
    }
    // What was done in the other crate is its callers' own.
    let all = folded(&project, &[]);
    let count = "two_shelves::Shelf::count";
    let own = |leaf: &str| time(&mine, |stack| stack.last().is_some_and(|last| last == leaf));
    assert_eq!(own(count), time_in(&all, &[count]));
    assert!(own("<two_shelves::Page as core::fmt::Display>::fmt") > 0);

    let elsewhere = project.path("target/profiles");
    let mut command = project.prof_command(&["top", "--mine", "cpu.prof"]);
    assert!(command.current_dir(&elsewhere).output().unwrap().status.success(), "below the project is in it");
    let refused = project.prof_command(&["top", "--mine", "x.prof"]).current_dir("/").output().unwrap();
    assert_eq!(refused.status.code(), Some(USAGE));
}

#[test]
fn other_tools_get_the_same() {
    let project = Project::in_awkward_folder("reading");
    project.profiled(&["run", "-q"]).succeeded();
    let cpu = project.cpu_profile();
    let total = |kind| cpu.all().total(kind);
    let json = |to: &str| -> Value {
        let file = format!("target/{to}.json");
        let told = project.prof(&["convert", CPU, "--to", to, "-o", &file]).succeeded();
        assert!(told.stderr.contains(&file), "{}", told.stderr);
        serde_json::from_slice(&fs::read(project.path(&file)).unwrap()).unwrap()
    };
    let sum = |weights: &Value| weights.as_array().unwrap().iter().map(|weight| weight.as_f64().unwrap()).sum::<f64>();

    let speedscope = json("speedscope");
    let frames = speedscope["shared"]["frames"].as_array().unwrap();
    assert!(frames.iter().any(|frame| frame["name"] == "two_shelves::Shelf::count"));
    for profile in speedscope["profiles"].as_array().unwrap() {
        let total = total(profile["name"].as_str().unwrap());
        assert_eq!((sum(&profile["weights"]) as i64, &profile["endValue"]), (total, &total.into()));
        assert_eq!(profile["samples"].as_array().unwrap().len(), profile["weights"].as_array().unwrap().len());
        let stacks = profile["samples"].as_array().unwrap().iter().flat_map(|stack| stack.as_array().unwrap());
        assert!(stacks.map(|frame| frame.as_u64().unwrap()).all(|frame| frame < frames.len() as u64));
    }
    assert_eq!(speedscope["profiles"][1]["unit"], "nanoseconds");
    assert_eq!(speedscope["activeProfileIndex"], 1);

    let firefox = json("firefox");
    let threads = firefox["threads"].as_array().unwrap();
    assert_eq!(threads.len(), 2);
    assert_eq!(sum(&threads[0]["samples"]["weight"]) as i64, total("samples"));
    assert!((sum(&threads[1]["samples"]["weight"]) - total("cpu") as f64 / 1e6).abs() < 1e-3);
    assert!(threads[1]["stringArray"].as_array().unwrap().iter().any(|name| name == "two_shelves::Shelf::count"));

    project.prof(&["convert", CPU, "--to", "pprof", "-o", "target/whole.pb.gz"]).succeeded();
    assert_eq!(Evidence::read(&project.path("target/whole.pb.gz")).profile(), cpu.profile(), "nothing is lost");

    let told = project.prof(&["flamegraph", CPU, "-o", "target/cpu.svg", "--title", "A title"]).succeeded();
    assert!(told.stderr.contains("target/cpu.svg") && told.stdout.is_empty(), "{}", told.stderr);
    let picture = fs::read_to_string(project.path("target/cpu.svg")).unwrap();
    assert!(
        picture.starts_with("<?xml") && picture.contains("two_shelves::Shelf::count") && picture.contains("A title")
    );
    let is_plumbing =
        |line: &&str| ["FnOnce::call_once", "FnOnce&gt;::call_once"].iter().any(|name| line.contains(name));
    assert_eq!(picture.lines().find(is_plumbing), None);
    let printed = project.prof(&["flamegraph", CPU, "--title", "A title"]).succeeded();
    assert_eq!(printed.stdout, picture);
}

#[test]
fn a_merge_is_the_sum() {
    let project = Project::in_awkward_folder("reading");
    project.profiled(&["run", "-q"]).succeeded();
    let folder = project.path("target/many");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let one = fs::read(project.path(CPU)).unwrap();
    for name in ["a.prof", "b.pb.gz"] {
        fs::write(folder.join(name), &one).unwrap();
    }
    fs::write(folder.join("c.prof"), "no profile").unwrap();
    fs::write(folder.join("notes.txt"), "no profile").unwrap();

    // Again, with the first result there.
    for _ in 0..2 {
        let told = project.prof(&["merge", "target/many/all.prof", "target/many", "--force"]).succeeded().stderr;
        assert!(told.contains("merged 2 profiles with ") && told.contains("c.prof is not a profile"), "{told}");
        assert!(told.ends_with("next: cargo prof top target/many/all.prof\n") && !told.contains("notes"), "{told}");
        let (once, twice) = (project.cpu_profile(), Evidence::read(&folder.join("all.prof")));
        assert_eq!(twice.all().total("cpu"), 2 * once.all().total("cpu"));
        assert_eq!(twice.profile().samples.len(), once.profile().samples.len());
    }
    let all = project.prof(&["folded", CPU, "target/many/all.prof"]).succeeded().stdout;
    let sum =
        |text: &str| text.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap()).sum::<i64>();
    assert_eq!(sum(&all), 3 * project.cpu_profile().all().total("cpu"));
    let difference = project.prof(&["folded", "--base", CPU, "target/many/all.prof"]).succeeded().stdout;
    assert_eq!(sum(&difference), project.cpu_profile().all().total("cpu"));
    let nothing = project.prof(&["top", "--base", CPU, CPU]).succeeded();
    assert!(nothing.stdout.contains(" of 0 total"), "{}", nothing.stdout);

    for (line, status, told) in [
        (&["merge", "target/x.prof", CPU, MEM][..], USAGE, "measure different things"),
        (&["merge", "target/x.prof", "target/many/c.prof"], ENVIRONMENT, "c.prof is not a profile"),
        (&["merge", "target/x.prof", "src"], USAGE, "no profiles"),
        (&["merge", "none/x.prof", CPU], ENVIRONMENT, "there is no directory"),
        (&["merge", CPU], USAGE, "<FILE>"),
        (&["merge", CPU, MEM], USAGE, "is there already"),
        (&["top", CPU, MEM], USAGE, "measure different things"),
        (&["top", "-", "-"], USAGE, "only once"),
        (&["top", CPU, "--focus", "("], USAGE, "--focus takes a regular expression"),
        (&["peek", "no_such_function", CPU], USAGE, "no function matches \"no_such_function\""),
        (&["convert", CPU, "--to", "speedscope", "--base", "target/many/all.prof"], USAGE, "below zero"),
        (&["convert", CPU, "--to", "excel"], USAGE, "speedscope"),
    ] {
        let refused = project.prof(line);
        assert_eq!(refused.code(), status, "{line:?}\n{}", refused.stderr);
        assert!(refused.stderr.starts_with("error: ") && refused.stderr.contains(told), "{line:?}\n{}", refused.stderr);
    }
    assert!(!project.path("target/x.prof").exists());

    // A program that gives back all that it takes has nothing in use, and the table says what to look at.
    let empty = project.prof(&["top", MEM, "--focus", "two_shelves"]).succeeded();
    let is_empty = empty.stdout.contains(" of 0 total");
    assert_eq!(is_empty, empty.stderr.contains("--sample-index alloc_space"), "{}\n{}", empty.stdout, empty.stderr);
}
