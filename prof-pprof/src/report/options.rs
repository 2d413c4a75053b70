//! What a report is asked for: all options of `go tool pprof`, with its defaults. What is made of them is in `view.rs`.

use super::header::Zone;
use crate::Granularity;
use crate::graph::Order;

/// Which report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The graph for kcachegrind.
    Callgrind,
    /// The profile's comments.
    Comments,
    /// The assembly of functions that an expression matches, or the one at an address, with samples.
    Disasm(String),
    /// The graph for Graphviz.
    Dot,
    /// The stacks, a line each, as flame graph tools read them.
    Folded,
    /// The source of functions that an expression matches, with samples.
    List(String),
    /// The callers and callees of functions that an expression matches.
    Peek(String),
    /// The profile itself, after all filters.
    Proto,
    /// The profile itself as text.
    Raw,
    /// All labels.
    Tags,
    /// The table of the functions that cost most.
    Text,
    /// That table as a profile.
    TopProto,
    /// All samples with their stacks.
    Traces,
    /// The callers and callees of each function.
    Tree,
}

/// The options of a report. Expressions are in RE2's syntax, and none if they are empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The sample type, by name or number; if empty the profile's default, else the last.
    pub sample_index: String,
    /// Whether each value is divided by the first one, a count.
    pub mean: bool,
    /// By what all values are divided.
    pub divide_by: f64,
    /// The unit of all values; `minimum` picks one for all, `auto` one for each.
    pub unit: String,
    /// What is shown as one node. Some formats have one of their own.
    pub granularity: Granularity,
    /// Whether inlined functions count as the one that they are inlined into.
    pub no_inlines: bool,
    /// Whether lines are told apart by columns.
    pub show_columns: bool,
    /// What text reports are sorted by.
    pub order: Order,
    /// How many nodes at most; 0 for all, -1 for what is usual in the format.
    pub node_count: i64,
    /// Nodes whose cum is below this share of the total are left out.
    pub node_fraction: f64,
    /// Edges below this share of the total are left out.
    pub edge_fraction: f64,
    /// Whether the three limits above hold.
    pub trim: bool,
    /// Only samples with a matching frame.
    pub focus: String,
    /// No samples with a matching frame.
    pub ignore: String,
    /// Only matching frames.
    pub show: String,
    /// No matching frames.
    pub hide: String,
    /// Nothing above the outermost matching frame.
    pub show_from: String,
    /// Nothing below the innermost matching frame.
    pub prune_from: String,
    /// Only samples with such labels; see [`LabelCondition`](crate::LabelCondition).
    pub tag_focus: String,
    /// No samples with such labels.
    pub tag_ignore: String,
    /// Only labels with a matching key.
    pub tag_show: String,
    /// No labels with a matching key.
    pub tag_hide: String,
    /// Keys of labels that become frames above the root, separated by commas.
    pub tag_root: String,
    /// Keys of labels that become frames below the leaf, separated by commas.
    pub tag_leaf: String,
    /// Whether shares are of what the filters leave.
    pub relative_percentages: bool,
    /// Whether drawings have a node for each way to a function.
    pub call_tree: bool,
    /// Whether nodes of negative value are left out.
    pub drop_negative: bool,
    /// Whether text reports leave out what is said of the profile as a whole.
    pub compact_labels: bool,
    /// Where source files are, a colon list: file names lose what stands before the last part of one of them.
    pub source_path: String,
    /// Prefixes that file names lose, a colon list.
    pub trim_path: String,
    /// Whether assembly is in Intel's syntax rather than AT&T's.
    pub intel_syntax: bool,
    /// The time zone of the profile's date.
    pub zone: Zone,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            sample_index: String::new(),
            mean: false,
            divide_by: 1.0,
            unit: "minimum".into(),
            granularity: Granularity::Functions,
            no_inlines: false,
            show_columns: false,
            order: Order::Flat,
            node_count: -1,
            node_fraction: 0.005,
            edge_fraction: 0.001,
            trim: true,
            focus: String::new(),
            ignore: String::new(),
            show: String::new(),
            hide: String::new(),
            show_from: String::new(),
            prune_from: String::new(),
            tag_focus: String::new(),
            tag_ignore: String::new(),
            tag_show: String::new(),
            tag_hide: String::new(),
            tag_root: String::new(),
            tag_leaf: String::new(),
            relative_percentages: false,
            call_tree: false,
            drop_negative: false,
            compact_labels: false,
            source_path: String::new(),
            trim_path: String::new(),
            intel_syntax: false,
            zone: Zone::default(),
        }
    }
}

impl Options {
    /// The options with what `format` makes of them.
    pub(crate) fn of(&self, format: &Format) -> Options {
        let mut options = self.clone();
        match format {
            Format::Peek(_) => options.trim = false,
            Format::List(_) => (options.trim, options.granularity) = (false, Granularity::Lines),
            // Inlined functions would count their samples once more at the same address.
            Format::Disasm(_) => {
                (options.trim, options.granularity, options.no_inlines) = (false, Granularity::Addresses, true);
            }
            Format::Text | Format::TopProto if options.node_count == -1 => options.node_count = 0,
            _ if options.node_count == -1 => options.node_count = 80,
            _ => {}
        }
        if matches!(format, Format::Proto | Format::Raw | Format::Callgrind) {
            options.trim = false;
            options.granularity = Granularity::Addresses;
        }
        if !options.trim {
            (options.node_count, options.node_fraction, options.edge_fraction) = (0, 0.0, 0.0);
        }
        options
    }

    /// The filters as `name=value`, for the lines above a report.
    pub(crate) fn active_filters(&self) -> Vec<String> {
        let filters = [
            ("focus", &self.focus),
            ("ignore", &self.ignore),
            ("hide", &self.hide),
            ("show", &self.show),
            ("show_from", &self.show_from),
            ("tagfocus", &self.tag_focus),
            ("tagignore", &self.tag_ignore),
            ("tagshow", &self.tag_show),
            ("taghide", &self.tag_hide),
        ];
        filters.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}")).collect()
    }
}
