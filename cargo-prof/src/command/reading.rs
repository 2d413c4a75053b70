//! The profiles that a command is given, as one, and how they are to be read: what `show.rs`, `export.rs`, `merge.rs` and
//! `split.rs` have in common. Never writes anything.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, TargetKind};
use clap::ArgMatches;
use prof_pprof::report::Options;
use prof_pprof::{Merger, OwnCrates, Profile, RustReading, decode_any, prune_uninteresting, read_rust, subtract};

use crate::ahead::ahead;
use crate::{Error, pprof, terminal};

/// Standard input as an argument.
const STANDARD_INPUT: &str = "-";

/// Profiles that become one as they come.
pub(super) struct Sum {
    sum: Merger,
    first: PathBuf,
    /// How many there were.
    pub(super) profiles: usize,
    /// How many samples they had.
    pub(super) samples: usize,
}

impl Sum {
    /// Of so many profiles.
    pub(super) fn expecting(profiles: usize) -> Sum {
        Sum { sum: Merger::expecting(profiles), first: PathBuf::new(), profiles: 0, samples: 0 }
    }

    /// Adds the profile that was read from `path`.
    ///
    /// # Errors
    ///
    /// If it does not fit to those before.
    pub(super) fn add(&mut self, path: &Path, profile: Profile) -> Result<(), Error> {
        if self.profiles == 0 {
            self.first = path.to_owned();
        }
        self.profiles += 1;
        self.samples += profile.samples.len();
        self.sum.add(profile).map_err(|error| do_not_fit(&self.first, path, &error))
    }

    /// The sum, if there was any profile.
    pub(super) fn finish(self) -> Option<Profile> {
        self.sum.finish()
    }
}

/// What a command is to work on.
pub(super) struct Subject {
    /// Where it came from.
    pub(super) paths: Vec<PathBuf>,
    /// The profiles as one, as they read.
    pub(super) profile: Profile,
    /// The filters and what else reports take.
    pub(super) options: Options,
}

impl Subject {
    /// Reads what the arguments name, in the way that they ask for.
    ///
    /// # Errors
    ///
    /// If a profile cannot be read or does not fit, or if there is no workspace for `--mine`.
    pub(super) fn read(matches: &ArgMatches) -> Result<Subject, Error> {
        Subject::read_with(matches, false)
    }

    /// The same, but names and frames stay whole.
    pub(super) fn read_whole(matches: &ArgMatches) -> Result<Subject, Error> {
        Subject::read_with(matches, true)
    }

    fn read_with(matches: &ArgMatches, is_whole: bool) -> Result<Subject, Error> {
        let own = if matches.get_flag("mine") { Some(own_crates()?) } else { None };
        let paths = paths(matches)?;
        let mut sum = Sum::expecting(paths.len());
        for (read, path) in ahead(paths.clone(), |path| (read_file(&path), path)) {
            sum.add(&path, read?)?;
        }
        let mut profile = sum.finish().expect("there is a path at least");
        for (name, is_diff) in [("base", false), ("diff-base", true)] {
            if let Some(base) = matches.get_one::<OsString>(name).map(Path::new) {
                let difference = subtract(profile, read_file(base)?, is_diff);
                profile = difference.map_err(|error| do_not_fit(&paths[0], base, &error))?;
            }
        }
        // A pattern that cannot be read drops nothing, as in other tools.
        let _ = prune_uninteresting(&mut profile);
        let reading = RustReading {
            full_names: is_whole || matches.get_flag("full-names"),
            plumbing: is_whole || matches.get_flag("plumbing"),
            own,
        };
        read_rust(&mut profile, &reading);
        let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
        let options = Options {
            sample_index: text("sample-index"),
            focus: text("focus"),
            ignore: text("ignore"),
            show: text("show"),
            hide: text("hide"),
            tag_focus: text("tagfocus"),
            tag_ignore: text("tagignore"),
            zone: pprof::zone::at(profile.time_nanos.div_euclid(1_000_000_000)),
            ..Options::default()
        };
        Ok(Subject { paths, profile, options })
    }

    /// The paths as the next command takes them; none if that cannot read them again.
    pub(super) fn shown_paths(&self) -> Option<String> {
        let is_gone = |path: &PathBuf| path.as_os_str() == STANDARD_INPUT;
        let shown = || self.paths.iter().map(|path| crate::summary::shown(path)).collect::<Vec<_>>().join(" ");
        (!self.paths.iter().any(is_gone)).then(shown)
    }
}

/// The profile that the argument FILE names, or the newest run's, and where it is, as it was written.
pub(super) fn read(matches: &ArgMatches) -> Result<(PathBuf, Profile), Error> {
    let path = paths(matches)?.swap_remove(0);
    let profile = read_file(&path)?;
    Ok((path, profile))
}

/// The profile in a file, or on standard input.
pub(super) fn read_file(path: &Path) -> Result<Profile, Error> {
    let bytes = if path.as_os_str() == STANDARD_INPUT {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(Error::file("read", "standard input"))?;
        bytes
    } else {
        std::fs::read(path).map_err(Error::file("read", path))?
    };
    decode_any(&bytes).map_err(|source| Error::Profile { path: path.to_owned(), source })
}

/// Tells of another kind of value if the profile has none of the kind that is shown.
pub(super) fn warn_if_empty(profile: &Profile, sample_index: &str) {
    let Ok(shown) = profile.sample_index(Some(sample_index)) else { return };
    let has = |position: usize| profile.samples.iter().any(|sample| sample.values[position] != 0);
    if has(shown) {
        return;
    }
    if let Some(other) = (0..profile.sample_types.len()).rev().find(|position| has(*position)) {
        let (shown, other) = (&profile.sample_types[shown].kind, &profile.sample_types[other].kind);
        terminal::warning(&format!("there is no {shown} in this profile; --sample-index {other} shows what there is"));
    }
}

/// Tells what stops nothing.
pub(super) fn warn(notices: &[String]) {
    for notice in notices {
        match notice.strip_suffix(" expression matched no samples") {
            Some(option) => terminal::warning(&format!("--{} matches nothing", option.to_lowercase())),
            None => terminal::warning(notice),
        }
    }
}

fn paths(matches: &ArgMatches) -> Result<Vec<PathBuf>, Error> {
    let given: Vec<_> = matches.get_many::<OsString>("FILE").into_iter().flatten().map(PathBuf::from).collect();
    let bases = ["base", "diff-base"].map(|name| matches.try_get_one::<OsString>(name).ok().flatten());
    let bases = bases.into_iter().flatten().map(OsString::as_os_str);
    check_standard_input(given.iter().map(|path| path.as_os_str()).chain(bases))?;
    if given.is_empty() { Ok(vec![newest()?]) } else { Ok(given) }
}

/// Checks that of several paths standard input is one at most.
///
/// # Errors
///
/// If it is not.
pub(super) fn check_standard_input<'a>(paths: impl Iterator<Item = &'a OsStr>) -> Result<(), Error> {
    if paths.filter(|path| *path == STANDARD_INPUT).count() > 1 {
        return Err(Error::Usage("standard input (-) can be read only once".into()));
    }
    Ok(())
}

/// The CPU profile of the newest run without file names, in this project; or its memory profile, if that is all.
fn newest() -> Result<PathBuf, Error> {
    let missing = || Error::Usage("name a profile, such as cpu.prof: there is no newest run in this project".into());
    let latest = metadata().ok_or_else(missing)?.target_directory.join("prof/latest").into_std_path_buf();
    ["cpu.prof", "mem.prof"].into_iter().map(|name| latest.join(name)).find(|path| path.is_file()).ok_or_else(missing)
}

/// The crates of the workspace of the current directory.
fn own_crates() -> Result<OwnCrates, Error> {
    let missing =
        || Error::Usage("there is no cargo project here, which --mine needs: go to the one that is meant".into());
    let metadata = metadata().ok_or_else(missing)?;
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    let targets = targets.filter(|target| !target.kind.contains(&TargetKind::CustomBuild));
    let folders = metadata.packages.iter().filter_map(|package| package.manifest_path.parent());
    Ok(OwnCrates {
        names: targets.map(|target| target.name.replace('-', "_")).collect(),
        folders: folders.map(|folder| folder.to_string()).collect(),
    })
}

fn metadata() -> Option<Metadata> {
    MetadataCommand::new().no_deps().exec().ok()
}

fn do_not_fit(first: &Path, other: &Path, error: &prof_pprof::Error) -> Error {
    let (first, other) = (first.display(), other.display());
    Error::Usage(match error {
        prof_pprof::Error::NothingInCommon | prof_pprof::Error::Incompatible { .. } => {
            format!("{first} and {other} measure different things; take CPU profiles and memory profiles apart")
        }
        error => format!("{first} and {other} do not fit together: {error}"),
    })
}
