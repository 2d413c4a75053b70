//! Every sample with its labels, its value and its stack, leaf first, byte for byte as `go tool pprof -traces` prints
//! them. What a frame's name says beyond its function was decided by `aggregate.rs`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;

use hashbrown::HashMap;

use super::header::{self, Zone};
use super::values::{ValueOptions, mean};
use crate::graph::NodeInfo;
use crate::measurement::label;
use crate::parallel::hand_over;
use crate::{LabelSetIndex, LabelValue, LocationIndex, Profile, Sample, Text};

/// What stands where the value of a stack's leaf is, in its other lines.
const BLANK: &str = "          ";
const VALUE_WIDTH: usize = BLANK.len();

const SEPARATOR: &str = "-----------+-------------------------------------------------------\n";

/// So much is written at once.
const PIECE: usize = 256 << 10;
/// So many frames are worth a thread that makes text while the text before is written.
const WORTH_A_THREAD: usize = 1 << 18;

/// The samples of a profile in their order, but for those with an empty stack.
///
/// The profile is one that a filter and [`aggregate`](crate::aggregate) have prepared; its frames are named by all that is
/// left: address, function, file, line and column, or else the mapped file.
///
/// # Panics
///
/// If the profile has no sample type at [`ValueOptions::sample_index`].
pub fn traces(profile: &Profile, options: &ValueOptions, zone: &Zone) -> String {
    let mut text = Vec::new();
    write(profile, options, zone, &mut text).expect("memory takes every byte");
    String::from_utf8(text).expect("it is made of text")
}

/// [`traces`], written as it is made: the text is many times as long as the profile.
pub(crate) fn write(profile: &Profile, options: &ValueOptions, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let is_worth_a_thread = profile.samples.frames() > WORTH_A_THREAD;
    let make = |give: &mut dyn FnMut(String) -> bool| pieces(profile, options, zone, give);
    hand_over(is_worth_a_thread, make, |text| out.write_all(text.as_bytes()))
}

/// Gives the text piece by piece, as long as more is wanted.
fn pieces(profile: &Profile, options: &ValueOptions, zone: &Zone, give: &mut dyn FnMut(String) -> bool) {
    let sample_type = options.sample_type(profile);
    let total = options.total_of(profile);
    let format = |value| options.format(value, &sample_type);
    let units = options.label_units_of(profile);
    let mut text = header::lines(profile, &sample_type, total, &format(total), zone).join("\n");
    text.push('\n');
    let mut frames = Frames::default();
    let mut label_lines: HashMap<LabelSetIndex, String> = HashMap::new();
    for (position, sample) in profile.samples.iter().enumerate() {
        let [leaf, callers @ ..] = sample.locations else { continue };
        text.push_str(SEPARATOR);
        let set = profile.samples.label_set_at(position);
        text.push_str(label_lines.entry(set).or_insert_with(|| labels(sample, &units)));
        let value = format(mean(options.value(sample), options.count(sample)));
        text.push_str(&BLANK[..VALUE_WIDTH.saturating_sub(value.chars().count())]);
        text.push_str(&value);
        // Its value stands in place of the blanks.
        text.push_str(&frames.of(profile, *leaf)[VALUE_WIDTH..]);
        callers.iter().for_each(|location| text.push_str(frames.of(profile, *location)));
        if text.len() >= PIECE {
            let next = String::with_capacity(text.capacity());
            if !give(std::mem::replace(&mut text, next)) {
                return;
            }
        }
    }
    text.push_str(SEPARATOR);
    give(text);
}

/// Text before numbers, each sorted as printed.
fn labels(sample: Sample<'_>, units: &BTreeMap<Text, Text>) -> String {
    let mut kinds: [BTreeMap<&str, Vec<String>>; 2] = Default::default();
    for tag in sample.labels {
        let (kind, value) = match &tag.value {
            LabelValue::Text(value) => (0, value.to_string()),
            LabelValue::Number { number, .. } => {
                (1, label(*number, units.get(&tag.key).map_or("", |unit| unit), "auto"))
            }
        };
        kinds[kind].entry(&tag.key).or_default().push(value);
    }
    let mut text = String::new();
    for labels in kinds {
        let line = |(key, values): (&str, Vec<String>)| format!("{key:>10}:  {}\n", values.join(" "));
        let mut lines: Vec<_> = labels.into_iter().map(line).collect();
        lines.sort_unstable();
        text.extend(lines);
    }
    text
}

/// The lines of the frames of locations, behind blanks in place of a value. Those that were written are remembered, but
/// not without end: a long name may stand in very many places.
#[derive(Default)]
struct Frames {
    text: String,
    /// Where those of a location are.
    known: HashMap<LocationIndex, Range<usize>>,
}

impl Frames {
    const MOST: usize = 64 << 20;

    fn of(&mut self, profile: &Profile, location: LocationIndex) -> &str {
        if let Some(known) = self.known.get(&location) {
            return &self.text[known.clone()];
        }
        if self.text.len() > Frames::MOST {
            self.text.clear();
            self.known.clear();
        }
        let start = self.text.len();
        let of_location = &profile[location];
        let lines = of_location.lines.iter().map(Some).chain(of_location.lines.is_empty().then_some(None));
        for (depth, line) in lines.enumerate() {
            let mark = if depth + 1 < of_location.lines.len() { " (inline)" } else { "" };
            let name = NodeInfo::of(profile, of_location, line).printable_name();
            for part in [BLANK, "   ", &name, mark, "\n"] {
                self.text.push_str(part);
            }
        }
        self.known.insert(location, start..self.text.len());
        &self.text[start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{change_values, profile_of};
    use crate::{Granularity, Label, Line, Location, Mapping, MappingIndex, ValueType, aggregate};

    fn profile() -> Profile {
        let mut profile = profile_of(&[("main;work+inner", 1_500_000), ("main", 2_000)]);
        profile.samples.push(Sample { values: &[5], ..Sample::default() });
        let labels = [
            Label::number("bytes", 2048, ""),
            Label::text("test", "b"),
            Label::text("a", "x"),
            Label::text("test", "c"),
        ];
        profile.samples.set_labels(0, &labels);
        for function in &mut profile.functions {
            function.file = "./src/../a.rs".into();
        }
        profile
    }

    #[test]
    fn the_text_is_that_of_go() {
        let mut profile = profile();
        aggregate(&mut profile, Granularity::Functions, true, false);
        // What `go tool pprof -traces` (go1.27.3) prints for this profile.
        let expected = "\
Type: cpu
-----------+-------------------------------------------------------
         a:  x
      test:  b c
     bytes:  2kB
    1.50ms   inner (inline)
             work
             main
-----------+-------------------------------------------------------
       2us   main
-----------+-------------------------------------------------------
";
        assert_eq!(traces(&profile, &ValueOptions::default(), &Zone::default()), expected);
    }

    #[test]
    fn a_frame_is_named_by_all_that_is_left() {
        let mut profile = profile();
        profile.locations.push(Location { address: 16, ..Location::default() });
        let locations = profile.locations.len();
        let line = profile.locations[0].lines[0];
        let at = |profile: &Profile, location: usize, line: Option<&Line>| {
            NodeInfo::of(profile, &profile.locations[location], line).printable_name().to_string()
        };
        assert_eq!(at(&profile, 0, Some(&line)), "0000000000000001 inner a.rs:1");
        assert_eq!(at(&profile, 0, Some(&Line { column: 9, ..line })), "0000000000000001 inner a.rs:1:9");
        assert_eq!(at(&profile, locations - 1, None), "0000000000000010 <unknown>");
        profile.mappings.push(Mapping { filename: "/lib/libc.so".into(), ..Mapping::default() });
        profile.locations[locations - 1].mapping = Some(MappingIndex::new(0));
        assert_eq!(at(&profile, locations - 1, None), "0000000000000010 [libc.so]");
        aggregate(&mut profile, Granularity::Files, true, false);
        assert_eq!(at(&profile, 0, profile.locations[0].lines.first()), "a.rs");
        assert_eq!(at(&profile, locations - 1, None), "[libc.so]");
    }

    #[test]
    fn values_may_be_means_and_divided() {
        let mut profile = profile();
        profile.sample_types.insert(0, ValueType::new("samples", "count"));
        change_values(&mut profile, |position, values| vec![[3, 0, 5][position], values[0]]);
        let options = ValueOptions { sample_index: 1, mean: true, divide_by: 10.0, ..ValueOptions::default() };
        let text = traces(&profile, &options, &Zone::default());
        assert!(text.starts_with("Type: mean_cpu\n---"), "{text}");
        assert!(text.contains("\n      50us   "), "{text}");
        assert!(text.contains("\n     200ns   "), "{text}");
    }
}
