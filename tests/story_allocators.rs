//! Story: programs that bring an allocator of their own, and a C library. The program does not notice the sampler, the
//! CPU profile is right, and every allocation is counted once, whichever allocator it comes from.

use prof_tests::{Evidence, Outcome, Project, workspace_root};

fn assert_burned(cpu: &Evidence, function: &str, seconds: f64) {
    let seen = cpu.all().through(function).seconds();
    assert!(seen > 0.5 * seconds, "{seen} s seen of {seconds} s in {function}");
}

/// The tests of `workload`, with what each of them allocates: objects and bytes.
const WORKLOAD: [(&str, (i64, i64)); 7] = [
    ("boxes", (25, 25_000)),
    ("capacities", (2, 3040)),
    ("grows", (4, 232)),
    ("shrinks", (2, 100_010)),
    ("zeroed", (1, 5000)),
    ("aligned", (5, 3 * 256 + 512 + 2048)),
    ("crosses", (10, 7000)),
];

/// The profile of `workload` in the tests of this library says what was allocated, by these doors.
#[track_caller]
fn assert_exact(project: &Project, ours: &Outcome, krate: &str, doors: &str) {
    assert_eq!(ours.code(), 0, "{ours:?}");
    let heap = project.heap_profile();
    assert!(heap.comments().contains(&format!(": engine {doors},")), "{}", heap.comments());
    let target = format!("lib/{krate}");
    for (work, allocated) in WORKLOAD {
        let test = heap.of_test(&target, &format!("tests::{work}"));
        // A thread is made of allocations too.
        let function = if work == "crosses" { "workload::made_here" } else { &format!("workload::{work}") };
        assert_eq!(test.clone().through(function).allocated(), allocated, "{krate} {work}: {:?}", test.functions());
        assert_eq!(test.clone().through(function).in_use(), (0, 0), "{krate} {work}: {:?}", test.functions());
        if work != "crosses" {
            assert_eq!(test.allocated(), allocated, "{krate} {work}: {:?}", test.functions());
        }
        assert!(test.without_root().is_empty(), "{krate} {work}");
    }
    let hoarded = heap.of_test(&target, "tests::hoards");
    assert_eq!((hoarded.allocated(), hoarded.in_use()), ((10, 10_000), (10, 10_000)));
    assert!(heap.all().through("prof_harness").is_empty());
}

#[test]
fn jemalloc_is_seen() {
    // Building jemalloc takes a minute, so plain cargo does not do it as well: its results are known.
    let project = Project::of("allocators");
    let ours = project.profiled(&["test", "-p", "jemalloc", "--lib"]);
    assert_exact(&project, &ours, "jemalloc", "malloc+jemalloc");
    assert!(!ours.stderr.contains("not seen"), "{}", ours.stderr);
    assert_burned(&project.cpu_profile(), "workload::burn", 0.3);
    assert_eq!(ours.test_lines().len(), 10);

    let ours = project.profiled(&["run", "-p", "jemalloc"]).succeeded();
    assert_eq!(ours.stdout, "churned 1998000\n");
    assert_burned(&project.cpu_profile(), "workload::burn", 0.4);
    // The harness finds the allocator behind the door also where the program is optimized as a whole.
    let ours = project.profiled(&["test", "-p", "jemalloc", "--lib", "--release"]);
    assert_exact(&project, &ours, "jemalloc", "malloc+jemalloc");
}

#[test]
fn mimalloc_is_seen() {
    let project = Project::of("allocators");
    let twice = project.twice(&["test", "-p", "mimalloc-user", "--lib"]);
    assert_exact(&project, &twice.ours, "mimalloc_user", "malloc+mimalloc");
    assert_burned(&twice.cpu, "workload::burn", 0.3);

    let twice = project.twice(&["run", "-p", "mimalloc-user"]);
    assert_eq!(twice.ours.stdout, "churned 1998000\n");
    assert_burned(&twice.cpu, "workload::burn", 0.4);
    let hoarded = twice.heap.of_target("bin/mimalloc-user").through("workload::hoard");
    assert_eq!((hoarded.allocated(), hoarded.in_use()), ((10, 10_000), (10, 10_000)));

    // Fat and thin LTO.
    for flags in [["--profile", "release"], ["--profile", "thin"]] {
        let ours = project.profiled(&["test", "-p", "mimalloc-user", "--lib", flags[0], flags[1]]);
        assert_exact(&project, &ours, "mimalloc_user", "malloc+mimalloc");
    }
}

#[test]
fn snmalloc_is_seen() {
    let project = Project::of("allocators");
    let twice = project.twice(&["test", "-p", "snmalloc-user", "--lib"]);
    assert_exact(&project, &twice.ours, "snmalloc_user", "malloc+snmalloc");
    let ours = project.profiled(&["test", "-p", "snmalloc-user", "--lib", "--release"]);
    assert_exact(&project, &ours, "snmalloc_user", "malloc+snmalloc");
}

#[test]
fn an_allocator_that_also_defines_malloc_is_seen() {
    let project = Project::of("allocators");
    let twice = project.twice(&["test", "-p", "mimalloc-override", "--lib"]);
    assert_exact(&project, &twice.ours, "mimalloc_override", "malloc+mimalloc");
    let as_in_c = twice.heap.of_test("lib/mimalloc_override", "allocates_as_in_c");
    assert_eq!((as_in_c.allocated(), as_in_c.in_use()), ((5, 4700), (0, 0)), "{:?}", as_in_c.functions());
    assert!(twice.ours.stderr.contains("what shared libraries allocate from it is not seen"), "{}", twice.ours.stderr);
}

#[test]
fn other_linkers_open_the_doors_too() {
    let project = Project::of("allocators");
    // GNU's takes objects out of archives by other rules than LLVM's.
    let ours =
        project.profiled_with(&["test", "-p", "mimalloc-user", "--lib"], &["--memprofilerate", "1"], |command| {
            command.env("RUSTFLAGS", "-Clinker-features=-lld -Clink-arg=-fuse-ld=bfd");
        });
    assert_exact(&project, &ours, "mimalloc_user", "malloc+mimalloc");

    // One that knows of no wrapping makes an executable with the harness, and what is not seen is said.
    let linker = project.path("no-wrapping");
    project.write("no-wrapping", "#!/bin/sh\ncase \"$*\" in *--wrap*) exit 1;; esac\nexec cc \"$@\"\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&linker, executable).unwrap();
    let ours =
        project.profiled_with(&["test", "-p", "mimalloc-user", "--lib"], &["--memprofilerate", "1"], |command| {
            command.env("RUSTFLAGS", format!("-Clinker={}", linker.display()));
        });
    assert_eq!(ours.code(), 0);
    assert!(ours.stderr.contains("brings mimalloc"), "{}", ours.stderr);
    assert!(project.heap_profile().comments().contains(": engine malloc,"));
}

/// A project whose global allocator is `prof_harness::Alloc` around one that no door leads to.
fn wrapped() -> Project {
    let project = Project::of("alloc-wrapper");
    let harness = workspace_root().join("prof-harness");
    project.write(
        "Cargo.toml",
        &format!(
            "[workspace]\n\n[package]\nname = \"alloc-wrapper\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[features]\nrust-only = \
             []\n\n[dependencies]\nprof-harness = {{ path = {harness:?} }}\n\n[profile.release]\nlto = \
             \"fat\"\ncodegen-units = 1\n"
        ),
    );
    project
}

#[test]
fn an_allocator_in_rust_is_seen_through_the_wrapper() {
    let project = wrapped();
    for flags in [&[][..], &["--release"][..]] {
        let twice = project.twice(&[&["test", "--lib"], flags].concat());
        assert_eq!(twice.ours.code(), 0);
        let test = |name: &str| twice.heap.of_test("lib/alloc_wrapper", &format!("tests::{name}"));
        // The default `realloc` of an allocator allocates and frees; what counts is that it was asked.
        for (name, allocated) in [("boxes", (25, 25_000)), ("grows", (4, 232)), ("allocates_as_in_c", (1, 555))] {
            let test = test(name);
            assert_eq!((test.allocated(), test.in_use()), (allocated, (0, 0)), "{name}: {:?}", test.functions());
        }
        // From the system by way of the inner allocator: once, not twice.
        let hoarded = test("hoards");
        assert_eq!((hoarded.allocated(), hoarded.in_use()), ((10, 20 << 20), (10, 20 << 20)));
        assert!(twice.heap.all().functions().iter().all(|name| !name.contains("prof_harness")));
        assert!(twice.heap.comments().contains(": engine malloc+prof_harness::Alloc,"));
    }

    let twice = project.twice(&["run", "--features", "rust-only"]);
    assert_eq!(twice.ours.stdout, "done\n");
    assert!(!twice.ours.stderr.contains("note: alloc-wrapper"), "{}", twice.ours.stderr);
    assert!(twice.heap.all().through("alloc_wrapper::as_in_c").is_empty());
    let main = twice.heap.of_target("bin/alloc-wrapper").through("alloc_wrapper::main");
    assert_eq!(main.with_label("target", "bin/alloc-wrapper").in_use(), (1, 3000));
}

#[test]
fn a_counting_allocator_and_the_profile_count_the_same() {
    let project = Project::of("allocators");
    // The tests themselves assert what their threads allocated, so they also prove that we add nothing to it.
    let twice = project.twice(&["test", "-p", "counting", "--lib"]);
    assert_eq!(twice.ours.code(), 0);
    for (test, counted) in [
        ("tests::boxes", (25, 25_000)),
        ("tests::grows", (4, 232)),
        ("tests::zeroed", (1, 5000)),
        ("tests::aligned", (3, 768)),
        ("tests::nothing", (0, 0)),
    ] {
        let test = twice.heap.of_test("lib/counting", test);
        assert_eq!(test.allocated(), counted, "{:?}", test.functions());
        assert_eq!(test.in_use(), (0, 0), "{:?}", test.functions());
    }
}

#[test]
fn what_c_does_is_seen() {
    let project = Project::of("allocators");
    let twice = project.twice(&["test", "-p", "c-library", "--lib"]);
    assert_eq!(twice.ours.code(), 0);

    assert_burned(&twice.cpu, "c_burn", 0.6);
    let in_a_c_thread = twice.cpu.all().through("burn_in_a_c_thread");
    assert_eq!(in_a_c_thread.labels("test").into_iter().collect::<Vec<_>>(), ["tests::burns_in_a_c_thread"]);

    // For each of ten rounds: malloc 1000, calloc 4 x 1000, realloc to 1000 and on to 2000, posix_memalign 1000.
    let hoarded = twice.heap.of_test("lib/c_library", "tests::hoards_in_c").through("c_hoard");
    assert_eq!(hoarded.allocated(), (50, 90_000));
    assert_eq!(hoarded.in_use(), (30, 70_000));
}

#[test]
fn what_libc_and_cpp_allocate_is_seen() {
    let project = Project::of("allocators");
    let twice = project.twice(&["test", "-p", "c-library", "--lib", "allocates_in_every_way"]);
    assert_eq!(twice.ours.code(), 0);
    let test = || twice.heap.of_test("lib/c_library", "tests::allocates_in_every_way");
    assert_eq!(test().through("c_allocates").allocated(), (5, 5000), "{:?}", test().functions());
    assert_eq!(test().through("c_strdup").allocated(), (1, 1000));
    assert_eq!(test().through("cpp_allocates").allocated(), (4, 4024));
    // How libc goes about these is its own affair.
    for function in ["c_asprintf", "c_realpath", "c_getline", "c_open_memstream"] {
        assert!(!test().through(function).is_empty(), "{function}");
    }
    assert_eq!(test().in_use(), (0, 0));
}
