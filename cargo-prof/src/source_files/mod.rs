//! The source files that a profile names, on this machine: where `go tool pprof` looks for them, and where cargo and rustup
//! keep those of dependencies and of the standard library, which is in `places.rs`. What is shown of them is made in
//! `prof-pprof`. Never shows a file of another version in the place of one that is missing.

mod places;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prof_pprof::trimmed_path;

use places::Places;

/// Source files, each read once.
pub struct SourceFiles {
    /// A colon list of folders.
    source_path: String,
    /// A colon list of prefixes.
    trim_path: String,
    places: Places,
    known: HashMap<String, Result<Arc<[u8]>, String>>,
}

impl SourceFiles {
    /// Files looked for below the folders of `source_path` and those above them, or, if that is empty, the current
    /// directory; paths lose the prefixes of `trim_path`. Both are colon lists.
    pub fn new(source_path: &str, trim_path: &str) -> SourceFiles {
        let here = std::env::current_dir().unwrap_or_default();
        SourceFiles::with(source_path, trim_path, &here, Places::of_this_machine(&here))
    }

    fn with(source_path: &str, trim_path: &str, here: &Path, places: Places) -> SourceFiles {
        let source_path = if source_path.is_empty() { here.to_string_lossy().into_owned() } else { source_path.into() };
        SourceFiles { source_path, trim_path: trim_path.into(), places, known: HashMap::new() }
    }

    /// The text of the file that a profile calls `file`.
    ///
    /// # Errors
    ///
    /// Why there is none, in the words of Go, and what would help.
    pub fn read(&mut self, file: &str) -> Result<Arc<[u8]>, String> {
        if let Some(known) = self.known.get(file) {
            return known.clone();
        }
        let read = self.find(file).and_then(|path| {
            let bytes = std::fs::read(&path);
            bytes.map(Arc::from).map_err(|error| cannot_open(&path, &error))
        });
        self.known.insert(file.to_owned(), read.clone());
        read
    }

    fn find(&mut self, file: &str) -> Result<PathBuf, String> {
        let missing = match self.find_as_go_does(file) {
            Ok(found) => return Ok(found),
            Err(missing) => missing,
        };
        match self.places.find(file) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(missing),
            Err(help) => Err(format!("{missing}; {help}")),
        }
    }

    fn find_as_go_does(&self, file: &str) -> Result<PathBuf, String> {
        let trimmed = Path::new(trimmed_path(file, &self.trim_path, &self.source_path));
        if trimmed.is_absolute() {
            return std::fs::metadata(trimmed)
                .map(|_| trimmed.to_owned())
                .map_err(|error| cannot_open(trimmed, &error));
        }
        let folders = self.source_path.split(':').filter(|folder| !folder.is_empty()).map(Path::new);
        let candidates = folders.flat_map(|folder| folder.ancestors().map(|folder| folder.join(trimmed)));
        candidates
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| format!("could not find file {} on path {}", trimmed.display(), self.source_path))
    }
}

fn cannot_open(path: &Path, error: &std::io::Error) -> String {
    let reason = error.to_string();
    // The system's number is of no use to people, and Go writes small letters.
    let reason = reason.split(" (os error").next().unwrap_or_default().to_lowercase();
    format!("open {}: {reason}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with files of these names, each of which has its name as its text.
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        folder
    }

    fn read(source_path: &str, trim_path: &str, here: &Path, file: &str) -> Result<String, String> {
        let mut files = SourceFiles::with(source_path, trim_path, here, Places::default());
        files.read(file).map(|text| String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn files_are_found_where_go_looks() {
        let folder = folder(&["project/src/a.rs", "b.rs"]);
        let root = folder.path().to_str().unwrap();
        let project = folder.path().join("project");
        let source_path = project.to_str().unwrap();
        let a = Ok("project/src/a.rs".to_owned());
        assert_eq!(read("", "", Path::new("/"), &format!("{root}/project/src/a.rs")), a);
        assert_eq!(read("", "", &project, "src/a.rs"), a);
        assert_eq!(read("", "", &project.join("src"), "src/a.rs"), a);
        assert_eq!(read("", "", &project, "/elsewhere/project/src/a.rs"), a);
        assert_eq!(read(source_path, "", Path::new("/"), "/elsewhere/project/src/a.rs"), a);
        assert_eq!(read(source_path, "/elsewhere", Path::new("/"), "/elsewhere/src/a.rs"), a);
        assert_eq!(read(&format!("/nowhere:{source_path}"), "", Path::new("/"), "b.rs"), Ok("b.rs".into()));
    }

    #[test]
    fn what_is_missing_is_said_in_the_words_of_go() {
        assert_eq!(
            read("", "", Path::new("/nowhere"), "src/a.rs"),
            Err("could not find file src/a.rs on path /nowhere".into())
        );
        assert_eq!(
            read("/x", "", Path::new("/"), "/nowhere/a.rs"),
            Err("open /nowhere/a.rs: no such file or directory".into())
        );
    }
}
