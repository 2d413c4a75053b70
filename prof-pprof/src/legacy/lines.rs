//! Text, line by line, with the line that was read last at hand, because the end of one section is the beginning of the
//! next. What stands in the lines is not known here.

/// A walk over the lines of a text.
pub(super) struct Lines<'a> {
    rest: &'a str,
    current: &'a str,
}

impl<'a> Lines<'a> {
    /// A walk that stands before the first line.
    pub(super) fn new(text: &'a str) -> Lines<'a> {
        Lines { rest: text, current: "" }
    }

    /// Goes to the next line; false at the end.
    pub(super) fn advance(&mut self) -> bool {
        if self.rest.is_empty() {
            self.current = "";
            return false;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.current = line.strip_suffix('\r').unwrap_or(line);
        self.rest = rest;
        true
    }

    /// The line that was reached last, without its end; empty before the first and after the last.
    pub(super) fn current(&self) -> &'a str {
        self.current
    }

    /// Goes on to the first line that is neither empty nor a comment.
    pub(super) fn skip_comments(&mut self) {
        while self.advance() && is_space_or_comment(self.current) {}
    }

    /// Goes on to the line that announces the memory map, unless it is the current one, or to the end.
    pub(super) fn skip_to_memory_map(&mut self) {
        while !announces_memory_map(self.current) && self.advance() {}
    }
}

/// Whether nothing is said in a line.
pub(super) fn is_space_or_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// Whether the memory map begins after this line.
pub(super) fn announces_memory_map(line: &str) -> bool {
    line.contains("--- Memory map: ---") || line.contains("MAPPED_LIBRARIES:")
}
