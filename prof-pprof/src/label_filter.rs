//! Which samples and labels stay, by their labels: pprof's tagfocus, tagignore, tagshow and taghide. Frames are in
//! `focus.rs`, the units of labels in `label_units.rs`. Never changes a value.

use std::collections::BTreeMap;

use regex::Regex;

use crate::expression::expression;
use crate::measurement::scale;
use crate::{Error, Label, LabelValue, Profile, Text};

/// A condition on the labels of a sample.
#[derive(Debug, Clone)]
pub struct LabelCondition {
    key: Option<String>,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Range(Range),
    Text(Vec<Regex>),
}

impl LabelCondition {
    /// Reads `[key=]range` or `[key=]expression[,expression…]`; none for empty text. A range is `32kb`, `:64kb`, `4mb:` or
    /// `12kb:64mb`.
    ///
    /// A range holds for a sample with a number in it. Without a key every expression must match a `key:value` of the
    /// sample, with one any of them a value of it.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn new(text: &str) -> Result<Option<LabelCondition>, Error> {
        if text.is_empty() {
            return Ok(None);
        }
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (Some(key).filter(|key| !key.is_empty()), value),
            None => (None, text),
        };
        let wanted = match Range::new(value) {
            Some(range) => Wanted::Range(range),
            None => Wanted::Text(value.split(',').map(expression).collect::<Result<_, _>>()?),
        };
        Ok(Some(LabelCondition { key: key.map(str::to_owned), wanted }))
    }

    /// Whether it asks for numbers, which the user may not have meant.
    pub fn is_range(&self) -> bool {
        matches!(self.wanted, Wanted::Range(_))
    }

    /// Whether it holds for a sample with these labels. `units` are those of the profile, from [`label_units`](crate::label_units).
    pub fn matches(&self, labels: &[Label], units: &BTreeMap<Text, Text>) -> bool {
        let is_wanted = |key: &Text| self.key.as_ref().is_none_or(|wanted| **wanted == **key);
        let labels = || labels.iter().filter(|label| is_wanted(&label.key));
        let text = |label: &'_ Label| match &label.value {
            LabelValue::Text(text) => Some(text.clone()),
            LabelValue::Number { .. } => None,
        };
        match &self.wanted {
            Wanted::Range(range) => labels().any(|label| match &label.value {
                LabelValue::Number { number, .. } => {
                    range.holds(*number, units.get(&label.key).map_or("", |unit| unit))
                }
                LabelValue::Text(_) => false,
            }),
            Wanted::Text(expressions) if self.key.is_some() => {
                labels().filter_map(text).any(|text| expressions.iter().any(|expression| expression.is_match(&text)))
            }
            Wanted::Text(expressions) => expressions.iter().all(|expression| {
                labels()
                    .any(|label| text(label).is_some_and(|text| expression.is_match(&format!("{}:{text}", label.key))))
            }),
        }
    }
}

/// Drops samples that `focus` does not hold for or `ignore` does. Gives whether each held for any; a missing one did.
pub fn filter_samples_by_label(
    profile: &mut Profile,
    focus: Option<&LabelCondition>,
    ignore: Option<&LabelCondition>,
    units: &BTreeMap<Text, Text>,
) -> (bool, bool) {
    let mut matched = (focus.is_none(), ignore.is_none());
    if focus.is_none() && ignore.is_none() {
        return matched;
    }
    profile.samples.retain(|sample| {
        let is_focused = focus.is_none_or(|focus| focus.matches(sample.labels, units));
        let is_ignored = ignore.is_some_and(|ignore| ignore.matches(sample.labels, units));
        matched.0 |= is_focused;
        matched.1 |= is_ignored;
        is_focused && !is_ignored
    });
    matched
}

/// Drops labels whose key `show` does not match or `hide` does. Gives whether each matched any; a missing one did.
pub fn filter_labels(profile: &mut Profile, show: Option<&Regex>, hide: Option<&Regex>) -> (bool, bool) {
    let mut matched = (show.is_none(), hide.is_none());
    if show.is_none() && hide.is_none() {
        return matched;
    }
    profile.samples.map_labels(|labels| {
        let is_kept = |label: &&Label| {
            let is_shown = show.is_none_or(|show| show.is_match(&label.key));
            let is_hidden = hide.is_some_and(|hide| hide.is_match(&label.key));
            matched.0 |= is_shown;
            matched.1 |= is_hidden;
            is_shown && !is_hidden
        };
        labels.iter().filter(is_kept).cloned().collect()
    });
    matched
}

/// Numbers from one to another, both included.
#[derive(Debug, Clone)]
struct Range {
    least: f64,
    most: f64,
    unit: String,
}

impl Range {
    fn new(text: &str) -> Option<Range> {
        let (first, rest) = match text.strip_prefix(':') {
            Some(bound) => (None, bound),
            None => {
                let (bound, rest) = bound(text)?;
                (Some(bound), rest)
            }
        };
        let Some((first_number, first_unit)) = first else {
            let ((number, unit), rest) = bound(rest)?;
            let scaled = scale(number, unit, unit);
            return rest.is_empty().then(|| Range {
                least: f64::NEG_INFINITY,
                most: scaled.value,
                unit: scaled.unit.into(),
            });
        };
        let least = scale(first_number, first_unit, first_unit);
        let (least, unit) = (least.value, least.unit.to_owned());
        let most = match rest.strip_prefix(':') {
            None if rest.is_empty() => least,
            None => return None,
            Some("") => f64::INFINITY,
            Some(rest) => {
                let ((number, own_unit), rest) = bound(rest)?;
                let most = scale(number, own_unit, &unit);
                if most.unit != unit || !rest.is_empty() {
                    return None;
                }
                most.value
            }
        };
        Some(Range { least, most, unit })
    }

    fn holds(&self, number: i64, unit: &str) -> bool {
        let scaled = scale(number, unit, &self.unit);
        scaled.unit == self.unit && (self.least..=self.most).contains(&scaled.value)
    }
}

/// A number and its unit at the beginning of a text, and what follows.
fn bound(text: &str) -> Option<((i64, &str), &str)> {
    let signs = text.len() - text.strip_prefix(['+', '-']).unwrap_or(text).len();
    let digits = text[signs..].bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(signs + digits);
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (unit, rest) = rest.split_at(letters);
    Some(((number.parse().ok()?, unit), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sample, label_units};

    fn holds(filter: &str) -> bool {
        let labels = [
            Label::text("test", "a::b"),
            Label::text("host", "x"),
            Label::number("request", 64 << 10, ""),
            Label::number("latency", 5, "milliseconds"),
        ];
        let sample = Sample { labels: &labels, ..Sample::default() };
        let profile = Profile { samples: [sample].into(), ..Profile::default() };
        LabelCondition::new(filter).unwrap().unwrap().matches(&labels, &label_units(&profile))
    }

    #[test]
    fn expressions_match_keys_and_values() {
        for (filter, expected) in [
            ("test:a", true),
            ("^a", false),
            ("a::b,host", true),
            ("a::b,nowhere", false),
            ("test=^a,nowhere", true),
            ("test=x", false),
            ("other=.", false),
        ] {
            assert_eq!(holds(filter), expected, "{filter}");
        }
    }

    #[test]
    fn ranges_have_units() {
        for (filter, expected) in [
            ("64kb", true),
            ("65536b", true),
            ("65:", false),
            ("request=32kb:1mb", true),
            ("request=:63kb", false),
            ("latency=4000us:", true),
            ("latency=1kb:", false),
        ] {
            assert_eq!(holds(filter), expected, "{filter}");
        }
        assert!(!LabelCondition::new("1kb:2s").unwrap().unwrap().is_range());
        assert!(!LabelCondition::new("1.5").unwrap().unwrap().is_range());
    }
}
