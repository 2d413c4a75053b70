//! The tree as an SVG document. All that a viewer without scripts needs is in its elements; `script.js` only moves them.
//! Never looks at samples.

use std::fmt::Write;

use super::FlamegraphOptions;
use super::color::{NEUTRAL, color};
use super::tree::{Tree, Visit};
use crate::measurement::{label, percentage};
use crate::{Profile, ValueType};

/// Height of a frame.
const ROW: usize = 17;
/// Above the frames: the heading, what is shown, and the row of the buttons.
const TOP: usize = 66;
/// Below the frames: what is under the pointer, what a search found.
const BOTTOM: usize = 30;
/// Left and right of the frames.
const MARGIN: usize = 10;
/// The width that a character of the monospaced font is reckoned to have.
const CHARACTER: f64 = 7.3;
/// Room between a frame's edges and its name.
const PADDING: f64 = 3.0;

const SCRIPT: &str = include_str!("script.js");

const STYLE: &str = "
text { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 12px; fill: #111; }
#title { font-size: 17px; text-anchor: middle; }
#shown { text-anchor: middle; fill: #555; }
#frames rect { stroke: #fff; stroke-width: 0.5; }
#frames g:hover rect { stroke: #000; stroke-width: 1; }
#frames text { pointer-events: none; }
#frames.live g { cursor: pointer; }
#frames g.caller { opacity: 0.55; }
#frames g.found rect { fill: #e600e6; }
.button { cursor: pointer; fill: #0645ad; }
.end { text-anchor: end; }
";

/// The document that shows a tree of values of `sample_type`.
pub(super) fn document(profile: &Profile, sample_type: &ValueType, tree: &Tree, options: &FlamegraphOptions) -> String {
    let width = options.width.max(200) as usize;
    let picture = Picture { sample_type, tree, scale: scale(tree, width) };
    let is_wide = |visit: &Visit<'_>| visit.depth == 0 || visit.node.weight as f64 * picture.scale >= options.min_width;

    let (mut depth, mut drawn) = (0, 0);
    tree.walk(|visit| {
        if is_wide(visit) {
            depth = depth.max(visit.depth);
            drawn += 1;
        }
        is_wide(visit)
    });
    let height = TOP + (depth + 1) * ROW + BOTTOM;
    let mut shown = format!("{}: {}", sample_type.kind, picture.value(tree.root().value));
    if let Some(filter) = &options.label {
        let _ = write!(shown, ", {}={}", filter.key, filter.value);
    }
    let left_out = tree.size() - drawn;
    if left_out > 0 {
        let plural = if left_out > 1 { "s" } else { "" };
        let _ = write!(shown, "; {left_out} frame{plural} too narrow to be drawn");
    }
    let title = escaped(&options.title.clone().unwrap_or_else(|| program(profile)));

    let mut text = String::new();
    let _ = write!(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n\
         <title>{title}</title>\n\
         <style>{STYLE}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text id=\"title\" x=\"{middle}\" y=\"22\">{title}</text>\n\
         <text id=\"shown\" x=\"{middle}\" y=\"41\">{shown}</text>\n\
         <text id=\"reset\" class=\"button\" x=\"{MARGIN}\" y=\"58\" visibility=\"hidden\">reset</text>\n\
         <text id=\"search\" class=\"button end\" x=\"{right}\" y=\"58\" visibility=\"hidden\">search</text>\n\
         <text id=\"details\" x=\"{MARGIN}\" y=\"{bottom}\"> </text>\n\
         <text id=\"matched\" class=\"end\" x=\"{right}\" y=\"{bottom}\"> </text>\n\
         <g id=\"frames\" data-row=\"{ROW}\" data-margin=\"{MARGIN}\" data-character=\"{CHARACTER}\" \
         data-padding=\"{PADDING}\">\n",
        middle = width / 2,
        right = width - MARGIN,
        bottom = height - 10,
        shown = escaped(&shown),
    );
    tree.walk(|visit| {
        if is_wide(visit) {
            let row = if options.inverted { visit.depth } else { depth - visit.depth };
            picture.frame(&mut text, visit, TOP + row * ROW);
        }
        is_wide(visit)
    });
    let _ = write!(text, "</g>\n<script><![CDATA[\n{SCRIPT}]]></script>\n</svg>\n");
    text
}

/// What all frames have in common.
struct Picture<'a> {
    sample_type: &'a ValueType,
    tree: &'a Tree,
    /// Pixels for each unit of weight; 0 if there is no weight.
    scale: f64,
}

impl Picture<'_> {
    fn frame(&self, text: &mut String, visit: &Visit<'_>, y: usize) {
        let node = visit.node;
        let x = MARGIN as f64 + visit.start as f64 * self.scale;
        let name = escaped(&node.name);
        let _ = write!(
            text,
            "<g><title>{name}\n{}, {}</title><rect x=\"{x:.2}\" y=\"{y}\" width=\"{:.2}\" height=\"{ROW}\" fill=\"{}\"/>",
            escaped(&self.value(node.value)),
            percentage(node.value, signed(self.tree.root().weight)).trim(),
            node.weight as f64 * self.scale,
            if visit.depth == 0 { NEUTRAL.into() } else { color(&node.name) },
        );
        let _ = writeln!(
            text,
            "<text x=\"{:.2}\" y=\"{}\">{}</text></g>",
            x + PADDING,
            y + ROW - 5,
            escaped(&fitting(&node.name, node.weight as f64 * self.scale)),
        );
    }

    fn value(&self, value: i64) -> String {
        label(value, &self.sample_type.unit, "auto")
    }
}

fn scale(tree: &Tree, width: usize) -> f64 {
    let weight = tree.root().weight;
    if weight == 0 { 0.0 } else { (width - 2 * MARGIN) as f64 / weight as f64 }
}

fn signed(weight: u64) -> i64 {
    i64::try_from(weight).unwrap_or(i64::MAX)
}

/// As much of `name` as there is room for in a frame of so many pixels; nothing if that says nothing. The script does the same.
fn fitting(name: &str, width: f64) -> String {
    let room = ((width - 2.0 * PADDING) / CHARACTER).max(0.0) as usize;
    if room < 3 {
        return String::new();
    }
    if name.chars().count() <= room {
        return name.to_owned();
    }
    name.chars().take(room - 2).chain("..".chars()).collect()
}

/// The name of the profiled program.
fn program(profile: &Profile) -> String {
    let file = profile.mappings.first().and_then(|main| main.filename.trim_end_matches('/').rsplit('/').next());
    file.filter(|file| !file.is_empty()).unwrap_or("Flame graph").to_owned()
}

/// `text` as the content of an element or attribute. What XML 1.0 has no way to say becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
