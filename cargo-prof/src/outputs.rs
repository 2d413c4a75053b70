//! Where the profiles and reports go. Everything that can be wrong with a path is found before anything is built; a file is
//! replaced only by a whole new one.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// The files that were asked for.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// The CPU profile.
    pub cpu: Option<Output>,
    /// The memory profile.
    pub mem: Option<Output>,
    /// The profile of the peak.
    pub peak: Option<Output>,
    /// The numbers of each test and its leaks, as JSON.
    pub report: Option<Output>,
}

/// A file's path.
#[derive(Debug, Clone)]
pub struct Output {
    /// Where it is written.
    pub path: PathBuf,
    /// The path as the user knows it.
    pub shown: PathBuf,
}

/// The flags that name a file to write.
const FLAGS: [&str; 4] = ["cpuprofile", "memprofile", "peakprofile", "report"];

impl Outputs {
    /// The paths that the flags ask for; `file` gives what a flag names.
    ///
    /// # Errors
    ///
    /// If a path cannot be written to, is a directory, or two are the same.
    pub fn asked<'a>(file: impl Fn(&str) -> Option<&'a OsStr>, directory: Option<&Path>) -> Result<Outputs, Error> {
        if let Some(directory) = directory
            && !directory.is_dir()
        {
            let reason = if directory.exists() { "is not a directory" } else { "does not exist" };
            return Err(Error::Environment(format!(
                "the output directory {} {reason}; create it or give another --outputdir",
                directory.display()
            )));
        }
        let output = |flag: &str, file: &OsStr| -> Result<Output, Error> {
            if file.is_empty() {
                return Err(Error::Usage(format!("--{flag} needs a file name")));
            }
            let shown = directory.map_or_else(|| PathBuf::from(file), |directory| directory.join(file));
            let path = std::path::absolute(&shown).map_err(Error::file("find", &shown))?;
            check(&path, &shown)?;
            Ok(Output { path, shown })
        };
        let mut outputs: Vec<Option<Output>> = Vec::new();
        for flag in FLAGS {
            let found = file(flag).map(|file| output(flag, file)).transpose()?;
            for (other, earlier) in FLAGS.iter().zip(&outputs) {
                if let (Some(one), Some(earlier)) = (&found, earlier)
                    && is_same(&one.path, &earlier.path)
                {
                    return Err(Error::Usage(format!(
                        "--{other} and --{flag} both write {}; give them different files",
                        earlier.shown.display()
                    )));
                }
            }
            outputs.push(found);
        }
        let mut outputs = outputs.into_iter();
        let mut next = || outputs.next().flatten();
        Ok(Outputs { cpu: next(), mem: next(), peak: next(), report: next() })
    }

    /// Whether there is to be a profile.
    pub fn has_profile(&self) -> bool {
        self.profiles().next().is_some()
    }

    /// The profiles.
    pub fn profiles(&self) -> impl Iterator<Item = &Output> {
        [&self.cpu, &self.mem, &self.peak].into_iter().flatten()
    }

    /// The CPU and the memory profile, in a directory of this run's own.
    pub fn of_run(directory: &Path) -> Outputs {
        let output = |name| Some(Output { path: directory.join(name), shown: directory.join(name) });
        Outputs { cpu: output("cpu.prof"), mem: output("mem.prof"), ..Outputs::default() }
    }
}

/// Whether the two name one file, also through links in their directories.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| {
        let directory = path.parent().and_then(|parent| parent.canonicalize().ok());
        path.canonicalize().ok().or_else(|| Some(directory?.join(path.file_name()?))).unwrap_or_else(|| path.to_owned())
    };
    whole(one) == whole(other)
}

/// Checks that the file at `path`, an absolute path which the user knows as `shown`, can be written.
///
/// # Errors
///
/// If it cannot, with the reason.
pub fn check(path: &Path, shown: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Err(Error::Environment(format!("{} is a directory; name a file in it", shown.display())));
    }
    if is_special(path) {
        // Not opened: whoever reads from a pipe would take the end of this try for the end of the profile.
        return rustix::fs::access(path, rustix::fs::Access::WRITE_OK).map_err(|error| {
            let reason = io::Error::from(error).kind();
            Error::Environment(format!("cannot write {}: {reason}; name another file", shown.display()))
        });
    }
    // A link is followed: the file that it names is replaced, not the link.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().unwrap_or(Path::new("/"));
    if !directory.is_dir() {
        return Err(Error::Environment(format!(
            "cannot write {}: there is no directory {}; create it or name another file",
            shown.display(),
            directory.display()
        )));
    }
    // Only a try tells: modes, read-only mounts and quotas all have a say.
    tempfile::Builder::new().prefix(".cargo-prof-").tempfile_in(directory).map(drop).map_err(|error| {
        Error::Environment(format!(
            "cannot write {}: {} in {}; name a file in a directory that you may write to",
            shown.display(),
            error.kind(),
            directory.display()
        ))
    })
}

/// Whether there is something that is no file to be replaced, such as a pipe or `/dev/null`.
fn is_special(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

/// Writes a file beside the one at `path` and puts it in its place, so that nobody ever sees half a profile. What is no
/// file, such as a pipe, is written to.
///
/// # Errors
///
/// If the file cannot be written; the one that was there is then untouched.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    replace_by(path, |out| out.write_all(bytes))
}

/// As [`replace`], with what `write` writes, which may be long.
///
/// # Errors
///
/// If it cannot be written.
pub fn replace_by(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let failed = |error| Error::file("write", path)(error);
    if is_special(path) {
        let mut file = std::fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
        return write(&mut file).map_err(failed);
    }
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut builder = tempfile::Builder::new();
    // As the file that was there, or as any that a program writes: not private like a temporary one.
    let permissions = std::fs::metadata(path)
        .map_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o666), |metadata| metadata.permissions());
    let builder = builder.permissions(permissions);
    let mut file = builder.prefix(".cargo-prof-").tempfile_in(directory).map_err(failed)?;
    write(&mut file).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_and_its_file_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn a_device_is_written_to_and_stays() {
        let null = Path::new("/dev/null");
        check(null, null).unwrap();
        replace(null, b"profile").unwrap();
        assert!(!null.metadata().unwrap().is_file());
    }

    #[test]
    fn one_file_by_two_names_is_one_file() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(".", directory.path().join("again")).unwrap();
        assert!(is_same(&directory.path().join("x"), &directory.path().join("again/x")));
        assert!(!is_same(&directory.path().join("x"), &directory.path().join("y")));
        assert!(!is_same(Path::new("/dev/null"), Path::new("/dev/zero")));
    }
}
