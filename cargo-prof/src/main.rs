//! `cargo-prof`, as cargo starts it: `cargo-prof prof SUBCOMMAND …`. The same program is also the rustc wrapper and
//! the runner of benchmarks of the cargo that it starts, told apart by the name that it is called by.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use cargo_prof::bench::runner;
use cargo_prof::inject::wrapper;
use cargo_prof::{command, terminal};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    if wrapper::is_called_by(&called) {
        return wrapper::main(called.as_ref(), arguments.collect());
    }
    if runner::is_called_by(&called) {
        return runner::main(called.as_ref(), arguments.collect());
    }
    match command::main(arguments.collect()) {
        Ok(status) => status,
        Err(error) => {
            terminal::error(&error);
            ExitCode::from(error.status())
        }
    }
}
