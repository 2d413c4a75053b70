//! The user's project and toolchain, as cargo tells them: packages and targets, the target directory, the compiler, and
//! the rustc wrapper that is set already.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_config2::Config;
use cargo_metadata::{Metadata, MetadataCommand};
use clap::ArgMatches;

use crate::Error;

/// What the commands need to know of a project before they build it.
pub struct Project {
    /// Packages and their targets.
    pub metadata: Metadata,
    /// The directory for what is built and written here: `prof` below the target directory.
    pub directory: PathBuf,
    /// The compiler and cargo of the project.
    pub toolchain: Toolchain,
    /// The rustc wrapper that cargo would use without us.
    pub wrapper: Option<PathBuf>,
    /// Whether the environment says which, be it none: it weighs more than any configuration.
    pub has_wrapper_variable: bool,
}

/// The compiler and cargo of a project.
pub struct Toolchain {
    /// The cargo that runs us, or the first on the path.
    pub cargo: OsString,
    /// The compiler by its full path.
    pub rustc: PathBuf,
    /// What `rustc -vV` says.
    pub version: String,
    /// The target triple that it runs on.
    pub host: String,
    /// Its directory.
    pub sysroot: PathBuf,
}

impl Project {
    /// Asks cargo about the project that the flags in `matches` mean.
    ///
    /// # Errors
    ///
    /// If there is no project, or cargo cannot read it and has said why.
    pub fn load(matches: &ArgMatches) -> Result<Project, Error> {
        let cargo = cargo();
        let metadata = metadata(&cargo, matches)?;
        let target_directory = match matches.get_many::<OsString>("target-dir").into_iter().flatten().last() {
            Some(directory) => std::path::absolute(directory).map_err(Error::file("find", directory))?,
            None => metadata.target_directory.clone().into_std_path_buf(),
        };
        // What cargo cannot read it reports itself when it builds.
        let config = Config::load().ok();
        let given = values(matches, "config");
        let rustc = from_command_line(&given, "rustc").unwrap_or_else(|| rustc(config.as_ref()));
        let toolchain = Toolchain::find(cargo, &rustc)?;
        let variable = std::env::var_os("RUSTC_WRAPPER");
        let has_wrapper_variable = variable.is_some();
        let wrapper = variable
            .map(PathBuf::from)
            .or_else(|| from_command_line(&given, "rustc-wrapper"))
            .or_else(|| config.as_ref()?.build.rustc_wrapper.clone())
            .filter(|program| !program.as_os_str().is_empty());
        // Cargo finds a relative path from here; rustc is called in other directories.
        let wrapper = wrapper.map(|program| match program.components().count() {
            0 | 1 => program,
            _ => std::path::absolute(&program).unwrap_or(program),
        });
        Ok(Project { metadata, directory: target_directory.join("prof"), toolchain, wrapper, has_wrapper_variable })
    }
}

fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn rustc(config: Option<&Config>) -> PathBuf {
    config.and_then(|config| config.build.rustc.clone()).unwrap_or_else(|| "rustc".into())
}

/// All values of a flag, as text.
pub fn values(matches: &ArgMatches, flag: &str) -> Vec<String> {
    matches.get_many::<OsString>(flag).into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect()
}

fn metadata(cargo: &OsStr, matches: &ArgMatches) -> Result<Metadata, Error> {
    let mut command = MetadataCommand::new();
    command.cargo_path(cargo).no_deps();
    if let Some(manifest) = values(matches, "manifest-path").last() {
        if !Path::new(manifest).is_file() {
            return Err(Error::Environment(format!(
                "there is no manifest {manifest}; --manifest-path names the Cargo.toml of a project"
            )));
        }
        command.manifest_path(manifest);
    }
    let configs = values(matches, "config").into_iter().flat_map(|config| ["--config".to_owned(), config]);
    let unstable = values(matches, "Z").into_iter().flat_map(|flag| ["-Z".to_owned(), flag]);
    command.other_options(configs.chain(unstable).collect::<Vec<_>>());
    command.exec().map_err(|error| match error {
        cargo_metadata::Error::CargoMetadata { stderr } if stderr.contains("could not find `Cargo.toml`") => {
            Error::Environment(
                "there is no cargo project here; go to a folder with a Cargo.toml, or name one with --manifest-path"
                    .into(),
            )
        }
        cargo_metadata::Error::CargoMetadata { stderr } => {
            crate::terminal::relay(stderr.as_bytes());
            Error::Cargo(101)
        }
        error => Error::Environment(format!("cannot run `{} metadata`: {error}", cargo.display())),
    })
}

/// `build.KEY` among the values of `--config`, of which the last weighs most.
fn from_command_line(given: &[String], key: &str) -> Option<PathBuf> {
    given.iter().rev().find_map(|config| {
        let table: toml::Table = match config.parse() {
            Ok(table) => table,
            Err(_) => std::fs::read_to_string(config).ok()?.parse().ok()?,
        };
        Some(PathBuf::from(table.get("build")?.get(key)?.as_str()?))
    })
}

impl Toolchain {
    /// The toolchain of the current directory, in a project or not.
    ///
    /// # Errors
    ///
    /// If there is no compiler that runs.
    pub fn here() -> Result<Toolchain, Error> {
        Toolchain::find(cargo(), &rustc(Config::load().ok().as_ref()))
    }

    fn find(cargo: OsString, rustc: &Path) -> Result<Toolchain, Error> {
        let ask = |arguments: &[&str]| -> Result<String, Error> {
            let failed = |reason: String| {
                Error::Environment(format!("cannot run {}: {reason}; is a Rust toolchain installed?", rustc.display()))
            };
            let output = Command::new(rustc).args(arguments).output().map_err(|error| failed(error.to_string()))?;
            if !output.status.success() {
                return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
            }
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let version = ask(&["-vV"])?;
        let sysroot = PathBuf::from(ask(&["--print=sysroot"])?.trim_end());
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("unknown").to_owned();
        // By its full path, it stays the same compiler in another folder, where rustup may choose differently.
        let own = sysroot.join("bin").join("rustc");
        let rustc = if rustc == Path::new("rustc") && own.is_file() { own } else { rustc.to_owned() };
        Ok(Toolchain { cargo, rustc, version, host, sysroot })
    }

    /// Whether the compiler takes unstable features.
    pub fn is_nightly(&self) -> bool {
        let release = self.version.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or_default();
        release.contains("nightly") || release.contains("dev")
    }

    /// Where `rust-src` keeps the sources of std, if it is installed.
    pub fn rust_src(&self) -> Option<PathBuf> {
        let source = self.sysroot.join("lib/rustlib/src/rust");
        source.join("library").is_dir().then_some(source)
    }
}
