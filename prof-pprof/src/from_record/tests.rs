//! Truths about records becoming profiles.

use std::path::PathBuf;

use prof_record::{CpuBucket, Engine, HeapBucket, Label as RecordLabel, Loss, Mapping as RecordMapping};

use super::*;

fn record() -> Record {
    Record {
        pid: 1,
        executable: PathBuf::from("/bin/program"),
        started: 1_000,
        duration: 500,
        engine: Engine::ThreadTimer,
        perf_error: 0,
        cpu_captures: 0,
        cpu_period: 100,
        heap_period: 512 << 10,
        sees_malloc: true,
        doors: vec![],
        heap_peak: None,
        loss: Loss::default(),
        mappings: vec![
            RecordMapping {
                start: 0x7000,
                end: 0x8000,
                file_offset: 0,
                path: PathBuf::from("/lib/libc.so"),
                build_id: vec![],
            },
            RecordMapping {
                start: 0x1000,
                end: 0x2000,
                file_offset: 0x200,
                path: PathBuf::from("/bin/program"),
                build_id: vec![0xab, 0x01],
            },
        ],
        labels: vec![
            RecordLabel { kind: LabelKind::Test, name: "tests::one".into(), heap_peak: 0 },
            RecordLabel { kind: LabelKind::Bench, name: "fast".into(), heap_peak: 0 },
        ],
        stacks: vec![],
        cpu: vec![],
        heap: vec![],
    }
}

fn stack(pcs: &[u64], leaf_is_interrupted: bool) -> Stack {
    Stack { pcs: pcs.to_vec(), leaf_is_interrupted, truncated: false, broken: false, unsampled: false }
}

fn origin() -> Origin {
    Origin { package: "pack".into(), target: "lib".into() }
}

fn addresses_of(profile: &Profile, sample: usize) -> Vec<u64> {
    profile.samples.at(sample).locations.iter().map(|location| profile[*location].address).collect()
}

fn names_of(profile: &Profile, sample: usize) -> Vec<&str> {
    let locations = profile.samples.at(sample).locations.iter();
    locations.flat_map(|location| &profile[*location].lines).map(|line| &*profile[line.function].name).collect()
}

#[test]
fn time_without_an_interruption_is_a_visible_frame() {
    let mut record = record();
    record.stacks = vec![Stack { unsampled: true, ..stack(&[], false) }];
    record.cpu = vec![CpuBucket { stack: 0, label: None, samples: 2, nanos: 200 }];
    let mut cpu = CpuProfile::new(100);
    cpu.add(&record, &origin());
    let (profile, totals) = cpu.finish(&[]);
    assert_eq!((totals.samples, totals.unsampled_samples), (2, 2));
    let names: Vec<_> = profile.functions.iter().map(|function| &*function.name).collect();
    assert_eq!(names, [UNSAMPLED_FRAME]);
}

#[test]
fn only_return_addresses_move_to_their_call() {
    let mut record = record();
    record.stacks = vec![stack(&[0x1010, 0x1020, 0x7001], true), stack(&[0x1010, 0x1020], false)];
    record.cpu = vec![
        CpuBucket { stack: 0, label: None, samples: 1, nanos: 100 },
        CpuBucket { stack: 1, label: None, samples: 1, nanos: 100 },
    ];
    let mut profile = CpuProfile::new(100);
    profile.add(&record, &origin());
    let (profile, _) = profile.finish(&[]);
    assert_eq!(profile.check(), Ok(()));
    assert_eq!(addresses_of(&profile, 0), [0x1010, 0x101f, 0x7000]);
    assert_eq!(addresses_of(&profile, 1), [0x100f, 0x101f]);
}

#[test]
fn the_program_comes_first_and_processes_of_it_share_its_mapping() {
    let mut first = record();
    first.stacks = vec![stack(&[0x7010, 0x1010], true)];
    first.cpu = vec![CpuBucket { stack: 0, label: Some(0), samples: 2, nanos: 200 }];
    let mut second = first.clone();
    second.started = 400;
    second.duration = 2_000;
    // The same files at other places, and the program under another name: its build id tells that it is the same.
    second.mappings[0].start += 0x10_0000;
    second.mappings[0].end += 0x10_0000;
    second.mappings[1].start += 0x20_0000;
    second.mappings[1].end += 0x20_0000;
    second.mappings[1].path = PathBuf::from("/bin/copy");
    second.stacks = vec![stack(&[0x10_7010, 0x20_1010], true)];
    let mut profile = CpuProfile::new(100);
    profile.add(&first, &origin());
    profile.add(&second, &origin());
    let (profile, totals) = profile.finish(&["hello".into()]);
    let mappings: Vec<_> = profile.mappings.iter().map(|m| (&*m.filename, &*m.build_id, m.start)).collect();
    assert_eq!(mappings, [("/bin/program", "ab01", 0x1000), ("/lib/libc.so", "", 0x7000)]);
    assert_eq!(profile.samples.len(), 1);
    assert_eq!(profile.samples.at(0).values, [4, 400]);
    assert_eq!((profile.time_nanos, profile.duration_nanos), (400, 2_000));
    assert_eq!(&*profile.default_sample_type, "cpu");
    assert_eq!(profile.comments, ["hello".into()]);
    assert_eq!(totals, CpuTotals { processes: 2, samples: 4, nanos: 400, ..CpuTotals::default() });
}

#[test]
fn an_address_that_no_mapping_holds_stays_as_it_is() {
    let mut record = record();
    record.stacks = vec![stack(&[0x500, 0x2001, 0x9_0000], true)];
    record.cpu = vec![CpuBucket { stack: 0, label: None, samples: 1, nanos: 1 }];
    let mut profile = CpuProfile::new(100);
    profile.add(&record, &origin());
    let (profile, _) = profile.finish(&[]);
    assert_eq!(addresses_of(&profile, 0), [0x500, 0x2000, 0x8_ffff]);
    assert!(profile.locations.iter().all(|location| location.mapping.is_none()));
    assert_eq!(&*profile.mappings[0].filename, "/bin/program");
}

#[test]
fn samples_say_whose_they_are() {
    let mut record = record();
    record.stacks = vec![stack(&[0x1010], true)];
    record.cpu = [None, Some(0), Some(1)].map(|label| CpuBucket { stack: 0, label, samples: 1, nanos: 1 }).to_vec();
    let mut profile = CpuProfile::new(100);
    profile.add(&record, &origin());
    let (profile, _) = profile.finish(&[]);
    let own = [Label::text("package", "pack"), Label::text("target", "lib")];
    assert_eq!(profile.samples.at(0).labels, own);
    assert_eq!(profile.samples.at(1).labels, [&own[..], &[Label::text("test", "tests::one")]].concat());
    assert_eq!(profile.samples.at(2).labels, [&own[..], &[Label::text("bench", "fast")]].concat());
}

#[test]
fn what_is_missing_is_a_frame() {
    let mut record = record();
    let broken = Stack { broken: true, ..stack(&[0x1010], true) };
    record.stacks = vec![Stack { truncated: true, ..stack(&[0x1010], true) }, broken];
    record.cpu = vec![
        CpuBucket { stack: 0, label: None, samples: 3, nanos: 300 },
        CpuBucket { stack: 1, label: None, samples: 4, nanos: 400 },
    ];
    record.heap = vec![HeapBucket { size: 16, allocations: 5, frees: 0, ..HeapBucket::default() }];
    record.loss = Loss { cpu_samples: 2, cpu_nanos: 200, heap_objects: 4, heap_bytes: 4096, torn_entries: 1 };
    let mut cpu = CpuProfile::new(100);
    cpu.add(&record, &origin());
    let (cpu, totals) = cpu.finish(&[]);
    assert_eq!(names_of(&cpu, 0), ["[truncated]"]);
    assert_eq!(names_of(&cpu, 1), ["[broken]"]);
    assert_eq!(names_of(&cpu, 2), ["[lost]"]);
    assert_eq!(cpu.samples.at(2).values, [2, 200]);
    assert_eq!(cpu.samples.at(2).labels.len(), 2);
    let expected = CpuTotals {
        processes: 1,
        samples: 9,
        nanos: 900,
        truncated_samples: 3,
        broken_samples: 4,
        lost_samples: 2,
        torn_entries: 1,
        ..CpuTotals::default()
    };
    assert_eq!(totals, expected);
    let mut heap = HeapProfile::new(512 << 10, HeapView::Allocations);
    heap.add(&record, &origin());
    let (heap, totals) = heap.finish(&[]);
    assert_eq!(names_of(&heap, 1), ["[lost]"]);
    assert_eq!(heap.samples.at(1).values, [2050, 2_099_200, 0, 0]);
    assert_eq!((totals.samples, totals.truncated_samples, totals.lost_samples), (9, 5, 4));
}

#[test]
fn allocations_are_estimated_from_the_sum_over_processes() {
    let mut record = record();
    record.stacks = vec![stack(&[0x1010, 0x1020], false)];
    record.heap = vec![
        HeapBucket { size: 1024, allocations: 2, frees: 1, ..HeapBucket::default() },
        HeapBucket { size: 512 << 10, allocations: 1, frees: 1, ..HeapBucket::default() },
    ];
    let mut second = record.clone();
    second.heap.truncate(1);
    second.heap[0].frees = 0;
    let mut profile = HeapProfile::new(512 << 10, HeapView::Allocations);
    profile.add(&record, &origin());
    profile.add(&second, &origin());
    let (profile, totals) = profile.finish(&[]);
    assert_eq!(profile.samples.at(0).values, [2050, 2_099_200, 1537, 1_574_400]);
    assert_eq!(profile.samples.at(1).values, [1, 829_411, 0, 0]);
    assert_eq!(profile.samples.at(0).labels[2], Label::number("bytes", 1024, "bytes"));
    assert_eq!(&*profile.default_sample_type, "alloc_space");
    assert_eq!(profile.period_type, Some(ValueType::new("space", "bytes")));
    let expected = HeapTotals {
        processes: 2,
        alloc_objects: 2051,
        alloc_space: 2_928_611,
        inuse_objects: 1537,
        inuse_space: 1_574_400,
        samples: 5,
        ..HeapTotals::default()
    };
    assert_eq!(totals, expected);
}

#[test]
fn peaks_add_up_over_processes_and_only_tests_have_their_own() {
    let mut record = record();
    record.stacks = vec![stack(&[0x1010], false)];
    let bucket = |label, at_peak, at_label_peak| HeapBucket {
        label,
        size: 24,
        allocations: 9,
        at_peak,
        at_label_peak,
        ..HeapBucket::default()
    };
    record.heap = vec![bucket(None, 1, 0), bucket(Some(0), 3, 5), bucket(Some(1), 0, 0)];
    let mut profile = HeapProfile::new(1, HeapView::Peaks);
    profile.add(&record, &origin());
    profile.add(&record, &origin());
    let (profile, totals) = profile.finish(&[]);
    assert_eq!(profile.check(), Ok(()));
    let kinds: Vec<_> = profile.sample_types.iter().map(|kind| (&*kind.kind, &*kind.unit)).collect();
    let expected = [
        ("peak_objects", "count"),
        ("peak_space", "bytes"),
        ("test_peak_objects", "count"),
        ("test_peak_space", "bytes"),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(&*profile.default_sample_type, "peak_space");
    let values: Vec<_> = profile.samples.iter().map(|sample| sample.values).collect();
    assert_eq!(values, [&[2, 48, 0, 0][..], &[6, 144, 10, 240]]);
    assert_eq!((totals.processes, totals.peak_objects, totals.peak_space, totals.samples), (2, 8, 192, 8));

    record.labels.clear();
    record.heap.truncate(1);
    let mut program = HeapProfile::new(512 << 10, HeapView::Peaks);
    program.add(&record, &origin());
    let (program, totals) = program.finish(&[]);
    assert_eq!(program.sample_types.len(), 2);
    assert_eq!(program.samples.at(0).values, [21_845, 524_300]);
    assert_eq!((totals.peak_objects, totals.peak_space), (21_845, 524_300));
}

#[test]
fn what_is_left_is_what_was_in_use_when_its_test_ended() {
    let mut record = record();
    record.stacks = vec![stack(&[0x1010], false)];
    let bucket = HeapBucket { label: Some(0), size: 8, ..HeapBucket::default() };
    record.heap = vec![
        HeapBucket { allocations: 7, frees: 4, late_frees: 2, ..bucket.clone() },
        HeapBucket { allocations: 3, frees: 3, late_frees: 0, size: 16, ..bucket },
    ];
    record.loss.heap_objects = 1;
    let mut profile = HeapProfile::new(1, HeapView::Left);
    profile.add(&record, &origin());
    let (profile, totals) = profile.finish(&[]);
    assert_eq!(profile.samples.len(), 1);
    assert_eq!(profile.samples.at(0).values, [5, 40, 2, 16]);
    assert_eq!((totals.samples, totals.lost_samples), (5, 1));
}
