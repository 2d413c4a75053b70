//! `cargo prof test|bench|run`: check what was asked, build with the harness, run, collect, write, say what came out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};

use clap::ArgMatches;

use crate::bench::phase::Keep;
use crate::bench::{self, Benches};
use crate::cli::{self, Cargo};
use crate::collect::{self, Asked, Collected, Targets, bench_memory};
use crate::exact::{Exact, LEAK_STATUS, Told};
use crate::inject::made::Made;
use crate::inject::plan::{Libraries, Plan};
use crate::inject::{harness, target_directory, wrapper_directory};
use crate::outputs::{self, Outputs};
use crate::project::{Project, values};
use crate::run::{self, Run};
use crate::split::{Whole, Written};
use crate::summary::Summary;
use crate::symbolize::Sources;
use crate::{Error, forward, terminal};

/// Runs the subcommand; `arguments` are those after its name.
pub fn main(cargo: Cargo, matches: &ArgMatches, arguments: &[OsString]) -> Result<ExitCode, Error> {
    let rates = rates(matches)?;
    let exact = Exact::asked(matches)?;
    let benches = (cargo == Cargo::Bench).then(|| Benches::asked(matches)).transpose()?;
    let file = |flag: &str| matches.get_one::<OsString>(flag).map(OsString::as_os_str);
    let mut outputs = Outputs::asked(file, file("outputdir").map(Path::new))?;
    let each = each(matches)?;
    let is_quiet = matches.try_get_one::<u8>("quiet").ok().flatten().is_some_and(|count| *count > 0);
    let project = Project::load(matches)?;

    let triples = triples(matches, &project.toolchain.host);
    let libraries = libraries(&project, &triples, matches)?;
    let run_directory = new_run(&project.directory)?;
    // Who asks for numbers gets them, and a profile only if asking for that too.
    if !outputs.has_profile() && exact.is_none() {
        outputs = Outputs::of_run(&run_directory);
    }
    let counts_all = exact.as_ref().is_some_and(Exact::counts_all);
    let is_heap_sampled = outputs.mem.is_some() || outputs.peak.is_some() || counts_all;
    let asked = Asked {
        cargo,
        cpu_rate: outputs.cpu.is_some().then_some(rates.cpu),
        mem_rate: is_heap_sampled.then_some(if counts_all { 1 } else { rates.mem }),
        mem: outputs.mem.is_some(),
        peak: outputs.peak.is_some(),
        exact: counts_all,
        phases: benches.as_ref().map_or(Keep::All, Benches::keep),
        engine: matches.get_one::<String>("engine").and_then(|name| cli::engine(name)),
    };
    let target_directory = target_directory(&project.directory);
    let plan = Plan {
        target_directory: target_directory.clone(),
        chain: project.wrapper.clone(),
        host: project.toolchain.host.clone(),
        is_nightly: project.toolchain.is_nightly(),
        libraries,
    };
    let wrapper = plan.write(&wrapper_directory(&project.directory))?;
    let records = run_directory.join("records");
    std::fs::create_dir_all(&records).map_err(Error::file("create", &records))?;
    let forwarded = forward::sort(cargo, arguments);
    let unpacked = unpacked(cargo, &forwarded.options, &run_directory);
    if let Some(directory) = unpacked.as_ref().and_then(Option::as_ref) {
        std::fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    }
    let runner = benches.as_ref().map(|benches| benches.runner(&project, &triples, &target_directory, &run_directory));
    let runner = runner.transpose()?;
    let run = Run {
        cargo,
        forwarded: &forwarded,
        project: &project,
        target_directory: &target_directory,
        wrapper: &wrapper,
        runner: runner.as_deref(),
        unpacked: unpacked.as_ref().map(Option::as_deref),
        triples: &triples,
        records: &records,
        asked,
        tells_tests_by_thread: plan.libraries.values().any(|libraries| libraries.test.is_none()),
    };
    let status = run.to_its_end()?;

    let is_archive =
        matches.try_get_one::<String>("COMMAND").ok().flatten().is_some_and(|command| command == "archive");
    let is_build_only =
        is_archive || matches.try_get_one::<u8>("no-run").ok().flatten().is_some_and(|count| *count > 0);
    let memory = benches.filter(|benches| benches.counts_memory).map(|_| bench::memory_directory(&run_directory));
    let has_any = |directory: &Path| std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    let did_run = !is_build_only && (has_any(&records) || memory.as_deref().is_some_and(has_any));
    let made = Made::read_all(&target_directory);
    // To end as cargo did may be to end by a signal, at once: that comes last.
    let mut has_leaks = false;
    if did_run {
        let sources = Sources { rust_src: project.toolchain.rust_src() };
        let targets = Targets::new(&made, &project.metadata);
        let collected = collect::collect(&records, asked, &targets, &sources).and_then(|mut collected| {
            let benchmem = memory.as_ref().map(|memory| bench_memory::collect(memory, &targets, &sources));
            collected.benchmem = benchmem.transpose()?;
            // A list of tests or a word of help measures nothing, and is not worth the profile that was there.
            if cargo != Cargo::Run && collected.is_empty() {
                return Ok(None);
            }
            let root = project.metadata.workspace_root.as_str();
            let told = exact.as_ref().map(|exact| exact.tell(&collected, cargo, root)).transpose()?;
            write(&outputs, &collected, told.as_ref())?;
            let each = each.as_ref().map(|directory| write_each(directory, cargo, &outputs, &collected)).transpose()?;
            Ok(Some((collected, told, each)))
        });
        match collected {
            Ok(None) if status.success() => terminal::warning("no test or benchmark was run; no profile is written"),
            Ok(None) => {}
            Ok(Some((collected, told, each))) => {
                if !is_quiet {
                    let summary = Summary { outputs: &outputs, asked, collected: &collected, made: &made };
                    let text = summary.text(cargo, matches, &project);
                    if !text.is_empty() {
                        terminal::status(&text);
                    }
                    if let Some(each) = each {
                        terminal::status(&format!("\n{}", each.text()));
                    }
                }
                if let (Some(exact), Some(told)) = (&exact, told) {
                    has_leaks = tell(exact, &told, status)?;
                }
            }
            Err(error) => {
                terminal::error(&error);
                terminal::status(&format!("what was measured is kept in {}", records.display()));
                // Nobody may take it for a run without leaks.
                let is_judge = status.success() && exact.is_some_and(|exact| exact.fails);
                return Ok(if is_judge { ExitCode::from(error.status()) } else { run::end_as(status) });
            }
        }
    } else if !is_build_only && status.success() {
        for note in crate::summary::not_injected(&made, cargo, matches, &project.metadata) {
            terminal::warning(&note);
        }
        terminal::warning("nothing that could be profiled was run; no profile is written");
    }
    clean_up(&run_directory, &project.directory);
    Ok(if has_leaks { ExitCode::from(LEAK_STATUS) } else { run::end_as(status) })
}

/// The directory for a profile of each test or benchmark, if one was asked for.
fn each(matches: &ArgMatches) -> Result<Option<PathBuf>, Error> {
    let Some(given) = matches.try_get_one::<OsString>("each").ok().flatten() else { return Ok(None) };
    let directory = match matches.get_one::<OsString>("outputdir") {
        Some(output) => Path::new(output).join(given),
        None => PathBuf::from(given),
    };
    // Before anything is built.
    std::fs::create_dir_all(&directory).map_err(|error| {
        Error::Environment(format!("cannot make the directory {}: {error}; give another --each", directory.display()))
    })?;
    Ok(Some(directory))
}

/// Writes the profiles of each test or benchmark.
fn write_each(directory: &Path, cargo: Cargo, outputs: &Outputs, collected: &Collected) -> Result<Written, Error> {
    let profiles = [
        ("cpu", &outputs.cpu, collected.cpu.as_ref().map(|(profile, _)| profile)),
        ("mem", &outputs.mem, collected.mem.as_ref().map(|(profile, _)| profile)),
        ("peak", &outputs.peak, collected.peak.as_ref().map(|(profile, _)| profile)),
    ];
    let wholes = profiles.iter().filter_map(|(kind, output, profile)| {
        Some(Whole { kind: Some(kind), path: &output.as_ref()?.path, profile: (*profile)? })
    });
    let key = if cargo == Cargo::Bench { "bench" } else { "test" };
    crate::split::write(&wholes.collect::<Vec<_>>(), key, directory)
}

/// Whether the executables come from an archive of nextest's or are named to it, and where they are to be unpacked: they
/// must be there still when they are read for names.
fn unpacked(cargo: Cargo, options: &[OsString], run: &Path) -> Option<Option<PathBuf>> {
    let is_given = |flag: &str| options.iter().any(|option| option.to_string_lossy().split('=').next() == Some(flag));
    let is_packed = is_given("--archive-file");
    let is_unpacked_by_user = is_given("--extract-to") || is_given("--persist-extract-tempdir");
    (cargo == Cargo::Nextest && options.first()? == "run" && (is_packed || is_given("--binaries-metadata")))
        .then(|| (is_packed && !is_unpacked_by_user).then(|| run.join("archive")))
}

/// Says what was counted, and whether the run is well but for leaks.
fn tell(exact: &Exact, told: &Told, status: ExitStatus) -> Result<bool, Error> {
    if exact.is_json {
        // A program's last line may have no end.
        terminal::result(&format!("\n{}\n", told.json)).map_err(Error::file("write", "standard output"))?;
    } else {
        terminal::status(&format!("\n{}", told.text));
    }
    let failure = told.failure.as_ref().filter(|_| status.success());
    if let Some(failure) = failure {
        terminal::status(&format!("\nerror: {failure}"));
    }
    Ok(failure.is_some())
}

struct Rates {
    cpu: u64,
    mem: u64,
}

fn rates(matches: &ArgMatches) -> Result<Rates, Error> {
    let cpu = *matches.get_one::<u64>("cpuprofilerate").expect("it has a default");
    let mem = *matches.get_one::<u64>("memprofilerate").expect("it has a default");
    if cpu == 0 {
        return Err(Error::Usage("--cpuprofilerate 0 would take no sample; give a rate in Hz, such as 100".into()));
    }
    if cpu > HIGHEST_RATE {
        return Err(Error::Usage(format!(
            "--cpuprofilerate {cpu} is beyond the {HIGHEST_RATE} Hz that can be sampled; give a lower rate"
        )));
    }
    if mem == 0 {
        return Err(Error::Usage(
            "--memprofilerate 0 would see no allocation; give the mean bytes between samples, or 1 for every allocation".into(),
        ));
    }
    Ok(Rates { cpu, mem })
}

/// Samples in a second of CPU time beyond which the sampling itself is most of what is measured.
const HIGHEST_RATE: u64 = 100_000;

/// The harness for each target that is built for.
fn libraries(
    project: &Project,
    triples: &[String],
    matches: &ArgMatches,
) -> Result<BTreeMap<String, Libraries>, Error> {
    let host = &project.toolchain.host;
    let is_offline = matches.get_count("offline") > 0 || matches.get_count("frozen") > 0;
    let fallback = project.directory.join("harness");
    let mut libraries = BTreeMap::new();
    for triple in triples {
        match harness::for_target(&project.toolchain, triple, is_offline, &fallback) {
            Ok(found) => drop(libraries.insert(triple.clone(), found)),
            // That can be mended, and nothing is profiled until then.
            Err(error) if triple == host && is_about_download(&error) => return Err(error),
            Err(error) => {
                let text = error.to_string();
                let reason = text.lines().find(|line| line.contains("error")).unwrap_or(&text);
                terminal::warning(&format!("programs for {triple} run unprofiled: {}", reason.trim()));
            }
        }
    }
    Ok(libraries)
}

/// Whether the harness could not be compiled because its dependencies are not here.
fn is_about_download(error: &Error) -> bool {
    let text = error.to_string();
    ["offline", "failed to download", "failed to fetch", "registry", "no matching package"]
        .iter()
        .any(|why| text.contains(why))
}

/// The target triples of the build, as the flags or the configuration say.
fn triples(matches: &ArgMatches, host: &str) -> Vec<String> {
    let mut triples = values(matches, "target");
    if triples.is_empty()
        && let Ok(config) = cargo_config2::Config::load()
    {
        triples = config.build_target_for_cli(None::<&str>).unwrap_or_default();
    }
    for triple in &mut triples {
        if triple == "host-tuple" {
            host.clone_into(triple);
        } else if let Some(name) = Path::new(triple.as_str()).file_stem().filter(|_| triple.ends_with(".json")) {
            *triple = name.to_string_lossy().into_owned();
        }
    }
    if triples.is_empty() {
        triples.push(host.to_owned());
    }
    triples
}

/// A new directory for this run.
fn new_run(directory: &Path) -> Result<PathBuf, Error> {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let run = directory.join("runs").join(format!("{}-{}", stamp(seconds), std::process::id()));
    std::fs::create_dir_all(&run).map_err(Error::file("create", &run))?;
    Ok(run)
}

/// A time as `20261129-143005` (UTC), so that names sort as the runs did.
fn stamp(unix_seconds: u64) -> String {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    // Days since 0000-03-01, in eras of 400 years (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}-{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn write(outputs: &Outputs, collected: &Collected, told: Option<&Told>) -> Result<(), Error> {
    let cpu = collected.cpu.as_ref().map(|(profile, _)| profile);
    let heap = [&collected.mem, &collected.peak].map(|made| made.as_ref().map(|(profile, _)| profile));
    for (output, profile) in [(&outputs.cpu, cpu), (&outputs.mem, heap[0]), (&outputs.peak, heap[1])] {
        if let (Some(output), Some(profile)) = (output, profile) {
            outputs::replace_by(&output.path, |out| prof_pprof::encode_to(profile, out))?;
        }
    }
    if let (Some(output), Some(told)) = (&outputs.report, told) {
        outputs::replace(&output.path, format!("{}\n", told.json).as_bytes())?;
    }
    Ok(())
}

/// Removes the records, and the run's directory if no profile is in it; otherwise it is the newest.
fn clean_up(run: &Path, directory: &Path) {
    for made_for_it in ["archive", "benchmem", "records", "runner"] {
        let _ = std::fs::remove_dir_all(run.join(made_for_it));
    }
    let is_empty = std::fs::remove_dir(run).is_ok();
    if !is_empty {
        let latest = directory.join("latest");
        let fresh = directory.join(format!("latest.{}", std::process::id()));
        let name = Path::new("runs").join(run.file_name().unwrap_or_default());
        if std::os::unix::fs::symlink(name, &fresh).is_ok() {
            let _ = std::fs::rename(&fresh, &latest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stamp;

    #[test]
    fn a_stamp_is_the_time() {
        assert_eq!(stamp(0), "19700101-000000");
        assert_eq!(stamp(951_782_400), "20000229-000000");
        assert_eq!(stamp(1_795_918_947), "20261129-022227");
    }
}
