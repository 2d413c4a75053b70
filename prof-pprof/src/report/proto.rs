//! Profiles as reports: what the filters leave, and the table of functions as a profile of its own.

use std::collections::HashMap;

use super::view::View;
use crate::{Function, FunctionIndex, Line, Location, LocationIndex, Profile, Sample, ValueType};

/// The profile after the filters, its values divided as the options say.
pub(crate) fn proto(mut view: View) -> Profile {
    let mut samples = std::mem::take(&mut view.profile.samples);
    if view.options.divide_by != 1.0 {
        samples.values_mut().flatten().for_each(|value| *value = view.scaled(*value));
    }
    Profile { samples, ..view.profile }
}

/// The nodes worth showing: a sample for each, with the values `cum` and `flat`.
pub(crate) fn top_proto(view: &mut View) -> Profile {
    let trimmed = view.trimmed();
    let of = |kind| ValueType::new(kind, &view.unit);
    let mut profile = Profile {
        sample_types: vec![of("cum"), of("flat")],
        time_nanos: view.profile.time_nanos,
        duration_nanos: view.profile.duration_nanos,
        period_type: view.profile.period_type.clone(),
        period: view.profile.period,
        ..Profile::default()
    };
    let mut functions = HashMap::new();
    for (position, node) in trimmed.graph.nodes().enumerate() {
        let info = &node.info;
        let function = Function {
            name: info.name.clone(),
            file: info.file.clone(),
            start_line: info.start_line,
            ..Function::default()
        };
        let function = *functions.entry(function).or_insert_with_key(|function| {
            profile.functions.push(function.clone());
            FunctionIndex::new(profile.functions.len() - 1)
        });
        let lines = vec![Line { function, line: info.line, column: info.column }];
        profile.locations.push(Location { address: info.address, lines, ..Location::default() });
        profile.samples.push(Sample {
            locations: &[LocationIndex::new(position)],
            values: &[view.whole(node.cum.value()), view.whole(node.flat.value())],
            ..Sample::default()
        });
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{profile_of, stacks};
    use crate::report::{Format, Options};

    #[test]
    fn a_profile_is_what_the_filters_leave() {
        let options = Options { focus: "^a$".into(), divide_by: 2.0, ..Options::default() };
        let profile = profile_of(&[("main;a", 7), ("main;b", 1)]);
        let profile = proto(View::new(profile, &Format::Proto, &options).unwrap());
        assert_eq!(stacks(&profile), [(vec!["a".into(), "main".into()], 3)]);
    }

    #[test]
    fn the_table_is_a_profile_of_functions() {
        let profile = profile_of(&[("main;a", 7), ("main;b", 1)]);
        let table = top_proto(&mut View::new(profile, &Format::TopProto, &Options::default()).unwrap());
        assert_eq!(table.check(), Ok(()));
        assert_eq!(&*table.sample_types[0].unit, "ns");
        let values: Vec<_> = table.samples.iter().map(|sample| sample.values).collect();
        assert_eq!(values, [[7, 7], [1, 1], [8, 0]]);
    }
}
