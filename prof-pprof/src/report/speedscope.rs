//! The profile in speedscope's file format (<https://www.speedscope.app/file-format-schema.json>): a sampled profile for
//! each sample type, over one list of frames. A profile has no order in time; speedscope's "left heavy" view needs none.

use serde_json::{Map, Value, json};

use super::frames::{Frames, program};
use super::values::is_negative;
use crate::{Error, Profile};

/// The file, as JSON. The sample type at `sample_index` is the one shown first.
///
/// # Errors
///
/// If a value is negative, as in a difference of profiles: there the format has no place for it.
pub fn speedscope(profile: &Profile, sample_index: usize) -> Result<String, Error> {
    if is_negative(profile) {
        return Err(Error::Negative { format: "speedscope" });
    }
    let frames = Frames::new(profile);
    let stacks: Vec<Vec<usize>> = profile.samples.iter().map(|sample| frames.stack(sample)).collect();
    let of_type = |(position, sample_type): (usize, &crate::ValueType)| {
        let (mut samples, mut weights) = (Vec::new(), Vec::new());
        for (sample, stack) in profile.samples.iter().zip(&stacks).filter(|(sample, _)| sample.values[position] != 0) {
            samples.push(json!(stack));
            weights.push(sample.values[position]);
        }
        let total = weights.iter().fold(0i64, |sum, weight| sum.saturating_add(*weight));
        json!({
            "type": "sampled",
            "name": &*sample_type.kind,
            "unit": unit(&sample_type.unit),
            "startValue": 0,
            "endValue": total,
            "samples": samples,
            "weights": weights,
        })
    };
    let name = program(profile);
    let file = json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("cargo-prof ", env!("CARGO_PKG_VERSION")),
        "name": name,
        "activeProfileIndex": sample_index,
        "shared": { "frames": frames.all.iter().map(frame).collect::<Vec<_>>() },
        "profiles": profile.sample_types.iter().enumerate().map(of_type).collect::<Vec<_>>(),
    });
    Ok(file.to_string())
}

fn frame(frame: &super::frames::Frame) -> Value {
    let mut value = Map::new();
    value.insert("name".into(), (&*frame.name).into());
    if !frame.file.is_empty() {
        value.insert("file".into(), (&*frame.file).into());
    }
    if frame.start_line > 0 {
        value.insert("line".into(), frame.start_line.into());
    }
    value.into()
}

/// The unit as the format names it; counts and others have none there.
fn unit(unit: &str) -> &str {
    match unit {
        "nanoseconds" | "microseconds" | "milliseconds" | "seconds" | "bytes" => unit,
        _ => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;

    #[test]
    fn stacks_are_outermost_first_and_weights_sum_up() {
        let profile = profile_of(&[("main;a+b", 1), ("main;c", 2), ("main", 0)]);
        let file: Value = serde_json::from_str(&speedscope(&profile, 0).unwrap()).unwrap();
        let names: Vec<_> = file["shared"]["frames"].as_array().unwrap().iter().map(|frame| &frame["name"]).collect();
        let cpu = &file["profiles"][0];
        let stack = |number: usize| -> Vec<&str> {
            let frames = cpu["samples"][number].as_array().unwrap().iter();
            frames.map(|frame| names[frame.as_u64().unwrap() as usize].as_str().unwrap()).collect()
        };
        assert_eq!((stack(0), stack(1)), (vec!["main", "a", "b"], vec!["main", "c"]));
        assert_eq!((&cpu["weights"], &cpu["endValue"]), (&json!([1, 2]), &json!(3)));
        assert_eq!((&cpu["unit"], &cpu["name"]), (&json!("nanoseconds"), &json!("cpu")));
        assert!(speedscope(&profile_of(&[("main", -1)]), 0).is_err());
    }
}
