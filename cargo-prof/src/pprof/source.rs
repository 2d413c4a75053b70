//! Files and servers → the profile that a report is made of: read, merged, a base subtracted, named and cut down as they ask.
//! What is made of it is decided in `request.rs`; how servers are asked is in `fetch.rs`, where binaries are in `binary.rs`.

use std::ffi::OsString;
use std::io::{self, Read};

use prof_pprof::{
    Mapping, MappingIndex, OriginalIds, Profile, Text, decode_any_with_ids, merge, normalize, prune_uninteresting,
    subtract,
};

use super::fetch::{self, Origin};
use super::request::Sources;
use super::viewer::plain;
use super::{binary, names, perf};

/// So many profiles are merged at once, which bounds the memory that they take.
const AT_ONCE: usize = 128;

/// Reads everything that is asked for. A profile among several that cannot be read is left out, and told of.
///
/// # Errors
///
/// If none can be read or they do not fit together, in Go's words.
pub fn profile(sources: &Sources, notices: &mut dyn FnMut(&str)) -> Result<(Profile, OriginalIds), String> {
    let base = (!sources.base.is_empty()).then(|| OsString::from(&sources.base));
    let all: Vec<OsString> = sources.profiles.iter().cloned().chain(base).collect();
    // All at once, or a base would be of another time.
    let mut origins = fetch::fetch(&all, &sources.fetching, notices);
    let is_fetched = |origins: &[Origin]| origins.iter().any(|origin| matches!(origin, Origin::Server(_, Ok(_))));
    let is_saved = is_fetched(&origins);
    let bases = origins.split_off(sources.profiles.len());
    let merged = merged(origins, "source", sources, notices)
        .map_err(|error| format!("problem fetching source profiles: {error}"))?;
    let (mut profile, mut ids) = merged.ok_or("failed to fetch any source profiles")?;
    if !bases.is_empty() {
        let base = merged_base(bases, sources, notices)?;
        if sources.normalize {
            normalize(&mut profile, &base).map_err(|error| error.to_string())?;
        }
        profile = subtract(profile, base, sources.is_diff).map_err(|error| error.to_string())?;
        ids = OriginalIds::default();
    }
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

fn merged_base(bases: Vec<Origin>, sources: &Sources, notices: &mut dyn FnMut(&str)) -> Result<Profile, String> {
    let merged =
        merged(bases, "base", sources, notices).map_err(|error| format!("problem fetching base profiles: {error},"))?;
    let (base, _) = merged.ok_or("failed to fetch any base profiles")?;
    Ok(base)
}

/// The profiles as one; `what` they are.
fn merged(
    origins: Vec<Origin>,
    what: &str,
    sources: &Sources,
    notices: &mut dyn FnMut(&str),
) -> Result<Option<(Profile, OriginalIds)>, String> {
    let mut merged: Option<Profile> = None;
    let (asked, mut count) = (origins.len(), 0);
    // Those of a file hold only while it is the only one.
    let mut ids = OriginalIds::default();
    let mut origins = origins.into_iter().peekable();
    while origins.peek().is_some() {
        let mut profiles = Vec::new();
        for origin in origins.by_ref().take(AT_ONCE) {
            let (Origin::File(name) | Origin::Server(name, _)) = origin;
            match read(origin, notices) {
                Ok((mut profile, own_ids)) => {
                    ids = own_ids;
                    place(&mut profile, sources, notices);
                    profiles.push(profile);
                }
                Err(error) => notices(&format!("{}: {error}", name.to_string_lossy())),
            }
        }
        count += profiles.len();
        if profiles.is_empty() {
            continue;
        }
        let chunk = merge(profiles).map_err(|error| error.to_string())?;
        merged = Some(match merged {
            Some(before) => merge(vec![before, chunk]).map_err(|error| error.to_string())?,
            None => chunk,
        });
    }
    if count > 0 && count < asked {
        notices(&format!("Fetched {count} {what} profiles out of {asked}"));
    }
    let ids = if count == 1 { ids } else { OriginalIds::default() };
    Ok(merged.map(|profile| (profile, ids)))
}

fn read(origin: Origin, notices: &mut dyn FnMut(&str)) -> Result<(Profile, OriginalIds), String> {
    let bytes = match origin {
        Origin::Server(_, answer) => answer?,
        Origin::File(path) if path == "-" => {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(|error| format!("read stdin: {}", plain(&error)))?;
            bytes
        }
        Origin::File(path) if perf::is_perf_data(path) => perf::converted(path, notices)?,
        Origin::File(path) => {
            let said = |did: &str, error| format!("{did} {}: {}", path.to_string_lossy(), plain(&error));
            std::fs::metadata(path).map_err(|error| said("stat", error))?;
            std::fs::read(path).map_err(|error| said("open", error))?
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
