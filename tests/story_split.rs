//! Story: `cargo prof split` makes of one profile a file for each test, or for each value of another label; nothing is
//! lost or made up on the way, whatever the values are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use prof_pprof::{Builder, Function, Label, Line, Location, Profile, ValueType, encode};
use prof_tests::{Evidence, Project};
use serde_json::Value;

const USAGE: i32 = 2;
const ENVIRONMENT: i32 = 96;

/// The index of a split, and of each value the file's profile. What has no value goes by none.
fn parts(directory: &Path) -> (Value, BTreeMap<Option<String>, Evidence>) {
    let index: Value = serde_json::from_slice(&fs::read(directory.join("index.json")).unwrap()).unwrap();
    let part = |part: &Value| {
        let [file] = &part["files"].as_array().unwrap()[..] else { panic!("{index:#}") };
        let value = part["value"].as_str().map(str::to_owned);
        assert_eq!(value.is_none(), part["unlabelled"].as_bool().unwrap(), "{index:#}");
        let evidence = Evidence::read(&directory.join(file["file"].as_str().unwrap()));
        for total in file["totals"].as_array().unwrap() {
            assert_eq!(total["value"], evidence.all().total(total["type"].as_str().unwrap()), "{file:#}");
        }
        assert_eq!(file["samples"], evidence.profile().samples.len(), "{file:#}");
        (value, evidence)
    };
    let parts: BTreeMap<_, _> = index["parts"].as_array().unwrap().iter().map(part).collect();
    assert_eq!(parts.len(), index["parts"].as_array().unwrap().len(), "a value has one part");
    (index, parts)
}

/// The names of a directory's files.
fn files(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A directory of this name below the project's target directory, without what an earlier run of the story left.
fn fresh(project: &Project, name: &str) -> String {
    let directory = format!("target/{name}");
    let _ = fs::remove_dir_all(project.path(&directory));
    directory
}

fn kinds(profile: &Evidence) -> Vec<String> {
    profile.profile().sample_types.iter().map(|sample_type| sample_type.kind.to_string()).collect()
}

#[test]
fn a_run_becomes_a_profile_for_each_test() {
    let project = Project::in_awkward_folder("heap-ends");
    project.profiled(&["test", "--lib", "--", "--test-threads=1"]).succeeded();
    let whole = project.heap_profile();
    let by_test = fresh(&project, "by test");
    let outcome =
        project.prof(&["split", "target/profiles/mem.prof", "--by", "test", "--outputdir", &by_test]).succeeded();
    assert_eq!(outcome.stdout, "");

    let (index, by_test) = parts(&project.path(&by_test));
    assert_eq!((&index["version"], &index["key"]), (&1.into(), &"test".into()));
    assert_eq!(index["sources"][0]["file"], "target/profiles/mem.prof");
    let tests: BTreeSet<String> = by_test.keys().flatten().cloned().collect();
    assert_eq!(tests, whole.labels("test"));
    assert!(tests.contains("tests::leaks_on_a_thread") && tests.len() >= 5, "{tests:?}");
    for (value, part) in &by_test {
        assert_eq!(part.labels("test"), value.iter().cloned().collect(), "only its own");
        assert_eq!(part.labels("target"), ["lib/heap_ends".to_owned()].into(), "other labels stay");
        let of_whole = match value {
            Some(test) => whole.all().with_label("test", test),
            None => whole.all().without_label("test"),
        };
        assert_eq!(part.all().functions(), of_whole.functions());
        for kind in kinds(&whole) {
            assert_eq!(part.all().total(&kind), of_whole.total(&kind), "{kind} of {value:?}");
        }
        let (part, whole) = (part.profile(), whole.profile());
        assert_eq!((&part.comments, &part.mappings[0]), (&whole.comments, &whole.mappings[0]));
        assert_eq!((part.period, part.time_nanos), (whole.period, whole.time_nanos));
    }
    for kind in kinds(&whole) {
        assert_eq!(
            by_test.values().map(|part| part.all().total(&kind)).sum::<i64>(),
            whole.all().total(&kind),
            "{kind}"
        );
    }
    let leaks = &by_test[&Some("tests::leaks".to_owned())];
    assert_eq!(leaks.all().through("leak_three").in_use(), (3, 3000));
    assert!(leaks.profile().locations.len() < whole.profile().locations.len());

    // The heaviest comes first, and the next command works.
    let shown: Vec<_> = outcome.stderr.lines().collect();
    assert!(shown[0].ends_with("%  test") && shown[1].contains("  tests::"), "{}", outcome.stderr);
    let next = outcome.stderr.lines().last().unwrap().strip_prefix("next: cargo prof top ").unwrap();
    let top = project.prof(&["top", next.trim_matches('\'')]).succeeded();
    assert!(top.stdout.contains("Type: alloc_space"), "{}", top.stdout);
}

#[test]
fn the_newest_run_is_split_unless_another_is_named() {
    let project = Project::in_awkward_folder("outcomes");
    project.prof(&["test", "--lib", "tests::burns"]).succeeded();
    let latest = Evidence::read(&project.path("target/prof/latest/cpu.prof"));
    let directory = fresh(&project, "newest");
    project.prof(&["split", "--by", "test", "--outputdir", &directory]).succeeded();
    let (_, parts) = parts(&project.path(&directory));
    let burns = parts[&Some("tests::burns".into())].all().total("cpu");
    assert_eq!(burns, latest.all().with_label("test", "tests::burns").total("cpu"));
    assert!(burns > 100_000_000, "{burns} ns of 300 ms");
}

/// A profile with one sample of 1 ns and 1 sample for each list of labels, each in a function of its own.
fn made_by_hand(project: &Project, name: &str, samples: &[Vec<Label>]) -> Profile {
    let mut builder = Builder::new(vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")]);
    for (position, labels) in samples.iter().enumerate() {
        let name = format!("function_{position}").as_str().into();
        let function = builder.function(Function { name, ..Function::default() });
        let lines = vec![Line { function, line: 1, column: 0 }];
        let location = builder.location(Location { address: position as u64 + 1, lines, ..Location::default() });
        let labels = builder.label_set(labels);
        builder.add(&[location], labels, &[1, 1 << position]);
    }
    let profile = builder.finish();
    fs::write(project.path(name), encode(&profile)).unwrap();
    profile
}

#[test]
fn any_value_gets_a_file_of_its_own() {
    let project = Project::in_awkward_folder("heap-ends");
    let long = "x".repeat(300);
    let odd = [
        "a b",
        "a/b",
        "a\"b",
        "Case",
        "case",
        "..",
        "../up",
        ".hidden",
        "-n",
        "nul",
        "tests::x",
        "tests.x",
        "größe",
        "\u{1b}[31mred\n",
        "index.json",
        "unlabelled",
        &long,
        &format!("{long}y"),
    ];
    let mut samples: Vec<_> = odd.iter().map(|value| vec![Label::text("case", *value)]).collect();
    samples.push(vec![Label::number("case", 7, "bytes")]);
    samples.push(Vec::new());
    made_by_hand(&project, "target/odd.prof", &samples);
    let directory = fresh(&project, "odd");
    let outcome = project.prof(&["split", "target/odd.prof", "--by", "case", "--outputdir", &directory]).succeeded();
    assert!(!outcome.stderr.contains('\u{1b}') && outcome.stderr.contains(r"\u{1b}[31mred\n"), "{}", outcome.stderr);

    let names = files(&project.path(&directory));
    assert_eq!(names.len(), samples.len() + 1, "{names:?}");
    let in_any_case: BTreeSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(in_any_case.len(), names.len(), "{names:?}");
    assert!(names.contains("index.json.prof") && names.contains("_nul.prof"), "{names:?}");
    for name in &names {
        assert!(name.len() <= 100 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
        assert!(!name.starts_with(['.', '-']), "{name}");
    }
    let index: Value = serde_json::from_slice(&fs::read(project.path(&directory).join("index.json")).unwrap()).unwrap();
    let of_value: BTreeMap<String, &Value> = index["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["value"].to_string() + part["unit"].as_str().unwrap_or_default(), part))
        .collect();
    for (position, labels) in samples.iter().enumerate() {
        let key = match odd.get(position) {
            Some(text) => Value::from(*text).to_string(),
            None if labels.is_empty() => "null".into(),
            None => "7bytes".into(),
        };
        let file = of_value[&key]["files"][0]["file"].as_str().unwrap();
        let part = Evidence::read(&project.path(&directory).join(file));
        assert_eq!(part.all().functions(), [format!("function_{position}")].into(), "{key}");
        assert_eq!(part.profile().samples.at(0).labels, *labels);
    }
}

#[test]
fn several_values_of_one_sample_are_said() {
    let project = Project::in_awkward_folder("heap-ends");
    let labels = |values: &[&str]| values.iter().map(|value| Label::text("case", *value)).collect::<Vec<_>>();
    made_by_hand(&project, "target/several.prof", &[labels(&["a"]), labels(&["b", "a"]), labels(&["b"])]);
    let directory = fresh(&project, "several");
    let outcome =
        project.prof(&["split", "target/several.prof", "--by", "case", "--outputdir", &directory]).succeeded();
    let (index, parts) = parts(&project.path(&directory));
    let nanos = |value: &str| parts[&Some(value.to_owned())].all().total("cpu");
    assert_eq!((nanos("a"), nanos("b")), (1 + 2, 2 + 4));
    assert_eq!(index["sources"][0]["totals"][1]["value"], 7);
    assert_eq!(index["sources"][0]["repeated"][1]["value"], 2);
    assert!(outcome.stderr.contains("several values of case; 2ns counts again"), "{}", outcome.stderr);
}

#[test]
fn a_second_split_leaves_nothing_of_the_first() {
    let project = Project::in_awkward_folder("heap-ends");
    let labels = |case: &str, kind: &str| vec![Label::text("case", case), Label::text("kind", kind)];
    made_by_hand(&project, "target/twice.prof", &[labels("a", "x"), labels("b", "x"), labels("c", "a")]);
    let directory = fresh(&project, "twice");
    let split =
        |by: &str| project.prof(&["split", "target/twice.prof", "--by", by, "--outputdir", &directory]).succeeded();
    split("case");
    fs::write(project.path(&directory).join("notes.txt"), "mine").unwrap();
    assert_eq!(
        files(&project.path(&directory)),
        ["a.prof", "b.prof", "c.prof", "index.json", "notes.txt"].map(str::to_owned).into()
    );
    split("kind");
    assert_eq!(
        files(&project.path(&directory)),
        ["a.prof", "index.json", "notes.txt", "x.prof"].map(str::to_owned).into()
    );
    assert_eq!(
        parts(&project.path(&directory)).1[&Some("a".into())].all().functions(),
        ["function_2".to_owned()].into()
    );
}

#[test]
fn what_cannot_be_split_is_refused_in_a_line() {
    let project = Project::in_awkward_folder("heap-ends");
    made_by_hand(&project, "target/few.prof", &[vec![Label::text("case", "few"), Label::number("bytes", 1, "bytes")]]);
    made_by_hand(&project, "target/none.prof", &[]);
    let fresh = fresh(&project, "refused");
    fs::write(project.path("target/damaged.prof"), "no profile").unwrap();
    let cases: [(&[&str], i32, &[&str]); 8] = [
        (&["target/few.prof", "--by", "test", "--outputdir", &fresh], USAGE, &["few.prof", "\"test\"", "bytes, case"]),
        (&["target/none.prof", "--by", "test", "--outputdir", &fresh], ENVIRONMENT, &["none.prof", "no samples"]),
        (&["target/damaged.prof", "--by", "test", "--outputdir", &fresh], ENVIRONMENT, &["damaged.prof", "not a"]),
        (&["target/missing.prof", "--by", "test", "--outputdir", &fresh], ENVIRONMENT, &["missing.prof"]),
        (&["target/few.prof", "--by", "case", "--outputdir", "Cargo.toml"], ENVIRONMENT, &["Cargo.toml", "another"]),
        // Nobody can make files there, not even root.
        (&["target/few.prof", "--by", "case", "--outputdir", "/proc"], ENVIRONMENT, &["/proc"]),
        (&["target/few.prof", "--by", "case", "--outputdir", "/proc/parts"], ENVIRONMENT, &["/proc/parts"]),
        (&["target/few.prof", "--by", "case", "--outputdir", "target"], USAGE, &["target/few.prof", "another"]),
    ];
    for (arguments, code, words) in cases {
        let refused = project.prof(&[&["split"], arguments].concat());
        assert_eq!(refused.code(), code, "{arguments:?}\n{}", refused.stderr);
        assert_eq!(refused.stderr.lines().count(), 1, "{arguments:?}\n{}", refused.stderr);
        assert!(refused.stderr.starts_with("error: "), "{arguments:?}\n{}", refused.stderr);
        for word in words {
            assert!(refused.stderr.contains(word), "{arguments:?}: no {word:?} in {}", refused.stderr);
        }
        assert!(!project.path(&fresh).exists(), "{arguments:?} left a directory");
    }
    assert!(!project.path("target/index.json").exists());
    for arguments in [&["split", "target/few.prof", "--by", "case"][..], &["split", "--outputdir", "x"]] {
        assert_eq!(project.prof(arguments).code(), USAGE, "{arguments:?}");
    }
}
