//! What the options of a report leave of a profile: samples, frames and labels. What each of the filters does is in files of
//! their own, `focus.rs`, `label_filter.rs` and `prune.rs`; what else the options do is in `view.rs`.

use std::collections::BTreeMap;

use regex::Regex;

use crate::expression::{expression_of_option, of_option};
use crate::report::options::Options;
use crate::{Error, LabelCondition, NameFilter, Profile, Text};
use crate::{filter_labels, filter_samples_by_label, prune_from, show_from};

/// Drops the samples, frames and labels that are not wanted.
pub(super) fn filter(
    profile: &mut Profile,
    options: &Options,
    units: &BTreeMap<Text, Text>,
    notices: &mut Vec<String>,
) -> Result<(), Error> {
    let names = NameFilter {
        focus: optional("focus", &options.focus)?,
        ignore: optional("ignore", &options.ignore)?,
        hide: optional("hide", &options.hide)?,
        show: optional("show", &options.show)?,
    };
    let outermost = optional("show_from", &options.show_from)?;
    let condition = |option, text| LabelCondition::new(text).map_err(|error| of_option(option, error));
    let tag_focus = condition("tagfocus", &options.tag_focus)?;
    let tag_ignore = condition("tagignore", &options.tag_ignore)?;
    let innermost = optional("prune_from", &options.prune_from)?;
    let tag_show = optional("tagshow", &options.tag_show)?;
    let tag_hide = optional("taghide", &options.tag_hide)?;
    for (name, value, filter) in
        [("tagfocus", &options.tag_focus, &tag_focus), ("tagignore", &options.tag_ignore, &tag_ignore)]
    {
        if filter.as_ref().is_some_and(LabelCondition::is_range) {
            let value = value.split_once('=').map_or(&**value, |(_, value)| value);
            notices.push(format!("{name}:Interpreted '{value}' as range, not regexp"));
        }
    }
    let mut warn = |matched: bool, option: &str| {
        if !matched {
            notices.push(format!("{option} expression matched no samples"));
        }
    };
    let matched = names.apply(profile);
    warn(matched.focus, "Focus");
    warn(matched.ignore, "Ignore");
    warn(matched.hide, "Hide");
    warn(matched.show, "Show");
    if let Some(outermost) = &outermost {
        warn(show_from(profile, outermost), "ShowFrom");
    }
    let (focused, ignored) = filter_samples_by_label(profile, tag_focus.as_ref(), tag_ignore.as_ref(), units);
    warn(focused, "TagFocus");
    warn(ignored, "TagIgnore");
    let (shown, hidden) = filter_labels(profile, tag_show.as_ref(), tag_hide.as_ref());
    warn(shown, "TagShow");
    warn(hidden, "TagHide");
    if let Some(innermost) = &innermost {
        prune_from(profile, innermost);
    }
    Ok(())
}

/// An option that is an expression; empty text is none.
fn optional(option: &'static str, pattern: &str) -> Result<Option<Regex>, Error> {
    if pattern.is_empty() { Ok(None) } else { expression_of_option(option, pattern).map(Some) }
}
