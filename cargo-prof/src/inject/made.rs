//! The note that the rustc wrapper leaves beside the executables it made: which target each is, and whether the harness
//! is in it. The executable of a record is found among them by its build id, or else by its path.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSymbol as _};
use prof_record::Door;
use serde::{Deserialize, Serialize};

use super::plan::hash;
use crate::bench::BenchHarness;

/// An executable that was made.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Made {
    /// Where the compiler put it; cargo may give it other names.
    pub executable: PathBuf,
    /// Its GNU build id, in hexadecimal.
    pub build_id: Option<String>,
    /// The package's name.
    pub package: String,
    /// The target's source file.
    pub source: PathBuf,
    /// The target's name where cargo states it, as for binaries.
    pub name: Option<String>,
    /// The crate's name.
    pub crate_name: String,
    /// Whether it was compiled as a test or benchmark of libtest.
    pub is_test: bool,
    /// The allocators in it whose blocks do not come from libc's malloc.
    pub allocators: BTreeSet<String>,
    /// The benchmark harness in it, if it has one that runs benchmarks one by one.
    #[serde(default)]
    pub bench_harness: Option<BenchHarness>,
    /// Why the harness is not in it.
    pub not_injected: Option<String>,
}

/// The directory of the notes, below the target directory of a build.
const DIRECTORY: &str = "prof-made";

impl Made {
    /// Looks into the executable for what its note needs.
    pub fn examine(&mut self) {
        let Ok(bytes) = std::fs::read(&self.executable) else { return };
        let Ok(file) = object::File::parse(&*bytes) else { return };
        self.build_id = file.build_id().ok().flatten().map(hexadecimal);
        // What is not defined is only asked for.
        let defined = file.symbols().filter(|symbol| symbol.is_definition());
        for name in defined.filter_map(|symbol| symbol.name().ok()) {
            self.allocators.extend(allocator(name).map(|door| door.name().to_owned()));
            if self.bench_harness.is_none() && !self.is_test {
                self.bench_harness = BenchHarness::of_symbol(name);
            }
        }
    }

    /// Leaves the note below the target directory. If that fails, samples of the executable go without a target.
    pub fn write(&self, target_directory: &Path) {
        let directory = target_directory.join(DIRECTORY);
        let name = format!("{:016x}.json", hash(&[self.executable.as_os_str().as_encoded_bytes()]));
        if std::fs::create_dir_all(&directory).is_ok() {
            let text = serde_json::to_vec_pretty(self).expect("a note is plain data");
            let _ = crate::outputs::replace(&directory.join(name), &text);
        }
    }

    /// All notes below the target directory of executables that still exist.
    pub fn read_all(target_directory: &Path) -> Vec<Made> {
        let Ok(entries) = std::fs::read_dir(target_directory.join(DIRECTORY)) else { return Vec::new() };
        let mut notes: Vec<Made> = entries
            .filter_map(|entry| serde_json::from_slice(&std::fs::read(entry.ok()?.path()).ok()?).ok())
            .filter(|made: &Made| made.executable.exists())
            .collect();
        notes.sort_by(|one, other| one.executable.cmp(&other.executable));
        notes
    }
}

/// A build id as tools print it.
pub fn hexadecimal(build_id: &[u8]) -> String {
    build_id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The allocator that a symbol of an executable gives away, as the door to it.
fn allocator(symbol: &str) -> Option<Door> {
    match symbol {
        "_rjem_malloc" | "_rjem_mallocx" | "je_malloc" | "mallocx" => Some(Door::Jemalloc),
        "mi_malloc" | "mi_malloc_aligned" => Some(Door::Mimalloc),
        "sn_malloc" | "sn_rust_alloc" => Some(Door::Snmalloc),
        _ => None,
    }
}
