//! Gives a child the environment that a user's shell would: what the `cargo test` around the stories sets is taken
//! away, what finds the toolchain and the registry stays.

use std::process::Command;

/// Removes from the child what changes how cargo and the compiler work.
pub fn clean_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(changes_a_build) {
            command.env_remove(&name);
        }
    }
}

fn changes_a_build(name: &str) -> bool {
    let finds_toolchain_or_registry = name == "CARGO_HOME"
        || ["RUSTUP_", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR"].iter().any(|prefix| name.starts_with(prefix));
    let is_set_for_builds = ["CARGO", "RUST", "PROF_"].iter().any(|prefix| name.starts_with(prefix));
    is_set_for_builds && !finds_toolchain_or_registry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchain_and_registry_stay() {
        for stays in ["PATH", "CARGO_HOME", "RUSTUP_TOOLCHAIN", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_X_INDEX"] {
            assert!(!changes_a_build(stays), "{stays}");
        }
        for goes in ["CARGO", "CARGO_PKG_NAME", "CARGO_TARGET_DIR", "RUSTFLAGS", "RUST_BACKTRACE", "PROF_RECORD_DIR"] {
            assert!(changes_a_build(goes), "{goes}");
        }
    }
}
