//! What profiling costs, for `docs/performance.md`: `cargo run --release -p prof-tests --bin overhead [ROUNDS]`.
//!
//! One program runs without and with each setting in turn, round after round, and prints how long its own work took;
//! the table gives medians and the ratio round by round, so that it holds when the machine's speed drifts.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use prof_tests::figures::Sorted;
use prof_tests::{clean_environment, tool, workspace_root};

/// The settings to compare, each with its flags.
const SETTINGS: [(&str, &[&str]); 5] = [
    ("cpu 100 Hz", &["--cpuprofile", "cpu.prof"]),
    ("cpu 1000 Hz", &["--cpuprofile", "cpu.prof", "--cpuprofilerate", "1000"]),
    ("mem 512 KiB", &["--memprofile", "mem.prof"]),
    ("cpu + mem, defaults", &["--cpuprofile", "cpu.prof", "--memprofile", "mem.prof"]),
    ("mem exact", &["--memprofile", "mem.prof", "--memprofilerate", "1"]),
];

const WORK: [(&str, &str); 4] = [("cpu", "1"), ("heap", "1"), ("heap", "2"), ("threads", "1")];

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(7);
    let project = workspace_root().join("tests/fixtures/overhead");
    let target = workspace_root().join("target/overhead");
    std::fs::create_dir_all(&target).expect("the target directory is writable");
    let runner = Runner { project, target };
    println!(
        "| work | threads | setting | plain, s | profiled, s | work: profiled / plain (min-max) | whole command: profiled / plain |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (work, threads) in WORK {
        for (setting, flags) in SETTINGS {
            // Builds, and warms up.
            runner.plain(work, threads);
            runner.profiled(flags, work, threads);
            let pairs: Vec<_> =
                (0..rounds).map(|_| (runner.plain(work, threads), runner.profiled(flags, work, threads))).collect();
            let column = |value: &dyn Fn(&(Run, Run)) -> f64| Sorted::of(pairs.iter().map(value));
            let plain = column(&|pair| pair.0.work);
            let profiled = column(&|pair| pair.1.work);
            let ratio = column(&|pair| pair.1.work / pair.0.work);
            let whole = column(&|pair| pair.1.whole / pair.0.whole);
            println!(
                "| {work} | {threads} | {setting} | {:.3} | {:.3} | {} | {:.3} |",
                plain.median(),
                profiled.median(),
                ratio.median_and_range(3),
                whole.median(),
            );
        }
    }
}

struct Run {
    /// Seconds that the program measured for its work.
    work: f64,
    /// Seconds from the start of the command to its end.
    whole: f64,
}

struct Runner {
    project: PathBuf,
    target: PathBuf,
}

impl Runner {
    fn plain(&self, work: &str, threads: &str) -> Run {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--release", "--quiet"]);
        self.run(command, &[], work, threads)
    }

    fn profiled(&self, flags: &[&str], work: &str, threads: &str) -> Run {
        let mut command = Command::new(tool());
        command.args(["prof", "run", "--release", "--quiet", "--outputdir"]).arg(&self.target);
        self.run(command, flags, work, threads)
    }

    fn run(&self, mut command: Command, flags: &[&str], work: &str, threads: &str) -> Run {
        clean_environment(&mut command);
        command.args(flags).arg("--target-dir").arg(Path::new(&self.target)).args(["--", work, threads]);
        let start = Instant::now();
        let output = command.current_dir(&self.project).output().expect("cargo runs");
        let whole = start.elapsed().as_secs_f64();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let nanos: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("the program prints a number");
        Run { work: nanos / 1e9, whole }
    }
}
