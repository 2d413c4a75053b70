//! A million samples and no harm done: `cargo run --release -p prof-tests --bin torture [SAMPLES [ENGINE]]`.
//!
//! One program (`tests/fixtures/torture`) does what a profiler's signals hurt most easily, and checks every result. It
//! runs plainly and profiled at every rate in turn, until about SAMPLES samples (a million) were taken; each run is to end
//! as the plain one, with the same output. The table tells how many samples have less than a whole stack, and how many of
//! these cannot be excused by libgcc at its landing pads. A smaller dose is `story_torture.rs`.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::process::Command;

use prof_tests::{Evidence, Outcome, Project};

/// Samples asked for in a second of CPU time.
const RATES: [u64; 4] = [99, 999, 4999, 20_000];
const THREADS: u64 = 4;
/// CPU time that one run uses.
const SECONDS: u64 = 10;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let wanted: u64 = arguments.next().map_or(1_000_000, |samples| samples.parse().expect("a number of samples"));
    let engine = arguments.next();

    let project = Project::of("torture");
    let work = [THREADS, SECONDS].map(|number| number.to_string());
    let work = ["--release", "--quiet", "--", &work[0], &work[1]];
    let plain = outcome(project.command(env!("CARGO")).arg("run").args(work)).succeeded();

    println!(
        "| rate, Hz | engine | samples | unsampled | lost | truncated | broken | broken / samples | without a root outside libgcc's unwinder |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut all = Counts::default();
    // The highest rate first, so that a small number of samples is soon reached.
    for rate in RATES.into_iter().rev().cycle() {
        let profile = project.path("target/torture.prof");
        let _ = std::fs::remove_file(&profile);
        let rate = rate.to_string();
        let mut command = project.prof_command(&["run", "--cpuprofile"]);
        command.arg(&profile).args(["--cpuprofilerate", &rate]);
        command.args(engine.iter().flat_map(|engine| ["--engine", engine]));
        plain.assert_same(&outcome(command.args(work)));

        let evidence = Evidence::read(&profile);
        let counts = Counts::of(&evidence);
        println!("| {rate} | {} | {counts} |", evidence.engine());
        all.add(&counts);
        if all.samples >= wanted {
            break;
        }
    }
    println!("| all | | {all} |");
}

/// Samples, and those of them with less than a whole stack.
#[derive(Default)]
struct Counts {
    samples: u64,
    unsampled: u64,
    lost: u64,
    truncated: u64,
    broken: u64,
    without_root: u64,
}

impl Counts {
    fn of(evidence: &Evidence) -> Counts {
        Counts {
            samples: evidence.commented("samples"),
            unsampled: evidence.commented("unsampled"),
            lost: evidence.commented("lost"),
            truncated: evidence.commented("truncated"),
            broken: evidence.commented("broken"),
            without_root: evidence.all().without_root().total("samples").unsigned_abs(),
        }
    }

    fn add(&mut self, other: &Counts) {
        self.samples += other.samples;
        self.unsampled += other.unsampled;
        self.lost += other.lost;
        self.truncated += other.truncated;
        self.broken += other.broken;
        self.without_root += other.without_root;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Counts { samples, unsampled, lost, truncated, broken, without_root } = self;
        let percent = |count: &u64| 100.0 * *count as f64 / (*samples).max(1) as f64;
        write!(formatter, "{samples} | {unsampled} | {lost} | {truncated} | {broken} | {:.4} %", percent(broken))?;
        write!(formatter, " | {without_root} ({:.4} %)", percent(without_root))
    }
}

fn outcome(command: &mut Command) -> Outcome {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")).into()
}
