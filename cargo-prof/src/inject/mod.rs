//! How the harness gets into a program that knows nothing of it. [`harness`] compiles it for a toolchain, [`plan`]
//! says where everything lies, [`wrapper`] adds it to the rustc calls that make executables, [`made`] is the note that it
//! leaves about each.

mod embedded;
pub mod harness;
pub mod invocation;
pub mod made;
pub mod plan;
pub mod wrapper;

use std::path::{Path, PathBuf};

/// Where builds with the harness go, below our own directory. What another cargo-prof built is not fresh for this one,
/// and cargo cannot know, so each has its own.
pub fn target_directory(directory: &Path) -> PathBuf {
    directory.join(format!("build-{:08x}", embedded::fingerprint() as u32))
}

/// Where plans go, below our own directory.
pub fn wrapper_directory(directory: &Path) -> PathBuf {
    directory.join("wrapper")
}
