//! The note that the rustc wrapper leaves beside the executables it made: which target each is, and whether the harness
//! is in it. The executable of a record is found among them by its build id, or else by its path.

use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSymbol as _};
use serde::{Deserialize, Serialize};

use super::plan::hash;

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
    /// An allocator in it whose blocks do not come from libc's malloc.
    pub allocator: Option<String>,
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
        self.allocator = file.symbols().find_map(|symbol| allocator(symbol.name().ok()?)).map(str::to_owned);
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

/// The allocator that a symbol of an executable gives away.
fn allocator(symbol: &str) -> Option<&'static str> {
    match symbol {
        "_rjem_malloc" | "_rjem_mallocx" | "je_malloc" => Some("jemalloc"),
        "mi_malloc" | "mi_malloc_aligned" => Some("mimalloc"),
        "sn_malloc" | "sn_rust_alloc" => Some("snmalloc"),
        _ => None,
    }
}
