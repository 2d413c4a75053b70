//! The crates whose benchmarks are checked, each in an exact version, with the few benchmarks of one bench target that are
//! run. Left out: crates whose published source comes without its benches, or without a file that they read. Benchmarks that prepare an input for each turn
//! (`iter_batched`) are left out too: criterion says only how long the turns took, not how long the loop did. And divan:
//! of published crates that use it none was found whose benches are published whole and list themselves. Nothing here knows how the check works.

/// A published crate with benchmarks.
pub struct Selected {
    /// Its name on crates.io.
    pub name: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// The bench target.
    pub bench: &'static str,
    /// What selects a few of its benchmarks, as criterion understands it.
    pub filter: &'static str,
}

/// All of them.
pub const SELECTION: &[Selected] = &[
    selected("hex", "0.4.3", "hex", "encode"),
    selected("base64", "0.22.1", "benchmarks", "small_input/encode_slice"),
    selected("constant_time_eq", "0.4.2", "bench", "eq_n"),
    selected("base64", "0.23.1", "benchmarks", "small_input/decode_slice"),
    selected("itoa", "1.0.19", "bench", "itoa"),
    selected("semver", "1.0.28", "parse", ""),
];

const fn selected(name: &'static str, version: &'static str, bench: &'static str, filter: &'static str) -> Selected {
    Selected { name, version, bench, filter }
}
