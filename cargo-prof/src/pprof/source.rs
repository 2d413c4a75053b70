//! Files and servers → the profile that a report is made of: read, merged, a base subtracted, named and cut down as they ask.
//! What is made of it is decided in `request.rs`; how servers are asked is in `fetch.rs`, where binaries are in `binary.rs`.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::sync::mpsc::{self, SyncSender};

use prof_pprof::{
    Mapping, MappingIndex, Merger, OriginalIds, Profile, Text, decode_any_with_ids, normalize, prune_uninteresting,
    subtract,
};

use super::fetch::{self, Origin};
use super::request::Sources;
use super::viewer::plain;
use super::{binary, names, perf};

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
    // The next profile is read while the one before is merged.
    let (mut profile, ids) = std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(0);
        scope.spawn(move || read_all(origins, &sender));
        difference(&mut receiver.into_iter(), sources, notices)
    })?;
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

/// What comes of reading profiles.
enum Event<'a> {
    /// Something worth telling, which stops nothing.
    Notice(String),
    /// A profile by its name, or why it could not be read.
    Read(&'a OsStr, Result<Box<(Profile, OriginalIds)>, String>),
}

/// Reads profiles in their order, until nobody listens any more.
fn read_all<'a>(origins: Vec<Origin<'a>>, sender: &SyncSender<Event<'a>>) {
    for origin in origins {
        let (Origin::File(name) | Origin::Server(name, _)) = origin;
        let mut notice = |notice: &str| drop(sender.send(Event::Notice(notice.to_owned())));
        let read = read(origin, &mut notice).map(Box::new);
        if sender.send(Event::Read(name, read)).is_err() {
            return;
        }
    }
}

/// The sources' profiles as one, less the base if there is one.
fn difference<'a>(
    events: &mut impl Iterator<Item = Event<'a>>,
    sources: &Sources,
    notices: &mut dyn FnMut(&str),
) -> Result<(Profile, OriginalIds), String> {
    let merged_sources = merged(events, sources.profiles.len(), "source", sources, notices)
        .map_err(|error| format!("problem fetching source profiles: {error}"))?;
    let (mut profile, ids) = merged_sources.ok_or("failed to fetch any source profiles")?;
    if sources.base.is_empty() {
        return Ok((profile, ids));
    }
    let merged_base = merged(events, 1, "base", sources, notices)
        .map_err(|error| format!("problem fetching base profiles: {error},"))?;
    let (base, _) = merged_base.ok_or("failed to fetch any base profiles")?;
    if sources.normalize {
        normalize(&mut profile, &base).map_err(|error| error.to_string())?;
    }
    let difference = subtract(profile, base, sources.is_diff).map_err(|error| error.to_string())?;
    Ok((difference, OriginalIds::default()))
}

/// The next so many profiles as one; `what` they are.
fn merged<'a>(
    events: &mut impl Iterator<Item = Event<'a>>,
    asked: usize,
    what: &str,
    sources: &Sources,
    notices: &mut dyn FnMut(&str),
) -> Result<Option<(Profile, OriginalIds)>, String> {
    let mut merger = Merger::default();
    let (mut told, mut count) = (0, 0);
    // Those of a file hold only while it is the only one.
    let mut ids = OriginalIds::default();
    while told < asked {
        let Some(event) = events.next() else { break };
        match event {
            Event::Notice(notice) => notices(&notice),
            Event::Read(_, Ok(read)) => {
                let (mut profile, own_ids) = *read;
                (told, count) = (told + 1, count + 1);
                ids = own_ids;
                place(&mut profile, sources, notices);
                merger.add(profile).map_err(|error| error.to_string())?;
            }
            Event::Read(name, Err(error)) => {
                told += 1;
                notices(&format!("{}: {error}", name.to_string_lossy()));
            }
        }
    }
    if count > 0 && count < asked {
        notices(&format!("Fetched {count} {what} profiles out of {asked}"));
    }
    let ids = if count == 1 { ids } else { OriginalIds::default() };
    Ok(merger.finish().map(|profile| (profile, ids)))
}

fn read(origin: Origin<'_>, notices: &mut dyn FnMut(&str)) -> Result<(Profile, OriginalIds), String> {
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
