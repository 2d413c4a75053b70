//! Flame graphs of small profiles: what is in the document is read back from it.

use regex::Regex;

use super::*;
use crate::graph::tests::profile_of;
use crate::{Builder, ValueType};

/// A frame as it is drawn.
#[derive(Debug, Clone, PartialEq)]
struct Drawn {
    name: String,
    about: String,
    x: f64,
    y: f64,
    width: f64,
    fill: String,
}

fn drawn(svg: &str) -> Vec<Drawn> {
    let frame =
        Regex::new("<g><title>([^<]*)\n([^<]*)</title><rect x=\"([^\"]*)\" y=\"([^\"]*)\" width=\"([^\"]*)\" [^>]*fill=\"([^\"]*)\"/>")
            .unwrap();
    let number = |text: &str| text.parse().unwrap();
    frame
        .captures_iter(svg)
        .map(|frame| Drawn {
            name: unescaped(&frame[1]),
            about: unescaped(&frame[2]),
            x: number(&frame[3]),
            y: number(&frame[4]),
            width: number(&frame[5]),
            fill: frame[6].to_owned(),
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    marks.iter().fold(text.to_owned(), |text, (mark, character)| text.replace(mark, character))
}

/// Panics unless `text` is well-formed XML, as far as these documents make use of it.
fn assert_well_formed(text: &str) {
    let attributes = Regex::new("^(?:\\s+[a-zA-Z][a-zA-Z0-9:-]*=\"[^\"<]*\")*\\s*$").unwrap();
    let reference = Regex::new("&(?:lt|gt|amp|quot|apos);").unwrap();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n").unwrap();
    assert!(!rest.chars().any(|character| character.is_control() && character != '\n'));
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        assert!(!reference.replace_all(before, "").contains('&') && !before.contains("]]>"), "{before}");
        if let Some(data) = tag.strip_prefix("<![CDATA[") {
            assert!(!open.is_empty());
            rest = &data[data.find("]]>").unwrap() + 3..];
            continue;
        }
        let end = tag.find('>').unwrap();
        let inner = &tag[1..end];
        rest = &tag[end + 1..];
        assert!(!reference.replace_all(inner, "").contains('&'), "{inner}");
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            let empty = inner.strip_suffix('/');
            let inner = empty.unwrap_or(inner);
            let (name, rest_of_tag) = inner.split_at(inner.find(char::is_whitespace).unwrap_or(inner.len()));
            assert!(attributes.is_match(rest_of_tag), "{inner}");
            let mut keys: Vec<_> = rest_of_tag.split_whitespace().filter_map(|part| part.split_once("=\"")).collect();
            keys.sort_unstable();
            assert!(keys.windows(2).all(|pair| pair[0].0 != pair[1].0), "{inner}");
            if empty.is_none() {
                open.push(name);
            }
        }
    }
    assert_eq!((open.len(), rest), (0, "\n"));
}

fn frame<'a>(frames: &'a [Drawn], name: &str) -> &'a Drawn {
    frames.iter().find(|frame| frame.name == name).unwrap_or_else(|| panic!("no {name} in {frames:?}"))
}

#[test]
fn a_frame_is_as_wide_as_its_share_and_lies_on_its_caller() {
    let profile = profile_of(&[
        ("main;a::work+a::hot", 700_000_000),
        ("main;a::work", 200_000_000),
        ("main;b::cold", 100_000_000),
        ("main;a::work;a::hot", 0),
    ]);
    let svg = flamegraph(&profile, &FlamegraphOptions::default()).unwrap();
    assert_well_formed(&svg);
    let frames = drawn(&svg);
    let names: Vec<_> = frames.iter().map(|frame| &*frame.name).collect();
    assert_eq!(names, ["all", "main", "a::work", "a::hot", "b::cold"]);
    let widths = frames.iter().map(|frame| frame.width).collect::<Vec<_>>();
    assert_eq!(widths, [1180.0, 1180.0, 1062.0, 826.0, 118.0]);
    assert_eq!(frame(&frames, "a::hot").about, "700ms, 70.00%");
    assert_eq!(frame(&frames, "all").about, "1s, 100%");
    assert_eq!(frame(&frames, "b::cold").x, frame(&frames, "a::work").x + 1062.0);
    assert_eq!(frame(&frames, "a::hot").fill, frame(&frames, "a::work").fill);
    assert_ne!(frame(&frames, "b::cold").fill, frame(&frames, "a::work").fill);
    // The root is at the bottom, and each callee a row above.
    assert!(frames.windows(2).take(3).all(|pair| pair[1].y == pair[0].y - 17.0));
    assert!(svg.contains(">cpu: 1s</text>"), "{svg}");
}

#[test]
fn an_icicle_hangs_from_its_root() {
    let profile = profile_of(&[("main;a::b;c::d", 5)]);
    let options = FlamegraphOptions { inverted: true, ..FlamegraphOptions::default() };
    let frames = drawn(&flamegraph(&profile, &options).unwrap());
    assert!(frames.windows(2).all(|pair| pair[1].y == pair[0].y + 17.0), "{frames:?}");
}

#[test]
fn every_callee_lies_within_its_caller() {
    let samples: Vec<_> =
        (0..40u64).map(|n| (format!("main;m::f{};m::g{};m::h{}", n % 3, n % 5, n % 7), (n * n + 1) as i64)).collect();
    let samples: Vec<_> = samples.iter().map(|(stack, value)| (&**stack, *value)).collect();
    let frames = drawn(&flamegraph(&profile_of(&samples), &FlamegraphOptions::default()).unwrap());
    let rows: std::collections::BTreeSet<_> = frames.iter().map(|frame| frame.y as u64).collect();
    assert_eq!(rows.len(), 5);
    for row in rows {
        let mut on_row: Vec<_> = frames.iter().filter(|frame| frame.y as u64 == row).collect();
        // All stacks are equally deep, so every row is full. Each number is rounded to a hundredth.
        let sum: f64 = on_row.iter().map(|frame| frame.width).sum();
        assert!((sum - 1180.0).abs() < 0.006 * on_row.len() as f64, "{sum}");
        on_row.sort_by(|one, other| one.x.total_cmp(&other.x));
        assert!(on_row.windows(2).all(|pair| (pair[0].x + pair[0].width - pair[1].x).abs() < 0.02));
    }
}

#[test]
fn frames_too_narrow_to_be_seen_count_in_those_they_lie_on() {
    let profile = profile_of(&[("main;a::wide", 1_000_000), ("main;a::wide;b::narrow;b::narrower", 50)]);
    let svg = flamegraph(&profile, &FlamegraphOptions::default()).unwrap();
    let frames = drawn(&svg);
    assert_eq!(frames.len(), 3);
    assert_eq!(frame(&frames, "a::wide").width, 1180.0);
    assert!(svg.contains("; 2 frames too narrow to be drawn<"), "{svg}");
    let options = FlamegraphOptions { min_width: 0.0, ..FlamegraphOptions::default() };
    assert_eq!(drawn(&flamegraph(&profile, &options).unwrap()).len(), 5);
}

#[test]
fn any_name_is_well_formed() {
    let names = ["<a::B<'_> as C>::d", "x & y && z", "\"quoted\" 'too'", "]]>", "a\u{1}b\nc\u{ffff}", "größe::ß"];
    let profile = profile_of(&names.map(|name| (name, 3)));
    let options =
        FlamegraphOptions { title: Some("<title> & \"more\"".into()), label: None, ..FlamegraphOptions::default() };
    let svg = flamegraph(&profile, &options).unwrap();
    assert_well_formed(&svg);
    let frames = drawn(&svg);
    for name in ["<a::B<'_> as C>::d", "x & y && z", "\"quoted\" 'too'", "]]>", "größe::ß"] {
        frame(&frames, name);
    }
    frame(&frames, "a\u{fffd}b\u{fffd}c\u{fffd}");
    assert!(svg.contains("&lt;title&gt; &amp; &quot;more&quot;"));
}

#[test]
fn an_empty_profile_is_an_empty_picture() {
    let mut profile = Profile::default();
    assert_eq!(flamegraph(&profile, &FlamegraphOptions::default()), Err(Error::NoSampleTypes));
    profile.sample_types.push(ValueType::new("cpu", "nanoseconds"));
    let svg = flamegraph(&profile, &FlamegraphOptions::default()).unwrap();
    assert_well_formed(&svg);
    let frames = drawn(&svg);
    assert_eq!((frames.len(), frames[0].width, &*frames[0].about), (1, 0.0, "0, 0%"));
}

#[test]
fn a_label_chooses_samples_and_an_index_values() {
    let mut builder = Builder::new(vec![ValueType::new("objects", "count"), ValueType::new("space", "bytes")]);
    for (label, value) in [
        (Label::text("bench", "one/two"), 1024),
        (Label::text("bench", "three"), 2048),
        (Label::number("size", 16, "bytes"), 4096),
    ] {
        let labels = builder.label_set(&[label]);
        builder.add(&[], labels, &[1, value]);
    }
    let profile = builder.finish();
    let about = |label: Option<&str>, sample_index: Option<&str>| {
        let options = FlamegraphOptions {
            label: label.and_then(LabelFilter::parse),
            sample_index: sample_index.map(str::to_owned),
            ..FlamegraphOptions::default()
        };
        let svg = flamegraph(&profile, &options).unwrap();
        assert_well_formed(&svg);
        drawn(&svg)[0].about.clone()
    };
    assert_eq!(about(None, None), "7kB, 100%");
    assert_eq!(about(Some("bench=one/two"), None), "1kB, 100%");
    assert_eq!(about(Some("size=16"), None), "4kB, 100%");
    assert_eq!(about(Some("bench=none"), None), "0, 0%");
    assert_eq!(about(None, Some("objects")), "3, 100%");
    assert_eq!(LabelFilter::parse("nothing"), None);
}

#[test]
fn a_difference_is_as_wide_as_what_changed() {
    let profile = profile_of(&[("main;a::more", 300), ("main;a::less", -100)]);
    let frames = drawn(&flamegraph(&profile, &FlamegraphOptions::default()).unwrap());
    assert_eq!((frame(&frames, "a::less").width, frame(&frames, "a::more").width), (295.0, 885.0));
    assert_eq!(frame(&frames, "a::less").about, "-100ns, 25.00%");
    assert_eq!(frame(&frames, "main").about, "200ns, 50.00%");
}

#[test]
fn very_deep_stacks_are_drawn() {
    let stack = vec!["a::recursive"; 20_000].join(";");
    let svg = flamegraph(&profile_of(&[(&stack, 1)]), &FlamegraphOptions::default()).unwrap();
    assert_eq!(drawn(&svg).len(), 20_001);
}

#[test]
fn the_script_ends_where_it_should() {
    assert!(!include_str!("script.js").contains("]]>"));
}
