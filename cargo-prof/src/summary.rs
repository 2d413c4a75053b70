//! What is said after a run: where each profile lies, what is in it, what to doubt, the hottest functions, and the
//! next command to type.

use std::fmt::Write as _;
use std::path::Path;

use cargo_metadata::Metadata;
use clap::ArgMatches;
use clap::parser::ValueSource;
use prof_pprof::report::top_functions;
use prof_pprof::{Profile, RustReading, measurement, read_rust};

use crate::bench::phase::LeftOut;
use crate::cli::Cargo;
use crate::collect::{Asked, Collected, target_name};
use crate::inject::made::Made;
use crate::outputs::Outputs;
use crate::project::Project;

/// A run's outcome, to be put into words.
pub struct Summary<'a> {
    /// Where the profiles are.
    pub outputs: &'a Outputs,
    /// What was asked for.
    pub asked: Asked,
    /// What was measured.
    pub collected: &'a Collected,
    /// The executables that were made.
    pub made: &'a [Made],
}

/// CPU samples below which shares say little: at 100, a share of 50 % has a standard error of 5 points.
const FEW_SAMPLES: u64 = 100;

impl Summary<'_> {
    /// The text, without a newline at its end; empty if there is nothing to say.
    pub fn text(&self, cargo: Cargo, matches: &ArgMatches, project: &Project) -> String {
        let mut text = String::new();
        if let (Some(output), Some((_, totals))) = (&self.outputs.cpu, &self.collected.cpu) {
            let seconds = measurement::label(i64::try_from(totals.nanos).unwrap_or(i64::MAX), "nanoseconds", "auto");
            let _ = writeln!(
                text,
                "\ncpu profile     {}  ({}, {seconds} of CPU time, {})",
                shown(&output.shown),
                counted(totals.samples, "sample"),
                counted(totals.processes, "process"),
            );
            doubt(&mut text, [totals.lost_samples, totals.truncated_samples, totals.broken_samples], totals.samples);
            if totals.unsampled_samples * 20 > totals.samples {
                let percent = totals.unsampled_samples as f64 * 100.0 / totals.samples as f64;
                let _ = writeln!(
                    text,
                    "  note: {percent:.0} % of the time is in tests or threads shorter than the kernel's tick; it is in the profile \
                     as [unsampled]"
                );
            }
        }
        if let (Some(output), Some((_, totals))) = (&self.outputs.mem, &self.collected.mem) {
            let bytes = |value| measurement::label(value, "bytes", "auto");
            let _ = writeln!(
                text,
                "{}memory profile  {}  ({} in {}, {} in use at the end; {} sampled{})",
                if text.is_empty() { "\n" } else { "" },
                shown(&output.shown),
                bytes(totals.alloc_space),
                counted(u64::try_from(totals.alloc_objects).unwrap_or(0), "allocation"),
                bytes(totals.inuse_space),
                totals.samples,
                match &*self.collected.doors() {
                    "malloc" => String::new(),
                    doors => format!(" by {doors}"),
                },
            );
            doubt(&mut text, [totals.lost_samples, totals.truncated_samples, totals.broken_samples], totals.samples);
        }
        if let (Some(output), Some((_, totals))) = (&self.outputs.peak, &self.collected.peak) {
            let _ = writeln!(
                text,
                "{}peak profile    {}  ({} in {} at the {}; {} sampled)",
                if text.is_empty() { "\n" } else { "" },
                shown(&output.shown),
                measurement::label(totals.peak_space, "bytes", "auto"),
                counted(u64::try_from(totals.peak_objects).unwrap_or(0), "block"),
                if totals.processes == 1 { "peak".into() } else { format!("peaks of {} processes", totals.processes) },
                totals.samples,
            );
            doubt(&mut text, [0, totals.truncated_samples, totals.broken_samples], totals.samples);
            if totals.lost_samples > 0 {
                let lost = counted(totals.lost_samples, "sampled allocation");
                let _ = writeln!(text, "  note: {lost} lost for want of room; they are not in the profile");
            }
        }
        for note in self.notes(cargo, matches, project) {
            let _ = writeln!(text, "{}  note: {note}", if text.is_empty() { "\n" } else { "" });
        }
        if let Some((profile, totals)) = &self.collected.cpu
            && totals.samples > 0
        {
            text.push_str(&hottest(profile));
        }
        if let Some(output) = self.outputs.profiles().next() {
            let _ = write!(text, "\nnext: cargo prof top {}", shown(&output.shown));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn notes(&self, cargo: Cargo, matches: &ArgMatches, project: &Project) -> Vec<String> {
        let mut notes = self.collected.doubts.clone();
        notes.extend(left_out(&self.collected.left_out, &self.collected.left_out_memory));
        if let (Some((_, totals)), Some(rate)) = (&self.collected.cpu, self.asked.cpu_rate)
            && totals.samples < FEW_SAMPLES
            && self.collected.is_cpu_sampled()
        {
            notes.push(few(totals.samples, rate));
        }
        notes.extend(not_injected(self.made, cargo, matches, &project.metadata));
        if cargo == Cargo::Test && runs_doctests(matches, &project.metadata) {
            notes.push("doctests run unprofiled: rustdoc compiles them".into());
        }
        notes
    }
}

/// What of the benchmarks' processes is not in the CPU profile and not in the memory profile.
fn left_out(left_out: &LeftOut, memory: &LeftOut) -> Vec<String> {
    let mut notes: Vec<_> = left_out.text().into_iter().collect();
    if let [objects, space, ..] = memory.values[..]
        && objects > 0
    {
        notes.push(format!(
            "left out of the memory profile: {} in {} of warm-up, set-up and the harness's own work",
            measurement::label(space, "bytes", "auto"),
            counted(objects.unsigned_abs(), "allocation"),
        ));
    }
    // A loop that allocates nothing is not in the memory profile, and yet may have been measured.
    if left_out.unmeasured > 0 {
        let benchmarks = counted(left_out.unmeasured as u64, "benchmark");
        notes.push(format!(
            "{benchmarks} came to no measured iteration: the warm-up is in the profile, labelled phase=warmup; a longer \
             --profile-time helps"
        ));
    }
    notes
}

/// How to get more than `samples` CPU samples at `rate` Hz. Beyond 1000 Hz sampling begins to cost what it shows.
fn few(samples: u64, rate: u64) -> String {
    let verb = if samples == 1 { "is" } else { "are" };
    let more_often = match rate.saturating_mul(10).min(1000) {
        higher if higher > rate => format!(", or sample more often (--cpuprofilerate {higher})"),
        _ => String::new(),
    };
    format!("{} {verb} few: run for longer{more_often}", counted(samples, "CPU sample"))
}

/// The executables of this command that were made without the harness, and why. There may be others from earlier commands.
pub fn not_injected(made: &[Made], cargo: Cargo, matches: &ArgMatches, metadata: &Metadata) -> Vec<String> {
    let others = made.iter().filter_map(|made| Some((made, made.not_injected.as_ref()?)));
    let others = others.map(|(made, reason)| (made, reason, target_name(made, metadata)));
    others
        .filter(|(made, _, target)| is_of_command(&made.package, target, made.is_test, cargo, matches))
        .map(|(made, reason, target)| format!("{} {target} runs unprofiled: {reason}", made.package))
        .collect()
}

/// Whether a command with these flags runs the target.
fn is_of_command(package: &str, target: &str, is_test: bool, cargo: Cargo, matches: &ArgMatches) -> bool {
    const SELECTORS: [(&str, &str, Option<&str>); 5] = [
        ("lib/", "lib", None),
        ("bin/", "bins", Some("bin")),
        ("example/", "examples", Some("example")),
        ("test/", "tests", Some("test")),
        ("bench/", "benches", Some("bench")),
    ];
    let is_given = |flag: &str| {
        matches.try_contains_id(flag).is_ok() && matches.value_source(flag) == Some(ValueSource::CommandLine)
    };
    let packages = crate::project::values(matches, "package");
    if !packages.is_empty() && !packages.iter().any(|given| given.split(['@', '#']).any(|part| part == package)) {
        return false;
    }
    let flags = SELECTORS.iter().flat_map(|(_, all, one)| [Some(*all), *one]).flatten();
    if !flags.clone().any(is_given) {
        // Only what is run by default; a binary beside the tests is made as well.
        return match cargo {
            Cargo::Run => target.starts_with("bin/"),
            Cargo::Test | Cargo::Bench | Cargo::Nextest => {
                is_test || target.starts_with("test/") || target.starts_with("bench/")
            }
        };
    }
    SELECTORS.iter().any(|(kind, all, one)| {
        target.strip_prefix(kind).is_some_and(|name| {
            is_given(all)
                || one.is_some_and(|one| {
                    is_given(one) && crate::project::values(matches, one).iter().any(|given| given == name)
                })
        })
    }) || is_given("all-targets")
}

/// Whether cargo runs the doctests of a library too: without a target selected it does.
fn runs_doctests(matches: &ArgMatches, metadata: &Metadata) -> bool {
    const SELECTORS: [&str; 11] =
        ["lib", "bins", "bin", "examples", "example", "tests", "test", "benches", "bench", "all-targets", "no-run"];
    let is_selected = SELECTORS.iter().any(|flag| matches.value_source(flag) == Some(ValueSource::CommandLine));
    let packages = crate::project::values(matches, "package");
    let is_of_run = |name: &str| {
        packages.is_empty() || packages.iter().any(|package| package.split(['@', '#']).any(|part| part == name))
    };
    !is_selected
        && metadata.workspace_default_packages().iter().any(|package| {
            is_of_run(&package.name)
                && package.targets.iter().any(|target| target.doctest && (target.is_lib() || target.is_proc_macro()))
        })
}

/// Loss, cut and broken stacks, where they are more than one sample in a thousand.
fn doubt(text: &mut String, [lost, truncated, broken]: [u64; 3], samples: u64) {
    let mut say = |count: u64, what: &str| {
        if count * 1000 > samples {
            let percent = count as f64 * 100.0 / samples as f64;
            let _ = writeln!(text, "  note: {} ({percent:.1} %) {what}", counted(count, "sample"));
        }
    };
    say(lost, "lost for want of room; they are in the profile as [lost]");
    say(truncated, "with a stack that was cut; they are in the profile below [truncated]");
    say(broken, "with a stack that could not be followed to its root; they are in the profile below [broken]");
}

fn hottest(profile: &Profile) -> String {
    // As `cargo prof top` shows them.
    let mut profile = profile.clone();
    read_rust(&mut profile, &RustReading::default());
    let Ok((functions, total)) = top_functions(&profile, None, 5) else { return String::new() };
    let mut text = String::from("\n      flat  flat%        cum   cum%\n");
    for function in functions {
        let label = |value| measurement::label(value, "nanoseconds", "auto");
        let _ = writeln!(
            text,
            "{:>10} {:>6} {:>10} {:>6}  {}",
            label(function.flat),
            measurement::percentage(function.flat, total).trim(),
            label(function.cum),
            measurement::percentage(function.cum, total).trim(),
            function.name
        );
    }
    text
}

pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = match (count, what.ends_with("ss")) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {what}{plural}")
}

/// A path as it is shortest to type: relative to the current directory, if it is below.
pub fn shown(path: &Path) -> String {
    let current = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&current).unwrap_or(path).display().to_string();
    if path.contains([' ', '\'', '"', '$', '*']) { format!("'{}'", path.replace('\'', "'\\''")) } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_about_what_this_command_runs() {
        let is_of = |line: &[&str], target: &str, is_test: bool, cargo: Cargo| {
            let matches = crate::cli::command().get_matches_from([&["cargo prof"], line].concat());
            is_of_command("a", target, is_test, cargo, matches.subcommand().expect("one is given").1)
        };
        assert!(is_of(&["run", "--bin", "x"], "bin/x", false, Cargo::Run));
        assert!(!is_of(&["run", "--bin", "x"], "bin/y", false, Cargo::Run));
        assert!(!is_of(&["run", "-p", "b"], "bin/x", false, Cargo::Run));
        assert!(is_of(&["test"], "lib/a", true, Cargo::Test));
        assert!(!is_of(&["test"], "bin/x", false, Cargo::Test));
        assert!(is_of(&["bench", "--benches"], "bench/b", false, Cargo::Bench));
        assert!(!is_of(&["test", "--lib"], "test/t", true, Cargo::Test));
    }

    #[test]
    fn a_higher_rate_is_advised_only_if_there_is_one() {
        assert_eq!(few(3, 100), "3 CPU samples are few: run for longer, or sample more often (--cpuprofilerate 1000)");
        assert_eq!(few(1, 50), "1 CPU sample is few: run for longer, or sample more often (--cpuprofilerate 500)");
        assert_eq!(few(0, 1000), "0 CPU samples are few: run for longer");
        assert_eq!(few(9, 20_000), "9 CPU samples are few: run for longer");
    }

    #[test]
    fn what_is_left_out_is_told_of_both_profiles() {
        let cpu = LeftOut { warmup: 2_000_000_000, ..LeftOut::default() };
        let memory = LeftOut { values: vec![3, 2048, 0, 0], ..LeftOut::default() };
        let told = left_out(&cpu, &memory);
        assert_eq!(told[0], "left out: 2s of warm-up");
        assert!(told[1].contains("2kB in 3 allocations of warm-up"), "{told:?}");
        assert_eq!(left_out(&LeftOut::default(), &LeftOut::default()), Vec::<String>::new());
    }
}
