//! Which of a sample's values a report shows, and how: what the reports that go over samples have in common. What units
//! there are is in `measurement.rs`.

use std::collections::BTreeMap;

use super::options::Options;
use crate::measurement::label;
use crate::{BASE, Error, LabelValue, Profile, Sample, Text, ValueType, label_units};

/// How values are shown. The default is that of `go tool pprof`, but for the sample type.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueOptions {
    /// Position of the values in each sample, as [`Profile::sample_index`] gives it.
    pub sample_index: usize,
    /// Whether values are divided by the first of their sample, its count.
    pub mean: bool,
    /// What all values are divided by for show; shares are not.
    pub divide_by: f64,
    /// The unit of all values; `minimum` and `auto` choose one for each.
    pub unit: String,
    /// The sum that shares are of. Without one that of the profile as it is: the reader of a filtered profile usually
    /// wants the sum of all, as [`ValueOptions::total`] gives it before the filter.
    pub total: Option<i64>,
    /// The units of numeric labels. Without them those of the profile as it is; give those from before a filter, as
    /// [`label_units`] does.
    pub label_units: Option<BTreeMap<Text, Text>>,
}

impl Default for ValueOptions {
    fn default() -> Self {
        ValueOptions {
            sample_index: 0,
            mean: false,
            divide_by: 1.0,
            unit: "minimum".into(),
            total: None,
            label_units: None,
        }
    }
}

impl ValueOptions {
    /// Those that the options of a report ask for.
    ///
    /// # Errors
    ///
    /// If the profile has no such sample type, or values are divided by zero.
    pub(super) fn of(profile: &Profile, options: &Options) -> Result<ValueOptions, Error> {
        let sample_index = profile.sample_index(Some(&options.sample_index))?;
        if options.divide_by == 0.0 {
            return Err(Error::ZeroDivisor);
        }
        let (mean, divide_by, unit) = (options.mean, options.divide_by, options.unit.clone());
        Ok(ValueOptions { sample_index, mean, divide_by, unit, ..ValueOptions::default() })
    }

    /// What the values count; means have a name of their own.
    pub(super) fn sample_type(&self, profile: &Profile) -> ValueType {
        let mut sample_type = profile.sample_types[self.sample_index].clone();
        if self.mean {
            sample_type.kind = format!("mean_{}", sample_type.kind).into();
        }
        sample_type
    }

    /// The sum of all absolute values. If samples are marked as the base of a comparison (`pprof::base`), of theirs
    /// alone. With [`mean`](ValueOptions::mean) it is divided by the sum of all counts.
    ///
    /// # Panics
    ///
    /// If a sample has no value at [`sample_index`](ValueOptions::sample_index).
    pub fn total(&self, profile: &Profile) -> i64 {
        let (mut all, mut base) = ((0i64, 0i64), (0i64, 0i64));
        let add = |sum: &mut (i64, i64), sample: Sample<'_>| {
            sum.0 = sum.0.saturating_add(self.value(sample).saturating_abs());
            sum.1 = sum.1.saturating_add(self.count(sample));
        };
        for sample in &profile.samples {
            add(&mut all, sample);
            if is_base(sample) {
                add(&mut base, sample);
            }
        }
        let (sum, count) = if base.0 > 0 { base } else { all };
        mean(sum, count)
    }

    /// The value of a sample; with `mean` still to be divided by its count.
    pub(super) fn value(&self, sample: Sample<'_>) -> i64 {
        sample.values[self.sample_index]
    }

    /// What the value of a sample is to be divided by, 0 for nothing.
    pub(super) fn count(&self, sample: Sample<'_>) -> i64 {
        if self.mean { sample.values[0] } else { 0 }
    }

    /// The total that shares are of.
    pub(super) fn total_of(&self, profile: &Profile) -> i64 {
        self.total.unwrap_or_else(|| self.total(profile))
    }

    /// The units of the numeric labels.
    pub(super) fn label_units_of(&self, profile: &Profile) -> BTreeMap<Text, Text> {
        self.label_units.clone().unwrap_or_else(|| label_units(profile))
    }

    /// A value as it is shown.
    pub(super) fn format(&self, value: i64, sample_type: &ValueType) -> String {
        label(divided(value, self.divide_by), &sample_type.unit, &self.unit)
    }
}

/// A value divided for show, unless that would turn its sign.
pub(super) fn divided(value: i64, by: f64) -> i64 {
    let ratio = 1.0 / by;
    if ratio > 0.0 && ratio != 1.0 { (value as f64 * ratio) as i64 } else { value }
}

/// `value / count`, or `value` if nothing was counted.
pub(super) fn mean(value: i64, count: i64) -> i64 {
    if count == 0 { value } else { value.wrapping_div(count) }
}

/// Whether any value is below zero, as in a difference of profiles.
pub(super) fn is_negative(profile: &Profile) -> bool {
    profile.samples.iter().any(|sample| sample.values.iter().any(|value| *value < 0))
}

fn is_base(sample: Sample<'_>) -> bool {
    let is_true = |value: &LabelValue| matches!(value, LabelValue::Text(text) if &**text == "true");
    sample.labels.iter().any(|label| &*label.key == BASE && is_true(&label.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label;

    #[test]
    fn the_total_is_of_the_base_if_there_is_one() {
        let sample = |values| Sample { values, ..Sample::default() };
        let mut profile = Profile { samples: [sample(&[2, 10]), sample(&[3, -20])].into(), ..Profile::default() };
        let options = ValueOptions { sample_index: 1, ..ValueOptions::default() };
        let mean = ValueOptions { mean: true, ..options.clone() };
        assert_eq!((options.total(&profile), mean.total(&profile)), (30, 6));
        let base = [Label::text("pprof::base", "true")];
        profile.samples.push(Sample { labels: &base, ..sample(&[-1, -7]) });
        assert_eq!((options.total(&profile), mean.total(&profile)), (7, -7));
        assert_eq!(ValueOptions { total: Some(5), ..options }.total_of(&profile), 5);
    }

    #[test]
    fn values_are_divided_only_for_show() {
        let nanoseconds = ValueType::new("cpu", "nanoseconds");
        let format = |divide_by, value| {
            let options = ValueOptions { divide_by, ..ValueOptions::default() };
            options.format(value, &nanoseconds)
        };
        assert_eq!(format(1.0, 1500), "1.50us");
        assert_eq!(format(2.0, 1501), "750ns");
        assert_eq!(format(-2.0, 1500), "1.50us");
    }
}
