//! The words that `perf` is told and those that it prints. Starting it is in `tool.rs`.

/// Samples by the task's clock, each with a piece of its stack, that is unwound later: code without frame pointers, as
/// libc's, would hide its callers.
pub const RECORD: [&str; 5] = ["record", "--quiet", "--event=task-clock", "--call-graph=dwarf,4096", "--no-buildid"];

/// Prints a line with the period for each sample, and below it a line a frame.
pub const SCRIPT: [&str; 3] = ["script", "--no-inline", "--fields=period,ip,sym"];

/// A sample as perf tells it.
pub struct Sample {
    /// Seconds of CPU time that it stands for.
    pub seconds: f64,
    /// Names of the functions on its stack, leaf first.
    pub functions: Vec<String>,
}

/// Reads what `perf script` prints.
///
/// # Errors
///
/// If it prints something else.
pub fn samples(script: &str) -> Result<Vec<Sample>, String> {
    let mut samples: Vec<Sample> = Vec::new();
    let unknown = |line: &str| format!("perf script prints {line:?}");
    for line in script.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with('\t') {
            let (_address, name) = line.trim_start().split_once(' ').ok_or_else(|| unknown(line))?;
            samples.last_mut().ok_or_else(|| unknown(line))?.functions.push(name.to_owned());
        } else {
            let nanoseconds: f64 = line.trim_matches([' ', ':']).parse().map_err(|_| unknown(line))?;
            samples.push(Sample { seconds: nanoseconds / 1e9, functions: Vec::new() });
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_period_and_its_frames() {
        let script =
            "   1001001: \n\t  12e95 cpu_truth::work::computes\n\t 12f74 main\n\n 1001001: \n\t 12edc [unknown]\n";
        let samples = samples(script).unwrap();
        assert_eq!(samples.len(), 2);
        assert_eq!(samples[0].functions, ["cpu_truth::work::computes", "main"]);
        assert!((samples[1].seconds - 0.001_001_001).abs() < 1e-12);
    }
}
