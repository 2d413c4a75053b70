//! Whose code a function is: that of somebody's own crates, or of others. Judges names as they are before `name.rs` reads
//! them, because a reading leaves out what says it. Reads no file.

use std::collections::BTreeSet;

use super::cursor::Cursor;
use super::language::is_rust;
use super::name::readable_name;
use crate::Function;

/// Somebody's own crates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnCrates {
    /// Their names as they stand in paths: `two_words`, not `two-words`.
    pub names: BTreeSet<String>,
    /// The absolute folders that their sources are in. They decide where a name does not, and for other languages.
    pub folders: Vec<String>,
}

impl OwnCrates {
    /// Whether the function is defined in one of them.
    ///
    /// A path says where it begins. `<T as Trait>::f` stands in the crate of `T` or in that of `Trait`, unless `Trait` came
    /// with it for every type, as a file of std's or of a fetched crate tells; or it stands in that of a generic argument,
    /// as a file in the folders tells.
    pub fn contains(&self, function: &Function) -> bool {
        let in_folders =
            || self.folders.iter().any(|folder| is_in(&function.file, folder)) && !is_published(&function.file);
        if !is_rust(function) {
            return in_folders();
        }
        if !function.name.starts_with('<') {
            return match crate_at(&function.name) {
                Some(name) => self.names.contains(name),
                None => in_folders(),
            };
        }
        let read = readable_name(&function.name);
        if !read.starts_with('<') {
            return crate_at(&read).is_some_and(|name| self.names.contains(name));
        }
        let names_own = |name: &str| crates_of_impl(name).any(|name| self.names.contains(name));
        (names_own(&read) && !is_published(&function.file)) || (names_own(&function.name) && in_folders())
    }
}

/// The crate that a path begins with.
fn crate_at(path: &str) -> Option<&str> {
    let (first, _) = path.split_once("::")?;
    Some(first.split('[').next().unwrap_or(first)).filter(|name| !name.is_empty())
}

/// The crates that the paths in `<T as Trait>` begin with.
fn crates_of_impl(name: &str) -> impl Iterator<Item = &str> {
    let is_of_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let head = Cursor::new(name).group().unwrap_or(name);
    head.split(move |letter| !is_of_path(letter)).filter_map(crate_at)
}

/// Whether the file is one of std's, or of a crate that cargo fetched.
fn is_published(file: &str) -> bool {
    file.starts_with("/rustc/")
        || ["/rustlib/src/rust/", "/registry/src/", "/git/checkouts/", "/vendor/"].iter().any(|way| file.contains(way))
}

fn is_in(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own(name: &str, file: &str) -> bool {
        let own = OwnCrates { names: ["weather".to_owned()].into(), folders: vec!["/home/me/weather".into()] };
        let system_name = "_RNvCs1234_1a1f";
        own.contains(&Function { name: name.into(), system_name: system_name.into(), file: file.into(), start_line: 0 })
    }

    #[test]
    fn a_path_says_whose_it_is() {
        assert!(is_own("weather::main", ""));
        assert!(is_own("weather::main", "/home/me/.cargo/registry/src/x/proptest-1.0.0/src/sugar.rs"));
        assert!(is_own("weather[1f2e]::main::{closure#0}", ""));
        assert!(is_own("<weather::Table<3, u8>>::rows", ""));
        assert!(is_own("weather::_::<impl serde::ser::Serialize for weather::Day>::serialize", ""));
        assert!(!is_own("weathers::main", "/home/me/weather/src/main.rs"));
        assert!(!is_own("core::ptr::drop_in_place::<weather::Day>", ""));
        assert!(!is_own("core::slice::<impl [weather::Day]>::iter", ""));
        assert!(!is_own("alloc::vec::Vec<weather::Day>::push", ""));
    }

    #[test]
    fn an_impl_may_be_of_several_crates() {
        let std = "/rustc/59807616e/library/alloc/src/string.rs";
        assert!(is_own("<weather::Day as core::fmt::Display>::fmt", ""));
        assert!(is_own("<alloc::vec::Vec<u8> as weather::Measure>::measure", ""));
        assert!(is_own("<u64 as core::convert::From<weather::Day>>::from", "/home/me/weather/src/main.rs"));
        assert!(!is_own("<u64 as core::convert::From<weather::Day>>::from", ""));
        assert!(!is_own("<weather::Day as alloc::string::ToString>::to_string", std));
        assert!(!is_own("<ink::Pot as core::fmt::Display>::fmt", "/home/me/weather/ink/src/lib.rs"));
        assert!(!is_own("<alloc::vec::Vec<weather::Day> as core::clone::Clone>::clone", ""));
        assert!(is_own("<<weather::Day as a::Deserialize>::deserialize::V as a::Visitor>::visit", ""));
        assert!(!is_own("<<alloc::vec::Vec<_> as a::D>::d::V<weather::Day> as a::Visitor>::visit", ""));
    }

    #[test]
    fn other_languages_are_told_by_their_files() {
        let own = OwnCrates { folders: vec!["/home/me/weather".into()], ..OwnCrates::default() };
        let c = |file: &str| {
            own.contains(&Function {
                name: "work".into(),
                system_name: "work".into(),
                file: file.into(),
                start_line: 0,
            })
        };
        assert!(c("/home/me/weather/src/work.c"));
        assert!(!c("/home/me/weather/vendor/zlib/inflate.c"));
        assert!(!c("/home/me/weather2/work.c"));
        assert!(!c(""));
    }
}
