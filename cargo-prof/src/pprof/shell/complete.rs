//! What a word that the user began may become: a command, an option, a value, or the name of a function. How it is offered is
//! in `input.rs`.

use std::collections::BTreeSet;

use prof_pprof::Profile;

use super::super::flags::{CHOICES, FORMATS, Flag, Kind, OPTIONS};
use super::super::request::{GRANULARITIES, ORDERS};
use super::settings::names;

/// Options whose value matches functions.
const OF_FUNCTIONS: [&str; 6] = ["focus", "ignore", "hide", "show", "show_from", "prune_from"];

/// So many functions are offered at once.
const MOST: usize = 100;

/// The words that there are.
#[derive(Debug, Default)]
pub struct Words {
    first: BTreeSet<String>,
    functions: BTreeSet<String>,
    sample_types: Vec<String>,
}

/// A word that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// As people know it.
    pub shown: String,
    /// As it is typed.
    pub typed: String,
}

impl Words {
    /// The words for a profile. `shortcuts` are lines of one word that stand for others.
    pub fn new(profile: &Profile, sample_types: &[&str], shortcuts: impl Iterator<Item = String>) -> Words {
        let commands = FORMATS.iter().chain(CHOICES).map(|flag| flag.name);
        let own = ["help", "options", "quit", "exit"];
        let options = OPTIONS.iter().filter(|option| option.kind == Kind::Switch).map(|option| option.name);
        let values = names().filter(|name| !is_switch(name)).map(|name| format!("{name}="));
        Words {
            first: commands.chain(own).chain(options).map(str::to_owned).chain(values).chain(shortcuts).collect(),
            functions: profile.functions.iter().map(|function| function.name.to_string()).collect(),
            sample_types: sample_types.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// What the last word of a line may become, and where it begins.
    pub fn offers(&self, line: &str) -> (usize, Vec<Offer>) {
        let start = line.trim_end_matches(|letter: char| !letter.is_whitespace()).len();
        let (before, word) = line.split_at(start);
        let mut before = before.split_whitespace();
        match (before.next(), before.next()) {
            (None, _) => match word.split_once('=') {
                Some((name, value)) => (start + name.len() + 1, self.values(name, value)),
                None => (start, beginning(self.first.iter().map(String::as_str), word)),
            },
            (Some("help"), None) => {
                (start, beginning(FORMATS.iter().chain(OPTIONS).chain(CHOICES).map(|flag: &Flag| flag.name), word))
            }
            (Some(command), _) => {
                let command = command.trim_end_matches(|letter: char| letter.is_ascii_digit());
                let is_of_functions = command != "tags" && FORMATS.iter().any(|format| format.name == command);
                let pattern = word.strip_prefix('-').unwrap_or(word);
                let offers = if is_of_functions { self.functions(pattern) } else { Vec::new() };
                (start + word.len() - pattern.len(), offers)
            }
        }
    }

    fn values(&self, name: &str, begun: &str) -> Vec<Offer> {
        match name {
            "sort" => beginning(ORDERS.iter().map(|(name, _)| *name), begun),
            "granularity" => beginning(GRANULARITIES.iter().map(|(name, _)| *name), begun),
            "sample_index" => beginning(self.sample_types.iter().map(String::as_str), begun),
            "unit" => beginning(["auto", "minimum"], begun),
            name if is_switch(name) => beginning(["false", "true"], begun),
            name if OF_FUNCTIONS.contains(&name) => self.functions(begun),
            _ => Vec::new(),
        }
    }

    /// The functions with a text in their name. If there are several, it is replaced only by what they all begin with.
    fn functions(&self, text: &str) -> Vec<Offer> {
        let found: Vec<&String> = self.functions.iter().filter(|name| name.contains(text)).take(MOST).collect();
        let begin_so = found.len() == 1 || found.iter().all(|name| name.starts_with(text));
        let offer = |name: &&String| {
            let typed = if begin_so { as_expression(name) } else { text.to_owned() };
            Offer { shown: (*name).clone(), typed }
        };
        found.iter().map(offer).collect()
    }
}

fn is_switch(name: &str) -> bool {
    OPTIONS.iter().any(|option| option.name == name && option.kind == Kind::Switch)
}

fn beginning<'a>(words: impl IntoIterator<Item = &'a str>, begun: &str) -> Vec<Offer> {
    let begun = begun.to_lowercase();
    let words = words.into_iter().filter(|word| word.starts_with(&begun));
    words.map(|word| Offer { shown: word.to_owned(), typed: word.to_owned() }).collect()
}

/// An expression of one word that matches a name.
fn as_expression(name: &str) -> String {
    regex::escape(name).replace(char::is_whitespace, ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use prof_pprof::Function;

    fn offers(line: &str) -> (usize, Vec<String>) {
        let function = |name: &str| Function { name: name.into(), ..Function::default() };
        let functions = ["a::main", "a::work<u8, u16>", "b::work", "tail"].map(function).to_vec();
        let profile = Profile { functions, ..Profile::default() };
        let words = Words::new(&profile, &["samples", "cpu"], ["mean_cpu".to_owned()].into_iter());
        let (start, offers) = words.offers(line);
        (start, offers.into_iter().map(|offer| offer.typed).collect())
    }

    #[test]
    fn a_word_becomes_a_command_an_option_or_a_function() {
        for (line, start, expected) in [
            ("to", 0, &["top", "topproto"][..]),
            ("mean", 0, &["mean", "mean_cpu"]),
            ("sort=", 5, &["cum", "flat"]),
            ("trim=t", 5, &["true"]),
            ("sample_index=c", 13, &["cpu"]),
            ("help drop", 5, &["drop_negative"]),
            ("peek main", 5, &["a::main"]),
            ("peek work", 5, &["work", "work"]),
            // A space of two bytes.
            ("peek\u{a0}main", 6, &["a::main"]),
            ("top10 -a::w", 7, &["a::work<u8,.u16>"]),
            ("focus=tai", 6, &["tail"]),
            ("tags a", 5, &[]),
            ("foo a", 4, &[]),
        ] {
            let (found_start, found) = offers(line);
            assert_eq!(
                (found_start, &found[..]),
                (start, &expected.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()[..]),
                "{line}"
            );
        }
        assert!(offers("foc").1.contains(&"focus=".to_owned()));
    }
}
