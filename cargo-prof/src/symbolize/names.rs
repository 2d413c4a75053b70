//! Frames and symbols → the functions of a profile: which name to believe, and what its file is called.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use prof_pprof::{Function, FunctionIndex, Profile, Text};

use super::Sources;
use super::demangle::demangle;
use super::dwarf::Frame;

/// A function and a place in it, not yet part of a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(super) system_name: String,
    pub(crate) file: String,
    pub(super) start_line: i64,
    pub(crate) line: i64,
    pub(super) column: i64,
}

impl Place {
    /// A place of which only the function's name is known.
    pub(super) fn named(name: &str) -> Place {
        Place { name: name.into(), system_name: name.into(), ..Place::default() }
    }
}

/// The places of an address, the innermost first, from what debug info and symbol table say of it.
pub(crate) fn places(frames: Vec<Frame>, symbol: Option<&str>) -> Vec<Place> {
    let outermost = frames.len().saturating_sub(1);
    let mut places: Vec<_> = frames
        .into_iter()
        .enumerate()
        .map(|(depth, frame)| {
            // The symbol names the function that all others were inlined into.
            let (name, system_name) = names(&frame, symbol.filter(|_| depth == outermost));
            let (file, start_line) = (frame.file.unwrap_or_default(), frame.start_line);
            Place { name, system_name, file, start_line, line: frame.line, column: frame.column }
        })
        .collect();
    if places.iter().all(|place| place.name.is_empty()) {
        places.clear();
    }
    if places.is_empty() {
        places.extend(symbol.map(|symbol| {
            let name = demangle(symbol).unwrap_or_else(|| symbol.into());
            Place { name, system_name: symbol.into(), ..Place::default() }
        }));
    }
    places
}

/// A frame's name for people and the one for linkers.
fn names(frame: &Frame, symbol: Option<&str>) -> (String, String) {
    if let Some(linkage_name) = &frame.linkage_name {
        let name = demangle(linkage_name).or(frame.name.clone()).unwrap_or_else(|| linkage_name.clone());
        return (name, linkage_name.clone());
    }
    // Debug info of line tables only has no linkage names, and its names lack their path; the symbol has it. A C
    // function's symbol adds nothing but marks of the optimizer.
    if let Some((name, symbol)) = symbol.and_then(|symbol| Some((demangle(symbol)?, symbol))) {
        return (name, symbol.into());
    }
    let name = frame.name.as_deref().or(symbol).unwrap_or_default();
    (name.into(), name.into())
}

/// The functions of a profile, so that each is put in once.
pub(super) struct Names {
    functions: HashMap<Function, FunctionIndex>,
    texts: HashMap<String, Text>,
    files: HashMap<String, Text>,
    rust_src: Option<PathBuf>,
}

impl Names {
    pub(super) fn new(profile: &Profile, sources: &Sources) -> Names {
        let functions = profile.functions.iter().cloned().enumerate();
        Names {
            functions: functions.map(|(position, function)| (function, FunctionIndex::new(position))).collect(),
            texts: HashMap::new(),
            files: HashMap::new(),
            rust_src: sources.rust_src.clone(),
        }
    }

    /// The function of `place`, put into the profile if it is new.
    pub(super) fn function(&mut self, profile: &mut Profile, place: Place) -> FunctionIndex {
        let function = Function {
            name: self.text(place.name),
            system_name: self.text(place.system_name),
            file: self.file(place.file),
            start_line: place.start_line,
        };
        *self.functions.entry(function).or_insert_with_key(|function| {
            profile.functions.push(function.clone());
            FunctionIndex::new(profile.functions.len() - 1)
        })
    }

    fn text(&mut self, text: String) -> Text {
        self.texts.entry(text).or_insert_with_key(|text| text.as_str().into()).clone()
    }

    fn file(&mut self, file: String) -> Text {
        let rust_src = self.rust_src.as_deref();
        self.files
            .entry(file)
            .or_insert_with_key(|file| match rust_src.and_then(|rust_src| local(file, rust_src)) {
                Some(local) => local.to_string_lossy().into(),
                None => file.as_str().into(),
            })
            .clone()
    }
}

/// The local copy of a file of the standard library, such as `/rustc/<commit>/library/core/src/option.rs`.
fn local(file: &str, rust_src: &Path) -> Option<PathBuf> {
    let (_commit, file) = file.strip_prefix("/rustc/")?.split_once('/')?;
    if !file.starts_with("library/") {
        return None;
    }
    Some(rust_src.join(file)).filter(|file| file.exists())
}
