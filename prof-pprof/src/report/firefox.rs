//! The profile in the processed format of the Firefox Profiler (<https://profiler.firefox.com>): a thread for each sample
//! type, each sample weighted by its value. Written by hand, because the crate that writes the format holds weights in 32
//! bits. The profiler reads older versions of the format for good, so this one stays.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::frames::{Frames, program};
use super::values::is_negative;
use crate::measurement::scale;
use crate::{Error, Profile, Text, ValueType};

/// The version of the format that is written.
const VERSION: u32 = 55;

/// The file, as JSON. The sample type at `sample_index` is the one shown first.
///
/// Samples have no time of their own; they stand one after the other, a sampling interval apart.
///
/// # Errors
///
/// If a value is negative, as in a difference of profiles: there the format has no place for it.
pub fn firefox(profile: &Profile, sample_index: usize) -> Result<String, Error> {
    if is_negative(profile) {
        return Err(Error::Negative { format: "the Firefox Profiler" });
    }
    let frames = Frames::new(profile);
    let program = program(profile);
    let threads: Vec<Value> =
        (0..profile.sample_types.len()).map(|position| thread(profile, &frames, position, program)).collect();
    let file = json!({
        "meta": {
            "version": 24,
            "preprocessedProfileVersion": VERSION,
            "processType": 0,
            "product": program,
            "interval": INTERVAL,
            "startTime": profile.time_nanos as f64 / 1e6,
            "stackwalk": 1,
            "debug": false,
            "symbolicated": true,
            "usesOnlyOneStackType": true,
            "sourceCodeIsNotOnSearchfox": true,
            "categories": [
                { "name": "Other", "color": "grey", "subcategories": ["Other"] },
                { "name": "User", "color": "yellow", "subcategories": ["Other"] },
            ],
            "markerSchema": [],
            "pausedRanges": [],
            "sampleUnits": { "time": "ms", "eventDelay": "ms", "threadCPUDelta": "µs" },
            "extensions": { "length": 0, "baseURL": [], "id": [], "name": [] },
            "initialVisibleThreads": (0..threads.len()).collect::<Vec<_>>(),
            "initialSelectedThreads": [sample_index],
        },
        "libs": [],
        "pages": [],
        "profilerOverhead": [],
        "counters": [],
        "threads": threads,
    });
    Ok(file.to_string())
}

/// Milliseconds between two samples as they are shown.
const INTERVAL: f64 = 1.0;

/// The texts of a thread, each once.
#[derive(Default)]
struct Texts {
    all: Vec<Text>,
    known: HashMap<Text, usize>,
}

impl Texts {
    fn index(&mut self, text: &Text) -> usize {
        *self.known.entry(text.clone()).or_insert_with(|| {
            self.all.push(text.clone());
            self.all.len() - 1
        })
    }
}

/// Stacks as a tree, each a frame on another stack.
#[derive(Default)]
struct StackTable {
    prefixes: Vec<Option<usize>>,
    frames: Vec<usize>,
    known: HashMap<(Option<usize>, usize), usize>,
}

impl StackTable {
    fn index(&mut self, stack: &[usize]) -> Option<usize> {
        stack.iter().fold(None, |prefix, &frame| {
            Some(*self.known.entry((prefix, frame)).or_insert_with(|| {
                self.prefixes.push(prefix);
                self.frames.push(frame);
                self.frames.len() - 1
            }))
        })
    }
}

fn thread(profile: &Profile, frames: &Frames, position: usize, program: &str) -> Value {
    let sample_type = &profile.sample_types[position];
    let (weight_type, weight) = weights(sample_type);
    let mut texts = Texts::default();
    let mut table = StackTable::default();
    let (mut stacks, mut values) = (Vec::new(), Vec::new());
    for sample in profile.samples.iter().filter(|sample| sample.values[position] != 0) {
        stacks.push(table.index(&frames.stack(sample)));
        values.push(weight(sample.values[position]));
    }
    let count = frames.all.len();
    let all = |value: Value| vec![value; count];
    let names: Vec<usize> = frames.all.iter().map(|frame| texts.index(&frame.name)).collect();
    let files = frames.all.iter().map(|frame| (!frame.file.is_empty()).then(|| texts.index(&frame.file)));
    let files: Vec<Option<usize>> = files.collect();
    let lines = frames.all.iter().map(|frame| (frame.start_line > 0).then_some(frame.start_line));
    let lines: Vec<Option<i64>> = lines.collect();
    let title = format!("{} ({})", sample_type.kind, sample_type.unit);
    json!({
        "name": title,
        "processName": program,
        "processType": "default",
        "isMainThread": position == 0,
        "pid": "0",
        "tid": position.to_string(),
        "registerTime": 0,
        "unregisterTime": null,
        "processStartupTime": 0,
        "processShutdownTime": null,
        "pausedRanges": [],
        "showMarkersInTimeline": false,
        "samples": {
            "length": values.len(),
            "stack": stacks,
            "timeDeltas": vec![INTERVAL; values.len()],
            "weight": values,
            "weightType": weight_type,
        },
        "stackTable": { "length": table.frames.len(), "prefix": table.prefixes, "frame": table.frames },
        "frameTable": {
            "length": count,
            "address": all(json!(-1)),
            "inlineDepth": all(json!(0)),
            "category": all(json!(1)),
            "subcategory": all(json!(0)),
            "func": (0..count).collect::<Vec<_>>(),
            "nativeSymbol": all(Value::Null),
            "innerWindowID": all(json!(0)),
            "line": all(Value::Null),
            "column": all(Value::Null),
        },
        "funcTable": {
            "length": count,
            "name": names,
            "isJS": all(json!(false)),
            "relevantForJS": all(json!(false)),
            "resource": all(json!(-1)),
            "fileName": files,
            "lineNumber": lines,
            "columnNumber": all(Value::Null),
        },
        "resourceTable": { "length": 0, "lib": [], "name": [], "host": [], "type": [] },
        "nativeSymbols": { "length": 0, "address": [], "functionSize": [], "libIndex": [], "name": [] },
        "markers": {
            "length": 0, "category": [], "data": [], "endTime": [], "name": [], "phase": [], "startTime": [],
        },
        "stringArray": texts.all.iter().map(|text| &**text).collect::<Vec<_>>(),
    })
}

/// What the profiler calls weights of this type, and a value as such.
fn weights(sample_type: &ValueType) -> (&'static str, Box<dyn Fn(i64) -> Value>) {
    let unit = sample_type.unit.to_string();
    if &*unit == "bytes" {
        return ("bytes", Box::new(|value| value.into()));
    }
    if scale(1, &unit, "milliseconds").unit == "ms" {
        return ("tracing-ms", Box::new(move |value| scale(value, &unit, "milliseconds").value.into()));
    }
    ("samples", Box::new(|value| value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;

    #[test]
    fn tables_lead_to_the_stacks() {
        let profile = profile_of(&[("main;a+b", 1_500_000), ("main;c", 3_000_000_000), ("main", 0)]);
        let file: Value = serde_json::from_str(&firefox(&profile, 0).unwrap()).unwrap();
        let thread = &file["threads"][0];
        let number = |value: &Value| value.as_u64().map(|number| number as usize);
        let stack = |sample: usize| -> Vec<String> {
            let mut names = Vec::new();
            let mut at = number(&thread["samples"]["stack"][sample]);
            while let Some(stack) = at {
                let frame = number(&thread["stackTable"]["frame"][stack]).unwrap();
                let function = number(&thread["frameTable"]["func"][frame]).unwrap();
                let name = number(&thread["funcTable"]["name"][function]).unwrap();
                names.push(thread["stringArray"][name].as_str().unwrap().to_owned());
                at = number(&thread["stackTable"]["prefix"][stack]);
            }
            names
        };
        assert_eq!(
            (stack(0), stack(1)),
            (vec!["b".into(), "a".into(), "main".into()], vec!["c".into(), "main".into()])
        );
        assert_eq!(thread["samples"]["weight"], json!([1.5, 3000.0]));
        assert_eq!(thread["samples"]["weightType"], "tracing-ms");
        for (table, columns) in thread.as_object().unwrap() {
            let Some(length) = columns.get("length").and_then(number) else { continue };
            let is_whole = |column: &Value| column.as_array().is_none_or(|column| column.len() == length);
            assert!(columns.as_object().unwrap().values().all(is_whole), "{table}");
        }
        assert!(firefox(&profile_of(&[("main", -1)]), 0).is_err());
    }
}
