//! What is in small files of each kind, and what becomes of them when they are cut or changed.

mod examples;

use examples::*;

use super::*;
use crate::{Label, Location, ValueType};

/// What is asked of each sample: its addresses, values, and size of a block.
type Row = (Vec<u64>, Vec<i64>, Option<i64>);

fn rows(profile: &Profile) -> Vec<Row> {
    let address = |location: &crate::LocationIndex| profile[*location].address;
    let number = |label: &Label| match label.value {
        crate::LabelValue::Number { number, .. } => Some(number),
        crate::LabelValue::Text(_) => None,
    };
    let row = |sample: crate::Sample<'_>| {
        let block = sample.labels.iter().find_map(number);
        (sample.locations.iter().map(address).collect(), sample.values.to_vec(), block)
    };
    profile.samples.iter().map(row).collect()
}

fn mappings(profile: &Profile) -> Vec<(u64, u64, u64, &str, &str)> {
    let mappings = profile.mappings.iter();
    mappings.map(|at| (at.start, at.limit, at.file_offset, &*at.filename, &*at.build_id)).collect()
}

fn kinds(profile: &Profile) -> Vec<String> {
    let all = profile.sample_types.iter().chain(&profile.period_type);
    all.map(|ValueType { kind, unit }| format!("{kind}/{unit}")).collect()
}

fn text(text: &str) -> Profile {
    decode_legacy(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn cpu_profiles_have_words_of_any_kind() {
    for (size, big_endian) in [(4, false), (4, true), (8, false), (8, true)] {
        let profile = decode_legacy(&cpu(size, big_endian)).unwrap();
        assert_eq!(kinds(&profile), ["samples/count", "cpu/nanoseconds", "cpu/nanoseconds"]);
        assert_eq!(profile.period, 10_000_000);
        let expected = [
            (vec![0x40_0010, 0x40_0020, 0x7f_0010], vec![2, 20_000_000], None),
            (vec![0x40_0010, 0x90_0000], vec![1, 10_000_000], None),
        ];
        assert_eq!(rows(&profile), expected);
        let expected = [
            (0x40_0000, 0x50_0000, 0, "/usr/bin/program", ""),
            (0x7f00, 0x8000, 0xf00, "/lib/libc.so.6", "ab12"),
            (0x7f_0000, 0x7f_2000, 0x1000, "/lib/libm-2.so", ""),
            // For what lies in none of them.
            (0, u64::MAX, 0, "", ""),
        ];
        assert_eq!(mappings(&profile), expected);
        let of_location = profile.locations.iter().map(|location| location.mapping.unwrap().position());
        assert_eq!(of_location.collect::<Vec<_>>(), [0, 0, 2, 3]);
        assert!(profile.drop_frames.starts_with("ProfileData::"));
        assert_eq!(&*profile.keep_frames, "");
    }
}

#[test]
fn frames_of_the_signal_handler_are_removed_if_all_stacks_have_them() {
    let stack = |leaf| [1, 4, leaf, 0x51, 0x61, leaf];
    let mut all = vec![0, 3, 0, 1, 0];
    all.extend((0x100..0x140).flat_map(stack));
    // One in 32 may differ.
    all.extend([1, 2, 0x200, 0x200]);
    let profile = decode_legacy(&words(8, false, &all)).unwrap();
    let rows = rows(&profile);
    assert_eq!(rows[0].0, [0x100], "and what then repeats the leaf");
    assert_eq!(rows[64].0, [0x200]);
}

#[test]
fn a_stack_deeper_than_the_file_is_refused() {
    let deep = words(8, false, &[0, 3, 0, 1, 0, 1, u64::MAX >> 1, 5]);
    assert_eq!(decode_legacy(&deep), Err(Error::Unrecognized));
    assert_eq!(decode_legacy(&words(4, true, &[0, 3, 0, 1])), Err(Error::Unrecognized));
    let nothing = decode_legacy(&words(4, true, &[0, 3, 0, 1, 0])).unwrap();
    assert!(nothing.samples.is_empty());
}

#[test]
fn heaps_are_unsampled_if_they_were_sampled() {
    let profile = text(HEAP);
    assert_eq!(
        kinds(&profile),
        ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes", "space/bytes"]
    );
    let expected = [
        (vec![0x40_0010, 0x40_0020], vec![2050, 2_099_200, 512, 524_800], Some(1024)),
        (vec![0x40_0030], vec![2562, 2_624_000, 0, 0], Some(1024)),
    ];
    assert_eq!(rows(&profile), expected);
    assert_eq!(mappings(&profile), [(0x40_0000, 0x50_0000, 0, "/bin/program", "")]);
    assert!(profile.drop_frames.contains("|tc_") && profile.keep_frames.contains("panic"));

    let go =
        text("heap profile: 1: 64 [1: 64] @ heap/1048576\n1: 64 [1: 64] @ 0x11\n\n# runtime.MemStats\n# Alloc = 5\n");
    assert_eq!(
        (kinds(&go), go.period),
        (vec!["objects/count".into(), "space/bytes".into(), "space/bytes".into()], 524_288)
    );
    assert_eq!(rows(&go), [(vec![0x10], vec![8192, 524_320], Some(64))]);

    let old = text("heap profile: 1: 64 [1: 64] @ heapprofile\n-1: -64 [1: 64] @ 0x11\n");
    assert_eq!((rows(&old), old.period), (vec![(vec![0x10], vec![-1, -64], Some(64))], 1));
    assert_eq!(rows(&text(GROWTH)), [(vec![0x10], vec![1, 64], Some(64))]);
    let fragmentation = text("heap profile: 1: 64 [1: 64] @ fragmentationz\n");
    assert_eq!((fragmentation.period, fragmentation.samples.len()), (1, 0));
}

#[test]
fn heaps_say_which_line_is_damaged() {
    let after_header = |line: &str| {
        let text = format!("heap profile: 1: 2 [1: 2] @ heap_v2/1\n{line}\n");
        decode_legacy(text.as_bytes()).unwrap_err().to_string()
    };
    assert_eq!(
        after_header("  1: 2 @ 0x1"),
        "damaged heap profile: no `count: bytes [count: bytes] @ addresses` in \"1: 2 @ 0x1\""
    );
    assert!(after_header("0: 2 [0: 2] @ 0x1").contains("bytes in no object"));
    assert!(after_header("99999999999999999999: 2 [0: 2] @ 0x1").contains("more than 64 bits"));
    assert!(after_header("1: 2 [0: 2] @ 0x11112222333344445").contains("an address of more than 64 bits"));
    let unknown = b"heap profile: 1: 2 [1: 2] @ heap_v3/1\n";
    assert_eq!(decode_legacy(unknown), Err(Error::Unrecognized));
}

#[test]
fn counts_have_the_name_of_their_kind() {
    let profile = text(COUNT);
    assert_eq!(kinds(&profile), ["goroutine/count", "goroutine/count"]);
    assert_eq!(rows(&profile), [(vec![0x10, 0x20], vec![2], None), (vec![0x30], vec![1], None)]);
    assert_eq!(mappings(&profile), [(0, u64::MAX, 0, "", "")]);
    let octal = text("a/b profile: total 1\n010 @ 0x11\n---\nnot read\n");
    assert_eq!((kinds(&octal)[0].as_str(), octal.samples.at(0).values[0]), ("a/b/count", 8));
    let damaged = decode_legacy(b"x profile: total 1\n1 @ 11\n").unwrap_err().to_string();
    assert_eq!(damaged, "damaged x profile: no `count @ addresses` in \"1 @ 11\"");
}

#[test]
fn equal_threads_are_counted() {
    let profile = text(THREADS);
    let expected = [(vec![0x10, 0x20, 0x30, 0x40], vec![2], None), (vec![0x10], vec![1], None)];
    assert_eq!((kinds(&profile), rows(&profile)), (vec!["thread/count".into(); 2], expected.into()));
    assert_eq!(mappings(&profile), [(0, 0x100, 0, "/bin/program", "")]);
    let none = text("--- threadz 1 ---\n---- no stack trace for thread 1\n");
    assert!(none.samples.is_empty());
    assert_eq!(decode_legacy(b"--- threadz 1 ---\n"), Err(Error::Unrecognized));
}

#[test]
fn contentions_are_unsampled() {
    let profile = text(CONTENTION);
    assert_eq!(kinds(&profile), ["contentions/count", "delay/nanoseconds", "contentions/count"]);
    assert_eq!(rows(&profile), [(vec![0x10, 0x20], vec![200, 1500], None)]);
    assert_eq!((profile.period, profile.duration_nanos), (100, 5_000_000));
    assert!(profile.drop_frames.contains("Mutex"));
    assert_eq!(rows(&text(MUTEX)), [(vec![0x10], vec![2, 500], None)]);
    assert_eq!(rows(&text("--- contention:\n5 1 @ 0x11\n")), [(vec![0x10], vec![1, 5], None)]);
    assert_eq!(decode_legacy(b"--- mutex:\nperiod = 1\n"), Err(Error::Unrecognized));
}

#[test]
fn java_has_names_and_no_addresses() {
    let names = |profile: &Profile| {
        let name = |location: &Location| match location.lines[..] {
            [] => "?".to_owned(),
            [ref line, ..] => format!("{} {}:{}", profile[line.function].name, profile[line.function].file, line.line),
        };
        assert!(profile.locations.iter().all(|location| location.address == 0));
        profile.locations.iter().map(name).collect::<Vec<_>>()
    };
    let heap = text(JAVA_HEAP);
    assert_eq!(kinds(&heap), ["inuse_objects/count", "inuse_space/bytes", "/"]);
    let expected = [(vec![0, 0], vec![3, 1_658_822], Some(524_288)), (vec![0], vec![8192, 524_320], Some(64))];
    assert_eq!(rows(&heap), expected);
    assert_eq!(names(&heap), ["com.example.Main.run Main.java:12", "memcpy libc.so:0", "GC :0"]);
    assert!(heap.mappings.is_empty());

    let contention = text(JAVA_CONTENTION);
    assert_eq!(kinds(&contention), ["contentions/count", "delay/microseconds", "contentions/count"]);
    assert_eq!(rows(&contention), [(vec![0, 0], vec![100, 1400], None)]);
    assert_eq!(names(&contention), ["STUB :0", "?"]);
    assert_eq!(mappings(&contention), [(0, u64::MAX, 0, "", "")], "for the address without a name");

    let cpu = decode_legacy(&java_cpu()).unwrap();
    assert_eq!(names(&cpu), ["com.example.Main.run Main.java:12", "memcpy libc.so:0", "?"]);
    assert_eq!(cpu.samples.len(), 2);
    assert_eq!(cpu.functions.len(), 2, "those of other addresses are not there");
}

#[test]
fn java_pages_say_what_is_missing() {
    let error = |text: &str| decode_legacy(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("--- heapz 1 ---\nformat = java\n"), "damaged Java profile: no `resolution` in its header");
    assert!(error("--- heapz 1 ---\nresolution = bytes\n 5 0 @ 0x1\n").contains("bytes in no object"));
    let other = b"--- heapz 1 ---\nformat = text\n";
    assert_eq!(decode_legacy(other), Err(Error::Unrecognized));
}

#[test]
fn no_cut_and_no_changed_byte_panics() {
    let check = |bytes: &[u8]| {
        if let Ok(profile) = decode_legacy(bytes) {
            assert_eq!(profile.check(), Ok(()));
        }
    };
    for example in examples() {
        assert!(decode_legacy(&example).is_ok());
        for end in 0..example.len() {
            check(&example[..end]);
        }
        let mut changed = example.clone();
        for position in 0..example.len() {
            for byte in [0, b'\n', b' ', b'-', b'0', b'9', b'f', b'$', b'=', 0x80, 0xff, example[position] ^ 1] {
                changed[position] = byte;
                check(&changed);
            }
            changed[position] = example[position];
        }
    }
}
