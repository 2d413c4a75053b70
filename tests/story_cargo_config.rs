//! Story: a project whose `.cargo/config.toml` sets flags, wrappers, a runner and variables. All of them work on as they
//! did, and the profile is there as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use prof_tests::{Outcome, Project, host_triple};

/// What a script of the fixture noted, each line once. The note is removed.
fn noted(project: &Project, log: &str) -> BTreeSet<String> {
    let path = project.path("target").join(log);
    let text = fs::read_to_string(&path).unwrap_or_default();
    let _ = fs::remove_file(&path);
    text.lines().map(str::to_owned).collect()
}

/// Names of programs without the hash that cargo adds.
fn without_hashes(programs: BTreeSet<String>) -> BTreeSet<String> {
    let named =
        |program: &String| program.rsplit_once('-').filter(|(_, hash)| hash.len() == 16).map(|(name, _)| name.into());
    programs.iter().map(|program| named(program).unwrap_or_else(|| program.clone())).collect()
}

/// A project that has never been built, so that every wrapper is called for every crate.
fn fresh() -> Project {
    let project = Project::in_awkward_folder("cargo-config");
    for entry in fs::read_dir(project.path("target")).unwrap() {
        remove(&entry.unwrap().path());
    }
    project
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
}

#[test]
fn flags_wrappers_and_runner_of_the_config_work_on() {
    let project = fresh();
    let arguments = ["test", "--lib", "--bins"];
    let logs = ["rustc-wrapper.log", "workspace-wrapper.log", "runner.log"];
    let plain = project.cargo(&arguments).succeeded();
    let [by_wrapper, by_workspace_wrapper, by_runner] = logs.map(|log| noted(&project, log));
    assert!(by_wrapper.contains("outsider") && by_workspace_wrapper.contains("cargo_config"));
    assert!(!by_workspace_wrapper.contains("outsider"));

    let ours = project.profiled(&arguments).succeeded();
    plain.assert_same(&ours);
    let [by_wrapper_too, by_workspace_wrapper_too, by_runner_too] = logs.map(|log| noted(&project, log));
    assert!(by_wrapper_too.is_superset(&by_wrapper), "{by_wrapper_too:?}");
    assert!(by_workspace_wrapper_too.is_superset(&by_workspace_wrapper), "{by_workspace_wrapper_too:?}");
    assert!(!by_workspace_wrapper_too.contains("outsider"), "{by_workspace_wrapper_too:?}");
    assert_eq!(without_hashes(by_runner_too), without_hashes(by_runner));
    let heap = project.heap_profile();
    assert!(!heap.of_test("lib/cargo_config", "tests::everything_reached_it").is_empty());

    let run = project.twice(&["run"]);
    assert!(run.ours.stdout.contains("rustflags: true") && run.ours.stdout.contains("runner: Some(\"yes\")"));
    assert!(!run.heap.of_target("bin/cargo-config").is_empty());
}

#[test]
fn wrappers_and_flags_of_the_environment_work_on() {
    let project = fresh();
    // They go before those of the config, whose wrapper and flags are then without effect.
    let wrapper = project.path("wrappers/rustc-wrapper.sh");
    let prepare = |command: &mut Command| {
        command.env("RUSTC_WORKSPACE_WRAPPER", &wrapper).env("RUSTFLAGS", "--cfg from_rustflags --cfg another");
    };
    let arguments = ["test", "--lib"];
    let mut plain = project.command("cargo");
    prepare(plain.args(arguments));
    let plain = Outcome::from(plain.output().unwrap()).succeeded();
    assert!(noted(&project, "workspace-wrapper.log").is_empty());
    assert!(noted(&project, "rustc-wrapper.log").contains("cargo_config"));

    let ours = project.profiled_with(&arguments, &[], prepare).succeeded();
    plain.assert_same(&ours);
    assert!(noted(&project, "workspace-wrapper.log").is_empty());
    assert!(noted(&project, "rustc-wrapper.log").contains("cargo_config"));
}

#[test]
fn a_build_target_that_is_the_host_is_profiled() {
    let project = fresh();
    let host = host_triple();

    let twice = project.twice(&["test", "--target", &host]);
    assert!(!twice.heap.of_test("lib/cargo_config", "tests::everything_reached_it").is_empty());

    let setting = format!("build.target = {host:?}");
    let twice = project.twice(&["test", "--config", &setting]);
    assert!(!twice.heap.of_test("lib/cargo_config", "tests::everything_reached_it").is_empty());

    let config = fs::read_to_string(project.path(".cargo/config.toml")).unwrap();
    project.write(".cargo/config.toml", &config.replace("[build]", &format!("[build]\ntarget = {host:?}")));
    let twice = project.twice(&["run"]);
    assert!(!twice.heap.of_target("bin/cargo-config").is_empty());
    let twice = project.twice(&["test"]);
    assert!(!twice.heap.of_test("lib/cargo_config", "tests::everything_reached_it").is_empty());
}

#[test]
fn unusual_linking_is_profiled_right() {
    let project = Project::of("truth");
    for flags in ["-C prefer-dynamic", "-C link-arg=-Wl,--gc-sections"] {
        let twice = project.twice_with(&HOARD, |command| {
            command.env("RUSTFLAGS", flags);
        });
        assert_eq!(twice.ours.stdout, "hoarded\n", "{flags}");
        assert_eq!(twice.heap.all().through("keep_small").in_use(), (1000, 24_000), "{flags}");
    }
}

#[test]
fn a_static_program_runs_as_it_is_and_is_named() {
    let project = Project::of("truth");
    let flags = |command: &mut Command| {
        command.env("RUSTFLAGS", "-C target-feature=+crt-static");
    };
    let mut plain = project.command("cargo");
    flags(plain.args(HOARD));
    assert!(plain.status().expect("cargo starts").success());
    let ours = project.profiled_with(&HOARD, &[], flags);
    assert_eq!((ours.code(), &*ours.stdout), (0, "hoarded\n"));
    assert!(ours.stderr.contains("truth bin/hoard runs unprofiled: it links libc statically"), "{}", ours.stderr);
}

const HOARD: [&str; 5] = ["run", "--bin", "hoard", "--target-dir", "target/linking"];

#[test]
fn an_empty_wrapper_variable_switches_the_configs_wrapper_off() {
    let project = fresh();
    for variable in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        let twice = project.twice_with(&["test", "--lib"], |command| {
            command.env(variable, "");
        });
        assert_eq!(twice.ours.code(), 0, "{}", twice.ours.stderr);
        assert!(!twice.heap.of_test("lib/cargo_config", "tests::everything_reached_it").is_empty(), "{variable}");
    }
}
