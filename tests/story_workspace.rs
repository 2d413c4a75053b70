//! Story: a workspace of several packages, one of each edition, most with a module called `test`; a procedural macro, a
//! library of three crate types, and a program that an integration test starts as a child.

use prof_tests::{Evidence, Project};

fn targets_of(profile: &Evidence, package: &str) -> Vec<String> {
    profile.all().with_label("package", package).labels("target").into_iter().collect()
}

#[test]
fn every_package_and_target_has_its_labels() {
    let project = Project::in_awkward_folder("workspace");
    let twice = project.twice(&["test", "--workspace", "--all-targets"]);
    assert_eq!(twice.ours.code(), 0);

    let heap = &twice.heap;
    let packages: Vec<_> = heap.labels("package").into_iter().collect();
    assert_eq!(packages, ["macros", "shared", "two-words", "y2015", "y2018", "y2021", "y2024"]);
    assert_eq!(targets_of(heap, "y2015"), ["lib/y2015"]);
    for edition in ["y2018", "y2021", "y2024"] {
        assert_eq!(targets_of(heap, edition), [format!("lib/{edition}"), "test/from_outside".to_owned()]);
        let outside = heap.of_test("test/from_outside", "asks").with_label("package", edition);
        assert!(!outside.is_empty(), "{edition}");
    }
    assert_eq!(targets_of(heap, "macros"), ["lib/macros", "test/derives"]);
    assert_eq!(targets_of(heap, "shared"), ["lib/shared"]);
    let two_words = ["bin/two-words", "example/two-hellos", "lib/two_words", "test/command_line"];
    assert_eq!(targets_of(heap, "two-words"), two_words);
    assert!(!heap.of_test("lib/macros", "tests::finds_the_name").is_empty());
}

#[test]
fn a_child_process_is_profiled_under_its_own_name() {
    let project = Project::in_awkward_folder("workspace");
    let twice = project.twice(&["test", "-p", "two-words", "--test", "command_line"]);

    let child = twice.cpu.all().through("burn_in_the_child");
    assert_eq!(child.labels("target").into_iter().collect::<Vec<_>>(), ["bin/two-words"]);
    assert_eq!(child.labels("package").into_iter().collect::<Vec<_>>(), ["two-words"]);
    assert!(child.labels("test").is_empty(), "{:?}", child.labels("test"));
    assert!(child.seconds() > 0.2, "{} s seen of 0.4 s", child.seconds());
    assert_eq!(twice.heap.of_target("bin/two-words").through("burn_in_the_child").allocated(), (1, 4321));
}

#[test]
fn packages_are_chosen_as_cargo_chooses_them() {
    let project = Project::in_awkward_folder("workspace");
    let twice =
        project.twice(&["test", "--workspace", "--exclude", "two-words", "--exclude", "macros", "--lib", "asks"]);
    let packages: Vec<_> = twice.heap.labels("package").into_iter().collect();
    assert_eq!(packages, ["y2015", "y2018", "y2021", "y2024"]);

    let manifest = project.path("y2021/Cargo.toml");
    let twice = project.twice(&["test", "--manifest-path", manifest.to_str().unwrap(), "--tests"]);
    assert_eq!(twice.heap.labels("package").into_iter().collect::<Vec<_>>(), ["y2021"]);
}

#[test]
fn a_run_in_a_member_s_folder_is_about_that_member() {
    let project = Project::in_awkward_folder("workspace");
    let twice = project.twice_with(&["test", "--tests"], |command| {
        command.current_dir(project.path("y2018"));
    });
    assert_eq!(twice.heap.labels("package").into_iter().collect::<Vec<_>>(), ["y2018"]);
}
