//! The crates that are checked, each in an exact version. What was left out and why: crates whose published source
//! comes without its tests, or whose tests need minutes. Nothing here knows how the check works.

/// A published crate.
pub struct Selected {
    /// Its name on crates.io.
    pub name: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// Arguments of `cargo test` for it; those for the test binaries follow a `--`.
    pub arguments: &'static [&'static str],
    /// What it is there for.
    pub why: &'static str,
}

/// All of them.
pub const SELECTION: &[Selected] = &[
    selected("smallvec", "1.16.6", &[], "unsafe code"),
    selected("anyhow", "1.0.105", &[], "a build script that probes the compiler, backtraces"),
];

const fn selected(
    name: &'static str,
    version: &'static str,
    arguments: &'static [&'static str],
    why: &'static str,
) -> Selected {
    Selected { name, version, arguments, why }
}
