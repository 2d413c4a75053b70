//! Where a reader is in a name, and how far a bracketed part of it goes. What the parts mean is in `name.rs`. Never
//! recurses, so that no name is too deep for it.

/// What is left of a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// At the beginning of `text`.
    pub(super) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { rest: text }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether `text` is next.
    pub(super) fn is_at(&self, text: &str) -> bool {
        self.rest.starts_with(text)
    }

    /// Goes past `text`, if that is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Goes past `text`, which has to be next.
    pub(super) fn expect(&mut self, text: &str) -> Option<()> {
        self.eat(text).then_some(())
    }

    /// Goes past an identifier and gives it. Whatever a compiler or linker adds to one, as in `f.cold`, is part of it.
    pub(super) fn identifier(&mut self) -> Option<&'a str> {
        let is_part = |letter: char| !"<>()[]{},;:&*+=-!?'\" ".contains(letter);
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (identifier, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!identifier.is_empty()).then_some(identifier)
    }

    /// Goes past a lifetime and the space behind it, if there is one.
    pub(super) fn lifetime(&mut self) {
        if let Some(rest) = self.rest.strip_prefix('\'') {
            self.rest = rest.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_').trim_start();
        }
    }

    /// Goes past a pair of brackets, the next character being the opening one, and gives what is between them.
    pub(super) fn group(&mut self) -> Option<&'a str> {
        let length = group_length(self.rest)?;
        let (group, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(&group[1..length - 1])
    }

    /// Goes past a crate's disambiguator such as `[6f1c0a5d2b3e4f70]`, if there is one.
    pub(super) fn disambiguator(&mut self) {
        if let Some((digits, rest)) = self.rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
            && !digits.is_empty()
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        {
            self.rest = rest;
        }
    }
}

/// The length of the bracketed part at the beginning of `text`, with its brackets. `->` closes nothing, nor does what is
/// quoted; in braces stands an expression, in which `<` and `>` compare.
fn group_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut closers = Vec::new();
    let mut position = 0;
    while position < bytes.len() {
        let in_expression = closers.last() == Some(&b'}');
        match bytes[position] {
            b'-' if bytes.get(position + 1) == Some(&b'>') => position += 1,
            b'"' => position += string_length(&bytes[position..])? - 1,
            b'\'' => position += character_length(&text[position..]) - 1,
            b'{' => closers.push(b'}'),
            b'<' if !in_expression => closers.push(b'>'),
            b'(' if !in_expression => closers.push(b')'),
            b'[' if !in_expression => closers.push(b']'),
            closer @ (b'}' | b'>' | b')' | b']') => {
                let is_closer = closer == b'}' || !in_expression;
                if is_closer && closers.pop() != Some(closer) {
                    return None;
                }
            }
            _ => {}
        }
        position += 1;
        if closers.is_empty() {
            return Some(position);
        }
    }
    None
}

/// The length of a quoted text.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut position = 1;
    loop {
        match bytes.get(position)? {
            b'"' => return Some(position + 1),
            b'\\' => position += 2,
            _ => position += 1,
        }
    }
}

/// The length of a quoted character, or 1 if a lifetime begins here.
fn character_length(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            letters.next();
            letters.find(|(_, letter)| *letter == '\'').map_or(1, |(position, _)| position + 1)
        }
        Some(_) => letters.next().filter(|(_, letter)| *letter == '\'').map_or(1, |(position, _)| position + 1),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_matched_where_they_are_brackets() {
        for (text, group) in [
            ("<a>::b", "<a>"),
            ("<fn(A) -> B>>", "<fn(A) -> B>"),
            ("<{ 1 > 2 }, T>x", "<{ 1 > 2 }, T>"),
            ("<'>', \"a\\\">b\", '\\'', 'a>", "<'>', \"a\\\">b\", '\\'', 'a>"),
            ("<&'a [T; { 3 << 1 }]>", "<&'a [T; { 3 << 1 }]>"),
            ("{{closure}}::x", "{{closure}}"),
            ("<a<b>, (c, [d])>", "<a<b>, (c, [d])>"),
        ] {
            assert_eq!(group_length(text), Some(group.len()), "{text}");
        }
        for text in ["<a", "<a)>", "<\"a>", "<a]", ""] {
            assert_eq!(group_length(text), None, "{text}");
        }
    }
}
