//! Files and servers → the profile that a report is made of: read, merged, a base subtracted, named and cut down as they ask.
//! What is made of it is decided in `request.rs`; how servers are asked is in `fetch.rs`, where binaries are in `binary.rs`.

use std::ffi::OsString;
use std::io::{self, Read as _};

use prof_pprof::{
    Mapping, MappingIndex, Merger, OriginalIds, Profile, Text, decode_any_with_ids, normalize, prune_uninteresting,
    subtract,
};

use super::fetch::{self, Origin};
use super::request::Sources;
use super::viewer::plain;
use super::{binary, names, perf};
use crate::ahead::ahead;

/// Reads everything that is asked for. A profile among several that cannot be read is left out, and told of.
///
/// # Errors
///
/// If none can be read or they do not fit together, in Go's words.
pub fn profile(sources: &Sources, notices: &mut dyn FnMut(&str)) -> Result<(Profile, OriginalIds), String> {
    let base = (!sources.base.is_empty()).then(|| OsString::from(&sources.base));
    let all: Vec<OsString> = sources.profiles.iter().cloned().chain(base).collect();
    // All at once, or a base would be of another time.
    let origins = fetch::fetch(&all, &sources.fetching, notices);
    let is_saved = origins.iter().any(|origin| matches!(origin, Origin::Server(_, Ok(_))));
    let (mut profile, ids) = difference(&mut ahead(origins, Read::of), sources, notices)?;
    if sources.all_frames {
        (profile.drop_frames, profile.keep_frames) = (Text::default(), Text::default());
    }
    names::name(&mut profile, &sources.symbolize, notices);
    // A pattern that cannot be read drops nothing, as in other tools.
    let _ = prune_uninteresting(&mut profile);
    if !sources.comment.is_empty() {
        profile.comments.push(sources.comment.as_str().into());
    }
    if is_saved {
        fetch::save(&profile, notices);
    }
    Ok((profile, ids))
}

/// What came of reading a profile.
struct Read {
    /// What it is called.
    name: OsString,
    /// Worth telling, but no error.
    notices: Vec<String>,
    /// The profile, or why there is none.
    profile: Result<Box<(Profile, OriginalIds)>, String>,
}

impl Read {
    fn of(origin: Origin) -> Read {
        let (Origin::File(name) | Origin::Server(name, _)) = &origin;
        let (name, mut notices) = (name.clone(), Vec::new());
        let profile = read(origin, &mut |notice| notices.push(notice.to_owned())).map(Box::new);
        Read { name, notices, profile }
    }
}

/// The sources' profiles as one, less the base if there is one.
fn difference(
    all: &mut impl Iterator<Item = Read>,
    sources: &Sources,
    notices: &mut dyn FnMut(&str),
) -> Result<(Profile, OriginalIds), String> {
    let merged_sources = merged(all, sources.profiles.len(), "source", sources, notices)
        .map_err(|error| format!("problem fetching source profiles: {error}"))?;
    let (mut profile, ids) = merged_sources.ok_or("failed to fetch any source profiles")?;
    if sources.base.is_empty() {
        return Ok((profile, ids));
    }
    let merged_base = merged(all, 1, "base", sources, notices)
        .map_err(|error| format!("problem fetching base profiles: {error},"))?;
    let (base, _) = merged_base.ok_or("failed to fetch any base profiles")?;
    if sources.normalize {
        normalize(&mut profile, &base).map_err(|error| error.to_string())?;
    }
    let difference = subtract(profile, base, sources.is_diff).map_err(|error| error.to_string())?;
    Ok((difference, OriginalIds::default()))
}

/// The next so many profiles as one; `what` they are.
fn merged(
    all: &mut impl Iterator<Item = Read>,
    asked: usize,
    what: &str,
    sources: &Sources,
    notices: &mut dyn FnMut(&str),
) -> Result<Option<(Profile, OriginalIds)>, String> {
    let mut merger = Merger::expecting(asked);
    let mut count = 0;
    // Those of a file hold only while it is the only one.
    let mut ids = OriginalIds::default();
    for read in all.take(asked) {
        read.notices.iter().for_each(|notice| notices(notice));
        match read.profile {
            Ok(profile) => {
                let (mut profile, own_ids) = *profile;
                (count, ids) = (count + 1, own_ids);
                place(&mut profile, sources, notices);
                merger.add(profile).map_err(|error| error.to_string())?;
            }
            Err(error) => notices(&format!("{}: {error}", read.name.to_string_lossy())),
        }
    }
    if count > 0 && count < asked {
        notices(&format!("Fetched {count} {what} profiles out of {asked}"));
    }
    let ids = if count == 1 { ids } else { OriginalIds::default() };
    Ok(merger.finish().map(|profile| (profile, ids)))
}

fn read(origin: Origin, notices: &mut dyn FnMut(&str)) -> Result<(Profile, OriginalIds), String> {
    let bytes = match origin {
        Origin::Server(_, answer) => answer?,
        Origin::File(path) if path == "-" => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(|error| format!("read stdin: {}", plain(&error)))?;
            bytes
        }
        Origin::File(path) if perf::is_perf_data(&path) => perf::converted(&path, notices)?,
        Origin::File(path) => {
            let said = |did: &str, error| format!("{did} {}: {}", path.to_string_lossy(), plain(&error));
            std::fs::metadata(&path).map_err(|error| said("stat", error))?;
            std::fs::read(&path).map_err(|error| said("open", error))?
        }
    };
    decode_any_with_ids(&bytes).map_err(|error| format!("parsing profile: {error}"))
}

/// Finds the binaries of a profile's mappings, and takes what the command line says of the main one. A profile without
/// mappings gets one, so that there is something to say it of.
fn place(profile: &mut Profile, sources: &Sources, notices: &mut dyn FnMut(&str)) {
    binary::find(profile, notices);
    if profile.mappings.is_empty() {
        profile.mappings.push(Mapping::default());
        for location in &mut profile.locations {
            location.mapping = Some(MappingIndex::new(0));
        }
    }
    let main = &mut profile.mappings[0];
    if let Some(binary) = &sources.binary {
        main.filename = binary.to_string_lossy().into();
    }
    if main.build_id.is_empty() {
        main.build_id = sources.build_id.as_str().into();
    }
}
