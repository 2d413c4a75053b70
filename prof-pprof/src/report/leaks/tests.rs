//! Truths about what is left: what counts as a leak, whose it is, and how it is told.

use super::*;
use crate::{Builder, Function, Line, ValueType};

const TEST: Option<&str> = Some("tests::one");

/// A profile of what was left: stacks with the innermost function first, each as `function@file:line`.
fn left(samples: &[(Option<&str>, &str, [i64; 3])]) -> Profile {
    let types =
        [("left_objects", "count"), ("left_space", "bytes"), ("late_objects", "count"), ("late_space", "bytes")];
    let mut builder = Builder::new(types.map(|(kind, unit)| ValueType::new(kind, unit)).to_vec());
    for (size, (test, stack, [blocks, bytes, later])) in samples.iter().enumerate() {
        let locations = stack.split(';').map(|frame| {
            let (name, place) = frame.split_once('@').unwrap_or((frame, ":0"));
            let (file, line) = place.split_once(':').unwrap();
            let function = Function { name: name.into(), file: file.into(), ..Function::default() };
            let function = builder.function(function);
            let lines = vec![Line { function, line: line.parse().unwrap(), column: 0 }];
            builder.location(Location { lines, ..Location::default() })
        });
        let locations: Vec<_> = locations.collect();
        let mut labels = vec![Label::text("package", "pack"), Label::text("target", "lib/pack")];
        labels.extend(test.map(|test| Label::text("test", test)));
        labels.push(Label::number("bytes", size as i64, "bytes"));
        let labels = builder.label_set(&labels);
        builder.add(&locations, labels, &[*blocks, *bytes, *later, 0]);
    }
    builder.finish()
}

const LEAKING: &str = "malloc;alloc::vec::f@/rustc/1/library/alloc/src/vec.rs:9;pack::inner@/w/src/a.rs:3;\
                       pack::tests::one@/w/src/a.rs:7;pack::tests::one::{{closure}}@/w/src/a.rs:6;start_thread";

#[test]
fn blocks_of_one_stack_are_one_leak_whatever_their_size() {
    let profile = left(&[(TEST, LEAKING, [1, 10, 0]), (TEST, LEAKING, [2, 50, 1]), (None, LEAKING, [1, 1, 0])]);
    let found = leaks(&profile, &Allowed::default()).unwrap();
    let sums: Vec<_> = found.iter().map(|leak| (leak.owner.test.as_deref(), leak.blocks, leak.bytes)).collect();
    assert_eq!(sums, [(TEST, 3, 60), (None, 1, 1)]);
    assert_eq!((found[0].freed_later, found[0].verdict), (1, Verdict::Leak));
    let plumbing: Vec<_> = found[0].stack.iter().map(|frame| frame.is_plumbing).collect();
    assert_eq!(plumbing, [true, true, false, false, false, true]);
}

#[test]
fn what_was_not_left_is_no_leak_and_another_profile_has_none() {
    assert_eq!(leaks(&left(&[(TEST, LEAKING, [0, 0, 0])]), &Allowed::default()).unwrap(), []);
    let profile = crate::graph::tests::profile_of(&[("main", 1)]);
    assert!(leaks(&profile, &Allowed::default()).is_err());
}

#[test]
fn an_expression_allows_by_function_or_file() {
    let profile = left(&[(TEST, LEAKING, [1, 10, 0])]);
    for (expression, verdict) in [
        ("inner", Verdict::Allowed),
        (r"src/a\.rs$", Verdict::Allowed),
        ("^inner", Verdict::Leak),
        ("^start_thread$", Verdict::Allowed),
    ] {
        let mut allowed = Allowed::default();
        allowed.add(expression).unwrap();
        assert_eq!(leaks(&profile, &allowed).unwrap()[0].verdict, verdict, "{expression}");
    }
}

#[test]
fn a_list_of_expressions_has_comments_and_its_errors_have_lines() {
    let mut allowed = Allowed::default();
    allowed.add_list("# known\n\n  ^a$\nb # not a comment\n").unwrap();
    assert_eq!(allowed.0.iter().map(Regex::as_str).collect::<Vec<_>>(), ["^a$", "b # not a comment"]);
    let (line, error) = allowed.add_list("a\n(\n").unwrap_err();
    assert_eq!((line, error.to_string().as_str()), (2, "\"(\" is not a regular expression: unclosed group"));
}

#[test]
fn the_text_tells_own_code_first_and_folds_what_is_set_up_once() {
    let once = "malloc;pack::init@/w/src/a.rs:1;std::sync::once_lock::OnceLock<T>::initialize;pack::tests::two";
    let profile = left(&[(TEST, LEAKING, [3, 4096, 1]), (Some("tests::two"), once, [1, 2, 0])]);
    let found = leaks(&profile, &Allowed::default()).unwrap();
    let mut options = LeaksOptions { shows_all: false, root: "/w".into() };
    let expected = "\
leaks: 3 blocks (4kB) left by 1 test

  pack lib/pack tests::one
    3 blocks (4kB), 1 of them freed later
        pack::inner       src/a.rs:3
        pack::tests::one  src/a.rs:7

  one-time initialisation: 1 block (2B) of 1 test; --leaks=all lists them";
    assert_eq!(leaks_text(&found, &options), expected);
    options.shows_all = true;
    let all = leaks_text(&found, &options);
    assert!(
        all.ends_with("1 block (2B) (one-time)\n        pack::init        src/a.rs:1\n        pack::tests::two"),
        "{all}"
    );
    assert_eq!(leaks_text(&[], &options), "leaks: none");
}
