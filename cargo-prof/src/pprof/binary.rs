//! Where the binaries of a profile are on this machine: `PPROF_BINARY_PATH`, as other pprof tools search it. What is read of
//! them is in `symbolize/`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use object::{Object, ReadCache};
use prof_pprof::{Mapping, Profile};

use super::viewer::is_object;

/// Makes the mappings name the binaries that are found by their build id or name.
pub fn find(profile: &mut Profile, notices: &mut dyn FnMut(&str)) {
    let folders = match std::env::var_os("PPROF_BINARY_PATH").filter(|path| !path.is_empty()) {
        Some(path) => std::env::split_paths(&path).collect(),
        None => vec![Path::new(&std::env::var_os("HOME").unwrap_or_default()).join("pprof/binaries")],
    };
    find_in(profile, &folders, notices);
}

fn find_in(profile: &mut Profile, folders: &[PathBuf], notices: &mut dyn FnMut(&str)) {
    for mapping in &mut profile.mappings {
        for path in folders.iter().flat_map(|folder| candidates(folder, mapping)) {
            if !is_object(path.as_os_str()) {
                continue;
            }
            let found = build_id(&path);
            if mapping.build_id.is_empty() || *mapping.build_id == *found {
                mapping.filename = path.to_string_lossy().into();
                break;
            }
            let (path, wanted) = (path.display(), &mapping.build_id);
            notices(&format!("Ignoring local file {path}: build-id mismatch ({wanted} != {found})"));
        }
    }
}

/// Where the binary of a mapping may lie below a folder, in the order in which it is looked for.
fn candidates(folder: &Path, mapping: &Mapping) -> Vec<PathBuf> {
    let (id, file) = (&*mapping.build_id, &*mapping.filename);
    let name = Path::new(file).file_name().map(OsString::from).unwrap_or_default();
    // Below the folder, not instead of it.
    let inside = file.trim_start_matches('/');
    let parent = Path::new(inside).parent().unwrap_or(Path::new(""));
    let with_ending = |name: &OsString| {
        let mut name = name.clone();
        name.push(".debug");
        name
    };
    let mut paths = Vec::new();
    if !id.is_empty() {
        let own = folder.join(id);
        paths.push(own.join(&name));
        let inside_own = std::fs::read_dir(&own).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut inside_own: Vec<_> = inside_own.collect();
        inside_own.sort();
        paths.extend(inside_own);
        paths.push(folder.join(inside).join(id));
        if let Some((start, rest)) = id.split_at_checked(2) {
            paths.push(folder.join(start).join(format!("{rest}.debug")));
        }
    }
    if !file.is_empty() {
        paths.push(folder.join(&name));
        paths.push(folder.join(inside));
        paths.push(folder.join(format!("{inside}.debug")));
        paths.push(folder.join(parent).join(".debug").join(with_ending(&name)));
        paths.push(folder.join("usr/lib/debug").join(parent).join(with_ending(&name)));
    }
    paths
}

/// The build id of an object file in hexadecimal; empty if it has none.
fn build_id(path: &Path) -> String {
    let Ok(file) = std::fs::File::open(path) else { return String::new() };
    let cache = ReadCache::new(file);
    let Ok(object) = object::File::parse(&cache) else { return String::new() };
    let id = object.build_id().ok().flatten().unwrap_or_default();
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_found_by_name_and_not_with_another_build_id() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::env::current_exe().unwrap();
        let copy = folder.path().join("program");
        std::fs::copy(own, &copy).unwrap();
        let mut profile = Profile { mappings: vec![Mapping::default(), Mapping::default()], ..Profile::default() };
        profile.mappings[0].filename = "/elsewhere/program".into();
        profile.mappings[1].filename = "/elsewhere/program".into();
        profile.mappings[1].build_id = "00".into();
        let mut told = Vec::new();
        find_in(&mut profile, &[folder.path().to_owned()], &mut |notice| told.push(notice.to_owned()));
        assert_eq!(*profile.mappings[0].filename, *copy.to_string_lossy());
        assert_eq!(&*profile.mappings[1].filename, "/elsewhere/program");
        assert!(told.len() == 1 && told[0].contains("build-id mismatch (00 != "), "{told:?}");
    }
}
