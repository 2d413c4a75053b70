//! How long reports take and how much memory, side by side with Go's, for `docs/performance.md`:
//! `cargo run --release -p prof-tests --bin pprof-speed [ROUNDS [SIZE…]]`, where SIZE is `small`, `medium` or `large`
//! (default: the first two), or `symbolize` (see `pprof_speed/symbols.rs`).
//!
//! Both read the same synthetic profiles and write to a file; where there is no `go` on the path, ours is measured alone.
//! What recording costs is in `overhead.rs` and its kin.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

#[path = "pprof_speed/child.rs"]
mod child;
#[path = "pprof_speed/symbols.rs"]
mod symbols;
#[path = "pprof_speed/synthetic.rs"]
mod synthetic;

use std::path::{Path, PathBuf};
use std::process::Command;

use child::Used;
use prof_tests::figures::Sorted;
use prof_tests::{tool, workspace_root};

/// A size, its samples and functions, and how many of its reports are measured.
const SIZES: [(&str, u64, u64, usize); 3] =
    [("small", 3_000, 1_500, 7), ("medium", 225_000, 50_000, 7), ("large", 3_000_000, 50_000, 2)];

/// How deep stacks are on average.
const DEPTH: u64 = 40;

/// The reports, each with how many profiles it takes: of eight all are merged.
const REPORTS: [(&[&str], usize); 7] = [
    (&["-top"], 1),
    (&["-peek=parse"], 1),
    (&["-tree"], 1),
    (&["-traces"], 1),
    (&["-top", "-diff_base"], 2),
    (&["-proto"], 1),
    (&["-proto"], 8),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let chosen: Vec<String> = arguments.collect();
    let is_chosen = |size: &str| match &chosen[..] {
        [] => size != "large" && size != "symbolize",
        chosen => chosen.iter().any(|chosen| chosen == size),
    };
    if is_chosen("symbolize") {
        symbols::print(rounds);
    }
    let folder = workspace_root().join("target/pprof-speed");
    std::fs::create_dir_all(&folder).expect("the target directory is writable");
    let go = gos_pprof();
    println!(
        "| profile, MB | report | ours, s | Go's, s | Go's / ours (min-max) | ours, MB | Go's, MB | ours / Go's |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (size, samples, functions, reports) in SIZES.into_iter().filter(|(size, ..)| is_chosen(size)) {
        for (flags, count) in REPORTS.into_iter().take(reports) {
            let profiles: Vec<_> = (0..count as u64)
                .map(|seed| synthetic::profile(&folder, size, samples, functions, DEPTH, seed))
                .collect();
            row(&folder, flags, &profiles, go.as_deref(), rounds);
        }
    }
}

fn row(folder: &Path, flags: &[&str], profiles: &[PathBuf], go: Option<&Path>, rounds: usize) {
    let output = folder.join("out");
    let run = |mut command: Command| {
        command.arg("-symbolize=none").args(flags).args(profiles);
        child::run(&mut command, &output)
    };
    let ours = || {
        let mut command = Command::new(tool());
        command.args(["prof", "pprof"]);
        run(command)
    };
    let pairs: Vec<(Used, Option<Used>)> = (0..rounds).map(|_| (ours(), go.map(|go| run(Command::new(go))))).collect();
    let column = |value: &dyn Fn(&Used) -> f64| Sorted::of(pairs.iter().map(|(ours, _)| value(ours))).median();
    let of_go =
        |value: &dyn Fn(&Used) -> f64| go.map(|_| Sorted::of(pairs.iter().flat_map(|(_, go)| go).map(value)).median());
    let ratio = |value: &dyn Fn(&Used, &Used) -> f64| {
        go.map(|_| Sorted::of(pairs.iter().filter_map(|(ours, go)| Some(value(ours, go.as_ref()?)))))
    };
    let shown = |value: Option<String>| value.unwrap_or("–".into());
    let size: u64 = profiles.iter().map(|path| std::fs::metadata(path).map_or(0, |file| file.len())).sum();
    println!(
        "| {:.1} | `{}`{} | {:.2} | {} | {} | {:.0} | {} | {} |",
        size as f64 / 1e6,
        flags.join(" "),
        if profiles.len() > 2 { format!(" of {}", profiles.len()) } else { String::new() },
        column(&|used| used.seconds),
        shown(of_go(&|used| used.seconds).map(|seconds| format!("{seconds:.2}"))),
        shown(ratio(&|ours, go| go.seconds / ours.seconds).map(|ratio| ratio.median_and_range(1))),
        column(&|used| used.megabytes),
        shown(of_go(&|used| used.megabytes).map(|megabytes| format!("{megabytes:.0}"))),
        shown(ratio(&|ours, go| ours.megabytes / go.megabytes).map(|ratio| format!("{:.2}", ratio.median()))),
    );
}

/// Go's pprof itself, without the `go` command before it.
fn gos_pprof() -> Option<PathBuf> {
    let told = Command::new("go").args(["tool", "-n", "pprof"]).output().ok()?;
    let path = PathBuf::from(String::from_utf8_lossy(&told.stdout).trim());
    path.is_file().then_some(path)
}
