//! What a shell says of a profile when it opens: the lines about it as a whole, without a report below them. How the lines
//! are written is in `header.rs`. Never applies a filter.

use super::header;
use super::options::Options;
use super::values::ValueOptions;
use crate::label_units::{label_units, other_units};
use crate::{Error, Profile};

/// A profile as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What it is of, when it was taken and for how long, as far as it says.
    pub lines: Vec<String>,
    /// The sum of its absolute values, of the sample type that was asked for.
    pub total: i64,
}

/// Sums a profile up, with the sample type and the unit of `options`.
///
/// # Errors
///
/// If there is no such sample type, or values are divided by zero.
pub fn summary(profile: &Profile, options: &Options) -> Result<Summary, Error> {
    let values = ValueOptions::of(profile, options)?;
    let sample_type = values.sample_type(profile);
    let total = values.total(profile);
    let lines = header::lines(profile, &sample_type, total, &values.format(total, &sample_type), &options.zone);
    Ok(Summary { lines, total })
}

/// What is odd about the profile's labels, one line each: keys whose numbers come in more than one unit.
pub fn label_notices(profile: &Profile) -> Vec<String> {
    other_units(profile, &label_units(profile))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::tests::profile_of;

    #[test]
    fn the_lines_and_the_total_are_those_of_the_sample_type() {
        let mut profile = profile_of(&[("main;work", 1_500), ("main", 500)]);
        profile.duration_nanos = 4_000;
        profile.comments = vec!["a word".into(), "# not for people".into()];
        let found = summary(&profile, &Options::default()).unwrap();
        assert_eq!(found.lines, ["a word", "Type: cpu", "Duration: 4us, Total samples = 2us (50.00%)"]);
        assert_eq!(found.total, 2_000);
        let unknown = Options { sample_index: "space".into(), ..Options::default() };
        assert!(summary(&profile, &unknown).is_err());
        let divided = Options { divide_by: 0.0, ..Options::default() };
        assert_eq!(summary(&profile, &divided), Err(Error::ZeroDivisor));
    }
}
