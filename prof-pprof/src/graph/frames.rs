//! Which node each frame of a profile's locations belongs to. What is summed up over samples is in `sums.rs` and
//! `build.rs`. Never looks at a sample.

use std::collections::HashSet;

use hashbrown::HashMap;

use super::{NodeIndex, NodeInfo, Shape};
use crate::path::clean;
use crate::{Function, FunctionIndex, Line, Location, LocationIndex, Profile, Text};

/// The distinct nodes of a profile, and for each location those of its lines.
pub(super) struct Frames {
    /// What the nodes stand for, in the order of their first location.
    pub(super) infos: Vec<NodeInfo>,
    /// The nodes of all locations' lines, innermost first; none for a line whose node is not kept.
    nodes: Vec<Option<NodeIndex>>,
    /// Where the lines of each location end.
    ends: Vec<u32>,
}

impl Frames {
    /// The nodes that `shape` tells apart and keeps.
    pub(super) fn new(profile: &Profile, shape: &Shape<'_>) -> Frames {
        let files: Vec<_> = profile.functions.iter().map(clean_file).collect();
        let mut known: HashMap<NodeInfo, Option<NodeIndex>> = HashMap::new();
        let mut frames = Frames { infos: Vec::new(), nodes: Vec::new(), ends: Vec::new() };
        let file = |function: FunctionIndex| files[function.position()].clone();
        let is_kept = |info: &NodeInfo, kept: Option<&HashSet<NodeInfo>>| kept.is_none_or(|kept| kept.contains(info));
        for location in &profile.locations {
            let lines = location.lines.iter().map(Some).chain(location.lines.is_empty().then_some(None));
            for line in lines {
                let node =
                    *known.entry(info(profile, location, line, file, shape.object_names)).or_insert_with_key(|info| {
                        is_kept(info, shape.kept).then(|| {
                            frames.infos.push(info.clone());
                            NodeIndex::new(frames.infos.len() - 1)
                        })
                    });
                frames.nodes.push(node);
            }
            frames.ends.push(u32::try_from(frames.nodes.len()).expect("profiles have fewer than 2^32 lines"));
        }
        frames
    }

    /// For each node, whether it is inlined anywhere.
    pub(super) fn are_inlined(&self) -> Vec<bool> {
        let mut are = vec![false; self.infos.len()];
        let mut start = 0;
        for end in &self.ends {
            let inlined = &self.nodes[start..*end as usize - 1];
            inlined.iter().flatten().for_each(|node| are[node.position()] = true);
            start = *end as usize;
        }
        are
    }

    /// The nodes of a location's lines, innermost first.
    #[inline]
    pub(super) fn of(&self, location: LocationIndex) -> &[Option<NodeIndex>] {
        let position = location.position();
        let start = if position == 0 { 0 } else { self.ends[position - 1] };
        &self.nodes[start as usize..self.ends[position] as usize]
    }
}

fn clean_file(function: &Function) -> Text {
    match &*function.file {
        "" => Text::default(),
        file => {
            let clean = clean(file);
            if clean == file { function.file.clone() } else { clean.into() }
        }
    }
}

/// What a location's line stands for, or a location without any; `file` gives a function's file as it is shown.
fn info(
    profile: &Profile,
    location: &Location,
    line: Option<&Line>,
    file: impl Fn(FunctionIndex) -> Text,
    object_names: bool,
) -> NodeInfo {
    let object = || location.mapping.map_or(Text::default(), |m| profile[m].filename.clone());
    let Some(line) = line else {
        return NodeInfo { address: location.address, object: object(), ..NodeInfo::default() };
    };
    let function = &profile[line.function];
    let mut info = NodeInfo {
        name: function.name.clone(),
        address: location.address,
        file: file(line.function),
        line: line.line,
        column: line.column,
        ..NodeInfo::default()
    };
    // A name is enough: functions of one name in two binaries are one node.
    if object_names || info.name.is_empty() {
        (info.object, info.start_line) = (object(), function.start_line);
    }
    info
}

impl NodeInfo {
    /// What a location's line stands for, or a location without any, with all that is known of it.
    pub(crate) fn of(profile: &Profile, location: &Location, line: Option<&Line>) -> NodeInfo {
        info(profile, location, line, |function| clean_file(&profile[function]), false)
    }
}
