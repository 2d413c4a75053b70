//! Many profiles → one: sample types that all have, units that fit, mappings of the same file made one wherever they lay.
//! Subtracting and normalizing are merging with other weights. Records become profiles in `from_record.rs`.

use crate::measurement::{are_of_one_kind, scale};
use crate::{Error, Label, LabelValue, Profile, ValueType};

mod location;
mod mapping;
mod places;
mod sum;

use sum::Sum;

/// Merges profiles: keeps the sample types that all have, in the first one's order and in the finest of their units, and
/// sums samples of equal stacks and labels. A sample of zeros goes. A single profile stays as it is.
///
/// # Errors
///
/// If they have no sample type in common, or units that do not convert into each other.
pub fn merge(profiles: impl IntoIterator<Item = Profile>) -> Result<Profile, Error> {
    let mut merger = Merger::default();
    profiles.into_iter().try_for_each(|profile| merger.add(profile))?;
    merger.finish().ok_or(Error::NoSampleTypes)
}

/// [`merge`] of profiles as they come: none of them is kept, so memory grows with the distinct stacks in them, not with how
/// many they are.
#[derive(Debug, Default)]
pub struct Merger {
    expects_more: bool,
    so_far: SoFar,
}

#[derive(Debug, Default)]
enum SoFar {
    #[default]
    Nothing,
    /// A profile, and its sum in case that another comes.
    One(Box<Profile>, Option<Box<Sum>>),
    Several(Box<Sum>),
}

impl Merger {
    /// For so many profiles. Of several the first is summed up at once, while the next one may be read on another thread.
    pub fn expecting(profiles: usize) -> Merger {
        Merger { expects_more: profiles > 1, so_far: SoFar::Nothing }
    }

    /// Adds a profile.
    ///
    /// # Errors
    ///
    /// If it does not fit to those before, as with [`merge`]; these are lost then.
    pub fn add(&mut self, mut profile: Profile) -> Result<(), Error> {
        let before = match std::mem::take(&mut self.so_far) {
            SoFar::Nothing => {
                let mut only = [profile];
                keep_common_sample_types(&mut only)?;
                let [only] = only;
                let sum = self.expects_more.then(|| Box::new(Sum::of(&only)));
                self.so_far = SoFar::One(Box::new(only), sum);
                return Ok(());
            }
            SoFar::One(before, None) => *before,
            SoFar::One(before, Some(mut sum)) => {
                if add_fitting(&mut sum, &mut profile)? {
                    self.so_far = SoFar::Several(sum);
                    return Ok(());
                }
                *before
            }
            SoFar::Several(mut sum) => {
                if add_fitting(&mut sum, &mut profile)? {
                    self.so_far = SoFar::Several(sum);
                    return Ok(());
                }
                // The default of what was summed up so far is that of its first profile.
                let first_default = sum.first_default().clone();
                Profile { default_sample_type: first_default, ..sum.finish() }
            }
        };
        let mut both = [before, profile];
        keep_common_sample_types(&mut both)?;
        harmonize_units(&mut both)?;
        let [before, profile] = both;
        compatible(&before, &profile)?;
        let mut sum = Box::new(Sum::of(&before));
        drop(before);
        sum.add(profile);
        self.so_far = SoFar::Several(sum);
        Ok(())
    }

    /// The profile; none of none.
    pub fn finish(self) -> Option<Profile> {
        match self.so_far {
            SoFar::Nothing => None,
            SoFar::One(profile, _) => Some(*profile),
            SoFar::Several(sum) => {
                let merged = sum.finish();
                if !merged.samples.iter().any(sum::is_zero) {
                    return Some(merged);
                }
                Some(Sum::of(&merged).finish())
            }
        }
    }
}

/// Adds a profile to a sum, unless what was summed up would have other sample types with it.
fn add_fitting(sum: &mut Sum, profile: &mut Profile) -> Result<bool, Error> {
    let mut both = [sum.header().clone(), std::mem::take(profile)];
    keep_common_sample_types(&mut both)?;
    harmonize_units(&mut both)?;
    let [header, fitting] = both;
    if compatible(sum.header(), &header).is_err() {
        *profile = fitting;
        return Ok(false);
    }
    compatible(&header, &fitting)?;
    sum.add(fitting);
    Ok(true)
}

/// The profile without what `base` holds: its samples are added with their values negated. With `mark`, each gets the label
/// `pprof::base=true`, by which reports take the base as the whole.
///
/// # Errors
///
/// As [`merge`].
pub fn subtract(profile: Profile, mut base: Profile, mark: bool) -> Result<Profile, Error> {
    if mark {
        base.samples.map_labels(|labels| {
            let is_mark = |label: &&Label| &*label.key == BASE && matches!(label.value, LabelValue::Text(_));
            let others = labels.iter().filter(|label| !is_mark(label)).cloned();
            others.chain([Label::text(BASE, "true")]).collect()
        });
    }
    let negative = vec![-1.0; base.sample_types.len()];
    scale_values(&mut base, &negative);
    merge([profile, base])
}

/// The key of the label of samples that came from a base.
pub const BASE: &str = "pprof::base";

/// Scales the profile's values so that each sample type sums up to the same as in `base`.
///
/// # Errors
///
/// If they are not of the same sample types and period.
pub fn normalize(profile: &mut Profile, base: &Profile) -> Result<(), Error> {
    compatible(profile, base)?;
    let sums = |profile: &Profile| {
        let mut sums = vec![0i64; profile.sample_types.len()];
        for sample in &profile.samples {
            for (sum, value) in sums.iter_mut().zip(sample.values) {
                *sum = sum.saturating_add(*value);
            }
        }
        sums
    };
    let ratio = |(own, base): (i64, i64)| if own == 0 { 0.0 } else { base as f64 / own as f64 };
    let ratios: Vec<_> = sums(profile).into_iter().zip(sums(base)).map(ratio).collect();
    scale_values(profile, &ratios);
    Ok(())
}

/// Multiplies the values of each sample type by its ratio, rounded. A sample of which no scaled value is left goes, as in
/// other tools even if one that is not scaled is.
fn scale_values(profile: &mut Profile, ratios: &[f64]) {
    if ratios.iter().all(|ratio| *ratio == 1.0) {
        return;
    }
    let is_scaled = |(_, ratio): &(usize, &f64)| **ratio != 1.0;
    let scaled: Vec<_> = ratios.iter().enumerate().filter(is_scaled).collect();
    for values in profile.samples.values_mut() {
        for (position, ratio) in &scaled {
            values[*position] = (values[*position] as f64 * *ratio).round() as i64;
        }
    }
    profile.samples.retain(|sample| scaled.iter().any(|(position, _)| sample.values[*position] != 0));
}

fn keep_common_sample_types(profiles: &mut [Profile]) -> Result<(), Error> {
    let Some(first) = profiles.first() else { return Err(Error::NoSampleTypes) };
    let all = || profiles.iter().flat_map(|profile| &profile.sample_types);
    // As other tools count: a profile that has a kind twice makes up for one that has it not.
    let is_common = |common: &&ValueType| all().filter(|other| other.kind == common.kind).count() == profiles.len();
    let common: Vec<_> = first.sample_types.iter().filter(is_common).map(|common| common.kind.clone()).collect();
    let Some(fallback) = common.first().cloned() else { return Err(Error::NothingInCommon) };
    for profile in profiles {
        let position = |kind: &crate::Text| profile.sample_types.iter().position(|own| own.kind == *kind);
        let positions: Vec<_> = common.iter().filter_map(position).collect();
        if positions.len() == profile.sample_types.len() && positions.is_sorted() {
            continue;
        }
        if !common.contains(&profile.default_sample_type) {
            profile.default_sample_type = fallback.clone();
        }
        profile.sample_types = positions.iter().map(|position| profile.sample_types[*position].clone()).collect();
        profile.samples.keep_values(&positions);
    }
    Ok(())
}

/// Scales everything to the finest unit.
fn harmonize_units(profiles: &mut [Profile]) -> Result<(), Error> {
    if profiles.len() < 2 {
        return Ok(());
    }
    let unknown = ValueType::default();
    let periods = profiles.iter().map(|profile| profile.period_type.as_ref().unwrap_or(&unknown));
    let period = finest(&periods.collect::<Vec<_>>())?;
    let width = profiles[0].sample_types.len();
    let finest_of = |position: usize| finest(&profiles.iter().map(|p| &p.sample_types[position]).collect::<Vec<_>>());
    let finest: Vec<_> = (0..width).map(finest_of).collect::<Result<_, _>>()?;
    for profile in profiles {
        if let Some(own) = &mut profile.period_type {
            profile.period = scale(profile.period, &own.unit, &period.unit).value as i64;
            own.unit = period.unit.clone();
        }
        let ratio = |(own, finest): (&ValueType, &ValueType)| scale(1, &own.unit, &finest.unit).value;
        let ratios: Vec<_> = profile.sample_types.iter().zip(&finest).map(ratio).collect();
        for (own, finest) in profile.sample_types.iter_mut().zip(&finest) {
            own.unit = finest.unit.clone();
        }
        scale_values(profile, &ratios);
    }
    Ok(())
}

fn finest(types: &[&ValueType]) -> Result<ValueType, Error> {
    let mut finest = types[0];
    for other in &types[1..] {
        // A plural makes no difference.
        let kind = |value_type: &ValueType| value_type.kind.strip_suffix('s').unwrap_or(&value_type.kind).to_owned();
        let units_fit = finest.unit == other.unit || are_of_one_kind(&finest.unit, &other.unit);
        if kind(finest) != kind(other) || !units_fit {
            return Err(Error::Incompatible { one: finest.clone(), other: (*other).clone() });
        }
        if scale(1, &other.unit, &finest.unit).value < 1.0 {
            finest = other;
        }
    }
    Ok(finest.clone())
}

fn compatible(one: &Profile, other: &Profile) -> Result<(), Error> {
    let unknown = ValueType::default();
    let period = |profile: &Profile| profile.period_type.as_ref().unwrap_or(&unknown).clone();
    let pairs = one.sample_types.iter().zip(&other.sample_types);
    let mut differing = pairs.filter(|(one, other)| one != other).map(|(one, other)| (one.clone(), other.clone()));
    let differing = if period(one) != period(other) { Some((period(one), period(other))) } else { differing.next() };
    match differing {
        Some((one, other)) => Err(Error::Incompatible { one, other }),
        None if one.sample_types.len() != other.sample_types.len() => Err(Error::NothingInCommon),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::{change_values, profile_of, stacks};
    use crate::{Mapping, MappingIndex};

    fn stack(frames: &str, value: i64) -> (Vec<String>, i64) {
        (frames.split(';').map(str::to_owned).collect(), value)
    }

    #[test]
    fn equal_samples_are_summed_and_zeros_go() {
        let one = profile_of(&[("main;a", 1), ("main;b", 2)]);
        let other = profile_of(&[("main;c", 8), ("main;b", 4), ("main;a", -1)]);
        let merged = merge(vec![one, other]).unwrap();
        assert_eq!(stacks(&merged), [stack("b;main", 6), stack("c;main", 8)]);
        assert_eq!(merge([]), Err(Error::NoSampleTypes));
    }

    #[test]
    fn only_common_sample_types_stay_in_the_finest_unit() {
        let mut one = profile_of(&[("main", 3)]);
        one.sample_types = vec![ValueType::new("cpu", "milliseconds")];
        let mut other = profile_of(&[("main", 7)]);
        other.sample_types = vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")];
        change_values(&mut other, |_, _| vec![1, 7]);
        let merged = merge(vec![one, other]).unwrap();
        assert_eq!(merged.sample_types, [ValueType::new("cpu", "nanoseconds")]);
        assert_eq!(&*merged.default_sample_type, "cpu");
        assert_eq!(stacks(&merged), [stack("main", 3_000_007)]);
        let mut bytes = profile_of(&[("main", 1)]);
        bytes.sample_types = vec![ValueType::new("cpu", "bytes")];
        let kinds = merge(vec![profile_of(&[("main", 1)]), bytes]);
        assert!(matches!(kinds, Err(Error::Incompatible { .. })));
    }

    #[test]
    fn what_comes_later_may_change_the_types_of_all() {
        let of = |kinds: &[&str], default: &str| {
            let mut profile = profile_of(&[("main", 1)]);
            profile.sample_types = kinds.iter().map(|kind| ValueType::new(kind, "count")).collect();
            change_values(&mut profile, |_, values| vec![values[0]; kinds.len()]);
            Profile { default_sample_type: default.into(), ..profile }
        };
        for expected in [0, 3] {
            let mut merger = Merger::expecting(expected);
            for next in [of(&["a", "b", "c"], ""), of(&["a", "b", "c"], "c"), of(&["b", "c"], "")] {
                merger.add(next).unwrap();
            }
            let merged = merger.finish().unwrap();
            assert_eq!((&*merged.default_sample_type, merged.sample_types.len()), ("b", 2));
            assert_eq!(merged.samples.at(0).values, [3, 3]);
            // The second already changes them.
            let mut merger = Merger::expecting(expected);
            [of(&["a", "b"], "a"), of(&["b"], "")].into_iter().for_each(|next| merger.add(next).unwrap());
            assert_eq!(merger.finish(), merge([of(&["a", "b"], "a"), of(&["b"], "")]).ok());
            // One alone stays as it is, expected or not.
            let mut merger = Merger::expecting(expected);
            merger.add(of(&["a"], "")).unwrap();
            assert_eq!(merger.finish(), Some(of(&["a"], "")));
        }
        // Those that have more, or in another order, fit in without a change of the sum.
        let all = [of(&["b"], ""), of(&["b", "a"], "a"), of(&["a", "b"], "a"), of(&["b"], "")];
        let merged = merge(all).unwrap();
        assert_eq!((&*merged.default_sample_type, merged.samples.at(0).values), ("b", &[4][..]));
    }

    #[test]
    fn mappings_of_one_file_become_one_wherever_they_lay() {
        let at = |start: u64, limit: u64| {
            let mut profile = profile_of(&[("main", 1)]);
            let filename = "/bin/x".into();
            profile.mappings = vec![Mapping { start, limit, filename, ..Mapping::default() }];
            profile.locations[0].mapping = Some(MappingIndex::new(0));
            profile.locations[0].address = start + 0x10;
            profile
        };
        let merged = merge(vec![at(0x1000, 0x2000), at(0x5000, 0x5ff0)]).unwrap();
        assert_eq!((merged.mappings.len(), merged.locations.len()), (1, 1));
        assert_eq!((merged.locations[0].address, merged.samples.at(0).values[0]), (0x1010, 2));
    }

    #[test]
    fn a_base_is_taken_away_and_may_be_marked() {
        let (one, base) = (profile_of(&[("main;a", 5), ("main;b", 2)]), profile_of(&[("main;a", 3), ("main;b", 2)]));
        let difference = subtract(one.clone(), base.clone(), false).unwrap();
        assert_eq!(stacks(&difference), [stack("a;main", 2)]);
        let marked = subtract(one, base, true).unwrap();
        assert_eq!(marked.samples.len(), 4);
        assert_eq!(marked.samples.at(2).labels, [Label::text(BASE, "true")]);
    }

    #[test]
    fn a_normalized_profile_sums_up_to_its_base() {
        let mut profile = profile_of(&[("main;a", 1), ("main;b", 3)]);
        normalize(&mut profile, &profile_of(&[("main", 100)])).unwrap();
        assert_eq!(stacks(&profile), [stack("a;main", 25), stack("b;main", 75)]);
    }
}
