//! `cargo prof doctor`: which engine samples the CPU of programs here, why not a better one, and what to do about it. It
//! tries instead of guessing: a probe ([`probe`]) is profiled, what came out is explained by the [`kernel`]'s settings
//! and the [`standard_library`] in it, and told in a [`table`]. Never changes a setting.

mod kernel;
mod probe;
mod standard_library;
mod table;

use std::path::Path;
use std::process::ExitCode;

use prof_record::Engine;

use crate::inject::harness;
use crate::inject::plan::Libraries;
use crate::project::Toolchain;
use crate::{Error, terminal};
use kernel::Kernel;
use probe::{Probe, RATE};
use standard_library::FramePointers;
use table::Row;

/// The only target that the harness samples on.
const SUPPORTED: &str = "x86_64-unknown-linux-gnu";

/// Prints the table. What stands in the way of profiling is the error, after the rows of what is known.
pub fn main() -> Result<ExitCode, Error> {
    let mut rows = Vec::new();
    let examined = examine(&mut rows);
    terminal::result(&table::text(&rows)).map_err(Error::file("write", "standard output"))?;
    examined.map(|()| ExitCode::SUCCESS)
}

fn examine(rows: &mut Vec<Row>) -> Result<(), Error> {
    let kernel = Kernel::running();
    rows.push(tick(&kernel));
    rows.push(Row::new("kernel", &kernel.release, ""));
    let toolchain = Toolchain::here()?;
    rows.push(compiler(&toolchain));
    if toolchain.host != SUPPORTED {
        return Err(Error::Environment(format!(
            "programs for {} run unprofiled; cargo prof profiles on {SUPPORTED}",
            toolchain.host
        )));
    }
    let directory = tempfile::Builder::new().prefix("cargo-prof-doctor-").tempdir();
    let directory = directory.map_err(Error::file("create a folder in", std::env::temp_dir()))?;
    let fallback = directory.path().join("harness");
    let libraries = harness::for_target(&toolchain, &toolchain.host, false, &fallback)?;
    rows.extend(built(&libraries, &fallback));
    let probe = Probe::run(&toolchain, &libraries, directory.path())?;
    rows.extend(std_rows(&toolchain, &probe)?);
    // What was asked for comes first.
    rows.splice(0..0, [engine(&probe), perf_clock(&probe, &kernel)]);
    Ok(())
}

fn engine(probe: &Probe) -> Row {
    let engine = probe.record.engine;
    let (samples, moments) = (probe.samples_a_second(), probe.moments_a_second());
    let got = format!("{samples} samples from {moments} moments in a CPU-second, {RATE} asked for");
    let row = Row::new("engine", engine.name(), got);
    match engine {
        Engine::ProcessTimer => row
            .note("no timer can be had on a thread's own CPU clock (timer_create): threads share one")
            .remedy("run it outside of the sandbox or container that refuses it"),
        _ => row,
    }
}

fn perf_clock(probe: &Probe, kernel: &Kernel) -> Row {
    const WHAT: &str = "perf-clock";
    if probe.record.engine == Engine::PerfClock {
        return Row::new(WHAT, "available", "at any rate, the time in the kernel included");
    }
    if probe.record.perf_error == 0 {
        return Row::new(WHAT, "not asked", "the harness did not ask the kernel for it");
    }
    let refusal = kernel::refusal(probe.record.perf_error, kernel.limits);
    let row = Row::new(WHAT, format!("refused, {}", refusal.error), refusal.why).remedy(refusal.remedy);
    row.note(format!("without it totals stay right, from about {} moments in a CPU-second", kernel.hertz()))
}

fn tick(kernel: &Kernel) -> Row {
    let hertz = kernel.hertz();
    let limits = format!("thread-timer and process-timer see a program about {hertz} times in a CPU-second");
    Row::new("kernel tick", format!("{hertz} Hz"), limits)
}

fn compiler(toolchain: &Toolchain) -> Row {
    let version = toolchain.version.lines().next().unwrap_or_default();
    // Without the hash and date in parentheses.
    let state = version.split(" (").next().unwrap_or_default();
    let is_supported = if toolchain.host == SUPPORTED { "supported" } else { "not supported" };
    Row::new("toolchain", state, format!("{}, {is_supported}", toolchain.host))
}

fn built(libraries: &Libraries, fallback: &Path) -> Vec<Row> {
    const WHAT: &str = "harness";
    let place = libraries.directory.parent().unwrap_or(&libraries.directory);
    let mut rows = vec![if place.starts_with(fallback) {
        Row::new(WHAT, "not kept", "no cache directory can be written, so each project builds its own")
            .remedy("name a directory for it with CARGO_PROF_CACHE")
    } else {
        Row::new(WHAT, "built", place.display().to_string())
    }];
    if libraries.test.is_none() {
        rows.push(Row::new(
            "libtest",
            "unknown",
            "tests are told apart by the names of their threads; a newer cargo-prof may know it",
        ));
    }
    rows
}

fn std_rows(toolchain: &Toolchain, probe: &Probe) -> Result<[Row; 3], Error> {
    let debug_info = if standard_library::has_lines(&probe.record) {
        Row::new("std debug info", "yes", "functions of std are known by name and line")
    } else {
        Row::new("std debug info", "no", "functions of std are known by name only, inlined ones not at all")
            .remedy("use a toolchain of rustup's, or one whose std is compiled with line tables")
    };
    let source = match toolchain.rust_src() {
        Some(path) => Row::new("std source", "yes", path.display().to_string()),
        None => Row::new("std source", "no", "lines of std have a number, but no text to show")
            .remedy("rustup component add rust-src"),
    };
    let found = FramePointers::of_std(&probe.executable)?;
    let frame_pointers = Row::new(
        "std frame pointers",
        format!("{} %", found.share()),
        format!("of {} functions; none is needed: stacks are followed by call frame information,", found.functions),
    )
    .note(format!("{} % of the probe's to their root", probe.whole_stacks()));
    Ok([debug_info, source, frame_pointers])
}
