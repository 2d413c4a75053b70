//! The doctor's table: what was looked at, its state, and what follows from it. Pure; what the rows say comes from the
//! rooms beside it.

/// A row.
pub(super) struct Row {
    what: &'static str,
    state: String,
    notes: Vec<String>,
}

impl Row {
    pub(super) fn new(what: &'static str, state: impl Into<String>, note: impl Into<String>) -> Row {
        Row { what, state: state.into(), notes: vec![note.into()] }
    }

    /// Adds a line to what follows from the state.
    pub(super) fn note(mut self, note: impl Into<String>) -> Row {
        self.notes.push(note.into());
        self
    }

    /// Adds what to do about it.
    pub(super) fn remedy(self, remedy: impl AsRef<str>) -> Row {
        self.note(format!("-> {}", remedy.as_ref()))
    }
}

/// The rows as aligned text.
pub(super) fn text(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let what_width = width(|row| row.what.chars().count());
    let state_width = width(|row| row.state.chars().count());
    let mut text = String::new();
    for row in rows {
        for (index, note) in row.notes.iter().enumerate() {
            let (what, state) = if index == 0 { (row.what, row.state.as_str()) } else { ("", "") };
            let line = format!("{what:what_width$}  {state:state_width$}  {note}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            Row::new("engine", "thread-timer", "one"),
            Row::new("perf-clock", "EPERM", "two").remedy("three"),
            Row::new("kernel", "6.1", ""),
        ];
        let expected = "\
engine      thread-timer  one
perf-clock  EPERM         two
                          -> three
kernel      6.1
";
        assert_eq!(text(&rows), expected);
    }
}
