//! The flame graph: an SVG picture of all stacks, in which a frame is as wide as what was measured in it and all that it
//! called. It stands alone; in a browser it zooms and searches. How stacks become a tree is in `flamegraph/tree.rs`, how
//! the tree is drawn in `flamegraph/svg.rs`. Never shows a frame wider than its share.

mod color;
mod svg;
mod tree;

use crate::{Error, Label, LabelValue, Profile};
use tree::Tree;

/// What the picture shows, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct FlamegraphOptions {
    /// The sample type, by name or number; without one the profile's default.
    pub sample_index: Option<String>,
    /// The heading; without one the name of the program.
    pub title: Option<String>,
    /// Whether the root is at the top, as in an icicle graph, instead of at the bottom.
    pub inverted: bool,
    /// Shows only the samples with this label.
    pub label: Option<LabelFilter>,
    /// Width of the picture, in pixels. Below 200 it is taken as 200.
    pub width: u32,
    /// Frames narrower than this many pixels are not drawn; they still count in those that they lie on.
    pub min_width: f64,
}

impl Default for FlamegraphOptions {
    fn default() -> Self {
        FlamegraphOptions { sample_index: None, title: None, inverted: false, label: None, width: 1200, min_width: 0.1 }
    }
}

/// A label that samples have to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFilter {
    /// Its key.
    pub key: String,
    /// Its value; a number is written in decimal, without its unit.
    pub value: String,
}

impl LabelFilter {
    /// The filter that `key=value` stands for; none without `=`.
    pub fn parse(text: &str) -> Option<LabelFilter> {
        let (key, value) = text.split_once('=')?;
        Some(LabelFilter { key: key.into(), value: value.into() })
    }

    fn matches(&self, label: &Label) -> bool {
        *label.key == *self.key
            && match &label.value {
                LabelValue::Text(text) => **text == *self.value,
                LabelValue::Number { number, .. } => number.to_string() == self.value,
            }
    }
}

/// The picture as an SVG document. The same profile and options give the same bytes.
///
/// The heading, the values and each frame's name, value and share are in the document itself; its script, where a viewer
/// runs it, adds zooming (click on a frame), searching (ctrl-F, a regular expression or any text) and resetting (escape).
/// Frames of one name on the same callers are one, inlined ones too, in the order of their names. A colour stands for a
/// crate.
///
/// # Errors
///
/// If the profile has no such sample type.
pub fn flamegraph(profile: &Profile, options: &FlamegraphOptions) -> Result<String, Error> {
    let sample_index = profile.sample_index(options.sample_index.as_deref())?;
    let is_shown = |labels: &[Label]| match &options.label {
        Some(filter) => labels.iter().any(|label| filter.matches(label)),
        None => true,
    };
    let tree = Tree::new(profile, sample_index, is_shown);
    Ok(svg::document(profile, &profile.sample_types[sample_index], &tree, options))
}

#[cfg(test)]
mod tests;
