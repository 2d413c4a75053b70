//! Profile → profile for people who read Rust: names without what tells monomorphisations apart (`rust_reading/name.rs`),
//! stacks without std's plumbing (`rust_reading/plumbing.rs`) or without other people's crates (`rust_reading/own.rs`).
//! Values are never lost: a folded frame's cost goes to its caller. What `go tool pprof` shows is not read this way.

mod cursor;
mod fold;
mod language;
mod name;
mod own;
mod plumbing;
mod types;

pub use name::readable_name;
pub use own::OwnCrates;

use fold::{Fate, Rest, fold};
use language::is_rust;
use plumbing::is_plumbing;

use crate::{BROKEN_FRAME, Function, LOST_FRAME, Profile, TRUNCATED_FRAME, Text, UNSAMPLED_FRAME};

/// The frame of samples that have none in own crates.
pub const OTHER_CRATES_FRAME: &str = "[other crates]";

/// How a profile is read. By default names are shortened and plumbing is folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RustReading {
    /// Whether names stay whole.
    pub full_names: bool,
    /// Whether frames of std's plumbing stay: calls through `Fn` and its kin, catching panics, starting the program, a
    /// thread or a test, polling a future through a pointer.
    pub plumbing: bool,
    /// Shows only the frames of these crates. A sample without any gets a frame `[other crates]`.
    pub own: Option<OwnCrates>,
}

/// Reads the profile. Functions that are not Rust's keep their names; a profile in which there is nothing to read stays as
/// it is.
///
/// Where all frames of a stack are plumbing, the outermost stays. Frames that say how good the profile is, such as
/// `[lost]`, stay in any case.
pub fn read_rust(profile: &mut Profile, reading: &RustReading) {
    let own = reading.own.as_ref();
    let mut fates = Vec::with_capacity(profile.functions.len());
    for function in &mut profile.functions {
        let read: Option<Text> = is_rust(function).then(|| match readable_name(&function.name) {
            std::borrow::Cow::Borrowed(_) => function.name.clone(),
            std::borrow::Cow::Owned(read) => read.into(),
        });
        fates.push(match own {
            _ if is_remark(function) => Fate::StaysAside,
            Some(own) if own.contains(function) => Fate::Stays,
            Some(_) => Fate::Folds,
            // Nobody else has such a name, and it has no mark of its language.
            None if &*function.name == "__rust_try" && !reading.plumbing => Fate::Folds,
            None if !reading.plumbing && read.as_deref().is_some_and(is_plumbing) => Fate::Folds,
            None => Fate::Stays,
        });
        if let Some(read) = read.filter(|_| !reading.full_names) {
            function.name = read;
        }
    }
    match own {
        Some(_) => fold(profile, &fates, Fate::Folds, Rest::Named(OTHER_CRATES_FRAME)),
        None => fold(profile, &fates, Fate::Stays, Rest::Outermost),
    }
}

/// Whether the frame is none of the program, but one that says something of the profile.
fn is_remark(function: &Function) -> bool {
    [BROKEN_FRAME, LOST_FRAME, TRUNCATED_FRAME, UNSAMPLED_FRAME].contains(&&*function.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{profile_of, stacks};

    /// The profile as if its functions were all Rust's.
    fn rust(samples: &[(&str, i64)]) -> Profile {
        let mut profile = profile_of(samples);
        for function in &mut profile.functions {
            if function.name.contains("::") {
                function.file = "x.rs".into();
            }
        }
        profile
    }

    fn stack(frames: &str, value: i64) -> (Vec<String>, i64) {
        (frames.split(';').map(str::to_owned).collect(), value)
    }

    const CALL: &str = "core::ops::function::FnOnce::call_once";

    #[test]
    fn plumbing_bears_its_cost_on_to_its_caller() {
        let main = format!("main;std::rt::lang_start::<()>;{CALL};a::main");
        let samples = [
            (format!("{main};a::f::<u8>"), 1),
            (format!("{main};a::f::<u16>"), 2),
            (format!("{main};a::f::<u16>+{CALL}"), 4),
            (format!("main;{CALL}"), 8),
            (format!("std::rt::lang_start::<()>;{CALL}"), 16),
        ];
        let profile = rust(&samples.iter().map(|(stack, value)| (&**stack, *value)).collect::<Vec<_>>());
        let mut read = profile.clone();
        read_rust(&mut read, &RustReading::default());
        assert_eq!(read.check(), Ok(()));
        let expected = [
            stack("a::f;a::main;main", 1),
            stack("a::f;a::main;main", 2),
            stack("a::f;a::main;main", 4),
            stack("main", 8),
            stack("std::rt::lang_start", 16),
        ];
        assert_eq!(stacks(&read), expected);
        let mut whole = profile.clone();
        read_rust(&mut whole, &RustReading { full_names: true, plumbing: true, own: None });
        assert_eq!(whole, profile);
    }

    #[test]
    fn where_there_is_nothing_to_read_nothing_changes() {
        let profile = rust(&[("main;a::main;a::f", 1), ("main;a::main", 2), ("_start", 4)]);
        let mut read = profile.clone();
        read_rust(&mut read, &RustReading::default());
        assert_eq!(read, profile);
        // What is in parentheses and angle brackets is C++'s own.
        let mut other = profile_of(&[("std::vector<int>::push_back", 1)]);
        let before = other.clone();
        read_rust(&mut other, &RustReading::default());
        assert_eq!(other, before);
    }

    #[test]
    fn own_crates_bear_what_they_called() {
        let samples = [
            ("main;a::main;<a::T as core::fmt::Display>::fmt;core::fmt::write", 1),
            ("main;a::main;core::iter::map+a::main::{closure#0};memcpy", 2),
            ("main;std::rt::cleanup", 4),
            ("[truncated];core::fmt::write", 8),
            ("[truncated];a::main", 16),
            ("[lost]", 32),
        ];
        let mut profile = rust(&samples);
        let own = OwnCrates { names: ["a".to_owned()].into(), folders: Vec::new() };
        read_rust(&mut profile, &RustReading { own: Some(own), ..RustReading::default() });
        assert_eq!(profile.check(), Ok(()));
        let expected = [
            stack("<a::T as core::fmt::Display>::fmt;a::main", 1),
            stack("a::main::{closure#0};a::main", 2),
            stack("[other crates]", 4),
            stack("[other crates];[truncated]", 8),
            stack("a::main;[truncated]", 16),
            stack("[lost]", 32),
        ];
        assert_eq!(stacks(&profile), expected);
    }
}
