//! How long the measured loops of benchmarks took, as criterion itself says in the file `sample.json` of each. That is wall time; it is CPU time too where the loop only computes, on one thread, and
//! nothing else wants the processor. What the profile says of the same loops is in `profiles.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use prof_tests::published::failed;
use serde_json::Value;

/// Seconds of each benchmark, by its id, from what criterion left in its folder.
///
/// # Errors
///
/// If a file cannot be read.
pub fn seconds(home: &Path) -> Result<BTreeMap<String, f64>, String> {
    let mut seconds = BTreeMap::new();
    let (measured, named) = (home.join("sample.json"), home.join("benchmark.json"));
    // Each benchmark is in a folder `new`, which its next measurement renames `base`.
    if home.ends_with("new") && measured.exists() {
        let id = json(&named)?["full_id"].as_str().map(str::to_owned);
        let id = id.ok_or_else(|| format!("{} names no benchmark", named.display()))?;
        let times = json(&measured)?;
        let times = times["times"].as_array().ok_or_else(|| format!("{} has no times", measured.display()))?;
        seconds.insert(id, times.iter().filter_map(Value::as_f64).sum::<f64>() / 1e9);
    }
    for entry in fs::read_dir(home).map_err(failed("read", home))? {
        let path = entry.map_err(failed("read", home))?.path();
        if path.is_dir() {
            seconds.extend(self::seconds(&path)?);
        }
    }
    Ok(seconds)
}

fn json(path: &Path) -> Result<Value, String> {
    let text = fs::read(path).map_err(failed("read", path))?;
    serde_json::from_slice(&text).map_err(|error| format!("{} is not JSON: {error}", path.display()))
}
