//! The crates whose benchmarks are checked, each in an exact version, with the few benchmarks of one bench target that are
//! run. Left out: crates whose published source comes without its benches, or without a file that they read. Benchmarks that prepare an input for each turn
//! (`iter_batched`) are left out too: their harness says only how long the turns took, not how long the loop did. Nothing
//! here knows how the check works.

/// A published crate with benchmarks.
pub struct Selected {
    /// Its name on crates.io.
    pub name: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// The bench target.
    pub bench: &'static str,
    /// What selects a few of its benchmarks, as the harness understands it.
    pub filter: &'static str,
    /// Their harness.
    pub harness: Harness,
}

/// A benchmark harness.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Harness {
    /// criterion.
    Criterion,
    /// divan.
    Divan,
}

impl Harness {
    /// The crate's name.
    pub fn name(self) -> &'static str {
        match self {
            Harness::Criterion => "criterion",
            Harness::Divan => "divan",
        }
    }
}

/// All of them.
pub const SELECTION: &[Selected] = &[
    criterion("hex", "0.4.3", "hex", "encode"),
    criterion("base64", "0.22.1", "benchmarks", "small_input/encode_slice"),
    criterion("unicode-segmentation", "1.13.3", "words", "english"),
    criterion("itoa", "1.0.19", "bench", "itoa"),
    criterion("semver", "1.0.28", "parse", ""),
    divan("rlnc", "0.7.0", "full_rlnc_encoder", r"::1\.00 MB .* into (16|32|64) pieces"),
];

const fn criterion(name: &'static str, version: &'static str, bench: &'static str, filter: &'static str) -> Selected {
    Selected { name, version, bench, filter, harness: Harness::Criterion }
}

const fn divan(name: &'static str, version: &'static str, bench: &'static str, filter: &'static str) -> Selected {
    Selected { name, version, bench, filter, harness: Harness::Divan }
}
