//! What Linux's `perf record` writes: it becomes a profile by Google's own converter, as in other pprof tools. What is read of
//! the result is in `source.rs`.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::process::Command;

use super::viewer::{Temporary, exit_status, new_file, not_started, plain};

/// How such a file begins.
const START: &[u8; 8] = b"PERFILE2";

/// Whether a file is one; not if it cannot be read. What can be read only once, as a pipe, is left alone.
pub fn is_perf_data(path: &OsStr) -> bool {
    let mut start = [0; START.len()];
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == *START
}

/// The bytes of the profile that it becomes.
///
/// # Errors
///
/// If the converter is not there or fails, in Go's words, which name where to get it.
pub fn converted(path: &OsStr, notices: &mut dyn FnMut(&str)) -> Result<Vec<u8>, String> {
    let shown = path.to_string_lossy();
    notices(&format!("Converting {shown} to a profile.proto... (May take a few minutes)"));
    let failed = |reason: String| {
        format!("failed to convert perf.data file. Try github.com/google/perf_data_converter: {reason}")
    };
    let said = |error: io::Error| plain(&error);
    let (_, output) = new_file(&std::env::temp_dir(), "pprof_", "pb.gz").map_err(said)?;
    let output = Temporary(output);
    let status = Command::new("perf_to_profile").arg("-i").arg(path).arg("-o").arg(&output.0).arg("-f").status();
    let status = status.map_err(|error| failed(not_started("perf_to_profile", &error)))?;
    if !status.success() {
        return Err(failed(exit_status(status)));
    }
    std::fs::read(&output.0).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_tells() {
        let folder = tempfile::tempdir().unwrap();
        let is = |bytes: &[u8]| {
            let path = folder.path().join("perf.data");
            std::fs::write(&path, bytes).unwrap();
            is_perf_data(path.as_os_str())
        };
        assert!(is(b"PERFILE2 and more"));
        assert!(!is(b"PERFILE"));
        assert!(!is(b"\x1f\x8b and more"));
        assert!(!is_perf_data(folder.path().join("none").as_os_str()));
    }
}
