//! Text with tabs → columns whose cells end at the right, as Go's `text/tabwriter` sets them. What the cells say is not
//! known here.

/// The lines, each with its end, with spaces for tabs. A tab ends a cell; cells that stand below each other in lines
/// without a gap between them form a column, one character wider than its widest. What follows the last tab is no cell.
pub(super) fn align(lines: &[String]) -> String {
    // A text may hold what moves the carriage.
    let lines: Vec<Vec<&str>> = lines
        .iter()
        .flat_map(|line| line.split(['\n', '\u{c}']))
        .map(|line| line.split(['\t', '\u{b}']).collect())
        .collect();
    let mut text = String::new();
    let mut widths = Widths { of_columns: Vec::new(), lines: &lines };
    widths.write(0, lines.len(), &mut text);
    text
}

struct Widths<'a> {
    /// The columns that the current lines stand in.
    of_columns: Vec<usize>,
    lines: &'a [Vec<&'a str>],
}

impl Widths<'_> {
    /// Writes the lines from `first` up to `end`, which share all columns known so far.
    fn write(&mut self, first: usize, end: usize, text: &mut String) {
        let column = self.of_columns.len();
        let has_cell = |line: &Vec<&str>| line.len() > column + 1;
        let mut next = first;
        while let Some(start) = (next..end).find(|line| has_cell(&self.lines[*line])) {
            self.write_cells(next, start, text);
            let stop = (start..end).find(|line| !has_cell(&self.lines[*line])).unwrap_or(end);
            let width = |line: &Vec<&str>| line[column].chars().count() + 1;
            let width = self.lines[start..stop].iter().map(width).max().unwrap_or(0);
            self.of_columns.push(width);
            self.write(start, stop, text);
            self.of_columns.pop();
            next = stop;
        }
        self.write_cells(next, end, text);
    }

    fn write_cells(&self, first: usize, end: usize, text: &mut String) {
        for line in &self.lines[first..end] {
            for (column, cell) in line.iter().enumerate() {
                let width = self.of_columns.get(column).copied().unwrap_or(0);
                let padding = width.saturating_sub(cell.chars().count());
                text.extend(std::iter::repeat_n(' ', padding));
                text.push_str(cell);
            }
            text.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aligned(lines: &[&str]) -> String {
        align(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_column_ends_where_a_line_has_no_cell() {
        assert_eq!(
            aligned(&["a:\tx", " \tlong:\ty", " \tb:\tz", "", "cc:\tx"]),
            " a:x\n    long:y\n       b:z\n\n cc:x\n"
        );
        assert_eq!(aligned(&[]), "");
        assert_eq!(aligned(&["plain"]), "plain\n");
    }

    #[test]
    fn text_may_hold_tabs_and_ends_of_lines() {
        assert_eq!(aligned(&["ü:\tx\ny\tz"]), " ü:x\n  yz\n");
    }
}
