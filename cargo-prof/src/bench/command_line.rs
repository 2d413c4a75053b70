//! The arguments of a bench executable, as far as its harness's flags and their values must be told from name filters.
//! Which flags take values is said in `harness.rs`.

use std::borrow::Cow;
use std::ffi::OsString;

/// An argument with the value that belongs to it.
#[derive(Debug)]
pub struct Argument<'a> {
    /// The one or two words.
    pub words: &'a [OsString],
}

/// Splits arguments, of which those in `with_value` take the next word unless it is joined by `=`.
pub fn split<'a>(mut arguments: &'a [OsString], with_value: &[&str]) -> Vec<Argument<'a>> {
    let mut split = Vec::new();
    while let Some(first) = arguments.first() {
        let takes_next = first.to_str().is_some_and(|first| with_value.contains(&first));
        let (words, rest) = arguments.split_at(if takes_next { 2.min(arguments.len()) } else { 1 });
        split.push(Argument { words });
        arguments = rest;
    }
    split
}

impl Argument<'_> {
    fn first(&self) -> Cow<'_, str> {
        self.words.first().map(|word| word.to_string_lossy()).unwrap_or_default()
    }

    /// Whether it is a flag, and not a name to filter by.
    pub fn is_flag(&self) -> bool {
        self.first().starts_with('-')
    }

    /// Whether it is the flag of that name, with its dashes.
    pub fn is(&self, flag: &str) -> bool {
        self.first().split('=').next() == Some(flag)
    }

    /// Whether it is one of these.
    pub fn is_any(&self, flags: &[&str]) -> bool {
        flags.iter().any(|flag| self.is(flag))
    }

    /// Its value, if it has one.
    pub fn value(&self) -> Option<Cow<'_, str>> {
        match self.words.get(1) {
            Some(value) => Some(value.to_string_lossy()),
            None => self.first().split_once('=').map(|(_, value)| value.to_owned().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_no_filter() {
        let arguments: Vec<OsString> = ["--size", "10", "name", "--x=3", "-q", "--size"].map(OsString::from).into();
        let split = split(&arguments, &["--size"]);
        let told: Vec<_> = split.iter().map(|argument| (argument.is_flag(), argument.value())).collect();
        let value = |text: &str| Some(Cow::from(text.to_owned()));
        assert_eq!(told, [(true, value("10")), (false, None), (true, value("3")), (true, None), (true, None)]);
        assert!(split[2].is("--x") && split[0].is_any(&["-y", "--size"]) && !split[1].is("--size"));
    }
}
