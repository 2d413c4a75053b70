//! What `split.rs` promises of a directory, with profiles made by hand.

use prof_pprof::{Builder, Function, Label, Line, Location, decode};
use serde_json::json;

use super::*;

/// A profile with one sample for each value and list of labels.
fn profile(kind: &str, unit: &str, samples: &[(i64, &[Label])]) -> Profile {
    let mut builder = Builder::new(vec![ValueType::new(kind, unit)]);
    for (position, (value, labels)) in samples.iter().enumerate() {
        let name = format!("function_{position}").as_str().into();
        let function = builder.function(Function { name, ..Function::default() });
        let lines = vec![Line { function, line: 1, column: 0 }];
        let location = builder.location(Location { address: position as u64 + 1, lines, ..Location::default() });
        let labels = builder.label_set(labels);
        builder.add(&[location], labels, &[*value]);
    }
    builder.finish()
}

fn cpu(samples: &[(i64, &[Label])]) -> Profile {
    profile("cpu", "nanoseconds", samples)
}

fn test(name: &str) -> Label {
    Label::text("test", name)
}

fn one<'a>(path: &'a Path, profile: &'a Profile) -> [Whole<'a>; 1] {
    [Whole { kind: None, path, profile }]
}

/// The names of the files in a directory.
fn listed(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn index(directory: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(directory.join("index.json")).unwrap()).unwrap()
}

#[test]
fn the_index_is_what_scripts_rely_on() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("not/yet/there");
    let number = Label::number("test", 64, "bytes");
    let cpu = cpu(&[(30, &[test("a::b")]), (2, &[]), (5, &[number.clone(), test("a::b")])]);
    let mem = profile("alloc_space", "bytes", &[(7, &[test("only/memory")])]);
    let wholes = [
        Whole { kind: Some("cpu"), path: Path::new("cpu.prof"), profile: &cpu },
        Whole { kind: Some("mem"), path: Path::new("x/mem.prof"), profile: &mem },
    ];
    let written = write(&wholes, "test", &directory).unwrap();
    let time = |value: i64| json!([{"type": "cpu", "unit": "nanoseconds", "value": value}]);
    let space = |value: i64| json!([{"type": "alloc_space", "unit": "bytes", "value": value}]);
    let expected = json!({
        "version": 1,
        "key": "test",
        "sources": [
            {"kind": "cpu", "file": "cpu.prof", "samples": 3, "totals": time(37), "repeated": time(5)},
            {"kind": "mem", "file": "x/mem.prof", "samples": 1, "totals": space(7), "repeated": space(0)},
        ],
        "parts": [
            {"value": "a::b", "unlabelled": false, "files": [
                {"kind": "cpu", "file": "a.b.cpu.prof", "samples": 2, "totals": time(35)},
            ]},
            {"value": "only/memory", "unlabelled": false, "files": [
                {"kind": "mem", "file": "only_memory.mem.prof", "samples": 1, "totals": space(7)},
            ]},
            {"value": 64, "unit": "bytes", "unlabelled": false, "files": [
                {"kind": "cpu", "file": "64_bytes.cpu.prof", "samples": 1, "totals": time(5)},
            ]},
            {"value": null, "unlabelled": true, "files": [
                {"kind": "cpu", "file": "unlabelled.cpu.prof", "samples": 1, "totals": time(2)},
            ]},
        ],
    });
    assert_eq!(index(&directory), expected);
    let files = ["64_bytes.cpu.prof", "a.b.cpu.prof", "index.json", "only_memory.mem.prof", "unlabelled.cpu.prof"];
    assert_eq!(listed(&directory), files);
    let part = decode(&std::fs::read(directory.join("64_bytes.cpu.prof")).unwrap()).unwrap();
    assert_eq!(part.samples.at(0).labels, [number, test("a::b")]);

    let text = written.text();
    let (table, rest) = text.split_once("\n\n").unwrap();
    let expected = "       cpu      % alloc_space      %  test
      35ns 94.59%           -      -  a::b
       5ns 13.51%           -      -  64 bytes
         -      -          7B   100%  only/memory
       2ns  5.41%           -      -  (without test)
  note: some samples of cpu.prof have several values of test; 5ns counts again";
    assert_eq!(table, expected);
    assert!(rest.starts_with("4 profiles in ") && rest.contains("\nnext: cargo prof top "), "{rest}");
    assert!(rest.ends_with("not/yet/there/a.b.cpu.prof"), "{rest}");
}

#[test]
fn both_kinds_of_one_value_lie_side_by_side() {
    let directory = tempfile::tempdir().unwrap();
    // The two differ in which values there are, and so in which names would be taken, each alone.
    let (cpu, mem) =
        (cpu(&[(1, &[test("a b")])]), profile("space", "bytes", &[(2, &[test("a b")]), (3, &[test("a/b")])]));
    let path = Path::new("x.prof");
    let wholes = [("cpu", &cpu), ("mem", &mem)].map(|(kind, profile)| Whole { kind: Some(kind), path, profile });
    let written = write(&wholes, "test", directory.path()).unwrap();
    let names = |part: &Part| part.files.iter().map(|file| Some(file.as_ref()?.name.clone())).collect::<Vec<_>>();
    let [first, second] = &written.parts[..] else { panic!("{written:?}") };
    let [Some(of_cpu), Some(of_mem)] = &names(first)[..] else { panic!("{written:?}") };
    assert_eq!(of_cpu.strip_suffix(".cpu.prof").unwrap(), of_mem.strip_suffix(".mem.prof").unwrap());
    assert_eq!(names(second)[0], None);
    assert_eq!(listed(directory.path()).len(), 4);
}

#[test]
#[should_panic(expected = "a kind of its own")]
fn two_profiles_without_a_kind_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let profile = cpu(&[(1, &[test("a")])]);
    let whole = Whole { kind: None, path: Path::new("x.prof"), profile: &profile };
    let _ = write(&[whole, whole], "test", directory.path());
}

#[test]
fn only_what_an_earlier_split_made_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("mine.prof"), "mine").unwrap();
    write(&one(Path::new("x.prof"), &cpu(&[(1, &[test("a")]), (2, &[test("b")]), (3, &[])])), "test", directory.path())
        .unwrap();
    assert_eq!(listed(directory.path()), ["a.prof", "b.prof", "index.json", "mine.prof", "unlabelled.prof"]);
    // One that is gone already, and names that lead elsewhere.
    std::fs::remove_file(path("unlabelled.prof")).unwrap();
    let outside = tempfile::Builder::new().suffix(".prof").tempfile().unwrap();
    let hostile = std::fs::read_to_string(path("index.json")).unwrap();
    std::fs::write(path("index.json"), hostile.replace("unlabelled.prof", outside.path().to_str().unwrap())).unwrap();

    write(&one(Path::new("x.prof"), &cpu(&[(1, &[test("b")]), (2, &[test("c")])])), "test", directory.path()).unwrap();
    assert_eq!(listed(directory.path()), ["b.prof", "c.prof", "index.json", "mine.prof"]);
    assert_eq!(std::fs::read(path("mine.prof")).unwrap(), b"mine");
    assert!(outside.path().exists());
    assert_eq!(decode(&std::fs::read(path("b.prof")).unwrap()).unwrap().samples.at(0).values, [1]);
}

#[test]
fn what_would_be_lost_stays() {
    let directory = tempfile::tempdir().unwrap();
    let (path, x) = (|name: &str| directory.path().join(name), Path::new("x.prof"));
    let profile = cpu(&[(1, &[test("cpu")])]);
    std::fs::write(path("cpu.prof"), "the whole").unwrap();
    let refused = write(&one(&path("cpu.prof"), &profile), "test", directory.path()).unwrap_err();
    assert!(refused.to_string().contains("give another --outputdir") && refused.status() == 2, "{refused}");
    assert_eq!(std::fs::read(path("cpu.prof")).unwrap(), b"the whole");

    std::fs::write(path("index.json"), "[]").unwrap();
    let refused = write(&one(x, &profile), "test", directory.path()).unwrap_err();
    assert!(refused.to_string().contains("index.json is not of a split"), "{refused}");
    assert_eq!(listed(directory.path()), ["cpu.prof", "index.json"]);
    std::fs::remove_file(path("index.json")).unwrap();

    // A part is split again: the new parts would make it stale.
    write(&one(x, &profile), "test", directory.path()).unwrap();
    let part = cpu(&[(1, &[Label::text("package", "p")])]);
    let refused = write(&one(&path("cpu.prof"), &part), "package", directory.path()).unwrap_err();
    assert!(refused.to_string().contains("would take the place of"), "{refused}");
    assert_eq!(listed(directory.path()), ["cpu.prof", "index.json"]);
}

#[test]
fn what_cannot_be_split_makes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let (directory, x) = (root.path().join("parts"), Path::new("x.prof"));
    let error = |profile: &Profile, key: &str| write(&one(x, profile), key, &directory).unwrap_err().to_string();
    let labels = [test("a"), Label::text("package\u{1b}", "p"), Label::number("bytes", 1, "")];
    assert_eq!(
        error(&cpu(&[(1, &labels)]), "tset"),
        r#"no sample of x.prof has a label "tset"; there are bytes, package\u{1b}, test"#
    );
    assert_eq!(error(&cpu(&[(1, &[])]), "test"), r#"no sample of x.prof has a label "test"; there are none"#);
    assert_eq!(error(&cpu(&[]), "test"), "no samples in x.prof; run for longer, or sample more often");
    let without_types = Profile {
        samples: [prof_pprof::Sample { labels: &[test("a")], ..Default::default() }].into(),
        ..Default::default()
    };
    assert_eq!(error(&without_types, "test"), "x.prof is not a profile: the profile has no sample types");
    assert!(!directory.exists());

    std::fs::write(&directory, "a file").unwrap();
    let refused = error(&cpu(&[(1, &[test("a")])]), "test");
    assert!(refused.starts_with("cannot make the directory ") && refused.contains("--outputdir"), "{refused}");
}

#[test]
fn a_long_table_is_cut_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let labels: Vec<_> = (0..30).map(|number| [test(&format!("test_{number:02}"))]).collect();
    let mut samples: Vec<(i64, &[Label])> = labels.iter().zip(1..).map(|(label, value)| (value, &label[..])).collect();
    samples.push((1000, &[]));
    let written = write(&one(Path::new("x.prof"), &cpu(&samples)), "test", directory.path()).unwrap();
    let text = written.text();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[1].ends_with("  test_29") && lines[20].ends_with("  test_10"), "{text}");
    assert!(lines[21].ends_with("  (without test)") && lines[22] == "… and 10 more", "{text}");
    assert!(text.contains("\n31 profiles in "), "{text}");
}
