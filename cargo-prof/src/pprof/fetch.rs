//! Profiles that a server hands out: fetched, all at once, and saved. What an address is says `fetch/address.rs`, how it is
//! asked `fetch/client.rs`; how the bytes are read, `source.rs`.

mod address;
mod client;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::thread;

use prof_pprof::{Profile, encode_to};

use super::viewer::{new_file, plain};
use address::Address;
use client::Client;

/// So many servers are asked at once.
const AT_ONCE: usize = 128;

/// How profiles are fetched. Numbers below one stand for none, empty text too.
#[derive(Debug, Default)]
pub struct Fetching {
    /// How long the server is asked to profile, in seconds.
    pub seconds: i64,
    /// How long to wait for an answer, in seconds.
    pub timeout: i64,
    /// The file of the certificate to show.
    pub certificate: String,
    /// The file of its key.
    pub key: String,
    /// The file of the certificates to trust, in place of the system's.
    pub authority: String,
}

/// A profile by where it comes from.
#[derive(Debug)]
pub enum Origin {
    /// A file, or standard input.
    File(OsString),
    /// A server, with what it answered or why it did not.
    Server(OsString, Result<Vec<u8>, String>),
}

/// Fetches those of `sources` that are no files, and gives all in their order.
pub fn fetch(sources: &[OsString], fetching: &Fetching, notices: &mut dyn FnMut(&str)) -> Vec<Origin> {
    let address = |source: &OsString| {
        if source == "-" || Path::new(source).exists() {
            return None;
        }
        Address::new(source.to_str()?, fetching.seconds, fetching.timeout)
    };
    let addresses: Vec<Option<Address>> = sources.iter().map(address).collect();
    for address in addresses.iter().flatten() {
        notices(&format!("Fetching profile over HTTP from {}", address.shown));
        if fetching.seconds > 0 {
            notices(&format!("Please wait... ({})", duration(fetching.seconds)));
        }
    }
    let client = addresses.iter().any(Option::is_some).then(|| Client::new(fetching));
    let answer = |address: &Address| match &client {
        Some(Ok(client)) => client.get(address),
        Some(Err(error)) => Err(error.clone()),
        None => unreachable!("there is a client if there is an address"),
    };
    let mut origins = Vec::with_capacity(sources.len());
    for (sources, addresses) in sources.chunks(AT_ONCE).zip(addresses.chunks(AT_ONCE)) {
        thread::scope(|scope| {
            let asked: Vec<_> = addresses
                .iter()
                .map(|address| address.as_ref().map(|address| scope.spawn(|| answer(address))))
                .collect();
            origins.extend(sources.iter().zip(asked).map(|(source, asked)| match asked {
                Some(asked) => {
                    let answer = asked.join().unwrap_or_else(|_| Err("the client panicked".into()));
                    Origin::Server(source.clone(), answer)
                }
                None => Origin::File(source.clone()),
            }));
        });
    }
    origins
}

/// Saves a profile that was fetched, below `PPROF_TMPDIR` or else the home directory. Never fails: it tells.
pub fn save(profile: &Profile, notices: &mut dyn FnMut(&str)) {
    let folders = [
        std::env::var_os("PPROF_TMPDIR").filter(|folder| !folder.is_empty()).map(PathBuf::from),
        std::env::var_os("HOME").filter(|folder| !folder.is_empty()).map(|home| Path::new(&home).join("pprof")),
        Some(std::env::temp_dir()),
    ];
    for folder in folders.iter().flatten() {
        if let Err(error) = std::fs::create_dir_all(folder) {
            let (folder, error) = (folder.display(), plain(&error));
            notices(&format!("Could not use temp dir {folder}: mkdir {folder}: {error}"));
            continue;
        }
        let written = new_file(folder, &saved_name(profile), "pb.gz")
            .and_then(|(mut file, path)| encode_to(profile, &mut file).map(|()| path));
        return notices(&match written {
            Ok(path) => format!("Saved profile in {}", path.display()),
            Err(error) => format!("Could not save profile: {}", plain(&error)),
        });
    }
    notices("Could not save profile: failed to identify temp dir");
}

/// How the file of a profile is called, up to its number.
fn saved_name(profile: &Profile) -> String {
    let mut name = String::from("pprof.");
    let main = profile.mappings.first().and_then(|main| Path::new(&*main.filename).file_name());
    let types = profile.sample_types.iter().map(|sample_type| sample_type.kind.as_ref());
    for part in main.and_then(OsStr::to_str).into_iter().chain(types) {
        name.push_str(part);
        name.push('.');
    }
    // What a server says is no path.
    name.replace('/', "_")
}

/// `1h2m3s`.
fn duration(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prof_pprof::{Mapping, ValueType};

    #[test]
    fn a_file_wins_over_an_address_of_that_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host:1");
        std::fs::write(&path, "").unwrap();
        let sources = [path.into_os_string(), "-".into(), "no-such-file".into()];
        let mut told = 0;
        let origins = fetch(&sources, &Fetching::default(), &mut |_| told += 1);
        assert!(origins.iter().all(|origin| matches!(origin, Origin::File(_))), "{origins:?}");
        assert_eq!(told, 0);
    }

    #[test]
    fn a_saved_profile_is_called_by_its_binary_and_types() {
        let mut profile =
            Profile { sample_types: vec![ValueType::new("a", "x"), ValueType::new("../b", "x")], ..Profile::default() };
        assert_eq!(saved_name(&profile), "pprof.a..._b.");
        profile.mappings = vec![Mapping { filename: "/usr/bin/server".into(), ..Mapping::default() }];
        assert_eq!(saved_name(&profile), "pprof.server.a..._b.");
    }

    #[test]
    fn durations_have_hours() {
        assert_eq!([30, 90, 3_600].map(duration), ["30s", "1m30s", "1h0m0s"]);
    }
}
