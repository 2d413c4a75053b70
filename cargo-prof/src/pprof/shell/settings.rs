//! What can be set in a shell, by name: the options of reports and where they go. What a line sets is in `line.rs`; what the
//! options do, in `prof-pprof`.

use prof_pprof::report::Options;

use super::super::flags::{Flags, OPTIONS};
use super::super::request::{GRANULARITIES, ORDERS};

/// The two names that have a value of a few.
const CHOICES: [&str; 2] = ["granularity", "sort"];

/// What is set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The options of reports.
    pub options: Options,
    /// The file to write to; none if empty.
    pub output: String,
    /// Whether a granularity was asked for.
    has_granularity: bool,
    normalize: bool,
}

/// A place for a value, by its kind.
enum Place<'a> {
    Switch(&'a mut bool),
    Integer(&'a mut i64),
    Number(&'a mut f64),
    Text(&'a mut String),
    Granularity,
    Order,
}

impl Settings {
    /// The options, and what the flags say beside them.
    pub fn new(options: Options, flags: &Flags) -> Settings {
        Settings {
            options,
            output: flags.text("output").into(),
            has_granularity: GRANULARITIES.iter().any(|(name, _)| flags.is_on(name)),
            normalize: flags.is_on("normalize"),
        }
    }

    /// Sets what a name stands for. The name may also be a value of a few, such as `cum`.
    ///
    /// # Errors
    ///
    /// If the value is none that it can have, in Go's words.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if is_choice(name) {
            // Go takes it for unknown without a value. Whoever says just `cum` means it.
            if !["", "1", "t", "T", "true", "TRUE", "True"].contains(&value) {
                return Err(format!("unknown config field {name:?}"));
            }
            let group = if ORDERS.iter().any(|(order, _)| *order == name) { "sort" } else { "granularity" };
            return self.set(group, name);
        }
        let no_choice = || format!("invalid {name:?} value {value:?}");
        match self.place(name) {
            None => return Err(format!("unknown config field {name:?}")),
            Some(Place::Switch(place)) => *place = switch(value)?,
            Some(Place::Integer(place)) => *place = integer(value)?,
            Some(Place::Number(place)) => *place = number(value)?,
            Some(Place::Text(place)) => *place = value.to_owned(),
            Some(Place::Granularity) => {
                self.options.granularity = of(value, &GRANULARITIES).ok_or_else(no_choice)?;
                self.has_granularity = true;
            }
            Some(Place::Order) => self.options.order = of(value, &ORDERS).ok_or_else(no_choice)?,
        }
        Ok(())
    }

    /// All names and what they are set to, one line each.
    pub fn list(&self, sample_types: &[&str]) -> String {
        // Places are there to be written to.
        let mut copy = self.clone();
        let names = names().filter(|name| *name != "source_path");
        let mut lines: Vec<String> = names.map(|name| copy.line(name, sample_types)).collect();
        lines.sort();
        lines.join("\n")
    }

    fn line(&mut self, name: &str, sample_types: &[&str]) -> String {
        let has_granularity = self.has_granularity;
        let value = match self.place(name) {
            Some(Place::Switch(place)) => place.to_string(),
            Some(Place::Integer(place)) => place.to_string(),
            Some(Place::Number(place)) => shown(*place),
            Some(Place::Text(place)) => place.clone(),
            Some(Place::Granularity) if !has_granularity => "(default)".into(),
            Some(Place::Granularity) => named(self.options.granularity, &GRANULARITIES),
            Some(Place::Order) => named(self.options.order, &ORDERS),
            None => String::new(),
        };
        let (value, comment) = match name {
            "granularity" => (value, choices(&GRANULARITIES)),
            "sort" => (value, choices(&ORDERS)),
            "sample_index" => {
                let last = sample_types.last().copied().unwrap_or_default();
                let value = if value.is_empty() { last.to_owned() } else { value };
                (value, format!("[{}]", sample_types.join(" | ")))
            }
            "nodecount" if value == "-1" => (value, "default".into()),
            _ if value.is_empty() => ("\"\"".into(), String::new()),
            _ => (value, String::new()),
        };
        let mark = if comment.is_empty() { "" } else { "//: " };
        format!("  {name:<25} = {value:<20} {mark}{comment}")
    }

    fn place(&mut self, name: &str) -> Option<Place<'_>> {
        use Place::{Integer, Number, Switch, Text};
        let options = &mut self.options;
        Some(match name {
            "call_tree" => Switch(&mut options.call_tree),
            "compact_labels" => Switch(&mut options.compact_labels),
            "divide_by" => Number(&mut options.divide_by),
            "drop_negative" => Switch(&mut options.drop_negative),
            "edgefraction" => Number(&mut options.edge_fraction),
            "focus" => Text(&mut options.focus),
            "granularity" => Place::Granularity,
            "hide" => Text(&mut options.hide),
            "ignore" => Text(&mut options.ignore),
            "intel_syntax" => Switch(&mut options.intel_syntax),
            "mean" => Switch(&mut options.mean),
            "nodecount" => Integer(&mut options.node_count),
            "nodefraction" => Number(&mut options.node_fraction),
            "noinlines" => Switch(&mut options.no_inlines),
            "normalize" => Switch(&mut self.normalize),
            "output" => Text(&mut self.output),
            "prune_from" => Text(&mut options.prune_from),
            "relative_percentages" => Switch(&mut options.relative_percentages),
            "sample_index" => Text(&mut options.sample_index),
            "show" => Text(&mut options.show),
            "show_from" => Text(&mut options.show_from),
            "showcolumns" => Switch(&mut options.show_columns),
            "sort" => Place::Order,
            "source_path" => Text(&mut options.source_path),
            "tagfocus" => Text(&mut options.tag_focus),
            "taghide" => Text(&mut options.tag_hide),
            "tagignore" => Text(&mut options.tag_ignore),
            "tagleaf" => Text(&mut options.tag_leaf),
            "tagroot" => Text(&mut options.tag_root),
            "tagshow" => Text(&mut options.tag_show),
            "trim" => Switch(&mut options.trim),
            "trim_path" => Text(&mut options.trim_path),
            "unit" => Text(&mut options.unit),
            _ => return None,
        })
    }

    /// Whether a name can be set, and to what.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        if is_choice(name) {
            return Some(Kind::Switch);
        }
        match self.clone().place(name)? {
            Place::Switch(_) => Some(Kind::Switch),
            _ => Some(Kind::Value),
        }
    }
}

/// What a name is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On or off; on by its name alone.
    Switch,
    /// Something that has to be said.
    Value,
}

/// All names that can be set, but for the values of a few.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|flag| flag.name).chain(CHOICES)
}

fn is_choice(name: &str) -> bool {
    ORDERS.iter().any(|(order, _)| *order == name) || GRANULARITIES.iter().any(|(known, _)| *known == name)
}

fn of<T: Copy>(value: &str, choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice)
}

fn named<T: PartialEq>(value: T, choices: &[(&str, T)]) -> String {
    choices.iter().find(|(_, choice)| *choice == value).map(|(name, _)| (*name).to_owned()).unwrap_or_default()
}

fn choices<T>(choices: &[(&str, T)]) -> String {
    let mut names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    format!("[{}]", names.join(" | "))
}

fn switch(text: &str) -> Result<bool, String> {
    match &*text.to_lowercase() {
        "true" | "t" | "yes" | "y" | "1" | "" => Ok(true),
        "false" | "f" | "no" | "n" | "0" => Ok(false),
        _ => Err(format!("illegal value \"{text}\" for bool variable")),
    }
}

fn integer(text: &str) -> Result<i64, String> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse::<i64>().map_err(|error| {
        let reason = match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {text:?}: {reason}")
    })
}

fn number(text: &str) -> Result<f64, String> {
    let wrong = |reason: &str| format!("strconv.ParseFloat: parsing {text:?}: {reason}");
    let number: f64 = text.parse().map_err(|_| wrong("invalid syntax"))?;
    let is_named = text.contains(|letter: char| letter.is_ascii_alphabetic() && !matches!(letter, 'e' | 'E'));
    if number.is_infinite() && !is_named { Err(wrong("value out of range")) } else { Ok(number) }
}

/// A number as Go prints it: with an exponent of two digits if it is far from one.
fn shown(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let size = number.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) || number.is_nan() {
        return number.to_string();
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new(Options::default(), &Flags::default())
    }

    #[test]
    fn all_that_has_a_name_can_be_set_and_is_listed() {
        let mut settings = settings();
        for name in names() {
            assert!(settings.kind(name).is_some(), "{name}");
        }
        settings.set("trim", "no").unwrap();
        settings.set("lines", "").unwrap();
        settings.set("sort", "cum").unwrap();
        settings.set("edgefraction", "0.00001").unwrap();
        let list = settings.list(&["samples", "cpu"]);
        assert_eq!(list.lines().count(), names().count() - 1);
        for line in [
            "  edgefraction              = 1e-05                ",
            "  focus                     = \"\"                   ",
            "  granularity               = lines                //: [addresses | filefunctions | files | functions | lines]",
            "  nodecount                 = -1                   //: default",
            "  sample_index              = cpu                  //: [samples | cpu]",
            "  sort                      = cum                  //: [cum | flat]",
            "  trim                      = false                ",
        ] {
            assert!(list.lines().any(|found| found == line), "{line} is not in\n{list}");
        }
    }

    #[test]
    fn what_cannot_be_set_is_said_as_go_says_it() {
        for (name, value, expected) in [
            ("cum", "2", "unknown config field \"cum\""),
            ("mean", "2", "illegal value \"2\" for bool variable"),
            ("nodecount", "x", "strconv.Atoi: parsing \"x\": invalid syntax"),
            ("nodecount", "99999999999999999999", "strconv.Atoi: parsing \"99999999999999999999\": value out of range"),
            ("nodefraction", "", "strconv.ParseFloat: parsing \"\": invalid syntax"),
            ("nodefraction", "1e999", "strconv.ParseFloat: parsing \"1e999\": value out of range"),
            ("sort", "foo", "invalid \"sort\" value \"foo\""),
        ] {
            assert_eq!(settings().set(name, value), Err(expected.to_owned()));
        }
    }

    #[test]
    fn numbers_are_printed_as_in_go() {
        let numbers = [0.0, 0.005, 0.0001, 0.00001, 1e20, 1.5e21, f64::INFINITY].map(shown);
        assert_eq!(numbers, ["0", "0.005", "0.0001", "1e-05", "100000000000000000000", "1.5e+21", "+Inf"]);
    }
}
