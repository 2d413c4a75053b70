//! How long it takes to name 50 000 addresses of a large program with full debug info, inlined functions too: the tool itself
//! as it is built for tests.

use std::path::PathBuf;
use std::time::Instant;

use cargo_prof::symbolize::{Sources, symbolize};
use prof_pprof::{Location, Mapping, MappingIndex, Profile};
use prof_tests::figures::Sorted;
use prof_tests::workspace_root;

const ADDRESSES: usize = 50_000;
/// Offsets in the file to choose from.
const MANY: u64 = 400_000;

/// Prints how long it takes.
pub fn print(rounds: usize) {
    let Some(path) = program() else {
        println!("`cargo build -p cargo-prof` makes the program whose addresses are named\n");
        return;
    };
    let size = std::fs::metadata(&path).map_or(0, |file| file.len());
    let of = |offsets: &[u64]| {
        let mapping = Mapping { limit: size, filename: path.to_string_lossy().into(), ..Mapping::default() };
        let location =
            |offset: &u64| Location { mapping: Some(MappingIndex::new(0)), address: *offset, ..Location::default() };
        Profile { mappings: vec![mapping], locations: offsets.iter().map(location).collect(), ..Profile::default() }
    };
    // Code is a part of the file: of many offsets those are taken that lie in functions.
    let tried: Vec<u64> = (0..MANY).map(|number| size / MANY * number).collect();
    let mut profile = of(&tried);
    symbolize(&mut profile, &Sources::default());
    let in_functions = profile.locations.iter().filter(|location| !location.lines.is_empty());
    let offsets: Vec<u64> = in_functions.map(|location| location.address).take(ADDRESSES).collect();
    let times: Vec<f64> = (0..rounds)
        .map(|_| {
            let mut profile = of(&offsets);
            let start = Instant::now();
            symbolize(&mut profile, &Sources::default());
            start.elapsed().as_secs_f64()
        })
        .collect();
    println!("{} addresses are named in {} s\n", offsets.len(), Sorted::of(times).median_and_range(2));
}

fn program() -> Option<PathBuf> {
    Some(workspace_root().join("target/debug/cargo-prof")).filter(|path| path.is_file())
}
