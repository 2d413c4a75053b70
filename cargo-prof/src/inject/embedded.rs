//! The sources of the injected crates, packed by `build.rs`.

/// Paths relative to a folder for them all, and contents.
pub const SOURCES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// A number that changes with the sources.
pub fn fingerprint() -> u64 {
    SOURCES.iter().fold(0, |hash, (path, content)| super::plan::hash(&[&hash.to_le_bytes(), path.as_bytes(), content]))
}
