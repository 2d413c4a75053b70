//! Names of functions as `-symbolize` asks for them: from binaries on this machine, and demangled. How a binary is read is in
//! `symbolize/`.

use prof_pprof::{MappingIndex, Profile, Text};

use crate::symbolize::{self, Sources};

/// How much of a C++ or Rust name is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demangling {
    /// Neither arguments nor type parameters.
    Short,
    /// No arguments.
    Templates,
    /// All of it.
    Full,
    /// The name for linkers.
    None,
}

/// Names what has no name yet and demangles what was not. `mode` is a list such as `local:demangle=full`.
pub fn name(profile: &mut Profile, mode: &str, notices: &mut dyn FnMut(&str)) {
    let (mut local, mut force, mut demangling) = (true, false, Demangling::Short);
    for word in mode.to_lowercase().split(':') {
        match word {
            "none" | "no" => return,
            "local" | "fastlocal" => local = true,
            "remote" => local = false,
            "force" => force = true,
            "demangle=full" => (demangling, force) = (Demangling::Full, true),
            "demangle=templates" => (demangling, force) = (Demangling::Templates, true),
            "demangle=none" => (demangling, force) = (Demangling::None, true),
            "" | "demangle=default" => {}
            _ => {
                notices(&format!("ignoring unrecognized symbolization option: {mode}"));
                notices(
                    "expecting -symbolize=[local|fastlocal|remote|none][:force][:demangle=[none|full|templates|default]",
                );
            }
        }
    }
    if local {
        from_binaries(profile, force, notices);
    }
    for function in &mut profile.functions {
        if force && !function.name.is_empty() && !function.system_name.is_empty() {
            function.name = function.system_name.clone();
        }
        let is_demangled = !function.name.is_empty() && function.system_name != function.name;
        if demangling != Demangling::None && !is_demangled {
            function.name = demangled(&function.system_name, demangling);
        }
    }
}

/// Names the locations of mappings that nothing is known of yet.
fn from_binaries(profile: &mut Profile, force: bool, notices: &mut dyn FnMut(&str)) {
    let mut is_missing = false;
    let mut wanted = Vec::with_capacity(profile.mappings.len());
    for (position, mapping) in profile.mappings.iter().enumerate() {
        let index = MappingIndex::new(position);
        let is_used = profile.locations.iter().any(|location| location.mapping == Some(index));
        let is_named = mapping.has_functions || mapping.has_filenames || mapping.has_line_numbers;
        let has_file = !mapping.filename.is_empty();
        if is_used && !has_file && (force || !is_named) {
            if position == 0 {
                notices("Main binary filename not available.");
            } else {
                is_missing = true;
            }
        }
        wanted.push(is_used && has_file && (force || !is_named) && !is_no_file(&mapping.filename));
    }
    // Locations of other mappings are as if they had none while names are looked up.
    let (mut others, mut before) = (Vec::new(), Vec::new());
    for (position, location) in profile.locations.iter_mut().enumerate() {
        match location.mapping {
            Some(mapping) if wanted[mapping.position()] => {
                if force {
                    before.push((position, std::mem::take(&mut location.lines)));
                }
            }
            _ => others.push((position, location.mapping.take())),
        }
    }
    let outcome = symbolize::symbolize(profile, &Sources::default());
    for (position, mapping) in others {
        profile.locations[position].mapping = mapping;
    }
    for (position, lines) in before {
        let location = &mut profile.locations[position];
        if location.lines.is_empty() {
            location.lines = lines;
        }
    }
    for skipped in outcome.skipped {
        notices(&format!("Local symbolization failed for {}: it {}", skipped.path, skipped.reason));
        is_missing = true;
    }
    if is_missing {
        notices(
            "Some binary filenames not available. Symbolization may be incomplete.\n\
             Try setting PPROF_BINARY_PATH to the search path for local binaries.",
        );
    }
}

/// Whether a mapping's name is none of a file with code.
fn is_no_file(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    last.starts_with('[')
        || last.starts_with("linux-vdso")
        || name.starts_with("/dev/dri/")
        || name.starts_with("/memfd:")
        || name == "//anon"
}

/// The name for people. What was demangled by somebody else is only shortened, as pprof does: names of C++, and also those
/// of Rust, lose what is in parentheses and angle brackets.
fn demangled(linkage_name: &Text, demangling: Demangling) -> Text {
    if let Some(name) = symbolize::demangle(linkage_name) {
        return name.into();
    }
    let looks_demangled = !linkage_name.contains(".<")
        && !linkage_name.contains("]).")
        && (linkage_name.contains(['<', '>', '[', ']']) || linkage_name.contains("::"));
    if !looks_demangled || demangling == Demangling::Full {
        return linkage_name.clone();
    }
    let name = without(linkage_name, '(', ')');
    if demangling == Demangling::Short { without(&name, '<', '>').into() } else { name.into() }
}

/// The name without what is between brackets, and these. From one that closes nothing on, the rest stays.
fn without(name: &str, open: char, close: char) -> String {
    let mut kept = String::with_capacity(name.len());
    let mut depth = 0usize;
    let mut opened = 0;
    for (position, letter) in name.char_indices() {
        if letter == open {
            if depth == 0 {
                opened = position;
            }
            depth += 1;
        } else if letter == close && depth == 0 {
            return kept + &name[position..];
        } else if letter == close {
            depth -= 1;
        } else if depth == 0 {
            kept.push(letter);
        }
    }
    // What is never closed stays.
    if depth > 0 { kept + &name[opened..] } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prof_pprof::Function;

    fn named(name: &str, system_name: &str, mode: &str) -> String {
        let function = Function { name: name.into(), system_name: system_name.into(), ..Function::default() };
        let mut profile = Profile { functions: vec![function], ..Profile::default() };
        super::name(&mut profile, mode, &mut |_| {});
        profile.functions[0].name.to_string()
    }

    #[test]
    fn names_are_demangled_or_shortened() {
        assert_eq!(named("", "_ZN1p7generic17h69e28a4cce22d723E", ""), "p::generic");
        assert_eq!(named("<T as U>::f", "_ZN1p1fE", ""), "<T as U>::f");
        assert_eq!(named("<T as U>::f(int)", "<T as U>::f(int)", ""), "::f");
        assert_eq!(named("<T as U>::f(int)", "<T as U>::f(int)", "none"), "<T as U>::f(int)");
        assert_eq!(named("main.(*T[...]).f", "main.(*T[...]).f", ""), "main.(*T[...]).f");
        assert_eq!(
            named("p::generic", "_ZN1p7generic17h69e28a4cce22d723E", "demangle=none"),
            "_ZN1p7generic17h69e28a4cce22d723E"
        );
    }

    #[test]
    fn brackets_may_not_fit() {
        assert_eq!(without("a(b(c)d)e", '(', ')'), "ae");
        assert_eq!(without("a)b(c)", '(', ')'), "a)b(c)");
        assert_eq!(without("a(b", '(', ')'), "a(b");
    }
}
