//! Which benchmark runs, how many there are and how long they take: a line for each, on a terminal one line that is written
//! anew. Only words; they are printed by `terminal.rs`.

use std::time::Duration;

/// How far the benchmarks of one target are.
#[derive(Debug)]
pub struct Progress {
    count: usize,
    done: usize,
    spent: Duration,
}

/// Columns to the end of the verb, as in cargo's own lines.
const VERB_COLUMNS: usize = 12;

impl Progress {
    /// Before the first of `count` benchmarks.
    pub fn new(count: usize) -> Progress {
        Progress { count, done: 0, spent: Duration::ZERO }
    }

    /// The line for the benchmark `id`, which is about to run, at most `columns` wide if that is given.
    pub fn line(&self, id: &str, columns: Option<usize>) -> String {
        let left = self.left().map_or(String::new(), |left| format!(", about {} left", seconds(left)));
        let line = format!("{:>VERB_COLUMNS$} {id} ({} of {}{left})", "Profiling", self.done + 1, self.count);
        match columns {
            Some(columns) if line.chars().count() > columns => line.chars().take(columns).collect(),
            _ => line,
        }
    }

    /// Notes that a benchmark took so long.
    pub fn has_done(&mut self, took: Duration) {
        self.done += 1;
        self.spent += took;
    }

    /// The line after the last.
    pub fn end(&self, target: &str) -> String {
        let plural = if self.done == 1 { "" } else { "s" };
        let spent = seconds(self.spent);
        format!("{:>VERB_COLUMNS$} {} benchmark{plural} of {target} in {spent}", "Profiled", self.done)
    }

    fn left(&self) -> Option<Duration> {
        let done = u32::try_from(self.done).ok().filter(|done| *done > 0)?;
        Some(self.spent / done * u32::try_from(self.count - self.done.min(self.count)).ok()?)
    }
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_and_extrapolates() {
        let mut progress = Progress::new(3);
        assert_eq!(progress.line("a/1", None), "   Profiling a/1 (1 of 3)");
        progress.has_done(Duration::from_secs(70));
        assert_eq!(progress.line("b", None), "   Profiling b (2 of 3, about 2 min 20 s left)");
        assert_eq!(progress.line("b", Some(14)), "   Profiling b");
        progress.has_done(Duration::from_secs(10));
        assert_eq!(progress.end("bench/x"), "    Profiled 2 benchmarks of bench/x in 80 s");
    }
}
