//! The frames of a profile by name, each once, and the stacks of them, outermost first: what the reports on whole stacks
//! have in common. How they are written is in the files of those reports.

use std::collections::HashMap;

use crate::graph::NodeInfo;
use crate::path::base;
use crate::{Location, Profile, Sample, Text};

/// A function, or a binary where that is all that is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Frame {
    /// The name for people.
    pub(super) name: Text,
    /// The source file; empty if unknown.
    pub(super) file: Text,
    /// The line that it begins at in the file; 0 if unknown.
    pub(super) start_line: i64,
}

/// All frames of a profile.
pub(super) struct Frames {
    /// Each once.
    pub(super) all: Vec<Frame>,
    /// For each location positions in `all`, the outermost first.
    of_location: Vec<Vec<usize>>,
}

impl Frames {
    /// The frames of the profile.
    pub(super) fn new(profile: &Profile) -> Frames {
        let mut all = Vec::new();
        let mut known = HashMap::new();
        let mut position = |frame: Frame| {
            *known.entry(frame).or_insert_with_key(|frame| {
                all.push(frame.clone());
                all.len() - 1
            })
        };
        let frames_of = |location| frames(profile, location).into_iter().map(&mut position).collect();
        let of_location = profile.locations.iter().map(frames_of).collect();
        Frames { all, of_location }
    }

    /// The stack of a sample as positions in `all`, the outermost first.
    pub(super) fn stack(&self, sample: Sample<'_>) -> Vec<usize> {
        let locations = sample.locations.iter().rev();
        locations.flat_map(|location| self.of_location[location.position()].iter().copied()).collect()
    }
}

/// The name of the program, or else of what it is.
pub(super) fn program(profile: &Profile) -> &str {
    let main = profile.mappings.first().filter(|main| !main.filename.is_empty());
    main.map_or("profile", |main| base(&main.filename))
}

/// The name of a frame of which nothing is known.
pub(super) const UNKNOWN: &str = "<unknown>";

/// The frames of a location, the outermost first.
pub(super) fn frames(profile: &Profile, location: &Location) -> Vec<Frame> {
    let object = location.mapping.map_or(Text::default(), |mapping| profile[mapping].filename.clone());
    let name = |name: Text| NodeInfo { name, object: object.clone(), ..NodeInfo::default() }.printable_name();
    if location.lines.is_empty() {
        return vec![Frame { name: name(Text::default()), file: Text::default(), start_line: 0 }];
    }
    let frame = |line: &crate::Line| {
        let function = &profile[line.function];
        Frame { name: name(function.name.clone()), file: function.file.clone(), start_line: function.start_line }
    };
    location.lines.iter().rev().map(frame).collect()
}
