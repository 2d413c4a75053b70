//! Profile → profile in which some frames bear their cost on to their callers. Which those are is decided in
//! `rust_reading.rs`. Never changes what samples sum up to, and leaves no sample without a frame.

use crate::{Builder, Function, Line, Location, LocationIndex, Profile};

/// What becomes of the frames of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays.
    Stays,
    /// It stays, but says nothing of where the program was: a sample of such and of folded frames gets one more.
    StaysAside,
    /// Its cost goes to its caller.
    Folds,
}

/// What a sample gets if all its frames fold, but for those that stay aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest<'a> {
    /// Its outermost frame stays.
    Outermost,
    /// A frame of this name.
    Named(&'a str),
}

/// Folds the frames of functions by their fates, one for each of the profile's functions; places without functions have
/// the fate `unnamed`.
pub(super) fn fold(profile: &mut Profile, fates: &[Fate], unnamed: Fate, rest: Rest<'_>) {
    let fate_of_line = |line: &Line| fates[line.function.position()];
    let fate_of = |location: &Location| match &location.lines[..] {
        [] => unnamed,
        lines if lines.iter().any(|line| fate_of_line(line) == Fate::Stays) => Fate::Stays,
        lines if lines.iter().any(|line| fate_of_line(line) == Fate::StaysAside) => Fate::StaysAside,
        _ => Fate::Folds,
    };
    let folds = |location: &Location| match &location.lines[..] {
        [] => unnamed == Fate::Folds,
        lines => lines.iter().any(|line| fate_of_line(line) == Fate::Folds),
    };
    if !profile.locations.iter().any(folds) {
        return;
    }
    let location_fates: Vec<Fate> = profile.locations.iter().map(fate_of).collect();
    let mut builder = Builder::new(profile.sample_types.clone());
    if let Some(main) = profile.mappings.first() {
        builder.mapping(main.clone());
    }
    let put = |builder: &mut Builder, location: &Location, is_kept: &dyn Fn(&Line) -> bool| {
        let mapping = location.mapping.map(|mapping| builder.mapping(profile[mapping].clone()));
        let kept = location.lines.iter().filter(|line| is_kept(line));
        let line = |line: &Line| Line { function: builder.function(profile[line.function].clone()), ..*line };
        let lines = kept.map(line).collect();
        builder.location(Location { mapping, lines, ..*location })
    };
    let stays = |line: &Line| fate_of_line(line) != Fate::Folds;
    let mut moved: Vec<Option<LocationIndex>> = vec![None; profile.locations.len()];
    for sample in &profile.samples {
        let mut stack = Vec::with_capacity(sample.locations.len());
        let (mut is_at_home, mut any_folded) = (false, sample.locations.is_empty());
        for index in sample.locations.iter() {
            let fate = location_fates[index.position()];
            if fate == Fate::Folds {
                any_folded = true;
                continue;
            }
            is_at_home |= fate == Fate::Stays;
            let place = &mut moved[index.position()];
            stack.push(*place.get_or_insert_with(|| put(&mut builder, &profile[*index], &stays)));
        }
        match (rest, sample.locations.last()) {
            _ if is_at_home || !any_folded => {}
            (Rest::Named(name), _) => {
                let name = builder.text(name);
                let function = builder.function(Function { name, ..Function::default() });
                let lines = vec![Line { function, line: 0, column: 0 }];
                stack.insert(0, builder.location(Location { lines, ..Location::default() }));
            }
            (Rest::Outermost, Some(outermost)) if stack.is_empty() => {
                let location = &profile[*outermost];
                let last = location.lines.last();
                stack.push(put(&mut builder, location, &|line| Some(line) == last));
            }
            (Rest::Outermost, _) => {}
        }
        let labels = builder.label_set(sample.labels);
        builder.add(&stack, labels, sample.values);
    }
    let folded = builder.finish();
    profile.samples = folded.samples;
    profile.mappings = folded.mappings;
    profile.locations = folded.locations;
    profile.functions = folded.functions;
}
