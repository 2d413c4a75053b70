//! What each option makes of a small profile.

use crate::graph::tests::{change_values, profile_of};
use crate::report::{Format, Options, report};
use crate::{Granularity, Label, OriginalIds, Profile, ValueType, subtract};

/// A profile of two values, a count and nanoseconds, with a label and a size.
fn profile() -> Profile {
    let mut profile =
        profile_of(&[("main;work+hot", 700), ("main;work", 200), ("main;cold", 90), ("main;other;tiny", 10)]);
    profile.sample_types.insert(0, ValueType::new("samples", "count"));
    change_values(&mut profile, |position, values| vec![[7, 2, 1, 1][position], values[0]]);
    for (position, function) in profile.functions.iter_mut().enumerate() {
        function.file = format!("src/{}.rs", if position < 2 { "hot" } else { "rest" }).into();
    }
    profile.samples.set_labels(0, &[Label::text("test", "fast"), Label::number("bytes", 2048, "bytes")]);
    profile.samples.set_labels(1, &[Label::text("test", "slow")]);
    profile
}

fn text_of(profile: Profile, format: &Format, options: Options) -> String {
    String::from_utf8(report(profile, &OriginalIds::default(), format, &options).unwrap().into_bytes()).unwrap()
}

/// The rows of the table, as `flat cum name`, and the lines above it.
fn table(options: Options) -> (Vec<String>, String) {
    table_of(profile(), options)
}

fn table_of(profile: Profile, options: Options) -> (Vec<String>, String) {
    let text = text_of(profile, &Format::Text, options);
    let (head, rows) = text.split_once("cum%\n").unwrap();
    let row = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        format!("{} {} {}", words[0], words[3], words[5..].join(" "))
    };
    (rows.lines().map(row).collect(), head.to_owned())
}

fn rows(options: Options) -> Vec<String> {
    table(options).0
}

#[test]
fn filters_leave_the_total_alone_unless_told_otherwise() {
    let focus = Options { focus: "work".into(), ..Options::default() };
    let (rows, head) = table(focus.clone());
    assert_eq!(rows, ["700ns 700ns hot (inline)", "200ns 900ns work", "0 900ns main"]);
    assert!(head.contains("Active filters:\n   focus=work\n"), "{head}");
    assert!(head.contains("Showing nodes accounting for 900ns, 90.00% of 1000ns total"), "{head}");
    let (_, head) = table(Options { relative_percentages: true, ..focus });
    assert!(head.contains("accounting for 900ns, 100% of 900ns total"), "{head}");
}

#[test]
fn means_and_ratios_change_values() {
    let mean = Options { mean: true, ..Options::default() };
    let (rows, head) = table(mean);
    assert_eq!(rows[..2], ["100ns 100ns hot (inline)", "100ns 100ns work"]);
    assert!(head.contains("Type: mean_cpu\n"), "{head}");
    assert_eq!(self::rows(Options { divide_by: 4.0, ..Options::default() })[0], "175ns 175ns hot (inline)");
    let zero = Options { divide_by: 0.0, ..Options::default() };
    let divided = report(profile(), &OriginalIds::default(), &Format::Text, &zero);
    assert_eq!(divided.map(crate::report::Report::into_bytes), Err(crate::Error::ZeroDivisor));
    assert_eq!(self::rows(Options { sample_index: "samples".into(), ..Options::default() })[0], "7 7 hot (inline)");
}

#[test]
fn small_nodes_are_left_out_until_told_otherwise() {
    let (rows, head) = table(Options { node_fraction: 0.05, node_count: 2, ..Options::default() });
    assert_eq!(rows, ["700ns 700ns hot (inline)", "200ns 900ns work"]);
    assert!(head.contains("Dropped 2 nodes (cum <= 50ns)\nShowing top 2 nodes out of 4\n"), "{head}");
    let all = Options { node_fraction: 0.05, node_count: 2, trim: false, ..Options::default() };
    assert_eq!(self::rows(all).len(), 6);
}

#[test]
fn a_node_is_what_the_granularity_says() {
    let of = |granularity| rows(Options { granularity, trim: false, ..Options::default() });
    assert_eq!(of(Granularity::Files), ["900ns 900ns src/hot.rs", "100ns 1000ns src/rest.rs"]);
    assert_eq!(of(Granularity::Lines)[0], "700ns 700ns hot src/hot.rs:1 (inline)");
    assert_eq!(of(Granularity::Addresses)[0], "700ns 700ns 0000000000000001 hot src/hot.rs:1 (inline)");
    assert_eq!(of(Granularity::FileFunctions)[0], "700ns 700ns hot src/hot.rs (inline)");
    let outer = Options { no_inlines: true, ..Options::default() };
    assert_eq!(rows(outer)[0], "900ns 900ns work");
}

#[test]
fn labels_choose_samples_and_become_frames() {
    assert_eq!(rows(Options { tag_focus: "test=fast".into(), ..Options::default() }).len(), 3);
    assert_eq!(rows(Options { tag_focus: "1kb:4kb".into(), ..Options::default() }).len(), 3);
    let without = rows(Options { tag_ignore: "slow".into(), ..Options::default() });
    assert_eq!(without[..2], ["700ns 700ns hot (inline)", "90ns 90ns cold"]);
    let roots = rows(Options { tag_root: "test".into(), trim: false, ..Options::default() });
    assert!(roots.contains(&"0 700ns fast".to_owned()) && roots.contains(&"0 100ns <unknown>".to_owned()), "{roots:?}");
}

#[test]
fn a_difference_is_measured_by_its_base() {
    let less = profile_of(&[("main;work+hot", 500), ("main;new", 40)]);
    let base = profile_of(&[("main;work+hot", 800)]);
    let difference = subtract(less, base, true).unwrap();
    let (rows, head) = table_of(difference.clone(), Options::default());
    assert!(head.contains("accounting for -260ns, 32.50% of 800ns total"), "{head}");
    assert_eq!(rows[..2], ["-300ns -300ns hot (inline)", "40ns 40ns new"]);
    let grown = Options { drop_negative: true, ..Options::default() };
    assert_eq!(table_of(difference, grown).0, ["40ns 40ns new"]);
}

#[test]
fn what_matches_nothing_is_told() {
    let options =
        Options { hide: "nowhere".into(), tag_root: "nothing".into(), tag_focus: "1kb".into(), ..Options::default() };
    let notices = report(profile(), &OriginalIds::default(), &Format::Text, &options).unwrap().notices;
    let expected = [
        "TagRoot expression matched no samples",
        "tagfocus:Interpreted '1kb' as range, not regexp",
        "Hide expression matched no samples",
        "TagFocus expression matched no samples",
    ];
    assert_eq!(notices, expected);
    let broken =
        report(profile(), &OriginalIds::default(), &Format::Text, &Options { show: "(".into(), ..Options::default() });
    assert!(broken.unwrap_err().to_string().starts_with("parsing show regexp: error parsing regexp: "));
}

#[test]
fn compact_lines_say_nothing_of_the_profile_but_a_drawing_does() {
    let options = Options { compact_labels: true, ..Options::default() };
    let (_, head) = table(options.clone());
    assert!(head.starts_with("Showing nodes accounting for 1000ns"), "{head}");
    assert!(text_of(profile(), &Format::Dot, options).contains("Type: cpu"));
}

#[test]
fn files_lose_their_prefixes() {
    let options = Options { trim_path: "/nowhere:src".into(), granularity: Granularity::Lines, ..Options::default() };
    assert_eq!(rows(options)[0], "700ns 700ns hot hot.rs:1 (inline)");
}
