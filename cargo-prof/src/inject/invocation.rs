//! A call of rustc, as far as the wrapper must understand it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What a call of rustc makes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// `--crate-name`.
    pub crate_name: String,
    /// `--crate-type`, each.
    pub crate_types: Vec<String>,
    /// Whether `--test` is there.
    pub is_test: bool,
    /// `--target`.
    pub target: Option<String>,
    /// `--out-dir`.
    pub out_dir: PathBuf,
    /// `-C extra-filename`.
    pub extra_filename: String,
    /// The source file.
    pub source: PathBuf,
    /// Whether the debug level is one that names functions and lines, those of inlined functions too: line tables alone
    /// leave the path out of an inlined function's name.
    pub has_debug_info: bool,
    /// Whether it links, or makes an rlib.
    pub emits_link: bool,
    /// Whether libc is linked statically.
    pub is_static: bool,
    /// Whether it links by way of a C compiler, as rustc does unless told otherwise.
    pub links_by_a_compiler: bool,
}

/// Flags of rustc, besides `-C` and `--emit`, that take the next argument as their value.
const WITH_VALUE: &[&str] = &[
    "--crate-name",
    "--crate-type",
    "--target",
    "--out-dir",
    "--edition",
    "--cfg",
    "--check-cfg",
    "--extern",
    "--error-format",
    "--json",
    "--print",
    "--cap-lints",
    "--color",
    "--remap-path-prefix",
    "--sysroot",
    "--diagnostic-width",
    "-L",
    "-l",
    "-o",
    "-A",
    "-W",
    "-D",
    "-F",
    "-Z",
    "--allow",
    "--warn",
    "--deny",
    "--forbid",
    "--force-warn",
    "--env-set",
];

impl Invocation {
    /// Understands the arguments after rustc's own path. None if it compiles nothing of a package, as when cargo asks
    /// for the version or probes with `-`.
    pub fn parse(arguments: &[OsString]) -> Option<Invocation> {
        let mut call = Invocation { emits_link: true, links_by_a_compiler: true, ..Invocation::default() };
        let expanded = expand(arguments);
        let mut arguments = expanded.iter().map(OsString::as_os_str).peekable();
        while let Some(argument) = arguments.next() {
            let text = argument.to_string_lossy();
            let (name, joined) = match text.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name.to_owned(), Some(value.to_owned())),
                _ => (text.clone().into_owned(), None),
            };
            let mut value = || {
                joined
                    .clone()
                    .or_else(|| arguments.next().map(|next| next.to_string_lossy().into_owned()))
                    .unwrap_or_default()
            };
            match name.as_str() {
                "--crate-name" => call.crate_name = value(),
                "--crate-type" => call.crate_types.extend(value().split(',').map(str::to_owned)),
                "--target" => call.target = Some(value()),
                "--out-dir" => call.out_dir = value().into(),
                "--emit" => {
                    call.emits_link = value().split(',').any(|kind| kind == "link" || kind.starts_with("link="))
                }
                "--test" => call.is_test = true,
                "-g" => call.has_debug_info = true,
                "-C" | "--codegen" => call.codegen(&value()),
                _ if WITH_VALUE.contains(&name.as_str()) => drop(value()),
                _ if text.starts_with("-C") => call.codegen(&text[2..]),
                _ if text.starts_with('-') => {}
                _ => call.source = PathBuf::from(argument),
            }
        }
        let is_probe = call.crate_name.is_empty() || call.crate_name == "___" || call.source.as_os_str().is_empty();
        (!is_probe).then_some(call)
    }

    fn codegen(&mut self, option: &str) {
        match option.split_once('=') {
            Some(("debuginfo", level)) => {
                self.has_debug_info = !matches!(level, "0" | "none" | "line-directives-only" | "line-tables-only");
            }
            Some(("extra-filename", name)) => name.clone_into(&mut self.extra_filename),
            // The last word counts.
            Some(("target-feature", features)) => {
                for feature in features.split(',') {
                    match feature {
                        "+crt-static" => self.is_static = true,
                        "-crt-static" => self.is_static = false,
                        _ => {}
                    }
                }
            }
            // Without a flavor, rustc goes by the linker's name.
            Some(("linker-flavor", flavor)) => {
                self.links_by_a_compiler = flavor == "gcc" || flavor.split('-').any(|part| part == "cc");
            }
            Some(("linker", linker)) => {
                let name = Path::new(linker).file_stem().unwrap_or_default().to_string_lossy();
                self.links_by_a_compiler = !["ld", "lld", "rust-lld", "wasm-ld", "link"].contains(&&*name);
            }
            Some(("link-arg" | "link-args", flags)) => {
                self.is_static |= flags.split_whitespace().any(|flag| flag == "-static" || flag == "-static-pie");
            }
            _ => {}
        }
    }

    /// Whether it makes something that runs while others are compiled: a build script or a procedural macro.
    pub fn is_for_the_build(&self) -> bool {
        let is_macro = self.crate_types.iter().any(|kind| kind == "proc-macro");
        (self.crate_name.starts_with("build_script_") || is_macro) && !self.is_test
    }

    /// Whether it makes an executable of the project: a test, a benchmark, a binary or an example. A target without
    /// libtest's harness comes with no crate type at all.
    pub fn makes_executable(&self) -> bool {
        self.emits_link
            && !self.is_for_the_build()
            && (self.is_test || self.crate_types.is_empty() || self.crate_types.iter().any(|kind| kind == "bin"))
    }

    /// The executable that it makes.
    pub fn executable(&self) -> PathBuf {
        self.out_dir.join(format!("{}{}", self.crate_name, self.extra_filename))
    }

    /// Whether it builds into `directory`.
    pub fn is_below(&self, directory: &Path) -> bool {
        self.out_dir.starts_with(directory)
    }
}

/// The arguments with those in `@file` put in, one a line. Cargo uses one when the command line gets too long.
fn expand(arguments: &[OsString]) -> Vec<OsString> {
    let mut expanded = Vec::new();
    for argument in arguments {
        let file = argument.to_str().and_then(|text| text.strip_prefix('@'));
        match file.and_then(|file| std::fs::read_to_string(file).ok()) {
            Some(text) => expanded.extend(text.lines().map(OsString::from)),
            None => expanded.push(OsStr::to_owned(argument)),
        }
    }
    expanded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Invocation> {
        Invocation::parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn probes_are_none() {
        for line in ["-vV", "- --crate-name ___ --print=file-names --crate-type bin", "--print=sysroot", ""] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_test_is_an_executable() {
        let call = parse(
            "--crate-name a_b --edition=2021 src/lib.rs --error-format=json --json=artifacts --emit=dep-info,link -C debuginfo=2 \
             --test --cfg feature=\"x\" -C metadata=1 -C extra-filename=-0f --out-dir /t/debug/deps -L dependency=/t/debug/deps",
        )
        .unwrap();
        assert!(call.is_test && call.has_debug_info && call.makes_executable());
        assert_eq!(call.source, Path::new("src/lib.rs"));
        assert_eq!(call.executable(), Path::new("/t/debug/deps/a_b-0f"));
        assert!(call.is_below(Path::new("/t")));
    }

    #[test]
    fn a_target_without_harness_has_no_crate_type() {
        let call =
            parse("--crate-name b benches/b.rs --emit=dep-info,link -C opt-level=3 --cfg test --out-dir /t").unwrap();
        assert!(!call.is_test && call.makes_executable() && !call.has_debug_info);
    }

    #[test]
    fn libraries_build_scripts_and_macros_are_not() {
        for (line, for_the_build) in [
            ("--crate-name l src/lib.rs --crate-type lib --emit=dep-info,metadata,link --out-dir /t", false),
            ("--crate-name b src/main.rs --crate-type bin --emit=dep-info,metadata --out-dir /t", false),
            ("--crate-name build_script_build build.rs --crate-type bin --emit=dep-info,link --out-dir /t", true),
            ("--crate-name m src/lib.rs --crate-type proc-macro --emit=dep-info,link --out-dir /t", true),
        ] {
            let call = parse(line).unwrap();
            assert!(!call.makes_executable(), "{line}");
            assert_eq!(call.is_for_the_build(), for_the_build, "{line}");
        }
        assert!(
            parse("--crate-name m src/lib.rs --crate-type proc-macro --test --emit=link --out-dir /t")
                .unwrap()
                .makes_executable()
        );
    }

    #[test]
    fn a_static_libc_is_seen() {
        let is_static = |flags: &str| parse(&format!("--crate-name l s.rs {flags}")).unwrap().is_static;
        assert!(is_static("-C target-feature=+sse3,+crt-static") && is_static("-Clink-arg=-static"));
        assert!(
            !is_static("-C target-feature=+crt-static -Ctarget-feature=-crt-static") && !is_static("-Clink-arg=-lm")
        );
    }

    #[test]
    fn a_bare_linker_is_seen() {
        let by_a_compiler = |flags: &str| parse(&format!("--crate-name l s.rs {flags}")).unwrap().links_by_a_compiler;
        assert!(
            by_a_compiler("")
                && by_a_compiler("-C linker=/usr/bin/clang")
                && by_a_compiler("-Clinker-flavor=gnu-lld-cc")
        );
        assert!(!by_a_compiler("-Clinker=rust-lld") && !by_a_compiler("-C linker-flavor=ld.lld"));
    }

    #[test]
    fn no_debug_level_that_names_no_lines_counts() {
        let level = |flags: &str| parse(&format!("--crate-name l s.rs {flags}")).unwrap().has_debug_info;
        assert!(level("-Cdebuginfo=limited") && level("-g") && level("-C debuginfo=0 -C debuginfo=1"));
        assert!(!level("-C debuginfo=0") && !level("-C opt-level=3") && !level("-Cdebuginfo=none"));
        assert!(!level("-C debuginfo=2 -C debuginfo=line-tables-only"));
    }
}
