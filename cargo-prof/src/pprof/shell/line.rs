//! What a line that the user types means: a report with its arguments, a setting, or a word for the shell itself. What can be
//! set is in `settings.rs`. Never does it.

use prof_pprof::graph::Order;

use super::super::flags::{self, CHOICES, FORMATS, OPTIONS};
use super::settings::{Kind, Settings};

/// What a line asks for.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// Nothing.
    Nothing,
    /// To set something for all reports to come.
    Set {
        /// What.
        name: String,
        /// To what; empty if just named.
        value: String,
    },
    /// What is set.
    Options,
    /// How to use the shell, or something in it.
    Help(String),
    /// The end.
    Quit,
    /// A report.
    Report(Box<Command>),
}

/// A report that is asked for.
#[derive(Debug, PartialEq)]
pub struct Command {
    /// The name of its format.
    pub name: &'static str,
    /// What stands behind the name, of a format that needs it.
    pub argument: String,
    /// The settings, with those of this report alone.
    pub settings: Settings,
}

impl Line {
    /// Reads a line without space around it.
    ///
    /// # Errors
    ///
    /// If it means nothing, in Go's words.
    pub fn read(text: &str, settings: &Settings) -> Result<Line, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value)),
            None => (text, None),
        };
        match (settings.kind(name), value) {
            (Some(Kind::Value), None) => return Err(format!("please specify a value, e.g. {name}=<val>")),
            (Some(_), value) => {
                let value = value.unwrap_or_default();
                // What `options` prints can be typed.
                let value = value.rsplit_once("//:").map_or(value, |(value, _)| value);
                return Ok(Line::Set { name: name.into(), value: value.trim().into() });
            }
            (None, _) => {}
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let Some((first, rest)) = words.split_first() else { return Ok(Line::Nothing) };
        Ok(match *first {
            "o" | "options" => Line::Options,
            "exit" | "quit" | "q" => Line::Quit,
            "help" => Line::Help(rest.join(" ")),
            first => Line::Report(Box::new(Command::read(first, rest, settings)?)),
        })
    }
}

impl Command {
    fn read(first: &str, rest: &[&str], settings: &Settings) -> Result<Command, String> {
        let (format, digits) = match format(first) {
            Some(format) => (Some(format), ""),
            // As in `top10`.
            None => {
                let name = first.trim_end_matches(|letter: char| letter.is_ascii_digit());
                let name = if name.is_empty() { first } else { name };
                (format(name), &first[name.len()..])
            }
        };
        let name = &first[..first.len() - digits.len()];
        let mut words = [digits].into_iter().filter(|digits| !digits.is_empty()).chain(rest.iter().copied());
        let Some(format) = format else {
            return Err(if OPTIONS.iter().chain(CHOICES).any(|flag| flag.name == name) {
                format!("did you mean: {name}={}", words.next().unwrap_or("<val>"))
            } else {
                format!("unrecognized command: {name:?}")
            });
        };
        let argument = match format.kind {
            flags::Kind::Text => words.next().ok_or_else(|| format!("command {name} requires an argument"))?,
            _ => "",
        };
        let mut command = Command { name: format.name, argument: argument.into(), settings: settings.clone() };
        command.arguments(&mut words)?;
        Ok(command)
    }

    /// Reads what is for this report alone: how many nodes, which samples, in what order, and where to.
    fn arguments(&mut self, words: &mut dyn Iterator<Item = &str>) -> Result<(), String> {
        let options = &mut self.settings.options;
        let (mut focus, mut ignore) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            if let Ok(count) = word.parse::<i32>() {
                options.node_count = count.into();
            } else if let Some(file) = word.strip_prefix('>') {
                let file = if file.is_empty() { words.next() } else { Some(file) };
                self.settings.output = file.ok_or("unexpected end of line after >")?.into();
            } else if ["-cum", "--cum"].contains(&word) {
                options.order = Order::Cum;
            } else if let Some(pattern) = word.strip_prefix('-') {
                ignore.push(pattern);
            } else {
                focus.push(word);
            }
        }
        let (focused, ignored) = match self.name {
            "tags" => (&mut options.tag_focus, &mut options.tag_ignore),
            _ => (&mut options.focus, &mut options.ignore),
        };
        for (place, mut patterns) in [(focused, focus), (ignored, ignore)] {
            patterns.retain(|pattern| !pattern.is_empty());
            if !patterns.is_empty() {
                *place = patterns.join("|");
            }
        }
        if options.node_count == -1 && ["text", "top"].contains(&self.name) {
            options.node_count = 10;
        }
        Ok(())
    }
}

fn format(name: &str) -> Option<&'static flags::Flag> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::super::flags::Flags;
    use super::*;
    use prof_pprof::report::Options;

    fn read(text: &str) -> Result<Line, String> {
        Line::read(text, &Settings::new(Options::default(), &Flags::default()))
    }

    fn command(text: &str) -> Command {
        match read(text) {
            Ok(Line::Report(command)) => *command,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_command_has_arguments() {
        let top = command("top10 main -std -io work --cum > out.txt");
        let Settings { options, output, .. } = top.settings;
        assert_eq!((top.name, options.node_count, options.order), ("top", 10, Order::Cum));
        assert_eq!((&*options.focus, &*options.ignore, &*output), ("main|work", "std|io", "out.txt"));
        assert_eq!(command("top").settings.options.node_count, 10);
        assert_eq!(command("tree").settings.options.node_count, -1);
        assert_eq!(command("top 3 >f").settings.output, "f");
        let peek = command("peek main 5");
        assert_eq!((&*peek.argument, peek.settings.options.node_count), ("main", 5));
        let tags = command("tags a -b").settings.options;
        assert_eq!((&*tags.tag_focus, &*tags.tag_ignore, &*tags.focus), ("a", "b", ""));
    }

    #[test]
    fn settings_may_have_comments() {
        let set = |name: &str, value: &str| Ok(Line::Set { name: name.into(), value: value.into() });
        assert_eq!(read("focus = a=b"), set("focus", "a=b"));
        assert_eq!(read("sort=cum  //: [cum | flat]"), set("sort", "cum"));
        assert_eq!(read("lines"), set("lines", ""));
        assert_eq!(read("mean"), set("mean", ""));
        assert_eq!(read(""), Ok(Line::Nothing));
        assert_eq!(read("q"), Ok(Line::Quit));
        assert_eq!(read("help a b"), Ok(Line::Help("a b".into())));
    }

    #[test]
    fn what_means_nothing_is_said_as_go_says_it() {
        for (line, expected) in [
            ("nodecount", "please specify a value, e.g. nodecount=<val>"),
            ("nodecount 5", "did you mean: nodecount=5"),
            ("nodecount5", "did you mean: nodecount=5"),
            ("focus x y", "did you mean: focus=x"),
            ("foo10", "unrecognized command: \"foo\""),
            ("123", "unrecognized command: \"123\""),
            ("sort cum", "unrecognized command: \"sort\""),
            ("foo=bar", "unrecognized command: \"foo=bar\""),
            ("list", "command list requires an argument"),
            ("top >", "unexpected end of line after >"),
        ] {
            assert_eq!(read(line), Err(expected.to_owned()), "{line}");
        }
    }
}
