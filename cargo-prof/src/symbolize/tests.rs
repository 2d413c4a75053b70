//! Truths about symbolizing, on a small program that is compiled here.

use std::process::Command;

use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};
use prof_pprof::{Location, Mapping};
use tempfile::TempDir;

use super::*;

/// Line numbers below are those of this text.
const SOURCE: &str = "\
use std::hint::black_box;

#[inline(always)]
fn inlined<T: Into<u64>>(x: T) -> u64 {
    let x: u64 = x.into();
    black_box(black_box(x) / black_box(3))
}

#[inline(never)]
fn generic<T: Into<u64> + Copy>(x: T) -> u64 {
    black_box(
        inlined(x) + 1,
    )
}

fn main() {
    println!(\"{}\", generic(black_box(7u32)));
}
";

/// Where the process has what the file says lies at 0.
const BIAS: u64 = 0x5555_0000_0000;

struct Program {
    directory: TempDir,
    path: PathBuf,
}

impl Program {
    fn compile(flags: &[&str]) -> Program {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("program.rs"), SOURCE).unwrap();
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let status = Command::new(rustc)
            .current_dir(directory.path())
            .args(["--edition=2021", "-O", "program.rs"])
            .args(flags)
            .status()
            .unwrap();
        assert!(status.success());
        let path = directory.path().join("program");
        Program { directory, path }
    }

    /// A profile with a location for each instruction byte of the function `generic`, which goes into its own mapping.
    fn profile(&self) -> Profile {
        let bytes = std::fs::read(&self.path).unwrap();
        let object = object::File::parse(&*bytes).unwrap();
        let function = object.symbols().find(|symbol| symbol.name().unwrap().contains("7generic")).unwrap();
        let mut profile = Profile::default();
        for segment in object.segments() {
            let (offset, size) = segment.file_range();
            let into_page = offset % 4096;
            profile.mappings.push(Mapping {
                start: BIAS + segment.address() - into_page,
                limit: BIAS + segment.address() + size,
                file_offset: offset - into_page,
                filename: self.path.to_str().unwrap().into(),
                build_id: object
                    .build_id()
                    .unwrap()
                    .unwrap_or_default()
                    .iter()
                    .map(|b| format!("{b:02x}"))
                    .collect::<String>()
                    .into(),
                ..Mapping::default()
            });
        }
        for address in (function.address()..function.address() + function.size()).map(|address| address + BIAS) {
            let mapping =
                profile.mappings.iter().rposition(|mapping| (mapping.start..mapping.limit).contains(&address));
            let mapping = mapping.map(MappingIndex::new);
            profile.locations.push(Location { mapping, address, ..Location::default() });
        }
        profile
    }
}

/// The stacks of all locations, innermost first, as `name file-name:line start-line`.
fn stacks(profile: &Profile) -> Vec<Vec<String>> {
    let line = |line: &Line| {
        let function = &profile[line.function];
        let file = function.file.rsplit('/').next().unwrap_or_default();
        format!("{} {file}:{} {}", function.name, line.line, function.start_line)
    };
    profile.locations.iter().map(|location| location.lines.iter().map(line).collect()).collect()
}

fn assert_full(profile: &Profile, outcome: &Outcome) {
    assert_eq!(outcome.symbolized, profile.locations.len());
    assert_eq!((&outcome.skipped[..], &outcome.without_debug_info[..]), (&[][..], &[][..]));
    assert_eq!(profile.check(), Ok(()));
    let stacks = stacks(profile);
    let expected = ["core::hint::black_box", "program::inlined program.rs:6 4", "program::generic program.rs:12 10"];
    let found =
        stacks.iter().any(|stack| stack.len() == 3 && stack[0].starts_with(expected[0]) && stack[1..] == expected[1..]);
    assert!(found, "{stacks:#?}");
    let outermost = |stack: &Vec<String>| stack.last().unwrap().starts_with("program::generic program.rs:");
    assert!(stacks.iter().all(outermost), "{stacks:#?}");
}

#[test]
fn inlined_frames_come_with_names_and_lines() {
    for flags in [
        &["-Cdebuginfo=1"][..],
        &["-Cdebuginfo=2"],
        &["-Cdebuginfo=1", "-Clto=fat", "-Ccodegen-units=1"],
        &["-Cdebuginfo=1", "-Csplit-debuginfo=packed"],
        &["-Cdebuginfo=1", "-Csplit-debuginfo=unpacked"],
        &["-Cdebuginfo=1", "-Clink-arg=-Wl,--compress-debug-sections=zlib"],
    ] {
        let program = Program::compile(flags);
        let mut profile = program.profile();
        let outcome = symbolize(&mut profile, &Sources::default());
        assert_full(&profile, &outcome);
        let function = &profile[profile.locations[0].lines.last().unwrap().function];
        assert!(function.system_name.contains("7generic"), "{function:?}");
        assert_eq!(Path::new(&*function.file), program.directory.path().canonicalize().unwrap().join("program.rs"));
        let mapping = &profile[profile.locations[0].mapping.unwrap()];
        assert!(
            mapping.has_functions && mapping.has_filenames && mapping.has_line_numbers && mapping.has_inline_frames
        );
    }
}

#[test]
fn line_tables_alone_give_lines_and_the_symbol_gives_the_path() {
    let program = Program::compile(&["-Cdebuginfo=line-tables-only"]);
    let mut profile = program.profile();
    symbolize(&mut profile, &Sources::default());
    let stacks = stacks(&profile);
    assert!(stacks.iter().any(|stack| stack.last().unwrap().starts_with("program::generic program.rs:12 1")));
    // Nothing in the file says which `inlined` it is, nor where it begins.
    assert!(stacks.iter().any(|stack| stack.contains(&"inlined<u32> program.rs:6 0".into())), "{stacks:#?}");
}

#[test]
fn without_debug_info_symbols_give_names_and_without_symbols_addresses_stay() {
    let program = Program::compile(&["-Cdebuginfo=0", "-Cstrip=debuginfo"]);
    let mut profile = program.profile();
    let outcome = symbolize(&mut profile, &Sources::default());
    assert_eq!(outcome.without_debug_info.len(), 1);
    assert!(stacks(&profile).iter().all(|stack| *stack == ["program::generic :0 0"]));
    let program = Program::compile(&["-Cdebuginfo=1"]);
    let mut profile = program.profile();
    assert!(Command::new("strip").arg(&program.path).status().unwrap().success());
    let outcome = symbolize(&mut profile, &Sources::default());
    assert_eq!(outcome.symbolized, 0);
    assert!(stacks(&profile).iter().all(Vec::is_empty));
}

#[test]
fn many_addresses_are_named_as_few_are() {
    let path = std::env::current_exe().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let object = object::File::parse(&*bytes).unwrap();
    let code = object.segments().filter(|segment| segment.file_range().1 > 0).map(|segment| segment.file_range());
    let (offset, size) = code.max_by_key(|(_, size)| *size).unwrap();
    // More than one thread is given, all over the code.
    let count = 2 * WORTH_A_THREAD as u64 + 100;
    let all: Vec<u64> = (0..count).map(|number| offset + size / count * number).collect();
    let named = |addresses: &[u64]| {
        let mapping = Mapping { limit: u64::MAX, filename: path.to_str().unwrap().into(), ..Mapping::default() };
        let location =
            |address: &u64| Location { mapping: Some(MappingIndex::new(0)), address: *address, ..Location::default() };
        let locations = addresses.iter().map(location).collect();
        let mut profile = Profile { mappings: vec![mapping], locations, ..Profile::default() };
        let outcome = symbolize(&mut profile, &Sources::default());
        let stacks = stacks(&profile);
        assert_eq!(outcome.symbolized, stacks.iter().filter(|stack| !stack.is_empty()).count());
        stacks
    };
    let at_once = named(&all);
    assert!(at_once.iter().filter(|stack| stack.len() > 1).count() > 100, "inlined functions are among them");
    assert!(at_once == all.chunks(WORTH_A_THREAD).flat_map(named).collect::<Vec<_>>());
}

#[test]
fn debug_info_beyond_the_end_of_the_file_counts_as_none() {
    let program = Program::compile(&["-Cdebuginfo=1"]);
    let mut profile = program.profile();
    let mut bytes = std::fs::read(&program.path).unwrap();
    let object = object::read::elf::ElfFile64::<object::Endianness>::parse(&*bytes).unwrap();
    let info = object.section_by_name(".debug_info").unwrap().index().0;
    // Where a section begins stands 24 bytes into its header, of which each has 64.
    let headers = u64::from_le_bytes(bytes[0x28..0x30].try_into().unwrap()) as usize;
    let begins = headers + 64 * info + 24;
    let beyond = bytes.len() as u64;
    bytes[begins..begins + 8].copy_from_slice(&beyond.to_le_bytes());
    std::fs::write(&program.path, bytes).unwrap();
    symbolize(&mut profile, &Sources::default());
    assert!(stacks(&profile).iter().all(|stack| *stack == ["program::generic :0 0"]), "{:#?}", stacks(&profile));
}

#[test]
fn another_build_is_refused_with_the_reason() {
    let program = Program::compile(&["-Cdebuginfo=1"]);
    let mut profile = program.profile();
    for mapping in &mut profile.mappings {
        mapping.build_id = "00ff".into();
    }
    let outcome = symbolize(&mut profile, &Sources::default());
    if !profile.mappings.is_empty() && outcome.skipped.is_empty() {
        // The linker here gives no build ids, so nothing can be compared.
        return;
    }
    assert_eq!(outcome.symbolized, 0);
    assert!(matches!(outcome.skipped[0].reason, SkipReason::AnotherBuild { .. }));
    std::fs::write(&program.path, "no object").unwrap();
    assert!(matches!(symbolize(&mut profile, &Sources::default()).skipped[0].reason, SkipReason::NotAnObject(_)));
    std::fs::remove_file(&program.path).unwrap();
    assert!(matches!(symbolize(&mut profile, &Sources::default()).skipped[0].reason, SkipReason::Unreadable(_)));
}

#[test]
fn the_standard_library_is_found_in_its_local_copy() {
    let program = Program::compile(&["-Cdebuginfo=1"]);
    let rust_src = program.directory.path().join("rust");
    std::fs::create_dir_all(rust_src.join("library/core/src")).unwrap();
    std::fs::write(rust_src.join("library/core/src/hint.rs"), "").unwrap();
    let mut profile = program.profile();
    symbolize(&mut profile, &Sources { rust_src: Some(rust_src.clone()) });
    let files: Vec<_> = profile.functions.iter().map(|function| Path::new(&*function.file)).collect();
    assert!(files.contains(&&*rust_src.join("library/core/src/hint.rs")), "{files:?}");
    // A file that is not there keeps the name that it had.
    assert!(files.iter().any(|file| file.starts_with("/rustc/")), "{files:?}");
}

#[test]
fn a_mapping_in_brackets_names_itself_and_known_lines_stay() {
    let mut profile = Profile::default();
    profile.mappings.push(Mapping { start: 1, limit: 9, filename: "[vdso]".into(), ..Mapping::default() });
    for address in [2, 3] {
        let mapping = Some(MappingIndex::new(0));
        profile.locations.push(Location { mapping, address, ..Location::default() });
    }
    profile.locations.push(Location { address: 4, ..Location::default() });
    let outcome = symbolize(&mut profile, &Sources::default());
    assert_eq!((outcome.locations, outcome.symbolized), (2, 2));
    assert_eq!(stacks(&profile), [vec!["[vdso] :0 0"], vec!["[vdso] :0 0"], vec![]]);
    assert_eq!(profile.functions.len(), 1);
    let again = symbolize(&mut profile, &Sources::default());
    assert_eq!(again, Outcome::default());
}
