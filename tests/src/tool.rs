//! Builds the tool under test once for each test process, and knows where the workspace's files are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// The workspace of `cargo prof` itself.
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace's folder")
}

/// The executable `cargo-prof`, built from this workspace.
///
/// # Panics
///
/// If it does not build.
pub fn tool() -> &'static Path {
    static TOOL: OnceLock<PathBuf> = OnceLock::new();
    // The environment stays as it is: other flags or another target directory would build everything again.
    TOOL.get_or_init(|| {
        let mut arguments = vec!["build", "-p", "cargo-prof", "--message-format=json"];
        // As these tests themselves are built.
        if !cfg!(debug_assertions) {
            arguments.push("--release");
        }
        let messages = output_of_cargo(&arguments);
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == "cargo-prof")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable that it built")
    })
}

/// The folder that the stories' projects are copied to, below the target directory.
pub(crate) fn stories_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let metadata = output_of_cargo(&["metadata", "--format-version=1", "--no-deps"]);
        let metadata: Value = serde_json::from_str(&metadata).expect("cargo metadata prints JSON");
        Path::new(metadata["target_directory"].as_str().expect("there is a target directory")).join("stories")
    })
}

/// The triple that the toolchain in use compiles for by default.
pub fn host_triple() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc -vV names its host").to_owned()
}

fn output_of_cargo(arguments: &[&str]) -> String {
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(workspace_root())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo {} failed", arguments.join(" "));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}
