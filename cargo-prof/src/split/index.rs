//! The index of a split as JSON, for scripts and for the next split. Its fields stay as long as its version does; fields
//! may be added. Never believes a file name that it reads.

use std::path::{Component, Path};

use prof_pprof::LabelValue;
use serde::Serialize;
use serde_json::Value;

use super::{Source, Sums, Written};
use crate::Error;

/// The index's name in the directory.
pub const NAME: &str = "index.json";

/// The version of the document's form.
const VERSION: u32 = 1;

#[derive(Debug, Serialize)]
struct Document<'a> {
    version: u32,
    key: &'a str,
    sources: Vec<SourceRow<'a>>,
    parts: Vec<PartRow<'a>>,
}

#[derive(Debug, Serialize)]
struct SourceRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    file: String,
    samples: usize,
    totals: Vec<Total<'a>>,
    repeated: Vec<Total<'a>>,
}

#[derive(Debug, Serialize)]
struct PartRow<'a> {
    /// Text, a number, or null.
    value: Value,
    #[serde(skip_serializing_if = "str::is_empty")]
    unit: &'a str,
    unlabelled: bool,
    files: Vec<FileRow<'a>>,
}

#[derive(Debug, Serialize)]
struct FileRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    file: &'a str,
    samples: usize,
    totals: Vec<Total<'a>>,
}

#[derive(Debug, Serialize)]
struct Total<'a> {
    r#type: &'a str,
    unit: &'a str,
    value: i64,
}

/// The document.
pub fn text(written: &Written) -> String {
    let sources = written.sources.iter().map(|source| SourceRow {
        kind: source.kind.as_deref(),
        file: source.path.display().to_string(),
        samples: source.sums.samples,
        totals: totals(source, &source.sums.totals),
        repeated: totals(source, &source.repeated),
    });
    let parts = written.parts.iter().map(|part| {
        let (value, unit) = match &part.value {
            None => (Value::Null, ""),
            Some(LabelValue::Text(text)) => (Value::from(&**text), ""),
            Some(LabelValue::Number { number, unit }) => (Value::from(*number), &**unit),
        };
        let files = part.files.iter().zip(&written.sources).filter_map(|(file, source)| {
            let file = file.as_ref()?;
            let Sums { samples, totals: sums } = &file.sums;
            let kind = source.kind.as_deref();
            Some(FileRow { kind, file: &file.name, samples: *samples, totals: totals(source, sums) })
        });
        PartRow { value, unit, unlabelled: part.value.is_none(), files: files.collect() }
    });
    let document = Document { version: VERSION, key: &written.key, sources: sources.collect(), parts: parts.collect() };
    serde_json::to_string_pretty(&document).expect("the document is plain data") + "\n"
}

fn totals<'a>(source: &'a Source, totals: &[i64]) -> Vec<Total<'a>> {
    let total = |(sample_type, value): (&'a prof_pprof::ValueType, &i64)| Total {
        r#type: &sample_type.kind,
        unit: &sample_type.unit,
        value: *value,
    };
    source.sample_types.iter().zip(totals).map(total).collect()
}

/// The names of the profiles in the directory of the index at `path`, as the index says; none if there is no index.
///
/// # Errors
///
/// If there is a file that is no index of a split.
pub fn files(path: &Path) -> Result<Vec<String>, Error> {
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(Error::file("read", path))?,
    };
    names(&bytes).ok_or_else(|| {
        let path = path.display();
        Error::Environment(format!("{path} is not of a split and would be lost; move it, or give another --outputdir"))
    })
}

fn names(index: &[u8]) -> Option<Vec<String>> {
    let index: Value = serde_json::from_slice(index).ok()?;
    index.get("version")?.as_u64()?;
    index.get("key")?.as_str()?;
    let parts = index.get("parts")?.as_array()?;
    let files = parts.iter().filter_map(|part| part.get("files")?.as_array()).flatten();
    let names = files.filter_map(|file| file.get("file")?.as_str());
    Some(names.filter(|name| is_of_split(name)).map(str::to_owned).collect())
}

/// Whether a split can have given a file this name: an index may come from anywhere, and the files that it names are
/// removed.
fn is_of_split(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
        && name.ends_with(".prof")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_profiles_beside_it_are_believed() {
        let index = br#"{"version": 1, "key": "test", "parts": [{"files": [
            {"file": "a.prof"}, {"file": "../b.prof"}, {"file": "/c.prof"}, {"file": "d/e.prof"}, {"file": "f.prof/"},
            {"file": "Cargo.toml"}, {"file": "./g.prof"}, {"file": ""}, {"file": 7}, {"file": "h.cpu.prof"}
        ]}, {"value": 1}]}"#;
        assert_eq!(names(index).unwrap(), ["a.prof", "h.cpu.prof"]);
    }

    #[test]
    fn what_is_no_index_of_ours_is_told() {
        let others = ["", "[]", "{}", r#"{"version": 1, "key": "a"}"#, r#"{"version": "1", "key": "a", "parts": []}"#];
        for other in others {
            assert_eq!(names(other.as_bytes()), None, "{other}");
        }
        assert_eq!(names(br#"{"version": 2, "key": "a", "parts": [], "more": 1}"#), Some(Vec::new()));
    }
}
