//! Which target of the project a record is of, by the notes on the executables that were made (`inject/made.rs`).

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, TargetKind};
use prof_pprof::Origin;
use prof_record::{Door, Record};

use crate::bench::BenchHarness;
use crate::inject::made::{Made, hexadecimal};

/// The project's executables, to find the one that a record is of.
pub struct Targets {
    known: Vec<Target>,
    by_build_id: HashMap<String, usize>,
    by_path: HashMap<PathBuf, usize>,
}

/// A target of the project.
struct Target {
    origin: Origin,
    allocators: BTreeSet<String>,
    bench_harness: Option<BenchHarness>,
}

impl Targets {
    /// Names the executables that were made by what cargo says of the project.
    pub fn new(made: &[Made], metadata: &Metadata) -> Targets {
        let mut targets = Targets { known: Vec::new(), by_build_id: HashMap::new(), by_path: HashMap::new() };
        for (index, made) in made.iter().enumerate() {
            let origin = Origin { package: made.package.clone(), target: target_name(made, metadata) };
            let (allocators, bench_harness) = (made.allocators.clone(), made.bench_harness);
            targets.known.push(Target { origin, allocators, bench_harness });
            if let Some(build_id) = &made.build_id {
                targets.by_build_id.insert(build_id.clone(), index);
            }
            targets.by_path.insert(made.executable.clone(), index);
        }
        targets
    }

    fn find(&self, record: &Record) -> Option<&Target> {
        let program = record.mappings.iter().find(|mapping| mapping.path == record.executable);
        let by_build_id = program.and_then(|mapping| self.by_build_id.get(&hexadecimal(&mapping.build_id)));
        let index = by_build_id.or_else(|| self.by_path.get(&record.executable))?;
        self.known.get(*index)
    }

    /// The target that the record is of.
    pub fn origin(&self, record: &Record) -> Origin {
        self.find(record).map_or_else(|| unknown(&record.executable), |target| target.origin.clone())
    }

    /// The target that was made as this executable.
    pub fn origin_at(&self, executable: &Path) -> Origin {
        let target = self.by_path.get(executable).and_then(|index| self.known.get(*index));
        target.map_or_else(|| unknown(executable), |target| target.origin.clone())
    }

    /// The benchmark harness in the target of that package and name.
    pub fn bench_harness(&self, package: &str, target: &str) -> Option<BenchHarness> {
        let is_it = |known: &&Target| known.origin.package == package && known.origin.target == target;
        self.known.iter().filter(is_it).find_map(|known| known.bench_harness)
    }

    /// What the memory profile does not see of a process.
    pub fn unseen(&self, record: &Record) -> Vec<String> {
        let Origin { package, target } = self.origin(record);
        // The program says itself what is to be seen.
        if record.doors.contains(&Door::Wrapper) {
            return Vec::new();
        }
        if !record.doors.contains(&Door::Malloc) {
            return vec![format!("{package} {target} brings a malloc of its own: its allocations are not seen")];
        }
        let is_seen = |allocator: &&String| record.doors.iter().any(|door| door.name() == *allocator);
        let allocators = self.find(record).map(|target| &target.allocators).into_iter().flatten();
        let mut unseen: Vec<String> = allocators
            .filter(|allocator| !is_seen(allocator))
            .map(|allocator| {
                format!(
                    "{package} {target} brings {allocator}, and its linker cannot show us what it gives: those allocations are \
                     not seen"
                )
            })
            .collect();
        if !record.sees_malloc {
            unseen.push(format!(
                "{package} {target} brings a malloc of its own: what shared libraries allocate from it is not seen"
            ));
        }
        unseen
    }
}

/// What is known of an executable that is none of the project's.
fn unknown(executable: &Path) -> Origin {
    let name = executable.file_name().unwrap_or_default().to_string_lossy();
    Origin { package: "unknown".into(), target: name.into_owned() }
}

/// A target's name with its kind before it, as `lib/serde` or `bench/parse`: a library and a binary may share the name.
pub fn target_name(made: &Made, metadata: &Metadata) -> String {
    let packages = metadata.packages.iter().filter(|package| *package.name == made.package);
    let targets = packages.flat_map(|package| &package.targets).filter(|target| {
        target.src_path.as_std_path() == made.source && target.kind.first() != Some(&TargetKind::CustomBuild)
    });
    let fits = |name: &str| match &made.name {
        Some(binary) => name == binary,
        None => name.replace('-', "_") == made.crate_name,
    };
    match targets.filter(|target| fits(&target.name)).min_by_key(|target| made.name.is_some() && !target.is_bin()) {
        Some(target) => {
            let kind = match target.kind.first() {
                Some(TargetKind::Bin) => "bin",
                Some(TargetKind::Example) => "example",
                Some(TargetKind::Test) => "test",
                Some(TargetKind::Bench) => "bench",
                _ => "lib",
            };
            format!("{kind}/{}", target.name)
        }
        None => made.name.clone().unwrap_or_else(|| made.crate_name.clone()),
    }
}
