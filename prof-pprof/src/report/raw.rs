//! A profile as text with all that is in it but its strings' order and its frame patterns, byte for byte as
//! `go tool pprof -raw` prints it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::header::{Zone, calendar};
use crate::{LabelValue, Location, Mapping, OriginalIds, Profile, Sample, ValueType};

/// The profile as text, with its date in this time zone.
///
/// `ids` are those of the file that the profile was read from, as long as its mappings and locations are still those of
/// the file; the default gives positions, from 1, as in a profile that was merged from several.
pub fn raw(profile: &Profile, ids: &OriginalIds, zone: &Zone) -> String {
    let mut text = String::new();
    for comment in &profile.comments {
        line(&mut text, format_args!("Comment: {comment}"));
    }
    if !profile.doc_url.is_empty() {
        line(&mut text, format_args!("Doc: {}", profile.doc_url));
    }
    let ValueType { kind, unit } = profile.period_type.clone().unwrap_or_default();
    line(&mut text, format_args!("PeriodType: {kind} {unit}"));
    line(&mut text, format_args!("Period: {}", profile.period));
    if profile.time_nanos != 0 {
        line(&mut text, format_args!("Time: {}", time(profile.time_nanos, zone)));
    }
    if profile.duration_nanos != 0 {
        // Go asks for four digits, and gets as many characters: 4m0.3s becomes `4m0.`.
        let duration: String = duration(profile.duration_nanos).chars().take(4).collect();
        line(&mut text, format_args!("Duration: {duration}"));
    }
    text.push_str("Samples:\n");
    let types = profile.sample_types.iter().map(|sample_type| {
        let mark = if sample_type.kind == profile.default_sample_type { "[dflt]" } else { "" };
        format!("{}/{}{mark} ", sample_type.kind, sample_type.unit)
    });
    line(&mut text, format_args!("{}", types.collect::<String>().trim()));
    for sample in &profile.samples {
        write_sample(&mut text, sample, ids);
    }
    text.push_str("Locations\n");
    for (position, location) in profile.locations.iter().enumerate() {
        write_location(&mut text, profile, position, location, ids);
    }
    text.push_str("Mappings\n");
    for (position, mapping) in profile.mappings.iter().enumerate() {
        write_mapping(&mut text, id(&ids.mappings, position), mapping);
    }
    text
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{content}");
}

fn id(ids: &[u64], position: usize) -> u64 {
    ids.get(position).copied().unwrap_or(position as u64 + 1)
}

fn write_sample(text: &mut String, sample: Sample<'_>, ids: &OriginalIds) {
    for value in sample.values {
        let _ = write!(text, " {value:>10}");
    }
    text.push_str(": ");
    for location in sample.locations {
        let _ = write!(text, "{} ", id(&ids.locations, location.position()));
    }
    text.push('\n');
    let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut numbers: BTreeMap<&str, Vec<(i64, &str)>> = BTreeMap::new();
    for label in sample.labels {
        match &label.value {
            LabelValue::Text(value) => texts.entry(&label.key).or_default().push(value),
            LabelValue::Number { number, unit } => numbers.entry(&label.key).or_default().push((*number, unit)),
        }
    }
    write_labels(text, texts.into_iter().map(|(key, values)| format!("{key}:[{}]", values.join(" "))));
    let numbers = numbers.into_iter().map(|(key, values)| {
        // One number with a unit gives the others of its key an empty one.
        let has_units = values.iter().any(|(_, unit)| !unit.is_empty());
        let number =
            |(number, unit): &(i64, &str)| if has_units { format!("{number} {unit}") } else { number.to_string() };
        format!("{key}:[{}]", values.iter().map(number).collect::<Vec<_>>().join(" "))
    });
    write_labels(text, numbers);
}

/// Labels are sorted as they are printed, not by their keys alone.
fn write_labels(text: &mut String, labels: impl Iterator<Item = String>) {
    let mut labels: Vec<_> = labels.collect();
    if !labels.is_empty() {
        labels.sort_unstable();
        line(text, format_args!("{:16}{}", "", labels.join(" ")));
    }
}

fn write_location(text: &mut String, profile: &Profile, position: usize, location: &Location, ids: &OriginalIds) {
    let _ = write!(text, "{:>6}: {:#x} ", id(&ids.locations, position), location.address);
    if let Some(mapping) = location.mapping {
        let _ = write!(text, "M={} ", id(&ids.mappings, mapping.position()));
    }
    if location.is_folded {
        text.push_str("[F] ");
    }
    if location.lines.is_empty() {
        text.push('\n');
    }
    for (depth, at) in location.lines.iter().enumerate() {
        let function = &profile[at.function];
        let indent = if depth == 0 { 0 } else { 13 };
        let _ = write!(text, "{:indent$}{} {}", "", function.name, function.file);
        let _ = write!(text, ":{}:{} s={}", at.line, at.column, function.start_line);
        if function.name != function.system_name {
            let _ = write!(text, "({})", function.system_name);
        }
        text.push('\n');
    }
}

fn write_mapping(text: &mut String, id: u64, mapping: &Mapping) {
    let Mapping { start, limit, file_offset, filename, build_id, .. } = mapping;
    let _ = write!(text, "{id}: {start:#x}/{limit:#x}/{file_offset:#x} {filename} {build_id} ");
    for (has, mark) in [
        (mapping.has_functions, "[FN]"),
        (mapping.has_filenames, "[FL]"),
        (mapping.has_line_numbers, "[LN]"),
        (mapping.has_inline_frames, "[IN]"),
    ] {
        text.push_str(if has { mark } else { "" });
    }
    text.push('\n');
}

/// `2006-01-02 15:04:05.999 +0100 CET`.
fn time(nanos: i64, zone: &Zone) -> String {
    let seconds = calendar(nanos, zone);
    let fraction = fraction(nanos.rem_euclid(1_000_000_000).unsigned_abs(), 9);
    let sign = if zone.seconds_east < 0 { '-' } else { '+' };
    let minutes = zone.seconds_east.unsigned_abs() / 60;
    format!("{seconds}{fraction} {sign}{:02}{:02} {}", minutes / 60, minutes % 60, zone.name)
}

/// A span of time as Go prints it: `1h0m5.2s`, `1.5ms`.
fn duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let small = |unit: u64, digits, name| format!("{sign}{}{}{name}", nanos / unit, fraction(nanos % unit, digits));
    match nanos {
        0 => "0s".into(),
        1..1_000 => small(1, 0, "ns"),
        1_000..1_000_000 => small(1_000, 3, "µs"),
        1_000_000..1_000_000_000 => small(1_000_000, 6, "ms"),
        _ => {
            let (seconds, fraction) = (nanos / 1_000_000_000, fraction(nanos % 1_000_000_000, 9));
            let (minutes, hours) = (seconds / 60 % 60, seconds / 3600);
            let minutes = if seconds < 60 { String::new() } else { format!("{minutes}m") };
            let hours = if hours == 0 { String::new() } else { format!("{hours}h") };
            format!("{sign}{hours}{minutes}{}{fraction}s", seconds % 60)
        }
    }
}

/// What stands behind the decimal point, with it; nothing if that is 0.
fn fraction(value: u64, digits: usize) -> String {
    if value == 0 {
        return String::new();
    }
    format!(".{value:0digits$}").trim_end_matches('0').into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Function, FunctionIndex, Label, Line, LocationIndex, MappingIndex};

    #[test]
    fn all_that_a_profile_says_is_there() {
        let line = |function, line| Line { function: FunctionIndex::new(function), line, column: 2 };
        let profile = Profile {
            sample_types: vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")],
            default_sample_type: "cpu".into(),
            samples: [Sample {
                locations: &[LocationIndex::new(1), LocationIndex::new(0)],
                values: &[-3, 12_345_678_901],
                labels: &[
                    Label::text("b", "y"),
                    Label::text("a", "x"),
                    Label::text("b", "z"),
                    Label::number("n", 7, ""),
                    Label::number("bytes", 1, ""),
                    Label::number("bytes", 2, "kb"),
                ],
            }]
            .into(),
            mappings: vec![Mapping {
                start: 0x1000,
                limit: 0x2000,
                filename: "/bin/x".into(),
                build_id: "ab".into(),
                has_functions: true,
                has_inline_frames: true,
                ..Mapping::default()
            }],
            locations: vec![
                Location {
                    mapping: Some(MappingIndex::new(0)),
                    address: 0x1010,
                    lines: vec![line(1, 3), line(0, 4)],
                    is_folded: true,
                },
                Location::default(),
            ],
            functions: vec![
                Function { name: "main".into(), system_name: "main".into(), file: "m.rs".into(), start_line: 1 },
                Function { name: "f".into(), system_name: "_f".into(), ..Function::default() },
            ],
            time_nanos: 1_700_000_000_500_000_000,
            duration_nanos: 240_300_000_000,
            period_type: Some(ValueType::new("cpu", "nanoseconds")),
            period: 10,
            comments: vec!["#one".into()],
            doc_url: "https://example.com".into(),
            ..Profile::default()
        };
        let expected = "\
Comment: #one
Doc: https://example.com
PeriodType: cpu nanoseconds
Period: 10
Time: 2023-11-14 22:13:20.5 +0000 UTC
Duration: 4m0.
Samples:
samples/count cpu/nanoseconds[dflt]
         -3 12345678901: 2 1 \n                a:[x] b:[y z]
                bytes:[1  2 kb] n:[7]
Locations
     1: 0x1010 M=1 [F] f :3:2 s=0(_f)
             main m.rs:4:2 s=1
     2: 0x0 \nMappings
1: 0x1000/0x2000/0x0 /bin/x ab [FN][IN]
";
        assert_eq!(raw(&profile, &OriginalIds::default(), &Zone::default()), expected);
        let ids = OriginalIds { mappings: vec![30], locations: vec![1000, 20] };
        let text = raw(&profile, &ids, &Zone::default());
        assert!(text.contains(": 20 1000 \n"), "{text}");
        assert!(text.contains("\n  1000: 0x1010 M=30 [F]"), "{text}");
        assert!(text.contains("\n30: 0x1000/"), "{text}");
        let empty = "PeriodType:  \nPeriod: 0\nSamples:\n\nLocations\nMappings\n";
        assert_eq!(raw(&Profile::default(), &OriginalIds::default(), &Zone::default()), empty);
    }

    #[test]
    fn durations_are_those_of_go() {
        for (nanos, expected) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (-2_000_001, "-2.000001ms"),
            (1_000_000_000, "1s"),
            (59_999_000_000, "59.999s"),
            (60_000_000_000, "1m0s"),
            (3_605_020_000_000, "1h0m5.02s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(duration(nanos), expected);
        }
    }

    #[test]
    fn times_have_their_zone_twice() {
        let west = Zone { seconds_east: -12_600, name: "NST".into() };
        assert_eq!(time(-1, &west), "1969-12-31 20:29:59.999999999 -0330 NST");
    }
}
