//! Takes from the output of cargo, libtest and rustdoc what differs between any two runs, and nothing else, so that what
//! remains can be compared letter by letter.

use std::sync::LazyLock;

use regex::Regex;

/// The first line of what `cargo prof` itself says after a run; all that follows is ours.
const SUMMARY: &str = r"(?ms)^\s*((cpu|memory) profile\b|warning: [^\n]* runs unprofiled: |warning: nothing that could be profiled was run|warning: no test or benchmark was run).*\z";

/// What cargo says about building, which is not about the result.
const BUILDING: &str =
    r"(?m)^ *(Adding|Blocking|Compiling|Dirty|Downloaded|Downloading|Finished|Fresh|Locking|Preparing|Updating) .*\n";

/// Patterns and what they are replaced with, in this order.
const DIFFERS_FROM_RUN_TO_RUN: [(&str, &str); 9] = [
    (r"finished in [0-9.]+s", "finished in TIME"),
    (r"(?m)^all doctests ran in .*\n", ""),
    (r"(thread '.*') \([0-9]+\) panicked", "$1 panicked"),
    (r"bench: +[0-9.,]+ ns/iter \(\+/- [0-9.,]+\)", "bench: TIME"),
    // `     Running unittests src/lib.rs (target/debug/deps/name-0123456789abcdef)`
    (r"(?m)^( *(?:Running|Executable) [^`\n]*) \(.*\)$", "$1"),
    // `     Running `target/debug/name argument``
    (r"(?m)^ *Running `.*`$\n", ""),
    // `process didn't exit successfully: `/a/path/target/debug/deps/name-0123456789abcdef argument` (exit status: 3)`
    (r"`[^`\n]*/target/[^`\n]*?/([^/`\n]+?)(-[0-9a-f]{16})?([ `])", "`$1$3"),
    (r"rustdoctest[A-Za-z0-9_]+", "rustdoctest"),
    (r"[^ \n]*/doctest_(bundle|runner)[^ \n]*", "doctest"),
];

/// Standard output, ready to be compared.
pub(crate) fn stdout(text: &str) -> String {
    sort_test_lines(&replace(text))
}

/// Standard error, ready to be compared; without what `cargo prof` adds.
pub(crate) fn stderr(text: &str) -> String {
    static OURS: LazyLock<Vec<Regex>> = LazyLock::new(|| [SUMMARY, BUILDING].map(pattern).into());
    replace(&OURS.iter().fold(text.to_owned(), |text, ours| ours.replace_all(&text, "").into_owned()))
}

fn replace(text: &str) -> String {
    static REPLACED: LazyLock<Vec<(Regex, &str)>> =
        LazyLock::new(|| DIFFERS_FROM_RUN_TO_RUN.map(|(text, replacement)| (pattern(text), replacement)).into());
    REPLACED.iter().fold(text.to_owned(), |text, (pattern, by)| pattern.replace_all(&text, *by).into_owned())
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is right")
}

/// Tests that run in parallel end in any order, so the lines that belong together are sorted.
fn sort_test_lines(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    for block in lines.chunk_by_mut(|left, right| is_test_line(left) && is_test_line(right)) {
        block.sort_unstable();
    }
    lines.join("\n")
}

fn is_test_line(line: &str) -> bool {
    line.starts_with("test ") && line.contains(" ... ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_paths_go() {
        let plain = "test b ... ok\ntest a ... ok\n\ntest result: ok. 2 passed; finished in 0.44s\n";
        let ours = "test a ... ok\ntest b ... ok\n\ntest result: ok. 2 passed; finished in 1.02s\n";
        assert_eq!(stdout(plain), stdout(ours));

        let plain = "   Compiling x v0.1.0 (/a b/x)\n     Running unittests src/lib.rs (target/debug/deps/x-0123456789abcdef)\n";
        let ours = "     Running unittests src/lib.rs (target/prof/build/debug/deps/x-fedcba9876543210)\n";
        assert_eq!(stderr(plain), stderr(ours));
        assert_eq!(stderr(ours), "     Running unittests src/lib.rs\n");

        let plain = "  exited: `/a b/target/debug/deps/x_y-0123456789abcdef --list` (exit status: 3)";
        let ours = "  exited: `/a b/target/prof/build/debug/deps/x_y-fedcba9876543210 --list` (exit status: 3)";
        assert_eq!(stderr(plain), "  exited: `x_y --list` (exit status: 3)");
        assert_eq!(stderr(plain), stderr(ours));
    }

    #[test]
    fn results_stay() {
        assert_ne!(stdout("test a ... ok\n"), stdout("test a ... FAILED\n"));
        assert_ne!(stderr("error: test failed, to rerun pass `--lib`\n"), stderr("error: test failed\n"));
        assert_eq!(stdout("thread 'a' (12) panicked at src/lib.rs:1:2"), "thread 'a' panicked at src/lib.rs:1:2");
    }
}
