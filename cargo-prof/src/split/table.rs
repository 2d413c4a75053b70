//! What is said of a split: a short table, the heaviest first, and the next command to type.

use std::cmp::Reverse;
use std::fmt::Write as _;

use prof_pprof::{LabelValue, measurement};

use super::{Part, Source, Written, index};
use crate::summary::shown;

/// Rows of values; the index has the rest.
const ROWS: usize = 20;

impl Written {
    /// The text, without a newline at its end.
    pub fn text(&self) -> String {
        let mut parts: Vec<&Part> = self.parts.iter().collect();
        let weight = |part: &Part, position: usize| part.total(position, &self.sources[position]).unwrap_or(0);
        let weights =
            |part: &Part| (0..self.sources.len()).map(|at| weight(part, at).unsigned_abs()).collect::<Vec<_>>();
        parts.sort_by_key(|part| (part.value.is_none(), Reverse(weights(part))));
        let (unlabelled, labelled): (Vec<&Part>, Vec<&Part>) = parts.into_iter().partition(|part| part.value.is_none());
        let rows: Vec<&Part> = labelled.iter().take(ROWS).chain(&unlabelled).copied().collect();

        let mut lines = vec![String::new(); rows.len() + 1];
        for (position, source) in self.sources.iter().enumerate() {
            let sample_type = &source.sample_types[source.shown];
            let label = |part: &&Part| match part.total(position, source) {
                Some(total) => measurement::label(total, &sample_type.unit, "auto"),
                None => "-".into(),
            };
            let share = |part: &&Part| match part.total(position, source) {
                Some(total) => measurement::percentage(total, source.total()).trim().to_owned(),
                None => "-".into(),
            };
            let columns = [
                std::iter::once(printable(&sample_type.kind)).chain(rows.iter().map(label)).collect::<Vec<_>>(),
                std::iter::once("%".into()).chain(rows.iter().map(share)).collect(),
            ];
            for (column, least) in columns.iter().zip([10, 6]) {
                let width = column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0).max(least);
                for (line, cell) in lines.iter_mut().zip(column) {
                    let _ = write!(line, "{}{cell:>width$}", if line.is_empty() { "" } else { " " });
                }
            }
        }
        let names = std::iter::once(printable(&self.key)).chain(rows.iter().map(|part| self.name(part)));
        let mut text = String::new();
        for (line, name) in lines.iter().zip(names) {
            let _ = writeln!(text, "{line}  {name}");
        }
        if labelled.len() > ROWS {
            let _ = writeln!(text, "… and {} more", labelled.len() - ROWS);
        }
        for source in self.sources.iter().filter(|source| source.repeated.iter().any(|value| *value != 0)) {
            let sample_type = &source.sample_types[source.shown];
            let again = measurement::label(source.repeated[source.shown], &sample_type.unit, "auto");
            let (path, key) = (shown(&source.path), printable(&self.key));
            let _ = writeln!(text, "  note: some samples of {path} have several values of {key}; {again} counts again");
        }
        let files = || self.parts.iter().flat_map(|part| part.files.iter().flatten());
        let count = files().count();
        let _ = writeln!(
            text,
            "\n{count} profile{} in {}, each described in {}",
            if count == 1 { "" } else { "s" },
            shown(&self.directory),
            index::NAME
        );
        if let Some(first) = rows.first().and_then(|part| part.files.iter().flatten().next()) {
            let _ = write!(text, "next: cargo prof top {}", shown(&self.directory.join(&first.name)));
        }
        text
    }

    fn name(&self, part: &Part) -> String {
        match &part.value {
            None => format!("(without {})", printable(&self.key)),
            Some(LabelValue::Text(text)) if text.is_empty() => "(empty)".into(),
            Some(LabelValue::Text(text)) => printable(text),
            Some(LabelValue::Number { number, unit }) => printable(format!("{number} {unit}").trim_end()),
        }
    }
}

impl Part {
    /// What is shown of the part of a source; none if it has none.
    fn total(&self, position: usize, source: &Source) -> Option<i64> {
        Some(self.files[position].as_ref()?.sums.totals[source.shown])
    }
}

impl Source {
    fn total(&self) -> i64 {
        self.sums.totals[self.shown]
    }
}

/// A text from a profile for the terminal: without characters that would control it.
pub fn printable(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, letter| {
        if letter.is_control() {
            shown.extend(letter.escape_default())
        } else {
            shown.push(letter)
        }
        shown
    })
}
