//! What the shell says of itself when it is asked for help. The words are those of the command line's, from `flags.rs`.

use std::fmt::Write;

use super::super::flags::{CHOICES, FORMATS, Flag, Kind, OPTIONS};
use super::super::request::GRANULARITIES;

/// All that can be asked for and set.
pub fn all() -> String {
    let mut text = String::from("  Commands:\n");
    let line = |text: &mut String, name: &str, help: &str| {
        let _ = writeln!(text, "    {name:<16} {help}");
    };
    let mut table = |title: &str, flags: &[Flag], others: &[(&str, &str)]| {
        text.push_str(title);
        let mut flags: Vec<&Flag> = flags.iter().collect();
        flags.sort_by_key(|flag| flag.name);
        flags.iter().for_each(|flag| line(&mut text, flag.name, flag.help));
        others.iter().for_each(|(name, help)| line(&mut text, name, help));
    };
    table("", FORMATS, &[("o/options", "what is set"), ("q/quit/exit/^D", "the end")]);
    table("\n  Options:\n", OPTIONS, &[]);
    let (granularities, orders) = CHOICES.split_at(GRANULARITIES.len());
    text.push_str("\n  Options of which one is set in each group:\n");
    for (group, choices) in [("granularity", granularities), ("sort", orders)] {
        line(&mut text, group, "");
        for choice in choices {
            let _ = writeln!(text, "      {:<16} {}", choice.name, choice.help);
        }
    }
    text.push_str(
        "\n  Sample types, total_TYPE and mean_TYPE choose what is shown; : unsets focus, ignore, hide, tagfocus and tagignore.\
         \n\n  type \"help <cmd|option>\" for more information",
    );
    text
}

/// What a command or an option does; none if there is neither of that name.
pub fn of(name: &str, sample_types: &[&str]) -> Option<String> {
    if let Some(format) = FORMATS.iter().find(|format| format.name == name) {
        return Some(format!("{}\n  Usage:\n{}", format.help, usage(format)));
    }
    let option = OPTIONS.iter().chain(CHOICES).find(|option| option.name == name)?;
    let mut text = option.help.to_owned();
    let value = match option.kind {
        Kind::Switch if CHOICES.iter().any(|choice| choice.name == name) => name.to_owned(),
        Kind::Switch => format!("{name}=true, {name}=false, or just {name}"),
        Kind::Integer | Kind::Number => format!("{name}=<number>"),
        Kind::Text if name == "sample_index" => format!("{name}=<one of {}>", sample_types.join(", ")),
        Kind::Text => format!("{name}=<text>, {name}= for none"),
    };
    let _ = write!(text, "\n  Usage:\n    {value}");
    Some(text)
}

fn usage(format: &Flag) -> String {
    let name = format.name;
    let (argument, filters) = match (name, format.kind) {
        (_, Kind::Text) => (" regex", " [n] [focus_regex]* [-ignore_regex]*"),
        ("tags", _) => ("", " [tag_regex]* [-ignore_regex]*"),
        ("comments" | "proto" | "raw" | "topproto" | "traces", _) => ("", " [focus_regex]* [-ignore_regex]*"),
        _ => ("", " [n] [focus_regex]* [-ignore_regex]*"),
    };
    let order = if ["text", "top", "tree", "peek"].contains(&name) { " [-cum]" } else { "" };
    let file = if ["eog", "evince", "gv", "kcachegrind", "web", "weblist"].contains(&name) { "" } else { " [>file]" };
    let mut text = format!("    {name}{argument}{filters}{order}{file}");
    for (word, meaning) in [
        (" regex", "what to show: functions that match"),
        ("[n]", "n nodes at most"),
        ("[focus_regex]", "samples that match, and not those that match ignore_regex"),
        ("[tag_regex]", "labels as key:value that match, and not those that match ignore_regex"),
        ("[-cum]", "sorted by cum"),
        ("[>file]", "written to a file"),
    ] {
        if text.lines().next().is_some_and(|first| first.contains(word)) {
            let _ = write!(text, "\n    {:<16} {meaning}", word.trim().trim_matches(['[', ']']));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_all_that_there_is() {
        let all = all();
        for flag in FORMATS.iter().chain(OPTIONS).chain(CHOICES) {
            assert!(all.contains(&format!("{:<16} {}", flag.name, flag.help)), "{}", flag.name);
            assert!(of(flag.name, &[]).is_some_and(|text| text.starts_with(flag.help)), "{}", flag.name);
        }
        assert_eq!(of("foo", &[]), None);
        assert!(of("top", &[]).unwrap().contains("\n    top [n] [focus_regex]* [-ignore_regex]* [-cum] [>file]\n"));
        assert!(of("sample_index", &["samples", "cpu"]).unwrap().contains("samples, cpu"));
    }
}
