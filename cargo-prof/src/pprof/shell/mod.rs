//! The shell: asks for one report after another on a profile that is read once. What a line means is in `line.rs`, what can be
//! set in `settings.rs`, where lines come from in `input.rs`. Never ends by a command that is wrong.

mod complete;
mod help;
mod input;
mod line;
mod settings;

use std::collections::BTreeMap;

use prof_pprof::report::{label_notices, summary};
use prof_pprof::{OriginalIds, Profile};

use super::viewer::Shown;
use super::{deliver, in_words_of_go, made, request};
use crate::terminal;
use complete::Words;
use input::Input;
use line::{Command, Line};
pub use settings::Settings;

/// Answers what is asked for until nothing more is.
///
/// # Errors
///
/// If standard input cannot be read.
pub fn run(profile: &Profile, ids: &OriginalIds, mut settings: Settings) -> Result<(), String> {
    settings.options.compact_labels = true;
    let sample_types: Vec<&str> = profile.sample_types.iter().map(|sample_type| &*sample_type.kind).collect();
    let shortcuts = shortcuts(&sample_types);
    let mut input = Input::new(|| Words::new(profile, &sample_types, shortcuts.keys().cloned()));
    let mut session = Session { profile, ids, sample_types, settings, shown: Vec::new() };
    session.greet();
    while let Some(line) = input.line()? {
        let line = line.trim();
        let lines = shortcuts.get(line).cloned().unwrap_or_else(|| vec![line.to_owned()]);
        for line in lines {
            match session.obey(&line) {
                Ok(false) => {}
                Ok(true) => return Ok(()),
                Err(error) => input.complain(&error),
            }
        }
    }
    Ok(())
}

/// Lines that stand for others.
fn shortcuts(sample_types: &[&str]) -> BTreeMap<String, Vec<String>> {
    let cleared = ["focus=", "ignore=", "hide=", "tagfocus=", "tagignore="];
    let mut shortcuts = BTreeMap::from([(":".to_owned(), cleared.map(str::to_owned).to_vec())]);
    for name in sample_types {
        let chosen = format!("sample_index={name}");
        shortcuts.insert((*name).to_owned(), vec![chosen.clone()]);
        shortcuts.insert(format!("total_{name}"), vec!["mean=0".to_owned(), chosen.clone()]);
        shortcuts.insert(format!("mean_{name}"), vec!["mean=1".to_owned(), chosen]);
    }
    shortcuts
}

struct Session<'a> {
    profile: &'a Profile,
    ids: &'a OriginalIds,
    sample_types: Vec<&'a str>,
    settings: Settings,
    /// What shows reports until the end.
    shown: Vec<Shown>,
}

impl Session<'_> {
    fn greet(&self) {
        label_notices(self.profile).iter().for_each(|notice| terminal::status(notice));
        if let Ok(summary) = summary(self.profile, &self.settings.options) {
            terminal::status(&summary.lines.join("\n"));
            if summary.total == 0 && self.sample_types.len() > 1 {
                terminal::status("No samples were found with the default sample value type.");
                terminal::status("Try \"sample_index\" command to analyze different sample values.");
            }
        }
        terminal::status("Entering interactive mode (type \"help\" for commands, \"o\" for options)");
    }

    /// Does what a line asks for; says whether it was the last.
    fn obey(&mut self, line: &str) -> Result<bool, String> {
        match Line::read(line, &self.settings)? {
            Line::Nothing => {}
            Line::Quit => return Ok(true),
            Line::Set { name, value } if name == "sample_index" => {
                let index = self.profile.sample_index(Some(&value)).map_err(|error| in_words_of_go(&error))?;
                self.settings.set(&name, self.sample_types[index])?;
            }
            Line::Set { name, value } => self.settings.set(&name, &value)?,
            Line::Options => terminal::status(&self.settings.list(&self.sample_types)),
            Line::Help(topic) if topic.is_empty() => terminal::status(&help::all()),
            Line::Help(topic) => match help::of(&topic, &self.sample_types) {
                Some(text) => terminal::status(&text),
                None => return Err(format!("Unknown command: {topic}")),
            },
            Line::Report(command) => self.report(*command)?,
        }
        Ok(false)
    }

    fn report(&mut self, Command { name, argument, settings }: Command) -> Result<(), String> {
        let report = request::format(name, &argument)?;
        let options = settings.options;
        let notices = &mut terminal::status;
        let answer = made(self.profile.clone(), self.ids, report, &options, settings.output, notices)?;
        self.shown.extend(deliver(&answer, true)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_types_are_shortcuts() {
        let shortcuts = shortcuts(&["delay"]);
        assert_eq!(shortcuts["delay"], ["sample_index=delay"]);
        assert_eq!(shortcuts["total_delay"], ["mean=0", "sample_index=delay"]);
        assert_eq!(shortcuts["mean_delay"], ["mean=1", "sample_index=delay"]);
        assert_eq!(shortcuts[":"][0], "focus=");
    }
}
