//! Which frames of a benchmark are not the user's: those of the sampler, of this crate and of criterion. Never removes what
//! they measured.

#![forbid(unsafe_code)]

use prof_pprof::{remove_frames, remove_runtime, Function, Profile, Runtime};

/// Removes the frames of what measures; those that called it, or were called by it, bear the values.
pub(crate) fn remove(profile: &mut Profile) {
    let part = |function: &Function| match crate_of(function).as_deref() {
        Some("prof_harness" | "prof_criterion") => Runtime::Hook,
        _ => Runtime::Not,
    };
    remove_runtime(profile, part);
    // Frame by frame: the user's routine is often inlined into criterion's loop, which then is the location's function.
    remove_frames(profile, |function| {
        let measures = ["criterion", "alloca", "prof_harness", "prof_criterion"];
        // What criterion 0.8 moves the stack pointer by between samples is C.
        crate_of(function).is_some_and(|name| measures.contains(&&*name)) || &*function.name == "c_with_alloca"
    });
}

/// The crate that a function is of, by its name: `a` of `a::f`, `<a::T as b::U>::f` and `<&a::T as b::U>::f`. Where debug info
/// is line tables alone, a name has no path: then by its file, `…/a/src/f.rs` or `…/a-1.2.3/src/f.rs`.
fn crate_of(function: &Function) -> Option<String> {
    let path = function.name.trim_start_matches(['<', '&']);
    let end = path.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(path.len());
    let (first, after) = path.split_at(end);
    if after.starts_with("::") {
        return Some(first.to_owned());
    }
    let (folder, _) = function.file.rsplit_once("/src/")?;
    let folder = folder.rsplit('/').next()?;
    let name = match folder.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|first: char| first.is_ascii_digit()) => name,
        _ => folder,
    };
    Some(name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_of_the_crate_that_its_name_begins_with() {
        for (name, expected) in [
            ("criterion::routine::Routine::profile", Some("criterion")),
            ("<criterion::bencher::Bencher>::iter::<u64, my::bench::{closure#0}>", Some("criterion")),
            (
                "<prof_criterion::counting::CountingAllocator as core::alloc::GlobalAlloc>::alloc",
                Some("prof_criterion"),
            ),
            ("<my::bench::{closure#0} as core::ops::FnOnce<(&mut criterion::Bencher,)>>::call_once", Some("my")),
            ("my_criterion::run", Some("my_criterion")),
            ("drop_in_place<criterion::Bencher>", None),
            ("main", None),
        ] {
            let function = Function { name: name.into(), ..Function::default() };
            assert_eq!(crate_of(&function).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_function_without_a_path_is_of_the_crate_that_its_file_is_of() {
        for (file, expected) in [
            ("/registry/src/index/criterion-0.8.2/src/bencher.rs", Some("criterion")),
            ("/home/me/prof-harness/src/heap/door.rs", Some("prof_harness")),
            ("/rustc/0123/library/core/src/ops/function.rs", Some("core")),
            ("benches/words.rs", None),
        ] {
            let function = Function { name: "iter<my::T>".into(), file: file.into(), ..Function::default() };
            assert_eq!(crate_of(&function).as_deref(), expected, "{file}");
        }
    }
}
