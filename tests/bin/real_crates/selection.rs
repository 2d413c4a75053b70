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
    selected("arrayvec", "0.7.8", &[], "drops that are counted, panics inside drops"),
    selected("tempfile", "3.27.0", &[], "files, environment"),
    selected("rayon-core", "1.13.0", &[], "thread pools; a test whose child overflows its stack"),
    selected("crossbeam-deque", "0.8.8", &[], "threads that race"),
    selected("anyhow", "1.0.100", &[], "a build script that probes the compiler; backtraces"),
    selected("backtrace", "0.3.76", &[], "stacks of its own process; targets with `harness = false`"),
    selected("ctrlc", "3.5.3", &[], "signals"),
    selected("zstd-safe", "7.4.1", &[], "C code"),
    selected("tikv-jemallocator", "0.6.1", &[], "a C allocator"),
    selected(
        "proc-macro2",
        "1.0.107",
        &[],
        "a build script that probes the compiler; a test fails with plain cargo too",
    ),
    selected("thiserror", "2.0.21", &[], "a derive macro; compile-fail tests"),
    selected("serde_json", "1.0.154", &[], "many small tests"),
    selected("indexmap", "2.14.2", &[], "property tests"),
    selected("once_cell", "1.21.4", &[], "threads that wait for each other"),
    selected("either", "1.19.0", &[], "documentation tests"),
    selected("fastrand", "2.5.0", &[], "CPU time"),
    selected("bytes", "1.12.2", &[], "many tests, unsafe code"),
    selected("hashbrown", "0.17.2", &[], "unsafe code, property tests"),
    selected("bitflags", "2.13.2", &[], "compile-fail tests"),
    selected("memchr", "2.8.3", &[], "vector instructions, property tests"),
    selected("regex-syntax", "0.8.12", &[], "large tables, deep recursion"),
    selected("semver", "1.0.28", &[], "parsing, allocation by hand"),
    selected("async-trait", "0.1.92", &[], "a procedural macro; compile-fail tests"),
    selected("indoc", "2.0.8", &[], "a procedural macro; compile-fail tests"),
    selected("crossbeam-utils", "0.8.23", &[], "scoped threads, parking"),
];

const fn selected(
    name: &'static str,
    version: &'static str,
    arguments: &'static [&'static str],
    why: &'static str,
) -> Selected {
    Selected { name, version, arguments, why }
}
