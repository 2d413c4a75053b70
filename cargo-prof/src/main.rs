//! `cargo-prof`, as cargo starts it: `cargo-prof prof SUBCOMMAND …`. The same program is also the rustc wrapper of
//! the builds that it starts, told apart by the name that it is called by.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use cargo_prof::{command, inject::wrapper, terminal};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    if wrapper::is_called_by(&called) {
        return wrapper::main(called.as_ref(), arguments.collect());
    }
    match command::main(arguments.collect()) {
        Ok(status) => status,
        Err(error) => {
            terminal::error(&error);
            ExitCode::from(error.status())
        }
    }
}
