//! Story: cargo's profiles at their extremes. Whatever the optimizer, the linker and `strip` do, the program runs as it
//! did, and the profile still names functions.

use prof_tests::Project;

/// Fails unless the work of the fixture is in both profiles, by name and amount.
fn assert_work_is_named(project: &Project, target: &str, what: &str) {
    let burned = project.cpu_profile().of_target(target).through("build_profiles::burn").seconds();
    assert!(burned > 0.15, "{burned} s seen of at least 0.3 s in {target}, {what}");
    let hoarded = project.heap_profile().of_target(target).through("build_profiles::hoard").in_use();
    assert_eq!(hoarded, (10, 10_000), "{target}, {what}");
}

#[test]
fn programs_run_under_every_build_profile() {
    let project = Project::of("build-profiles");
    for build_profile in ["dev", "release", "fat", "thin", "small", "everything"] {
        let twice = project.twice(&["run", "--profile", build_profile]);
        assert_eq!(twice.ours.code(), 0);
        assert_work_is_named(&project, "bin/build-profiles", build_profile);
    }
}

#[test]
fn tests_run_under_every_build_profile() {
    let project = Project::of("build-profiles");
    // Fat LTO takes its time for each executable, so under that profile one is enough.
    let twice = project.twice(&["test", "--profile", "everything", "--lib"]);
    assert_eq!(twice.ours.code(), 0);
    assert_work_is_named(&project, "lib/build_profiles", "everything");
    for build_profile in ["dev", "release"] {
        let twice = project.twice(&["test", "--profile", build_profile, "--lib", "--tests"]);
        assert_eq!(twice.ours.code(), 0);
        assert_work_is_named(&project, "lib/build_profiles", build_profile);
        let outside = twice.heap.of_test("test/from_outside", "hoards").through("build_profiles::hoard");
        assert_eq!(outside.in_use(), (5, 2500), "{build_profile}");
    }
}

#[test]
fn a_panic_that_aborts_leaves_a_profile() {
    let project = Project::of("build-profiles");
    let twice = project.twice(&["run", "--release", "--", "panic"]);
    assert_eq!(twice.ours.code(), 134);
    assert_work_is_named(&project, "bin/build-profiles", "panic = \"abort\"");
}
