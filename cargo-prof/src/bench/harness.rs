//! The benchmark harnesses other than libtest's, and how each is called: to list its benchmarks, and to run one of them.
//! Pure; who calls them is in `runner.rs`.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use super::command_line::{Argument, split};

/// A benchmark harness that lists its benchmarks and runs one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BenchHarness {
    /// criterion, from 0.3 on.
    Criterion,
    /// divan, from 0.1.19 on: earlier ones do not list benchmarks with arguments, or not at all.
    Divan,
}

/// How long each benchmark is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Length {
    /// For so many seconds, as they were typed.
    Seconds(String),
    /// As long as the harness's own measurement takes.
    Measurement,
}

/// A way to call a bench executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables to be set for it.
    pub variables: &'static [(&'static str, &'static str)],
}

/// Flags of criterion that take the next argument, in any version.
const CRITERION_VALUES: &[&str] = &[
    "--color",
    "-c",
    "--save-baseline",
    "-s",
    "--baseline",
    "-b",
    "--baseline-lenient",
    "--load-baseline",
    "--format",
    "--sample-size",
    "--warm-up-time",
    "--measurement-time",
    "--nresamples",
    "--noise-threshold",
    "--confidence-level",
    "--significance-level",
    "--profile-time",
    "--plotting-backend",
    "--output-format",
    "--test-threads",
    "--logfile",
];
/// What criterion is to do instead of measuring.
const CRITERION_OTHER: &[&str] =
    &["--list", "--test", "--help", "-h", "--version", "-V", "--load-baseline", "--ignored"];

/// Flags of divan that take the next argument.
const DIVAN_VALUES: &[&str] = &[
    "--color",
    "--skip",
    "--sort",
    "--sortr",
    "--timer",
    "--sample-count",
    "--sample-size",
    "--threads",
    "--min-time",
    "--max-time",
    "--items-count",
    "--bytes-count",
    "--bytes-format",
    "--chars-count",
    "--cycles-count",
    "--format",
    "--test-threads",
];
/// What divan is to do instead of measuring.
const DIVAN_OTHER: &[&str] = &["--list", "--test", "--help", "-h", "--version", "-V"];
/// Flags that say how long divan is to measure.
const DIVAN_LENGTH: &[&str] = &["--sample-count", "--min-time", "--max-time"];

/// Flags of criterion that say how it measures and what becomes of it.
const CRITERION_MEASURING: &[&str] = &[
    "--sample-size",
    "--warm-up-time",
    "--measurement-time",
    "--nresamples",
    "--noplot",
    "-n",
    "--quick",
    "--save-baseline",
    "-s",
    "--baseline",
    "-b",
    "--baseline-lenient",
    "--discard-baseline",
];
/// To have criterion count its iterations, as short as it can be. Old versions know no parts of a second.
const CRITERION_COUNTED: &[&str] = &[
    "--warm-up-time 0.02 --measurement-time 0.05 --sample-size 10 --nresamples 1001 --noplot",
    "--warm-up-time 1 --measurement-time 1 --sample-size 10 --nresamples 1001 --noplot",
];

/// Flags of divan that say how it measures.
const DIVAN_MEASURING: &[&str] =
    &["--sample-count", "--sample-size", "--min-time", "--max-time", "--skip-ext-time", "--color"];
/// To have divan count its iterations. However long one takes, a second is enough.
const DIVAN_COUNTED: &[&str] = &["--sample-count 100 --sample-size 1 --min-time 0 --max-time 1 --color never"];

impl BenchHarness {
    /// The harness whose code a symbol is of, by the crate's name in it.
    pub fn of_symbol(symbol: &str) -> Option<BenchHarness> {
        // Both kinds of mangling put the length before a name.
        let is_of = |name: &str| {
            symbol.match_indices(name).any(|(at, _)| !symbol[..at].ends_with(|before: char| before.is_ascii_digit()))
        };
        if is_of("9criterion") {
            Some(BenchHarness::Criterion)
        } else if is_of("5divan") {
            Some(BenchHarness::Divan)
        } else {
            None
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            BenchHarness::Criterion => "criterion",
            BenchHarness::Divan => "divan",
        }
    }

    /// How to ask for the list of what a call with `arguments` would measure; none if it would do something else.
    pub fn list(self, arguments: &[OsString]) -> Option<Call> {
        let (values, other, own): (_, _, &[&str]) = match self {
            BenchHarness::Criterion => (CRITERION_VALUES, CRITERION_OTHER, &["--profile-time"]),
            BenchHarness::Divan => (DIVAN_VALUES, DIVAN_OTHER, &[]),
        };
        let split = split(arguments, values);
        // Without it they test that the benchmarks run at all.
        if !split.iter().any(|argument| argument.is("--bench")) || split.iter().any(|argument| argument.is_any(other)) {
            return None;
        }
        let mut kept = words(split.iter().filter(|argument| !argument.is_any(own)));
        kept.push("--list".into());
        Some(match self {
            BenchHarness::Criterion => Call { arguments: kept, variables: &[] },
            BenchHarness::Divan => {
                kept.extend(["--format", "terse"].map(OsString::from));
                // It knows the format by this variable only.
                Call { arguments: kept, variables: &[("NEXTEST", "1")] }
            }
        })
    }

    /// The benchmark that a line of the list names.
    pub fn listed(self, line: &str) -> Option<&str> {
        line.strip_suffix(": benchmark").or_else(|| line.strip_suffix(": bench")).filter(|id| !id.is_empty())
    }

    /// Whether a line of what should be a list says that it measures instead: its program may not look at its arguments.
    pub fn is_measuring(self, line: &str) -> bool {
        self.listed(line).is_none()
            && match self {
                BenchHarness::Criterion => line.contains(" time:   ["),
                BenchHarness::Divan => line.contains('│') && line.contains("fastest"),
            }
    }

    /// How to run the benchmark `id` alone, where all were to be called with `arguments`.
    pub fn one(self, arguments: &[OsString], id: &str, length: &Length) -> Call {
        let flags = |values, dropped: &[&str]| {
            let split = split(arguments, values);
            words(split.iter().filter(|argument| argument.is_flag() && !argument.is_any(dropped)))
        };
        let mut call = Call { arguments: Vec::new(), variables: &[] };
        match self {
            BenchHarness::Criterion => {
                // Older versions have no `--exact`, and all take a regular expression.
                call.arguments = match length {
                    Length::Seconds(seconds) => {
                        let mut kept = flags(CRITERION_VALUES, &["--exact", "--profile-time"]);
                        kept.extend(["--profile-time", seconds].map(OsString::from));
                        kept
                    }
                    Length::Measurement => flags(CRITERION_VALUES, &["--exact", "--profile-time"]),
                };
                call.arguments.push(format!("^{}$", regex::escape(id)).into());
            }
            BenchHarness::Divan => {
                call.arguments = flags(DIVAN_VALUES, &["--exact", "--skip"]);
                if let Length::Seconds(seconds) = length
                    && !split(arguments, DIVAN_VALUES).iter().any(|argument| argument.is_any(DIVAN_LENGTH))
                {
                    // A short benchmark goes on for so long, a long one does not go on for longer.
                    call.arguments.extend(["--min-time", seconds, "--max-time", seconds].map(OsString::from));
                }
                call.arguments.extend(["--exact", id].map(OsString::from));
            }
        }
        call
    }

    /// How to run the benchmark `id` alone for iterations that are counted: what to try, in this order.
    pub fn counted(self, arguments: &[OsString], id: &str) -> Vec<Call> {
        let (values, own, tries): (_, &[&str], &[&str]) = match self {
            BenchHarness::Criterion => (CRITERION_VALUES, CRITERION_MEASURING, CRITERION_COUNTED),
            BenchHarness::Divan => (DIVAN_VALUES, DIVAN_MEASURING, DIVAN_COUNTED),
        };
        let kept = words(split(arguments, values).iter().filter(|argument| !argument.is_any(own)));
        let call = |flags: &&str| {
            let mut call = self.one(&kept, id, &Length::Measurement);
            call.arguments.splice(..0, flags.split(' ').map(OsString::from));
            call
        };
        tries.iter().map(call).collect()
    }

    /// The length that `arguments` ask for themselves.
    pub fn length(self, arguments: &[OsString]) -> Option<Length> {
        let asked = split(arguments, CRITERION_VALUES).into_iter().rfind(|argument| argument.is("--profile-time"))?;
        (self == BenchHarness::Criterion).then(|| Length::Seconds(asked.value().unwrap_or_default().into_owned()))
    }
}

fn words<'a>(arguments: impl Iterator<Item = &'a Argument<'a>>) -> Vec<OsString> {
    arguments.flat_map(|argument| argument.words.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn text(arguments: &[OsString]) -> String {
        arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_symbol_gives_the_harness_away() {
        let criterion = Some(BenchHarness::Criterion);
        assert_eq!(BenchHarness::of_symbol("_RNvMs_NtCs3x_9criterion7bencherNtB4_7Bencher4iter"), criterion);
        assert_eq!(BenchHarness::of_symbol("_ZN9criterion7bencher4iter17h0123456789abcdefE"), criterion);
        assert_eq!(BenchHarness::of_symbol("_ZN5divan5bench12BenchContext"), Some(BenchHarness::Divan));
        assert_eq!(BenchHarness::of_symbol("_ZN19criterion_lookalike4main"), None);
        assert_eq!(BenchHarness::of_symbol("_ZN15divanish_things4main"), None);
        assert_eq!(BenchHarness::of_symbol("main"), None);
    }

    #[test]
    fn criterion_is_listed_and_run_by_an_anchored_pattern() {
        let arguments = call("parse --sample-size 10 --profile-time 3 --noplot --bench");
        let criterion = BenchHarness::Criterion;
        assert_eq!(
            text(&criterion.list(&arguments).unwrap().arguments),
            "parse --sample-size 10 --noplot --bench --list"
        );
        assert_eq!(criterion.length(&arguments), Some(Length::Seconds("3".into())));
        let one = criterion.one(&arguments, "a/b (c) 1.5", &Length::Seconds("5".into()));
        assert_eq!(text(&one.arguments), r"--sample-size 10 --noplot --bench --profile-time 5 ^a/b \(c\) 1\.5$");
        let measured = criterion.one(&arguments, "a", &Length::Measurement);
        assert_eq!(text(&measured.arguments), "--sample-size 10 --noplot --bench ^a$");
    }

    #[test]
    fn divan_is_listed_tersely_and_run_by_its_exact_name() {
        let divan = BenchHarness::Divan;
        let arguments = call("sort --skip slow --threads 2 --bench");
        let list = divan.list(&arguments).unwrap();
        assert_eq!(text(&list.arguments), "sort --skip slow --threads 2 --bench --list --format terse");
        assert_eq!(list.variables, [("NEXTEST", "1")]);
        let one = divan.one(&arguments, "b::sort::10", &Length::Seconds("5".into()));
        assert_eq!(text(&one.arguments), "--threads 2 --bench --min-time 5 --max-time 5 --exact b::sort::10");
        let limited = call("--sample-count 7 --bench");
        let one = divan.one(&limited, "b", &Length::Seconds("5".into()));
        assert_eq!(text(&one.arguments), "--sample-count 7 --bench --exact b");
    }

    #[test]
    fn what_is_counted_is_measured_in_a_way_of_our_own() {
        let arguments = call("name --sample-size 50 -s base --noplot --min-time=3 --bench");
        let calls = BenchHarness::Criterion.counted(&arguments, "a");
        let expected = "--sample-size 10 --nresamples 1001 --noplot --min-time=3 --bench ^a$";
        assert_eq!(calls.len(), 2);
        for (call, times) in calls.iter().zip(["0.02 --measurement-time 0.05", "1 --measurement-time 1"]) {
            assert_eq!(text(&call.arguments), format!("--warm-up-time {times} {expected}"));
        }
        let arguments = call("--bench --sample-count=3 --color always --threads 2");
        let calls = BenchHarness::Divan.counted(&arguments, "a");
        let expected =
            "--sample-count 100 --sample-size 1 --min-time 0 --max-time 1 --color never --bench --threads 2 --exact a";
        assert_eq!(calls.iter().map(|call| text(&call.arguments)).collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn what_measures_nothing_is_left_alone() {
        for line in ["--bench --test", "--list --bench", "--bench --help", "", "name", "--load-baseline=x --bench"] {
            assert_eq!(BenchHarness::Criterion.list(&call(line)), None, "{line}");
        }
        assert_eq!(BenchHarness::Divan.list(&call("--bench --test")), None);
    }

    #[test]
    fn a_line_of_a_list_is_its_id_whatever_is_in_it() {
        let listed = |line| BenchHarness::Criterion.listed(line);
        assert_eq!(listed("a: b/c d: benchmark"), Some("a: b/c d"));
        assert_eq!(listed("old: bench"), Some("old"));
        assert!(BenchHarness::Divan.is_measuring("sums     fastest       │ slowest       │ median"));
        assert!(
            BenchHarness::Criterion.is_measuring("sum                     time:   [14.897 ns 19.953 ns 25.330 ns]")
        );
        assert!(!BenchHarness::Divan.is_measuring("sums::fastest │: benchmark"));
        for junk in ["", ": benchmark", "3 tests, 2 benchmarks", "Gnuplot not found, using plotters backend"] {
            assert_eq!(listed(junk), None);
        }
    }
}
