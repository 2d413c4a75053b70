//! Profile → the same at a coarser granularity: what a report shall not tell apart is erased, and so becomes equal. What
//! is equal is merged in `graph.rs`. Never removes a sample or a location.

use crate::{Profile, Text};

/// What a report tells apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Granularity {
    /// Names of functions.
    #[default]
    Functions,
    /// Names of functions and their files.
    FileFunctions,
    /// Files.
    Files,
    /// Lines of functions.
    Lines,
    /// Instructions.
    Addresses,
}

/// Erases what `granularity` does not tell apart: names, files, lines or addresses. Without `inlines` only the outermost
/// function of each location stays, and bears the cost of what was inlined into it. Columns stay only with `columns`, and
/// where both addresses and inlined functions are shown, when nothing is erased at all.
pub fn aggregate(profile: &mut Profile, granularity: Granularity, inlines: bool, columns: bool) {
    use Granularity::{Addresses, FileFunctions, Files, Functions, Lines};
    if granularity == Addresses && inlines {
        return;
    }
    let keeps_names = granularity != Files;
    let keeps_files = matches!(granularity, FileFunctions | Files | Lines | Addresses);
    let keeps_lines = matches!(granularity, Lines | Addresses);
    debug_assert!(keeps_files || granularity == Functions);
    for mapping in &mut profile.mappings {
        mapping.has_inline_frames &= inlines;
        mapping.has_functions &= keeps_names;
        mapping.has_filenames &= keeps_files;
        mapping.has_line_numbers &= keeps_lines;
    }
    let nothing = Text::default();
    for function in &mut profile.functions {
        if !keeps_names {
            (function.name, function.system_name) = (nothing.clone(), nothing.clone());
        }
        if !keeps_files {
            function.file = nothing.clone();
        }
    }
    for location in &mut profile.locations {
        if !inlines && location.lines.len() > 1 {
            location.lines.drain(..location.lines.len() - 1);
        }
        for line in &mut location.lines {
            if !keeps_lines {
                line.line = 0;
            }
            if !keeps_lines || !columns {
                line.column = 0;
            }
        }
        if granularity != Addresses {
            location.address = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;
    use crate::{Location, Mapping};

    fn profile() -> Profile {
        let mut profile = profile_of(&[("main;work+inner", 1)]);
        profile.mappings.push(Mapping {
            has_functions: true,
            has_filenames: true,
            has_line_numbers: true,
            has_inline_frames: true,
            ..Mapping::default()
        });
        for function in &mut profile.functions {
            function.file = "a.rs".into();
        }
        for line in profile.locations.iter_mut().flat_map(|location| &mut location.lines) {
            (line.line, line.column) = (7, 3);
        }
        profile
    }

    fn leaf(granularity: Granularity, inlines: bool, columns: bool) -> (Vec<String>, u64) {
        let mut profile = profile();
        aggregate(&mut profile, granularity, inlines, columns);
        let Location { lines, address, .. } = &profile[profile.samples.at(0).locations[0]];
        let text = |line: &crate::Line| {
            let function = &profile[line.function];
            format!("{} {} {} {}", function.name, function.file, line.line, line.column)
        };
        (lines.iter().map(text).collect(), *address)
    }

    #[test]
    fn each_granularity_erases_what_is_finer() {
        use Granularity::{Addresses, FileFunctions, Files, Functions, Lines};
        let lines = |granularity, inlines, columns| leaf(granularity, inlines, columns).0;
        assert_eq!(lines(Functions, true, true), ["inner  0 0", "work  0 0"]);
        assert_eq!(lines(Functions, false, true), ["work  0 0"]);
        assert_eq!(lines(FileFunctions, false, true), ["work a.rs 0 0"]);
        assert_eq!(lines(Files, true, true), [" a.rs 0 0", " a.rs 0 0"]);
        assert_eq!(lines(Lines, false, false), ["work a.rs 7 0"]);
        assert_eq!(lines(Lines, false, true), ["work a.rs 7 3"]);
        assert_eq!(leaf(Addresses, false, false), (vec!["work a.rs 7 0".into()], 1));
        assert_eq!(leaf(Addresses, true, false), (vec!["inner a.rs 7 3".into(), "work a.rs 7 3".into()], 1));
        assert_eq!(leaf(Lines, true, true).1, 0);
    }

    #[test]
    fn a_mapping_tells_what_is_left() {
        let mut profile = profile();
        aggregate(&mut profile, Granularity::Functions, false, false);
        let mapping = &profile.mappings[0];
        assert!(mapping.has_functions);
        assert!(!mapping.has_filenames && !mapping.has_line_numbers && !mapping.has_inline_frames);
    }
}
