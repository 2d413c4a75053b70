//! What all reports on a profile have in common: the profile after the filters, its total, how values are written, the
//! graph of what is worth showing, and the lines above it. What is written of it is in the files of the reports.

use std::collections::{BTreeMap, HashSet};

use regex::Regex;

use super::header;
use super::options::{Format, Options};
use super::values::{ValueOptions, divided};
use crate::expression::expression_of_option;
use crate::graph::{Calls, Graph, Node, NodeInfo, Order, Shape, TagName};
use crate::label_units::{label_units, other_units};
use crate::measurement::{label, percentage, scale};
use crate::path::trimmed_path;
use crate::{BASE, Error, Label, LabelValue, Profile, Text, ValueType};
use crate::{add_label_frames, aggregate};

mod filter;

use filter::filter;

/// A profile as a report sees it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// After all filters, and with nothing told apart that is not to be.
    pub profile: Profile,
    /// As the format makes them.
    pub options: Options,
    /// The sum of the absolute values; of the base alone if the profile holds one.
    pub total: i64,
    /// Which of a sample's values is shown.
    pub sample_index: usize,
    /// What it counts.
    pub sample_type: ValueType,
    /// The unit that values are shown in.
    pub unit: String,
    /// The units of labels, as they were before the filters.
    pub label_units: BTreeMap<Text, Text>,
    /// What the user should know but that stops nothing, one line each.
    pub notices: Vec<String>,
    format: Format,
    /// Which nodes a peek is at, by their names.
    pub peeked: Option<Regex>,
}

/// A graph of what is worth showing.
pub(crate) struct Trimmed {
    pub graph: Graph,
    /// Nodes that were left to choose from.
    pub candidates: usize,
    /// Nodes below the cutoff.
    pub dropped_nodes: usize,
    /// Edges below theirs, as far as they were there in the end.
    pub dropped_edges: usize,
}

impl View {
    /// Applies the options to the profile.
    ///
    /// # Errors
    ///
    /// If an option cannot be read or does not fit the profile.
    pub(crate) fn new(mut profile: Profile, format: &Format, options: &Options) -> Result<View, Error> {
        let label_units = label_units(&profile);
        let mut notices = other_units(&profile, &label_units);
        let options = options.of(format);
        let (roots, leaves) = (keys(&options.tag_root), keys(&options.tag_leaf));
        let (any_root, any_leaf) = add_label_frames(&mut profile, &roots, &leaves, &options.unit);
        let mut warn = |matched: bool, option: &str| {
            if !matched {
                notices.push(format!("{option} expression matched no samples"));
            }
        };
        warn(options.tag_root.is_empty() || any_root, "TagRoot");
        warn(options.tag_leaf.is_empty() || any_leaf, "TagLeaf");
        if options.relative_percentages {
            filter(&mut profile, &options, &label_units, &mut notices)?;
        }
        let values = ValueOptions::of(&profile, &options)?;
        let (sample_index, sample_type) = (values.sample_index, values.sample_type(&profile));
        let total = values.total(&profile);
        if !options.relative_percentages {
            filter(&mut profile, &options, &label_units, &mut notices)?;
        }
        aggregate(&mut profile, options.granularity, !options.no_inlines, options.show_columns);
        let peeked = match format {
            Format::Peek(pattern) => Some(expression_of_option("argument", pattern)?),
            _ => None,
        };
        let unit = options.unit.clone();
        let format = format.clone();
        Ok(View { profile, options, total, sample_index, sample_type, unit, label_units, notices, format, peeked })
    }

    /// The value as people read it.
    pub(crate) fn value(&self, value: i64) -> String {
        label(self.scaled(value), &self.sample_type.unit, &self.unit)
    }

    /// The value as people read it, with a dot for nothing.
    pub(crate) fn value_or_dot(&self, value: i64) -> String {
        if value == 0 { ".".into() } else { self.value(value) }
    }

    /// The columns of a node in tables: flat, cum, and their shares, with that of the `sum` of all flat values up to here.
    pub(crate) fn columns(&self, flat: i64, sum: i64, cum: i64) -> String {
        format!(
            "{:>10} {} {} {:>10} {}",
            self.value(flat),
            percentage(flat, self.total),
            percentage(sum, self.total),
            self.value(cum),
            percentage(cum, self.total),
        )
    }

    /// The line below the name of a routine: what was measured in it.
    pub(crate) fn of_routine(&self, nodes: &[&Node]) -> String {
        let (flat, cum) = sums(nodes);
        let share = percentage(cum, self.total);
        format!("{:>10} {:>10} (flat, cum) {share} of Total", self.value(flat), self.value(cum))
    }

    /// The value in the unit of the report, without its fraction.
    pub(crate) fn whole(&self, value: i64) -> i64 {
        scale(value, &self.sample_type.unit, &self.unit).value as i64
    }

    /// The value divided as the options say.
    pub(crate) fn scaled(&self, value: i64) -> i64 {
        divided(value, self.options.divide_by)
    }

    /// The graph of what is worth showing. Picks the unit that fits it, if none was asked for.
    pub(crate) fn trimmed(&mut self) -> Trimmed {
        let is_drawn = self.format == Format::Dot;
        let order = if is_drawn { Order::Entropy } else { self.options.order };
        let is_tree = self.is_tree();
        self.prepare();
        // Sums decide what the graph is made of. A tree must be there before it is cut, and where nothing is cut, there is
        // nothing to decide.
        let is_whole = is_tree || self.options.node_fraction == 0.0;
        let nodes = if is_whole { self.graph(None) } else { Graph::without_edges(&self.profile, &self.shape()) };
        let sum = nodes.nodes().fold(0, |sum: i64, node| sum.saturating_add(node.flat.sum));
        let node_cutoff = cutoff(sum, self.options.node_fraction);
        let edge_cutoff = cutoff(sum, self.options.edge_fraction);
        let heavy = nodes.heavy(node_cutoff);
        let dropped_nodes = nodes.listed().len() - heavy.len();
        let mut graph = if is_whole {
            let mut whole = nodes;
            if dropped_nodes > 0 {
                whole.keep_in_tree(&heavy);
            }
            whole
        } else if dropped_nodes > 0 {
            self.prepare();
            self.graph(Some(&nodes.infos(&heavy)))
        } else {
            self.graph(None)
        };
        let candidates = graph.listed().len();
        graph.sort(order);
        if let Some(count) = usize::try_from(self.options.node_count).ok().filter(|count| *count > 0) {
            // Before nodes are chosen, because they weigh in the choice.
            graph.drop_light_tags(node_cutoff);
            graph.drop_light_edges(edge_cutoff);
            let first = graph.first(count, is_drawn);
            if first.len() != graph.listed().len() {
                if is_tree {
                    graph.keep_in_tree(&first);
                } else {
                    self.prepare();
                    graph = self.graph(Some(&graph.infos(&first)));
                }
                graph.sort(order);
            }
        }
        graph.drop_light_tags(node_cutoff);
        let dropped_edges = graph.drop_light_edges(edge_cutoff);
        if is_drawn {
            graph.drop_redundant_edges();
        }
        self.pick_unit(&graph);
        Trimmed { graph, candidates, dropped_nodes, dropped_edges }
    }

    /// All nodes without the calls between them, for reports on a few functions, which may be the smallest.
    pub(crate) fn untrimmed(&mut self) -> Graph {
        self.prepare();
        Graph::without_edges(&self.profile, &self.shape())
    }

    fn is_tree(&self) -> bool {
        self.options.call_tree && matches!(self.format, Format::Dot | Format::Callgrind)
    }

    /// Makes of the profile what a graph is built of. Each time anew: a prefix that a path has twice goes twice, as in other
    /// tools.
    fn prepare(&mut self) {
        for function in &mut self.profile.functions {
            let file = trimmed_path(&function.file, &self.options.trim_path, &self.options.source_path);
            if file.len() != function.file.len() {
                function.file = file.into();
            }
        }
        let bytes = self.label_units.get("bytes").cloned().unwrap_or_default();
        self.profile.samples.map_labels(|labels| {
            // Of the numbers only sizes are drawn.
            let drawn = labels.iter().filter_map(|label| match label.value {
                LabelValue::Text(_) => (&*label.key != BASE).then(|| label.clone()),
                LabelValue::Number { number, .. } => {
                    (&*label.key == "bytes").then(|| Label::number("bytes", number, bytes.clone()))
                }
            });
            drawn.collect()
        });
    }

    /// The graph of these nodes, or of all.
    fn graph(&self, kept: Option<&HashSet<NodeInfo>>) -> Graph {
        let tag_name = |number: i64, unit: &str| label(number, unit, &self.unit);
        let tag_name: Option<&TagName<'_>> = if self.format == Format::Dot { Some(&tag_name) } else { None };
        let is_peeked = |name: &str| self.peeked.as_ref().is_none_or(|peeked| peeked.is_match(name));
        let calls = match self.format {
            Format::Peek(_) => Calls::Of(&is_peeked),
            // A table tells of calls only whether they are inlined.
            Format::Text | Format::TopProto => Calls::IntoInlined,
            _ => Calls::All,
        };
        Graph::new(&self.profile, &Shape { kept, tag_name, calls, ..self.shape() })
    }

    fn shape(&self) -> Shape<'static> {
        Shape {
            sample_index: self.sample_index,
            mean: self.options.mean,
            call_tree: self.is_tree(),
            drop_negative: self.options.drop_negative,
            object_names: matches!(self.format, Format::Callgrind | Format::Disasm(_) | Format::List(_)),
            ..Shape::default()
        }
    }

    /// `minimum` is the unit that fits the smallest value; if that is another than the total's and more than a hundred times
    /// smaller, the one that shows the smallest as a hundredth, unless the format knows no fractions.
    fn pick_unit(&mut self, graph: &Graph) {
        if self.unit != "minimum" || graph.listed().is_empty() {
            return;
        }
        let smallest = graph.nodes().map(|node| i64::try_from(node.smallest_value()).unwrap_or(i64::MAX));
        let smallest = smallest.filter(|value| *value > 0).min().unwrap_or(self.total);
        let (smallest, largest) = (self.scaled(smallest), self.scaled(self.total));
        let fitting = |value| scale(value, &self.sample_type.unit, "minimum").unit;
        let mut unit = fitting(smallest);
        let hundredfold = smallest.saturating_mul(100);
        if unit != fitting(largest) && hundredfold < largest && self.format != Format::Callgrind {
            unit = fitting(hundredfold);
        }
        self.unit = if unit.is_empty() { self.sample_type.unit.to_string() } else { unit.to_owned() };
    }

    /// For reports that go over samples: what values are, measured as before the filters.
    pub(crate) fn value_options(&self) -> ValueOptions {
        ValueOptions {
            sample_index: self.sample_index,
            mean: self.options.mean,
            divide_by: self.options.divide_by,
            unit: self.unit.clone(),
            total: Some(self.total),
            label_units: Some(self.label_units.clone()),
        }
    }

    /// The lines about the profile as a whole.
    pub(crate) fn profile_lines(&self) -> Vec<String> {
        header::lines(&self.profile, &self.sample_type, self.total, &self.value(self.total), &self.options.zone)
    }

    /// The lines above a report. A drawing's are never compact, and tell of edges.
    pub(crate) fn lines(&self, trimmed: &Trimmed) -> Vec<String> {
        let is_drawn = self.format == Format::Dot;
        let mut lines = if is_drawn || !self.options.compact_labels { self.profile_lines() } else { Vec::new() };
        let filters = self.options.active_filters();
        if !filters.is_empty() {
            lines.push("Active filters:".into());
            lines.extend(filters.iter().map(|filter| format!("   {}", shortened(filter))));
        }
        let shown = trimmed.graph.flat_total();
        lines.push(format!(
            "Showing nodes accounting for {}, {} of {} total",
            self.value(shown),
            percentage(shown, self.total).trim(),
            self.value(self.total)
        ));
        if self.total != 0 {
            let dropped = |count: usize, what: &str, of: &str, fraction| {
                let plural = if count > 1 { "s" } else { "" };
                let cutoff = self.value(i64::try_from(cutoff(self.total, fraction)).unwrap_or(i64::MAX));
                (count > 0).then(|| format!("Dropped {count} {what}{plural} ({of} <= {cutoff})"))
            };
            lines.extend(dropped(trimmed.dropped_nodes, "node", "cum", self.options.node_fraction));
            if is_drawn {
                lines.extend(dropped(trimmed.dropped_edges, "edge", "freq", self.options.edge_fraction));
            }
            let count = trimmed.graph.listed().len();
            if count > 0 && count < trimmed.candidates {
                lines.push(format!("Showing top {count} nodes out of {}", trimmed.candidates));
            }
        }
        if is_drawn {
            lines.push("\nSee https://git.io/JfYMW for how to read the graph".into());
        }
        lines
    }
}

/// The sums of flat and of cum. Divisors are left out, as in pprof.
pub(crate) fn sums(nodes: &[&Node]) -> (i64, i64) {
    nodes.iter().fold((0, 0), |(flat, cum): (i64, i64), node| {
        (flat.saturating_add(node.flat.sum), cum.saturating_add(node.cum.sum))
    })
}

fn cutoff(total: i64, fraction: f64) -> u64 {
    ((total as f64 * fraction) as i64).unsigned_abs()
}

/// A filter of more than 80 bytes loses its end.
fn shortened(filter: &str) -> String {
    if filter.len() <= 80 {
        return filter.to_owned();
    }
    let end = (0..=80).rev().find(|end| filter.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &filter[..end])
}

fn keys(list: &str) -> Vec<&str> {
    list.split(',').filter(|key| !key.is_empty()).collect()
}

#[cfg(test)]
mod tests;
