//! Files → the profile that a report is made of: read, merged, a base subtracted, named and cut down as they ask. What is
//! made of it is decided in `request.rs`; where binaries are is in `binary.rs`.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::Path;

use prof_pprof::{
    Mapping, MappingIndex, OriginalIds, Profile, Text, decode_any_with_ids, merge, normalize, prune_uninteresting,
    subtract,
};

use super::request::Sources;
use super::viewer::plain;
use super::{binary, names};

/// So many profiles are merged at once, which bounds the memory that they take.
const AT_ONCE: usize = 128;

/// Reads everything that is asked for. A profile among several that cannot be read is left out, and told of.
///
/// # Errors
///
/// If none can be read or they do not fit together, in Go's words.
pub fn profile(sources: &Sources, notices: &mut dyn FnMut(&str)) -> Result<(Profile, OriginalIds), String> {
    let merged = merged(&sources.profiles, sources, notices)
        .map_err(|error| format!("problem fetching source profiles: {error}"))?;
    let (mut profile, mut ids) = merged.ok_or("failed to fetch any source profiles")?;
    if !sources.base.is_empty() {
        let base = merged_base(sources, notices)?;
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
    Ok((profile, ids))
}

fn merged_base(sources: &Sources, notices: &mut dyn FnMut(&str)) -> Result<Profile, String> {
    let merged = merged(&[OsString::from(&sources.base)], sources, notices)
        .map_err(|error| format!("problem fetching base profiles: {error},"))?;
    let (base, _) = merged.ok_or("failed to fetch any base profiles")?;
    Ok(base)
}

fn merged(
    paths: &[OsString],
    sources: &Sources,
    notices: &mut dyn FnMut(&str),
) -> Result<Option<(Profile, OriginalIds)>, String> {
    let mut merged: Option<Profile> = None;
    let mut count = 0;
    // Those of a file hold only while it is the only one.
    let mut ids = OriginalIds::default();
    for paths in paths.chunks(AT_ONCE) {
        let mut profiles = Vec::new();
        for path in paths {
            match read(path) {
                Ok((mut profile, own_ids)) => {
                    ids = own_ids;
                    place(&mut profile, sources, notices);
                    profiles.push(profile);
                }
                Err(error) => notices(&format!("{}: {error}", path.to_string_lossy())),
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
    if count > 0 && count < paths.len() {
        notices(&format!("Fetched {count} source profiles out of {}", paths.len()));
    }
    let ids = if count == 1 { ids } else { OriginalIds::default() };
    Ok(merged.map(|profile| (profile, ids)))
}

fn read(path: &OsStr) -> Result<(Profile, OriginalIds), String> {
    let mut bytes = Vec::new();
    if path == "-" {
        io::stdin().lock().read_to_end(&mut bytes).map_err(|error| format!("read stdin: {}", plain(&error)))?;
    } else {
        let shown = path.to_string_lossy();
        if !Path::new(path).exists() && shown.contains("://") {
            return Err("profiles are not fetched over the network yet; save it to a file".into());
        }
        let read = std::fs::metadata(path).map_err(|error| format!("stat {shown}: {}", plain(&error)));
        read.and_then(|_| std::fs::read(path).map_err(|error| format!("open {shown}: {}", plain(&error))))
            .map(|read| bytes = read)?;
    }
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
