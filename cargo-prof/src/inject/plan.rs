//! The plan: what the rustc wrapper needs to know. It lies in a file beside the name that the wrapper is called by, so
//! that nothing of it shows in the environment of the programs that are built and run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::wrapper;
use crate::Error;

/// What the rustc wrapper is to do.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Plan {
    /// Only what is built below this directory is ours.
    pub target_directory: PathBuf,
    /// The wrapper that was set before.
    pub chain: Option<PathBuf>,
    /// The triple of builds without `--target`.
    pub host: String,
    /// Whether the compiler takes unstable flags and features by itself.
    pub is_nightly: bool,
    /// The compiled harness by target triple. A triple that is missing cannot be injected.
    pub libraries: BTreeMap<String, Libraries>,
}

/// The compiled harness for one target.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Libraries {
    /// prof-harness.
    pub harness: PathBuf,
    /// The substitute `test` crate, if the toolchain's libtest is one that it knows.
    pub test: Option<PathBuf>,
    /// Where they and what they need lie.
    pub directory: PathBuf,
}

const FILE: &str = "plan.json";

impl Plan {
    /// Writes the plan below `directory` and returns the path to call the wrapper by. Equal plans share one, so that
    /// cargo sees the same wrapper again.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(&self, directory: &Path) -> Result<PathBuf, Error> {
        let text = serde_json::to_vec_pretty(self).expect("a plan is plain data");
        let directory = directory.join(format!("{:016x}", hash(&[&text])));
        std::fs::create_dir_all(&directory).map_err(Error::file("create", &directory))?;
        crate::outputs::replace(&directory.join(FILE), &text)?;
        let own = std::env::current_exe().map_err(Error::file("find", "cargo-prof"))?;
        wrapper::link(&own, &directory, wrapper::NAME)
    }

    /// Reads the plan of the wrapper called by `called`.
    pub fn read(called: &Path) -> Option<Plan> {
        serde_json::from_slice(&std::fs::read(called.parent()?.join(FILE)).ok()?).ok()
    }
}

/// A hash for names of files, the same in every version and on every machine (FNV-1a).
pub fn hash(parts: &[&[u8]]) -> u64 {
    parts
        .iter()
        .copied()
        .flatten()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
