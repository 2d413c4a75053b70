//! What a run of `cargo test` says: libtest's line for each test, binary by binary, the counts, and standard output
//! without what differs between any two runs. What the profiles say of the same tests is checked in `profiles.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use prof_tests::published::Source;
use prof_tests::workshop::Run;
use regex::Regex;

/// How many differences of a kind are named.
const NAMED: usize = 3;

/// The results of a run.
pub struct Results {
    status: String,
    blocks: Vec<Block>,
    stdout: Vec<String>,
    /// Cargo's headings in the order of the run: `Running tests/a.rs`, `Doc-tests a`.
    headings: Vec<String>,
}

/// What one test binary says, from `running 3 tests` to its counts.
#[derive(Default, PartialEq)]
struct Block {
    /// Sorted.
    lines: Vec<String>,
    counts: String,
}

impl Results {
    /// Reads them from the run's outputs.
    pub fn of(run: &Run) -> Results {
        let stdout = comparable(&run.stdout);
        let mut blocks: Vec<Block> = Vec::new();
        for line in &stdout {
            if RUNNING_TESTS.is_match(line) {
                blocks.push(Block::default());
            }
            let Some(block) = blocks.last_mut() else { continue };
            if line.starts_with("test result: ") {
                block.counts.clone_from(line);
            } else if TEST_LINE.is_match(line) {
                block.lines.push(line.clone());
            }
        }
        for block in &mut blocks {
            block.lines.sort();
        }
        let headings = HEADING.captures_iter(&run.stderr).map(|heading| heading[1].to_owned()).collect();
        Results { status: run.status.clone(), blocks, stdout, headings }
    }

    /// Exit status, for people.
    pub fn status(&self) -> &str {
        &self.status
    }

    /// How many tests have a result, ignored ones not among them.
    pub fn tests_run(&self) -> usize {
        let lines = self.blocks.iter().flat_map(|block| &block.lines);
        lines.filter(|line| !line.contains(" ... ignored")).count()
    }

    /// In what `other` differs from this, in words.
    pub fn differences(&self, other: &Results) -> Vec<String> {
        let mut differences = Vec::new();
        if self.status != other.status {
            differences.push(format!("{} became {}", self.status, other.status));
        }
        if self.headings != other.headings {
            differences.push(format!("ran {:?} instead of {:?}", other.headings, self.headings));
        }
        if self.blocks.len() != other.blocks.len() {
            differences.push(format!("{} test binaries became {}", self.blocks.len(), other.blocks.len()));
        }
        for (left, right) in self.blocks.iter().zip(&other.blocks) {
            let (left_lines, right_lines) = (BTreeSet::from_iter(&left.lines), BTreeSet::from_iter(&right.lines));
            let gone = left_lines.difference(&right_lines).map(|line| format!("gone: {line}"));
            let new = right_lines.difference(&left_lines).map(|line| format!("new: {line}"));
            differences.extend(gone.take(NAMED).chain(new.take(NAMED)));
            if left.counts != right.counts {
                differences.push(format!("`{}` became `{}`", left.counts, right.counts));
            }
        }
        if differences.is_empty() && self.stdout != other.stdout {
            let lines = self.stdout.iter().zip(&other.stdout).find(|(left, right)| left != right);
            differences.push(match lines {
                Some((left, right)) => format!("stdout: `{left}` became `{right}`"),
                None => format!("stdout: {} lines became {}", self.stdout.len(), other.stdout.len()),
            });
        }
        differences
    }

    /// The names of the tests that each target ran, by the target's label in a profile.
    ///
    /// # Errors
    ///
    /// If the results cannot be told apart by target.
    pub fn tests_by_target(&self, source: &Source) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
        let mut blocks = self.blocks.iter();
        let mut tests = BTreeMap::new();
        for heading in &self.headings {
            // Documentation is tested last, in as many parts as rustdoc sees fit.
            let Some(path) = heading.strip_prefix("Running ") else { break };
            let path = path.strip_prefix("unittests ").unwrap_or(path);
            let label = source.labels.get(path).ok_or_else(|| format!("no target lies at {path}"))?;
            let names = if source.harness_free.contains(label) {
                BTreeSet::new()
            } else {
                let block = blocks.next().ok_or_else(|| format!("there are no results of {label}"))?;
                block.lines.iter().filter_map(|line| Some(TEST_LINE.captures(line)?[1].to_owned())).collect()
            };
            tests.insert(label.clone(), names);
        }
        Ok(tests)
    }
}

macro_rules! pattern {
    ($($name:ident = $text:literal;)*) => {
        $(static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("the pattern is right"));)*
    };
}

pattern! {
    RUNNING_TESTS = r"^running \d+ tests?$";
    TEST_LINE = r"^test (.+?)(?: - should panic)? \.\.\. ";
    HEADING = r"(?m)^ +(Running [^`\n]+?|Doc-tests .+?)(?: \([^\n]*\))?$";
}

/// Patterns of what differs between any two runs, or because one builds elsewhere, and what they are replaced with.
const REPLACED: [(&str, &str); 9] = [
    (r"finished in [0-9.]+s", "finished in TIME"),
    (r"(?m)^all doctests ran in .*\n", ""),
    (r"(?m)^test .* has been running for over \d+ seconds\n", ""),
    (r"(thread '.*') \([0-9]+\) ", "$1 "),
    (r"ThreadId\([0-9]+\)", "ThreadId"),
    (r"/prof/build[^/\s]*/", "/"),
    (r"-[0-9a-f]{16}\b", "-HASH"),
    (r"\b0x[0-9a-f]{6,}\b", "ADDRESS"),
    (r"(rustdoctest|\.tmp)[A-Za-z0-9_]+", "$1"),
];

/// The lines of a standard output, those of tests that ran side by side sorted.
fn comparable(text: &str) -> Vec<String> {
    static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        REPLACED.map(|(text, by)| (Regex::new(text).expect("the pattern is right"), by)).into_iter().collect()
    });
    let replaced =
        PATTERNS.iter().fold(text.to_owned(), |text, (pattern, by)| pattern.replace_all(&text, *by).into_owned());
    let mut lines: Vec<String> = replaced.lines().map(str::to_owned).collect();
    for block in lines.chunk_by_mut(|left, right| TEST_LINE.is_match(left) && TEST_LINE.is_match(right)) {
        block.sort();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const STDOUT: &str = "
running 2 tests
test b ... ok
test a - should panic ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.44s

by hand

running 1 test
test src/lib.rs - (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.44s
";
    const STDERR: &str = "
    Finished `test` profile
     Running unittests src/lib.rs (target/debug/deps/x-0123456789abcdef)
     Running tests/by_hand.rs (target/debug/deps/by_hand-0123456789abcdef)
   Doc-tests x
";

    fn results(stdout: &str) -> Results {
        let (status, stdout, stderr) = ("exit status: 0".to_owned(), stdout.to_owned(), STDERR.to_owned());
        Results::of(&Run { status, stdout, stderr, cpu: std::time::Duration::ZERO })
    }

    #[test]
    fn order_and_time_are_no_difference() {
        let other = STDOUT
            .replace("test b ... ok\ntest a - should panic ... ok", "test a - should panic ... ok\ntest b ... ok")
            .replace("0.44s", "1.02s");
        assert_eq!(results(STDOUT).differences(&results(&other)), Vec::<String>::new());
    }

    #[test]
    fn a_result_and_a_line_are_differences() {
        let other = STDOUT.replace("test b ... ok", "test b ... FAILED");
        let differences = results(STDOUT).differences(&results(&other));
        assert_eq!(differences, ["gone: test b ... ok", "new: test b ... FAILED"]);
        let differences = results(STDOUT).differences(&results(&STDOUT.replace("by hand", "by foot")));
        assert_eq!(differences, ["stdout: `by hand` became `by foot`"]);
    }

    #[test]
    fn a_test_belongs_to_its_target() {
        let label = |(path, label): (&str, &str)| (path.to_owned(), label.to_owned());
        let labels = [("src/lib.rs", "lib/x"), ("tests/by_hand.rs", "test/by_hand")].map(label).into();
        let source = Source { directory: "x".into(), labels, harness_free: vec!["test/by_hand".into()] };
        let tests = results(STDOUT).tests_by_target(&source).unwrap();
        assert_eq!(tests["lib/x"], BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert!(tests["test/by_hand"].is_empty() && tests.len() == 2);
    }
}
