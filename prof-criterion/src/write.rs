//! Profiles → files in a benchmark's directory. What is in them is made in `profiles.rs`. Never removes a file.

#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prof_pprof::encode;
use prof_pprof::report::{flamegraph, FlamegraphOptions};

use crate::error::Error;
use crate::profiles::Profiles;
use crate::Options;

/// Where the files of a benchmark go, for which criterion has the directory `given`.
pub(crate) fn directory(options: &Options, benchmark: &str, given: &Path) -> PathBuf {
    match &options.directory {
        Some(directory) => benchmark.split('/').map(component).fold(directory.clone(), |path, part| path.join(part)),
        None => given.to_owned(),
    }
}

/// Writes all profiles, and a flame graph if it is asked for, and gives what went wrong.
pub(crate) fn all(directory: &Path, profiles: &Profiles, benchmark: &str, options: &Options) -> Vec<Error> {
    if let Err(error) = std::fs::create_dir_all(directory) {
        return vec![Error::File(directory.to_owned(), error)];
    }
    let mut errors = Vec::new();
    let mut write = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        errors.extend(std::fs::write(&path, bytes).err().map(|error| Error::File(path, error)));
    };
    if let Some(cpu) = &profiles.cpu {
        write("cpu.pb.gz", &encode(cpu));
    }
    if let Some(mem) = &profiles.mem {
        write("mem.pb.gz", &encode(mem));
    }
    if let Some(shown) = profiles.cpu.as_ref().or(profiles.mem.as_ref()).filter(|_| options.flamegraph) {
        let look = FlamegraphOptions { title: Some(benchmark.to_owned()), ..FlamegraphOptions::default() };
        match flamegraph(shown, &look) {
            Ok(picture) => write("flamegraph.svg", picture.as_bytes()),
            Err(error) => errors.push(Error::Flamegraph(error)),
        }
    }
    errors
}

/// A part of a benchmark's id as the name of a directory. Different parts have different names.
fn component(part: &str) -> String {
    let mut name = String::new();
    for byte in part.bytes() {
        match byte {
            // A name of dots alone leads elsewhere.
            b'.' if name.is_empty() => name.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b' ' => name.push(byte.into()),
            _ => {
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    // An empty one would not be there.
    if name.is_empty() {
        "%".into()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_path_below_the_directory() {
        let options = Options::default().directory("out");
        let path = |id: &str| directory(&options, id, Path::new("given"));
        assert_eq!(path("group/by hash/1000"), Path::new("out/group/by hash/1000"));
        assert_eq!(path("../a:b//ü%"), Path::new("out/%2E./a%3Ab/%/%C3%BC%25"));
        assert_eq!(directory(&Options::default(), "id", Path::new("given")), Path::new("given"));
    }
}
