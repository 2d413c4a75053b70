//! Story: `cargo prof pprof -list` shows the source of a function with the CPU time of each line, `-disasm` its
//! instructions, wherever cargo and rustup keep the sources.

use std::fs;
use std::path::Path;

use prof_pprof::{Builder, Function, Line, Location, Profile, ValueType, encode};
use prof_tests::{Outcome, Project};

/// The source line of the loop in which `truth::work` spends its time.
const HOT: &str = "black_box((0..1_000u64).fold(1u64";

/// Runs `truth`'s program with its CPU profile in `target/profiles`.
fn spun() -> Project {
    let project = Project::in_awkward_folder("truth");
    project.profiled(&["run", "--bin", "spin", "--", "600"]).succeeded();
    project
}

fn pprof(project: &Project, arguments: &[&str]) -> Outcome {
    project.prof(&[&["pprof"], arguments].concat())
}

/// The milliseconds in the column, whatever the unit.
fn milliseconds(column: &str) -> f64 {
    let digits = column.trim_end_matches(char::is_alphabetic);
    let value: f64 = digits.parse().unwrap_or(0.0);
    match &column[digits.len()..] {
        "s" => 1000.0 * value,
        "ms" => value,
        "us" => value / 1000.0,
        _ => 0.0,
    }
}

#[test]
fn the_hot_line_bears_the_time() {
    let project = spun();
    let outcome = pprof(&project, &["-list=truth::work$", "target/profiles/cpu.prof"]).succeeded();
    let file = project.path("src/lib.rs");
    assert!(outcome.stdout.contains(&format!("= truth::work in {}\n", file.display())), "{}", outcome.stdout);
    let total = outcome.stdout.lines().next().and_then(|line| line.strip_prefix("Total: ")).unwrap();
    let hot = outcome.stdout.lines().find(|line| line.contains(HOT)).unwrap_or_else(|| panic!("{}", outcome.stdout));
    let columns: Vec<_> = hot.split_whitespace().collect();
    assert!(milliseconds(columns[1]) > 0.8 * milliseconds(total), "{hot}\n of {total}");
    let number = fs::read_to_string(&file).unwrap().lines().position(|line| line.contains(HOT)).unwrap() + 1;
    assert_eq!(columns[2].split_once(':').map(|(number, _)| number), Some(&*number.to_string()));
}

#[test]
fn sources_are_found_where_the_project_was_moved_to() {
    let project = spun();
    let away = project.path("target/moved/truth");
    let _ = fs::remove_dir_all(&away);
    fs::create_dir_all(away.join("src")).unwrap();
    fs::write(away.join("Cargo.toml"), "").unwrap();
    fs::rename(project.path("src/lib.rs"), away.join("src/lib.rs")).unwrap();
    let profile = project.path("target/profiles/cpu.prof");
    let outcome = project.prof_command(&["pprof", "-list=truth::work$"]).arg(&profile).output().unwrap();
    let stdout = Outcome::from(outcome).succeeded().stdout;
    assert!(stdout.contains("\n Error: could not find file src/lib.rs on path "), "{stdout}");
    let outcome = project.prof_command(&["pprof", "-list=truth::work$"]).arg(&profile).current_dir(away).output();
    let stdout = Outcome::from(outcome.unwrap()).succeeded().stdout;
    assert!(stdout.contains(HOT), "{stdout}");
}

/// A profile with one sample in a function of each file.
fn of_files(files: &[&str]) -> Profile {
    let mut builder = Builder::new(vec![ValueType::new("cpu", "nanoseconds")]);
    let labels = builder.label_set(&[]);
    for (position, file) in files.iter().enumerate() {
        let (name, file) = (format!("function_{position}").as_str().into(), (*file).into());
        let function = builder.function(Function { name, file, start_line: 1, ..Function::default() });
        let lines = vec![Line { function, line: 2, column: 0 }];
        let location = builder.location(Location { address: position as u64 + 1, lines, ..Location::default() });
        builder.add(&[location], labels, &[7]);
    }
    builder.finish()
}

fn put(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn sources_of_dependencies_and_of_std_are_found() {
    let project = Project::in_awkward_folder("truth");
    let home = project.path("target/home");
    put(&home, "registry/src/index-1/some-crate-1.2.3/src/lib.rs", "fn first() {\n    of_the_registry();\n}\n");
    put(&home, "git/checkouts/tool-0a1b/77aa/src/lib.rs", "fn first() {\n    of_the_checkout();\n}\n");
    let profile = of_files(&[
        "/home/other/.cargo/registry/src/index-2/some-crate-1.2.3/src/lib.rs",
        "/home/other/.cargo/git/checkouts/tool-0a1b/77aa/src/lib.rs",
        "/rustc/0000000000000000000000000000000000000000/library/core/src/hint.rs",
    ]);
    fs::write(project.path("target/places.prof"), encode(&profile)).unwrap();
    let mut command = project.prof_command(&["pprof", "-list=function", "target/places.prof"]);
    let outcome = Outcome::from(command.env("CARGO_HOME", &home).output().unwrap()).succeeded();
    for line in
        ["       7ns        7ns      2:    of_the_registry();", "       7ns        7ns      2:    of_the_checkout();"]
    {
        assert!(outcome.stdout.lines().any(|shown| shown == line), "{line}\n{}", outcome.stdout);
    }
    let missing = outcome.stdout.lines().find(|line| line.contains("hint.rs: no such file")).unwrap();
    assert!(missing.contains("`rustup component add rust-src`"), "{missing}");
}

#[test]
fn the_hot_loop_is_disassembled() {
    let project = spun();
    // `work` itself may be inlined into both.
    let pattern = "-disasm=truth::(work|three_parts|one_part)$";
    let outcome = pprof(&project, &[pattern, "target/profiles/cpu.prof"]).succeeded();
    assert!(outcome.stdout.contains("\nROUTINE ======================== truth::"), "{}", outcome.stdout);
    let total = outcome.stdout.lines().next().and_then(|line| line.strip_prefix("Total: ")).unwrap();
    let flat = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let is_instruction = columns.get(2).is_some_and(|address| address.ends_with(':'));
        if is_instruction { milliseconds(columns[0]) } else { 0.0 }
    };
    let flat: f64 = outcome.stdout.lines().map(flat).sum();
    assert!(flat > 0.5 * milliseconds(total), "{flat} ms of {total}\n{}", outcome.stdout);
    assert!(outcome.stdout.contains(" lib.rs:"), "{}", outcome.stdout);

    let intel = pprof(&project, &[pattern, "-intel_syntax", "target/profiles/cpu.prof"]).succeeded();
    if cfg!(target_arch = "x86_64") {
        assert!(outcome.stdout.contains("%r") && !intel.stdout.contains("%r"), "{}", intel.stdout);
    }
}

#[test]
fn what_is_not_there_is_said() {
    let project = spun();
    for (format, expected) in [
        ("-list=nowhere", "no matches found for regexp: nowhere\n"),
        ("-disasm=nowhere", "no matches found for regexp nowhere\n"),
        ("-disasm=0x1", "no matches found for address 0x1\n"),
    ] {
        let outcome = pprof(&project, &[format, "target/profiles/cpu.prof"]);
        assert_eq!((outcome.code(), &*outcome.stdout), (2, ""), "{}", outcome.stderr);
        assert!(outcome.stderr.ends_with(expected), "{}", outcome.stderr);
    }
    let outcome = pprof(&project, &["-weblist=work", "target/profiles/cpu.prof"]);
    assert!(outcome.code() == 2 && outcome.stderr.contains("-list shows the source"), "{}", outcome.stderr);
}
