//! Frames and symbols → the functions of a profile: which name to believe, and what its file is called.

use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use prof_pprof::{Function, FunctionIndex, Profile, Text};

use super::Sources;
use super::demangle::demangle;
use super::dwarf::Frame;

/// A function and a place in it, not yet part of a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: Text,
    pub(super) system_name: Text,
    pub(crate) file: Text,
    pub(super) start_line: i64,
    pub(crate) line: i64,
    pub(super) column: i64,
}

impl Place {
    /// Equal for places in the same function whose texts are the same ones, rather than equal.
    pub(super) fn key(&self) -> Key {
        key([&self.name, &self.system_name, &self.file], self.start_line)
    }

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
            let name = demangle(symbol).map_or_else(|| symbol.into(), Text::from);
            Place { name, system_name: symbol.into(), ..Place::default() }
        }));
    }
    places
}

/// Whether the name of the symbol at an address says more than its frames do.
pub(super) fn needs_symbol(frames: &[Frame]) -> bool {
    frames.last().is_none_or(|outermost| outermost.linkage_name.as_deref().is_none_or(str::is_empty))
}

/// A frame's name for people and the one for linkers.
fn names(frame: &Frame, symbol: Option<&str>) -> (Text, Text) {
    if let Some(linkage_name) = &frame.linkage_name {
        let name = frame.demangled.clone().or_else(|| frame.name.clone()).unwrap_or_else(|| linkage_name.clone());
        return (name, linkage_name.clone());
    }
    // Debug info of line tables only has no linkage names, and its names lack their path; the symbol has it. A C
    // function's symbol adds nothing but marks of the optimizer.
    if let Some((name, symbol)) = symbol.and_then(|symbol| Some((demangle(symbol)?, symbol))) {
        return (name.into(), symbol.into());
    }
    let name = frame.name.clone().or_else(|| symbol.map(Text::from)).unwrap_or_default();
    (name.clone(), name)
}

/// The functions of a profile, so that each is put in once.
pub(super) struct Names {
    /// By where their texts stand in memory, of which each is there once.
    functions: HashMap<Key, FunctionIndex>,
    /// The functions of places by where their own texts stand, and a place with these texts, which so stay there.
    known: HashMap<Key, (FunctionIndex, Place)>,
    texts: HashMap<Text, ()>,
    files: HashMap<Text, Text>,
    rust_src: Option<PathBuf>,
}

impl Names {
    pub(super) fn new(profile: &Profile, sources: &Sources) -> Names {
        let mut names = Names {
            functions: HashMap::new(),
            known: HashMap::new(),
            texts: HashMap::new(),
            files: HashMap::new(),
            rust_src: sources.rust_src.clone(),
        };
        for (position, function) in profile.functions.iter().enumerate() {
            let texts = [&function.name, &function.system_name, &function.file].map(|text| names.text(text));
            names.functions.insert(key(texts.each_ref(), function.start_line), FunctionIndex::new(position));
        }
        names
    }

    /// The function of `place`, put into the profile if it is new.
    pub(super) fn function(&mut self, profile: &mut Profile, place: Place) -> FunctionIndex {
        let start_line = place.start_line;
        let of_place = place.key();
        if let Some((known, _)) = self.known.get(&of_place) {
            return *known;
        }
        let texts = [self.text(&place.name), self.text(&place.system_name), self.file(&place.file)];
        let index = *self.functions.entry(key(texts.each_ref(), start_line)).or_insert_with(|| {
            let [name, system_name, file] = texts;
            profile.functions.push(Function { name, system_name, file, start_line });
            FunctionIndex::new(profile.functions.len() - 1)
        });
        self.known.insert(of_place, (index, place));
        index
    }

    fn text(&mut self, text: &Text) -> Text {
        if let Some((known, ())) = self.texts.get_key_value(text) {
            return known.clone();
        }
        self.texts.insert(text.clone(), ());
        text.clone()
    }

    fn file(&mut self, file: &Text) -> Text {
        let rust_src = self.rust_src.as_deref();
        let named = self.files.entry(file.clone()).or_insert_with_key(|file| {
            match rust_src.and_then(|rust_src| local(file, rust_src)) {
                Some(local) => local.to_string_lossy().into(),
                None => file.clone(),
            }
        });
        let named = named.clone();
        self.text(&named)
    }
}

/// Where the texts of a function stand in memory, and the line that it begins at.
pub(super) type Key = ([usize; 3], i64);

fn key(texts: [&Text; 3], start_line: i64) -> Key {
    (texts.map(|text| text.as_ptr().addr()), start_line)
}

/// The local copy of a file of the standard library, such as `/rustc/<commit>/library/core/src/option.rs`.
fn local(file: &str, rust_src: &Path) -> Option<PathBuf> {
    let (_commit, file) = file.strip_prefix("/rustc/")?.split_once('/')?;
    if !file.starts_with("library/") {
        return None;
    }
    Some(rust_src.join(file)).filter(|file| file.exists())
}
