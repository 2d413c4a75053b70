//! Story: `cargo prof run`. The program gets its arguments, environment and standard input, its status comes back; the
//! profiles lie where they were asked for, a summary says so, and a signal that ends the run does not lose them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use prof_tests::{Evidence, Outcome, Project};

#[test]
fn a_program_gets_and_gives_what_it_did() {
    let project = Project::in_awkward_folder("program");
    let arguments = ["run", "--", "one", "two words", "--cpuprofile", "-q", "", "ä"];
    let plain = with_input(project.command("cargo").args(arguments));
    let ours = with_input(&mut project.profiled_command(&arguments, &[]));
    plain.assert_same(&ours);
    assert_eq!(ours.code(), 7);
    assert!(ours.stdout.contains("argument 2: \"--cpuprofile\"\n") && ours.stdout.contains("\nLINES\n"));
    let package = project.heap_profile().labels("package");
    assert!(package.is_empty() || package.iter().eq(["program"]));
}

fn with_input(command: &mut Command) -> Outcome {
    command.env("ECHO_VARIABLE", "a value").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"some\nlines\n").unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn without_a_flag_both_profiles_go_to_the_target_directory() {
    let project = Project::in_awkward_folder("program");
    let newest = || std::fs::canonicalize(project.path("target/prof/latest")).unwrap();

    let first = project.prof(&["run", "--bin", "short"]).succeeded();
    let first_folder = newest();
    assert!(first_folder.starts_with(std::fs::canonicalize(project.path("target/prof/runs")).unwrap()));
    Evidence::read(&first_folder.join("cpu.prof"));
    Evidence::read(&first_folder.join("mem.prof"));
    assert!(first.stderr.contains("cpu.prof") && first.stderr.contains("mem.prof"), "{}", first.stderr);

    project.prof(&["run", "--bin", "short"]).succeeded();
    assert_ne!(newest(), first_folder);
    assert!(first_folder.join("cpu.prof").exists());
}

#[test]
fn one_flag_writes_one_profile_where_it_was_asked_for() {
    let project = Project::in_awkward_folder("program");
    let file = |name: &str| project.path("target").join(name);
    for name in ["only cpu.prof", "only mem.prof"] {
        let _ = std::fs::remove_file(file(name));
    }
    let runs = || std::fs::read_dir(project.path("target/prof/runs")).map_or(0, Iterator::count);
    let runs_before = runs();

    project.prof(&["run", "--bin", "short", "--cpuprofile", "target/only cpu.prof"]).succeeded();
    assert_eq!(Evidence::read(&file("only cpu.prof")).profile().sample_types.len(), 2);

    project.prof(&["run", "--bin", "short", "--memprofile=only mem.prof", "--outputdir=target"]).succeeded();
    assert_eq!(Evidence::read(&file("only mem.prof")).profile().sample_types.len(), 4);
    assert_eq!(runs(), runs_before, "no run folder was asked for");
}

#[test]
fn a_profile_path_that_is_a_link_or_a_pipe_stays_one() {
    let project = Project::in_awkward_folder("program");
    let path = |name: &str| project.path("target").join(name);
    for name in ["link.prof", "linked.prof", "pipe.prof"] {
        let _ = std::fs::remove_file(path(name));
    }
    std::fs::write(path("linked.prof"), "an old one").unwrap();
    std::os::unix::fs::symlink("linked.prof", path("link.prof")).unwrap();
    project.prof(&["run", "--bin", "short", "--cpuprofile", "target/link.prof"]).succeeded();
    assert!(std::fs::symlink_metadata(path("link.prof")).unwrap().is_symlink());
    Evidence::read(&path("linked.prof"));

    assert!(Command::new("mkfifo").arg(path("pipe.prof")).status().unwrap().success());
    let pipe = path("pipe.prof");
    let reader = std::thread::spawn(move || std::fs::read(pipe).unwrap());
    project.prof(&["run", "--bin", "short", "--cpuprofile", "target/pipe.prof"]).succeeded();
    let through_the_pipe = reader.join().unwrap();
    std::fs::write(path("from the pipe.prof"), through_the_pipe).unwrap();
    Evidence::read(&path("from the pipe.prof"));
}

#[test]
fn where_nothing_ran_an_old_profile_stays() {
    let project = Project::of("truth");
    project.profiled(&["test", "--test", "amounts"]).succeeded();
    let profile = project.path("target/profiles/cpu.prof");
    let before = std::fs::read(&profile).unwrap();
    let flag = format!("--cpuprofile={}", profile.display());
    let listed = project.prof(&["test", &flag, "--test", "amounts", "--", "--list"]).succeeded();
    assert!(listed.stderr.contains("no profile is written"), "{}", listed.stderr);
    assert_eq!(std::fs::read(&profile).unwrap(), before);
}

#[test]
fn an_ignored_signal_stays_ignored() {
    // As under nohup. The program ends by itself.
    let project = Project::in_awkward_folder("program");
    let ours = project.profiled_command(&["run", "--bin", "short"], &[]);
    let script = "trap '' INT; \"$@\" & child=$!; sleep 0.2; kill -INT $child; wait $child";
    let ended: Outcome = project.started_by(&["sh", "-c", script, "sh"], &ours).output().unwrap().into();
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    project.cpu_profile();
}

#[test]
fn the_summary_says_what_there_is_and_quiet_silences_it() {
    let project = Project::of("truth");
    let ours = project.profiled(&["run", "--bin", "spin", "--", "1000"]).succeeded();
    for word in ["cpu.prof", "mem.prof", "samples", "flat%", "cargo prof top"] {
        assert!(ours.stderr.contains(word), "{word} not in\n{}", ours.stderr);
    }

    let quiet = project.profiled(&["run", "-q", "--bin", "spin", "--", "10"]).succeeded();
    assert_eq!(quiet.stderr, "");
    assert!(quiet.stdout.starts_with("three_parts "));
    assert!(!project.heap_profile().all().is_empty());
}

#[test]
fn few_samples_are_called_few() {
    let project = Project::in_awkward_folder("program");
    let ours = project.profiled_with(&["run", "--bin", "short"], &[], |_| ()).succeeded();
    assert!(ours.stderr.contains("--cpuprofilerate"), "no word of a higher rate in\n{}", ours.stderr);
}

#[test]
fn top_prints_the_table() {
    let project = Project::of("truth");
    project.profiled(&["run", "-q", "--bin", "spin", "--", "500"]).succeeded();

    let top = |rows: &str| project.prof(&["top", "target/profiles/cpu.prof", "-n", rows, "--cum"]).succeeded().stdout;
    let (few, all) = (top("3"), top("0"));
    assert!(all.contains("truth::three_parts") && all.contains("truth::one_part"), "{all}");
    let rows = |table: &str| table.lines().skip_while(|line| !line.contains("flat%")).count() - 1;
    assert_eq!(rows(&few), 3, "{few}");
    assert!(rows(&all) > 3, "{all}");
    let top = project.prof(&["top", "target/profiles/mem.prof", "--sample-index", "alloc_objects"]).succeeded();
    assert!(!top.stdout.is_empty());

    let top = project.prof(&["top", "target/profiles/no.prof"]);
    assert_eq!(top.code(), 96);
    assert!(top.stderr.starts_with("error: ") && top.stderr.lines().count() == 1, "{}", top.stderr);
}

#[test]
fn a_signal_ends_the_run_and_leaves_the_profile() {
    let project = Project::in_awkward_folder("program");
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        let command = project.profiled_command(&["run", "--bin", "endless"], &["--cpuprofilerate", "1000"]);
        let ended = signalled_after_a_line(&mut project.heeding(signal, &command), signal);
        assert_eq!(ended.code(), 128 + number, "{}", ended.stderr);
        let cpu = project.cpu_profile();
        // Two seconds were burned, and what was sampled up to a second before the end is there.
        let seen = cpu.of_target("bin/endless").through("burn").seconds();
        assert!(seen > 0.9, "{seen} s after SIG{signal}");
    }
}

/// Starts the command in a process group of its own, as a terminal does; waits for a line, then signals the group.
fn signalled_after_a_line(command: &mut Command, signal: &str) -> Outcome {
    const PATIENCE: Duration = Duration::from_secs(60);
    let mut child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let group = child.id();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "two seconds burned\n");

    send(signal, group);
    let asked = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if asked.elapsed() > PATIENCE {
            send("KILL", group);
            panic!("still there {PATIENCE:?} after SIG{signal}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap().into()
}

fn send(signal: &str, group: u32) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -{signal} -{group}")).status().unwrap();
    assert!(status.success());
}
