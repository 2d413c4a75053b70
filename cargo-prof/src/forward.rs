//! Which arguments go on to cargo: all but our own flags and `--target-dir`, in their order and as they were typed.
//! The command line has been checked by clap (`cli.rs`) before.

use std::ffi::{OsStr, OsString};

use crate::cli::{CARGO_FLAGS, Cargo, OWN_FLAGS, Value};

/// The user's arguments for cargo, split where ours can be put between.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Flags and the name filter.
    pub options: Vec<OsString>,
    /// From `--`, or from the first argument of a program, to the end.
    pub rest: Vec<OsString>,
}

/// Sorts the arguments after the subcommand's name.
pub fn sort(cargo: Cargo, arguments: &[OsString]) -> Forwarded {
    let mut forwarded = Forwarded::default();
    let mut arguments = arguments.iter().peekable();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if text == "--" || cargo == Cargo::Run && !text.starts_with('-') {
            forwarded.rest.push(argument.clone());
            forwarded.rest.extend(arguments.cloned());
            break;
        }
        let (kept, value) = match text.strip_prefix("--") {
            Some(long) => long_flag(long),
            None => (true, text.starts_with('-') && takes_next(&text)),
        };
        let mut keep = |argument: &OsStr| {
            if kept {
                forwarded.options.push(argument.to_owned());
            }
        };
        keep(argument);
        // A flag whose value may be absent, such as `--bin`, takes what does not look like a flag.
        if value
            && let Some(next) =
                arguments.next_if(|next| !is_optional(&text) || !next.to_string_lossy().starts_with('-'))
        {
            keep(next);
        }
    }
    forwarded
}

/// Those of the arguments after `nextest` that we understand, for clap: its command, our own flags and those that cargo and
/// nextest mean alike. The others are for nextest to check.
pub fn known_of_nextest(arguments: &[OsString]) -> Vec<OsString> {
    let mut known = Vec::new();
    let mut arguments = arguments.iter().take_while(|argument| *argument != "--").peekable();
    let mut has_command = false;
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        let flag =
            OWN_FLAGS.iter().chain(CARGO_FLAGS).filter(|flag| flag.of.contains(&Cargo::Nextest)).find(
                |flag| match text.strip_prefix("--") {
                    Some(long) => long.split('=').next() == Some(flag.long),
                    None => flag
                        .short
                        .is_some_and(|short| text.strip_prefix('-').is_some_and(|rest| rest.starts_with(short))),
                },
            );
        let is_help = ["--help", "-h"].contains(&&*text);
        let Some(flag) = flag.filter(|_| !is_help) else {
            let is_command = !has_command && !text.starts_with('-');
            has_command |= is_command;
            known.extend((is_command || is_help).then(|| argument.clone()));
            continue;
        };
        known.push(argument.clone());
        let has_value = if text.starts_with("--") { text.contains('=') } else { text.len() > 2 };
        match flag.value.filter(|_| !has_value) {
            Some(Value::Required(_)) => known.extend(arguments.next().cloned()),
            Some(Value::Optional(_)) => {
                known.extend(arguments.next_if(|next| !next.to_string_lossy().starts_with('-')).cloned());
            }
            Some(Value::OptionalAfterEquals(_)) | None => {}
        }
    }
    known
}

/// Whether the flag goes on to cargo, and whether the next argument belongs to it.
fn long_flag(long: &str) -> (bool, bool) {
    let (name, has_value) = match long.split_once('=') {
        Some((name, _)) => (name, true),
        None => (long, false),
    };
    let is_own = OWN_FLAGS.iter().any(|flag| flag.long == name);
    let takes = OWN_FLAGS
        .iter()
        .chain(CARGO_FLAGS)
        .any(|flag| flag.long == name && matches!(flag.value, Some(Value::Required(_) | Value::Optional(_))));
    (!is_own && name != "target-dir", takes && !has_value)
}

fn is_optional(argument: &str) -> bool {
    CARGO_FLAGS.iter().any(|flag| {
        matches!(flag.value, Some(Value::Optional(_)))
            && (argument.strip_prefix("--") == Some(flag.long)
                || flag.short.is_some_and(|short| argument == format!("-{short}")))
    })
}

/// Whether the letters of `argument` (`-vp`, say) end in one that takes a value as the next argument.
fn takes_next(argument: &str) -> bool {
    for (at, letter) in argument.char_indices().skip(1) {
        if CARGO_FLAGS.iter().any(|flag| flag.short == Some(letter) && flag.value.is_some()) {
            // Letters after it are its value.
            return at + letter.len_utf8() == argument.len();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(cargo: Cargo, line: &str) -> (String, String) {
        let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let forwarded = sort(cargo, &arguments);
        let join = |list: Vec<OsString>| list.join(OsStr::new(" ")).into_string().unwrap();
        (join(forwarded.options), join(forwarded.rest))
    }

    #[test]
    fn ours_stay_and_the_rest_goes_on_as_typed() {
        let (options, rest) = sorted(
            Cargo::Test,
            "-p a --cpuprofile c.prof --lib --memprofilerate=1 --target-dir=t --target-dir u name -- --cpuprofile x",
        );
        assert_eq!((options.as_str(), rest.as_str()), ("-p a --lib name", "-- --cpuprofile x"));
    }

    #[test]
    fn ours_without_a_value_take_nothing_away() {
        let (options, rest) = sorted(
            Cargo::Test,
            "--memstats --lib --leaks name --fail-on-leak -q --leaks=all --allow-leak -x --format json --report r",
        );
        assert_eq!((options.as_str(), rest.as_str()), ("--lib name -q", ""));
        let (options, rest) = sorted(Cargo::Run, "--leaks file --memstats");
        assert_eq!((options.as_str(), rest.as_str()), ("", "file --memstats"));
    }

    #[test]
    fn a_programs_arguments_are_its_own() {
        let (options, rest) = sorted(Cargo::Run, "-qp a --bin x --outputdir d file --outputdir e");
        assert_eq!((options.as_str(), rest.as_str()), ("-qp a --bin x", "file --outputdir e"));
        let (options, rest) = sorted(Cargo::Run, "--release -- --memprofile");
        assert_eq!((options.as_str(), rest.as_str()), ("--release", "-- --memprofile"));
    }

    #[test]
    fn what_nextest_alone_knows_is_not_for_us() {
        let arguments = "run -p a -E all() --partition count:1/2 --cpuprofile c --profile ci --lib -j 3 name --retries=2 \
                         --memprofile=m -Fx --each d -- --skip y";
        let words: Vec<OsString> = arguments.split_whitespace().map(OsString::from).collect();
        let known = known_of_nextest(&words).join(OsStr::new(" ")).into_string().unwrap();
        assert_eq!(known, "run -p a --cpuprofile c --lib --memprofile=m -Fx --each d");
        let (options, rest) = sorted(Cargo::Nextest, arguments);
        assert_eq!(options, "run -p a -E all() --partition count:1/2 --profile ci --lib -j 3 name --retries=2 -Fx");
        assert_eq!(rest, "-- --skip y");
        assert_eq!(known_of_nextest(&["--lib".into(), "run".into(), "name".into()]), ["--lib", "run"]);
        assert_eq!(known_of_nextest(&["-h".into(), "--color".into(), "never".into()]), ["-h", "--color", "never"]);
    }

    #[test]
    fn a_flag_without_its_optional_value_takes_no_flag() {
        let (options, rest) = sorted(Cargo::Test, "--bin --cpuprofile c --target-dir d");
        assert_eq!((options.as_str(), rest.as_str()), ("--bin", ""));
    }
}
