//! `--benchmem`, after the run: the notes that the runner left (`bench/memory.rs`) and the records of the processes that it
//! had counted → the numbers of each benchmark. Which allocations are an iteration's is told by `bench/iteration.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use prof_pprof::{HeapProfile, HeapView, Origin, Profile};
use prof_record::{LabelKind, Record};

use super::{Targets, name, record_files};
use crate::Error;
use crate::bench::iteration::{Sum, Tally};
use crate::bench::memory::{Known, Memory, Note};
use crate::exact::benchmem::{Benchmem, Row};
use crate::symbolize::Sources;

/// Package, target and name of a benchmark.
type Id = (String, String, String);

/// Collects what was found out below `directory`.
///
/// # Errors
///
/// If a directory cannot be read.
pub fn collect(directory: &Path, targets: &Targets, sources: &Sources) -> Result<Benchmem, Error> {
    let mut profile = HeapProfile::new(1, HeapView::Allocations);
    let mut rows = BTreeMap::new();
    for note in Memory::read_all(directory) {
        let origin = targets.origin_at(&note.executable);
        let seen = add_records(&mut profile, &note, &origin, targets)?;
        rows.extend(of_note(note, &origin, &seen));
    }
    let (mut profile, _) = profile.finish(&[]);
    // What goes without a name is named in no stack that counts.
    let outcome = name(&mut profile, sources);
    let tallies = tallies(&profile, targets);
    let rows = rows.into_iter().map(|(id, of_harness)| row(id, of_harness, &tallies, targets)).collect();
    let doubts = outcome.skipped.into_iter();
    let doubts =
        doubts.map(|skipped| format!("the code of {} goes without names: it {}", skipped.path, skipped.reason));
    Ok(Benchmem { rows, doubts: doubts.collect() })
}

/// What harnesses said of a benchmark.
struct OfHarness {
    nanos: Known<f64>,
    iterations: Known<u64>,
}

/// What is to be known of a note's records beside their stacks.
#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    /// Of those of which something may be missing, why.
    incomplete: BTreeMap<String, String>,
}

/// Adds what the processes allocated that were counted for a note.
fn add_records(profile: &mut HeapProfile, note: &Note, origin: &Origin, targets: &Targets) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    for path in record_files(&note.records)? {
        let bytes = std::fs::read(&path).map_err(Error::file("read", &path))?;
        let Ok(record) = Record::parse(&bytes) else { continue };
        let names = || record.labels.iter().filter(|label| label.kind == LabelKind::Bench).map(|label| &label.name);
        seen.names.extend(names().cloned());
        if let Some(why) = incomplete(&record, targets) {
            seen.incomplete.extend(names().map(|name| (name.clone(), why.clone())));
        }
        profile.add(&record, origin);
    }
    Ok(seen)
}

/// Why not every allocation of a process may be in its record.
fn incomplete(record: &Record, targets: &Targets) -> Option<String> {
    if record.loss.heap_objects > 0 {
        return Some(format!("{} allocations were lost for want of room", record.loss.heap_objects));
    }
    if record.heap_period != 1 {
        return Some("not every allocation was recorded".into());
    }
    targets.unseen(record).into_iter().next()
}

fn of_note(note: Note, origin: &Origin, seen: &Seen) -> Vec<(Id, OfHarness)> {
    let id = |name: &str| (origin.package.clone(), origin.target.clone(), name.to_owned());
    let complete = |name: &str, iterations: Known<u64>| match seen.incomplete.get(name) {
        Some(why) => iterations.and(Err(why.clone())),
        // A process that ends before it is asked has no record.
        None if !seen.names.contains(name) => iterations.and(Err("no record of it was made".into())),
        None => iterations,
    };
    let mut rows = Vec::new();
    // Its own time is not known, as where it never iterates.
    for name in seen.names.iter().filter(|_| note.others.is_some()) {
        let iterations = complete(name, note.others.ok_or_else(String::new));
        rows.push((id(name), OfHarness { nanos: Err("libtest measured no time".into()), iterations }));
    }
    rows.extend(note.benchmarks.into_iter().map(|ran| {
        let iterations = complete(&ran.name, ran.iterations);
        (id(&ran.name), OfHarness { nanos: ran.nanos, iterations })
    }));
    rows
}

/// What each benchmark of the profile allocated in its iterations.
fn tallies(profile: &Profile, targets: &Targets) -> BTreeMap<Id, Tally> {
    let mut tallies: BTreeMap<Id, Tally> = BTreeMap::new();
    for sample in &profile.samples {
        let [Some(package), Some(target), Some(name)] = ["package", "target", "bench"].map(|key| sample.text(key))
        else {
            continue;
        };
        let harness = targets.bench_harness(package, target);
        let lines = sample.locations.iter().flat_map(|location| &profile[*location].lines);
        let stack: Vec<&str> = lines.map(|line| &*profile[line.function].name).collect();
        let value = |index: usize| sample.values.get(index).and_then(|value| u64::try_from(*value).ok()).unwrap_or(0);
        let sum = Sum { allocations: value(0), bytes: value(1) };
        let id = (package.to_string(), target.to_string(), name.to_string());
        tallies.entry(id).or_default().add(harness, &stack, sum);
    }
    tallies
}

fn row(id: Id, of_harness: OfHarness, tallies: &BTreeMap<Id, Tally>, targets: &Targets) -> Row {
    let tally = tallies.get(&id).copied().unwrap_or_default();
    let (package, target, name) = id;
    let sum = tally.of_iterations(targets.bench_harness(&package, &target));
    let memory = of_harness.iterations.and_then(|iterations| match sum {
        Ok(sum) => Ok((iterations, sum)),
        Err(why) => Err(why.text().to_owned()),
    });
    Row::new(package, target, name, of_harness.nanos, memory)
}
