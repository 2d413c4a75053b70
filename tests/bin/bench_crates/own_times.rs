//! How long the measured loops of benchmarks took, as the harness itself says: criterion in the file `sample.json` of each
//! benchmark, divan in its table. That is wall time; it is CPU time too where the loop only computes, on one thread, and
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
pub fn of_criterion(home: &Path) -> Result<BTreeMap<String, f64>, String> {
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
            seconds.extend(of_criterion(&path)?);
        }
    }
    Ok(seconds)
}

/// Seconds of each row of divan's tables, in their order.
pub fn of_divan(tables: &str) -> Vec<f64> {
    tables.lines().filter_map(of_row).collect()
}

fn json(path: &Path) -> Result<Value, String> {
    let text = fs::read(path).map_err(failed("read", path))?;
    serde_json::from_slice(&text).map_err(|error| format!("{} is not JSON: {error}", path.display()))
}

/// `╰─ sum  12 ns │ 15 ns │ 12.5 ns │ 12.7 ns │ 100 │ 3200`: the mean time of how many turns.
fn of_row(line: &str) -> Option<f64> {
    let mut cells = line.rsplit('│').map(str::trim);
    let turns: u32 = cells.next()?.parse().ok()?;
    let _samples: u32 = cells.next()?.parse().ok()?;
    let (number, unit) = cells.next()?.split_once(' ')?;
    let unit = match unit {
        "ps" => 1e-12,
        "ns" => 1e-9,
        "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * unit * f64::from(turns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divans_rows_are_read_and_nothing_else_is() {
        let tables = "Timer precision: 20 ns
sums     fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ group               │               │               │               │         │
│  ╰─ sum  51.63 ms    │ 56.87 ms      │ 54.57 ms      │ 54 ms         │ 10      │ 10
╰─ other   12 ns       │ 15.5 ns       │ 12.5 ns       │ 12.5 ns       │ 100     │ 3200
";
        let seconds = of_divan(tables);
        assert_eq!(seconds.len(), 2);
        assert!((seconds[0] - 0.54).abs() < 1e-9 && (seconds[1] - 40e-6).abs() < 1e-9, "{seconds:?}");
    }
}
