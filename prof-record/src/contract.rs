//! The contract between `cargo-prof` and the harness: a few environment variables say what to sample and where
//! the records go. How they are looked up is the caller's business, so that the harness can do it before `main`.

use std::fmt;

use crate::Engine;

/// Names the directory for the records. Without it the harness stays asleep.
pub const DIRECTORY_VARIABLE: &str = "PROF_RECORD_DIR";
/// Nanoseconds of CPU time between two samples; absent or 0 switches the CPU sampler off.
pub const CPU_PERIOD_VARIABLE: &str = "PROF_CPU_PERIOD";
/// Mean bytes between two sampled allocations, 1 for every allocation; absent or 0 switches the sampler off.
pub const HEAP_PERIOD_VARIABLE: &str = "PROF_HEAP_PERIOD";

/// Set to 1 to keep the peaks of the heap: what was in use when most was.
pub const HEAP_PEAK_VARIABLE: &str = "PROF_HEAP_PEAK";

/// Names the [`Engine`] to sample the CPU with; absent for the best that there is.
pub const ENGINE_VARIABLE: &str = "PROF_CPU_ENGINE";

/// Set to 1 where the substitute for libtest could not be compiled: each thread that the main thread of the process
/// makes is then a test, by the thread's name.
pub const TEST_THREADS_VARIABLE: &str = "PROF_TEST_THREADS";

/// Names the benchmark that the whole process is, where it is one.
pub const BENCH_VARIABLE: &str = "PROF_BENCH";

/// How many times the function of a `#[bench]` is to be run for a single iteration each, under its label, instead of being
/// measured; once more before that without one, for what is set up once.
pub const BENCH_ITERATIONS_VARIABLE: &str = "PROF_BENCH_ITERATIONS";

/// Names the file to which each `#[bench]` that is measured adds a line: the nanoseconds that an iteration took, a space,
/// and its name.
pub const BENCH_TIMES_VARIABLE: &str = "PROF_BENCH_TIMES";

/// What the environment asks the harness to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Nanoseconds of CPU time between two samples, 0 for none.
    pub cpu_period: u64,
    /// Mean bytes between two sampled allocations, 0 for none.
    pub heap_period: u64,
    /// Whether to keep the peaks of the heap.
    pub keeps_peaks: bool,
    /// How to sample the CPU; none for the best way that there is.
    pub engine: Option<Engine>,
}

/// A variable holds something else than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingError {
    /// The variable's name.
    pub variable: &'static str,
    /// What it should hold.
    pub expected: &'static str,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not {}", self.variable, self.expected)
    }
}

impl std::error::Error for SettingError {}

impl Settings {
    /// Parses the values of [`CPU_PERIOD_VARIABLE`], [`HEAP_PERIOD_VARIABLE`] and [`HEAP_PEAK_VARIABLE`], each absent or a
    /// whole number, and of [`ENGINE_VARIABLE`], absent or an engine's name.
    ///
    /// # Errors
    ///
    /// The first of them that holds something else.
    pub fn parse(
        cpu_period: Option<&[u8]>,
        heap_period: Option<&[u8]>,
        heap_peak: Option<&[u8]>,
        engine: Option<&[u8]>,
    ) -> Result<Settings, SettingError> {
        let named = |name: &[u8]| {
            let engine = Engine::ALL.into_iter().find(|engine| engine.name().as_bytes() == name);
            engine.ok_or(SettingError { variable: ENGINE_VARIABLE, expected: "the name of an engine" })
        };
        Ok(Settings {
            cpu_period: number(CPU_PERIOD_VARIABLE, cpu_period)?,
            heap_period: number(HEAP_PERIOD_VARIABLE, heap_period)?,
            keeps_peaks: number(HEAP_PEAK_VARIABLE, heap_peak)? != 0,
            engine: engine.map(named).transpose()?,
        })
    }
}

fn number(variable: &'static str, value: Option<&[u8]>) -> Result<u64, SettingError> {
    let Some(value) = value else { return Ok(0) };
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.ok_or(SettingError { variable, expected: "a whole number" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_off_and_junk_is_named() {
        let parsed = Settings::parse(None, Some(b"1"), Some(b"1"), Some(b"thread-timer"));
        let engine = Some(Engine::ThreadTimer);
        let expected = Settings { cpu_period: 0, heap_period: 1, keeps_peaks: true, engine };
        assert_eq!(parsed, Ok(expected));
        let wrong = |cpu, heap, engine| Settings::parse(cpu, heap, None, engine).unwrap_err().to_string();
        assert_eq!(wrong(Some(b"10 ms"), None, None), "PROF_CPU_PERIOD is not a whole number");
        assert_eq!(wrong(None, Some(b"-1"), None), "PROF_HEAP_PERIOD is not a whole number");
        assert_eq!(wrong(None, None, Some(b"diesel")), "PROF_CPU_ENGINE is not the name of an engine");
    }
}
