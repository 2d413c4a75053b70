//! A directory with a profile for each value of a label, and an index of them (`split/index.rs`). Which sample belongs
//! where is `prof_pprof::split`'s; what the files are called, `split/file_name.rs`'s; what is said of them, in
//! `split/table.rs`. Never prints, and removes no file but those that an earlier split made.

mod file_name;
mod index;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use prof_pprof::{LabelValue, Profile, ValueType, encode_to, label_keys};

use crate::{Error, outputs};
use file_name::file_names;

/// A profile to be split.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// What tells its files from those of the others, such as `cpu`: they are called `NAME.cpu.prof`. Without, `NAME.prof`.
    pub kind: Option<&'a str>,
    /// Where it was read from, or written to.
    pub path: &'a Path,
    /// The profile.
    pub profile: &'a Profile,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The label.
    pub key: String,
    /// The directory.
    pub directory: PathBuf,
    /// What was split.
    pub sources: Vec<Source>,
    /// The values of the label in any of the sources, sorted; what has none is last.
    pub parts: Vec<Part>,
}

/// A profile that was split.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// What tells its files from those of the others.
    pub kind: Option<String>,
    /// Where it is.
    pub path: PathBuf,
    /// What its values count.
    pub sample_types: Vec<ValueType>,
    /// Which of them is shown if none is asked for.
    pub shown: usize,
    /// How many samples it has, and the sum of their values for each sample type.
    pub sums: Sums,
    /// For each sample type, by how much the parts together exceed the source: samples with several values of the label
    /// are in the part of each.
    pub repeated: Vec<i64>,
}

/// The files of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The value of the label; none for the samples without the label.
    pub value: Option<LabelValue>,
    /// For each source the file; none if the source has no sample with this value.
    pub files: Vec<Option<PartFile>>,
}

/// A file with the samples of one source and one value.
#[derive(Debug, Clone, PartialEq)]
pub struct PartFile {
    /// Its name in the directory.
    pub name: String,
    /// What is in it.
    pub sums: Sums,
}

/// What a profile holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    /// Samples; those with equal stacks and labels are one.
    pub samples: usize,
    /// For each sample type, the sum of the samples' values.
    pub totals: Vec<i64>,
}

/// Splits profiles by the label `key` and writes the parts into `directory`, which is made if it is not there: for each
/// value and whole the file `NAME.KIND.prof`, and `index.json`, which says what they are. Each file is replaced as a whole.
///
/// Of a split that was there before, the files that its index names and that are not written again are removed. If the
/// writing is cut short, the old index stays, and the next split removes them.
///
/// # Errors
///
/// If no whole has a sample with this label, if a whole or a file that is not ours would be lost, or if the directory
/// cannot be written. Only in the last case something may have been written.
///
/// # Panics
///
/// If two wholes are of one kind, or one of several has none.
pub fn write(wholes: &[Whole<'_>], key: &str, directory: &Path) -> Result<Written, Error> {
    let kinds: BTreeSet<_> = wholes.iter().map(|whole| whole.kind).collect();
    let is_clear = kinds.len() == wholes.len() && (wholes.len() == 1 || !kinds.contains(&None));
    assert!(is_clear, "of several profiles each has a kind of its own");

    check_label(wholes, key)?;
    let splits: Vec<_> = wholes.iter().map(|whole| prof_pprof::split(whole.profile, key)).collect();
    let sources = wholes.iter().zip(&splits).map(|(whole, split)| Source::new(whole, split.repeated.clone()));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let (parts, profiles) = united(wholes, splits);
    let written = Written { key: key.into(), directory: directory.into(), sources, parts };

    std::fs::create_dir_all(directory).map_err(|error| {
        let directory = directory.display();
        Error::Environment(format!("cannot make the directory {directory}: {error}; give another --outputdir"))
    })?;
    let index_path = directory.join(index::NAME);
    outputs::check(&std::path::absolute(&index_path).map_err(Error::file("find", &index_path))?, &index_path)?;
    let old = index::files(&index_path)?;
    // A file system may not tell case apart, and then the old file is the new one.
    let is_stale = |old: &&String| !profiles.keys().any(|name| name.eq_ignore_ascii_case(old));
    let stale: Vec<&String> = old.iter().filter(is_stale).collect();
    for name in profiles.keys().chain(stale.iter().copied()) {
        let path = directory.join(name);
        if let Some(whole) = wholes.iter().find(|whole| outputs::is_same(&path, whole.path)) {
            let (whole, directory) = (whole.path.display(), directory.display());
            return Err(Error::Usage(format!(
                "a file of the split would take the place of {whole} in {directory}; give another --outputdir"
            )));
        }
    }

    for (name, profile) in &profiles {
        outputs::replace_by(&directory.join(name), |out| encode_to(profile, out))?;
    }
    for name in stale {
        let path = directory.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::file("remove", path)(error));
            }
            _ => (),
        }
    }
    outputs::replace(&index_path, index::text(&written).as_bytes())?;
    Ok(written)
}

/// Whether there is something to split.
fn check_label(wholes: &[Whole<'_>], key: &str) -> Result<(), Error> {
    let paths: Vec<_> = wholes.iter().map(|whole| whole.path.display().to_string()).collect();
    let paths = paths.join(" and ");
    if wholes.iter().all(|whole| whole.profile.samples.is_empty()) {
        return Err(Error::Environment(format!("no samples in {paths}; run for longer, or sample more often")));
    }
    let known: BTreeSet<_> = wholes.iter().flat_map(|whole| label_keys(whole.profile)).collect();
    if known.contains(key) {
        return Ok(());
    }
    let known: Vec<_> = known.iter().map(|key| table::printable(key)).collect();
    let known = if known.is_empty() { "there are none".into() } else { format!("there are {}", known.join(", ")) };
    Err(Error::Usage(format!("no sample of {paths} has a label {key:?}; {known}")))
}

/// The parts of all wholes by their values, and the profile of each file by its name.
fn united(wholes: &[Whole<'_>], splits: Vec<prof_pprof::Split>) -> (Vec<Part>, BTreeMap<String, Profile>) {
    let mut of_value: BTreeMap<_, Vec<Option<Profile>>> = BTreeMap::new();
    for (position, split) in splits.into_iter().enumerate() {
        for part in split.parts {
            let of_wholes = of_value.entry((part.value.is_none(), part.value));
            of_wholes.or_insert_with(|| vec![None; wholes.len()])[position] = Some(part.profile);
        }
    }
    let values: Vec<_> = of_value.keys().map(|(_, value)| value.as_ref()).collect();
    let names = file_names(&values);
    let mut profiles = BTreeMap::new();
    let parts = of_value.into_iter().zip(names).map(|(((_, value), of_wholes), name)| {
        let files = of_wholes.into_iter().zip(wholes).map(|(profile, whole)| {
            let profile = profile?;
            let kind = whole.kind.map(|kind| format!(".{kind}")).unwrap_or_default();
            let file = PartFile { name: format!("{name}{kind}.prof"), sums: Sums::of(&profile) };
            profiles.insert(file.name.clone(), profile);
            Some(file)
        });
        Part { value, files: files.collect() }
    });
    (parts.collect(), profiles)
}

impl Source {
    fn new(whole: &Whole<'_>, repeated: Vec<i64>) -> Result<Source, Error> {
        let error = |source| Error::Profile { path: whole.path.to_owned(), source };
        Ok(Source {
            kind: whole.kind.map(str::to_owned),
            path: whole.path.to_owned(),
            sample_types: whole.profile.sample_types.clone(),
            shown: whole.profile.sample_index(None).map_err(error)?,
            sums: Sums::of(whole.profile),
            repeated,
        })
    }
}

impl Sums {
    fn of(profile: &Profile) -> Sums {
        let mut totals = vec![0i64; profile.sample_types.len()];
        for sample in &profile.samples {
            for (total, value) in totals.iter_mut().zip(sample.values) {
                *total = total.saturating_add(*value);
            }
        }
        Sums { samples: profile.samples.len(), totals }
    }
}

#[cfg(test)]
mod tests;
