//! Story: the doctor tries out how well programs can be profiled, tells the truth about it, and needs no project.

use std::fs;

use prof_tests::{Outcome, Project};

const ENGINES: [&str; 3] = ["perf-clock", "thread-timer", "process-timer"];
const ENVIRONMENT: i32 = 96;

#[test]
fn the_doctor_tells_what_samples_the_cpu() {
    let doctor = Project::of("program").prof(&["doctor"]).succeeded();
    let (engine, got) = row(&doctor, "engine");
    assert!(ENGINES.contains(&&*engine), "{engine}");
    let numbers = numbers(&got);
    let [samples, moments, asked] = numbers[..] else { panic!("{got}") };
    assert_eq!(asked, 1000);
    assert!((900..=1100).contains(&samples), "the CPU time is not what the kernel counted: {got}");

    let (tick, _) = row(&doctor, "kernel tick");
    let tick = tick.strip_suffix(" Hz").expect("ticks in a second").parse::<u64>().unwrap();
    let (perf_clock, _) = row(&doctor, "perf-clock");
    if engine == "perf-clock" {
        assert_eq!(perf_clock, "available");
        assert!(moments > 700, "{got}");
    } else {
        assert_ne!(perf_clock, "available");
        // The first signal and the last make one more than there are ticks; a third of a second is measured.
        assert!(moments <= tick * 11 / 10 && moments > tick / 4, "{tick} Hz: {got}");
    }
}

#[test]
fn the_doctor_needs_no_project_and_leaves_nothing() {
    let folder = std::env::temp_dir().join(format!("no project for the doctor {}", std::process::id()));
    let temporary = folder.join("temporary");
    fs::create_dir_all(&temporary).unwrap();
    let project = Project::of("program");
    let doctor = project.prof_command(&["doctor"]).current_dir(&folder).env("TMPDIR", &temporary).output().unwrap();
    let left: Vec<_> = [&folder, &temporary].iter().map(|folder| fs::read_dir(folder).unwrap().count()).collect();
    fs::remove_dir_all(&folder).unwrap();
    let doctor = Outcome::from(doctor).succeeded();
    assert!(ENGINES.contains(&&*row(&doctor, "engine").0), "{}", doctor.stdout);
    assert_eq!(left, [1, 0], "files in the folders");

    let (toolchain, triple) = row(&doctor, "toolchain");
    assert!(toolchain.starts_with("rustc 1."), "{toolchain}");
    assert!(triple.contains(&prof_tests::host_triple()), "{triple}");
}

#[test]
fn what_cannot_be_profiled_is_an_error_after_what_is_known() {
    let project = Project::of("program");
    let doctor = project.prof_command(&["doctor"]).env("RUSTC", "/no/such/rustc").output().unwrap();
    let doctor = Outcome::from(doctor);
    assert_eq!(doctor.code(), ENVIRONMENT, "{}{}", doctor.stdout, doctor.stderr);
    assert!(doctor.stderr.starts_with("error: ") && doctor.stderr.contains("/no/such/rustc"), "{}", doctor.stderr);
    assert!(row(&doctor, "kernel tick").0.ends_with(" Hz"), "{}", doctor.stdout);
}

/// The state in a row of the table and what is noted beside it.
fn row(doctor: &Outcome, what: &str) -> (String, String) {
    let mut rows = doctor.stdout.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()));
    let row = rows.find_map(|mut cells| (cells.next() == Some(what)).then_some(cells));
    let mut row = row.unwrap_or_else(|| panic!("no row {what} in\n{}", doctor.stdout)).map(str::to_owned);
    (row.next().unwrap_or_default(), row.next().unwrap_or_default())
}

fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}
