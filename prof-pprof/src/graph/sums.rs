//! What was measured in each node, and in the calls between them, over all samples: the only place that goes over the
//! stacks of a whole profile for a graph, on all processors. How a graph is made of it is in `build.rs`. Never looks at a
//! label.

use std::ops::Range;

use hashbrown::HashMap;

use super::frames::Frames;
use super::{NodeIndex, Sum};
use crate::parallel::in_parts;
use crate::{Profile, Sample};

/// Below this a second thread costs more than it gains.
const WORTH_A_THREAD: usize = 1 << 14;

/// Which of a sample's values is summed up.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) sample_index: usize,
    /// Whether it is divided by the first one.
    pub(super) mean: bool,
}

impl Column {
    /// Those of the samples for which there is anything to sum up, with their positions and values.
    pub(super) fn of(
        self,
        profile: &Profile,
        positions: Range<usize>,
    ) -> impl Iterator<Item = (usize, Sample<'_>, Sum)> {
        let samples = positions.map(|position| (position, profile.samples.at(position)));
        samples.filter_map(move |(position, sample)| {
            let divisor = if self.mean { sample.values[0] } else { 0 };
            let value = Sum { sum: sample.values[self.sample_index], divisor };
            (value != Sum::default()).then_some((position, sample, value))
        })
    }
}

/// Which calls are summed up.
pub(super) enum Wanted {
    /// None: that takes a fraction of the time.
    Nodes,
    /// Those from and to nodes for which this holds.
    CallsOf(Vec<bool>),
    /// Those to nodes for which this holds.
    CallsInto(Vec<bool>),
}

/// By which sample each node was last counted, as recursion must not count twice.
pub(super) struct Counted {
    /// Half of a number is enough to tell samples apart that come one after the other.
    last: Vec<u32>,
}

impl Counted {
    pub(super) fn none(frames: &Frames) -> Counted {
        Counted { last: vec![u32::MAX; frames.infos.len()] }
    }

    /// Whether the node was not counted for this sample before; now it is.
    #[inline]
    pub(super) fn is_first(&mut self, node: NodeIndex, sample: usize) -> bool {
        let sample = sample as u32;
        std::mem::replace(&mut self.last[node.position()], sample) != sample
    }
}

/// Calls from one node to another.
pub(super) struct Call {
    pub(super) from: NodeIndex,
    pub(super) to: NodeIndex,
    /// Over the samples that hold this call, each counted once.
    pub(super) weight: Sum,
    /// Whether a node between the two was not kept in any of them.
    pub(super) residual: bool,
    /// Whether the callee was inlined every time.
    pub(super) inline: bool,
    /// The sample by which it was last counted, as recursion must not count twice.
    counted: usize,
}

/// What was measured.
pub(super) struct Sums {
    /// For each node, over the samples that have it as their leaf; for none if the leaf is not kept.
    pub(super) flat: Vec<Sum>,
    /// For each node, over the samples that hold it, each counted once.
    pub(super) cum: Vec<Sum>,
    /// In the order in which they were met.
    pub(super) calls: Vec<Call>,
    known: HashMap<(NodeIndex, NodeIndex), usize>,
}

impl Sums {
    /// The sums over all samples of a profile.
    pub(super) fn new(profile: &Profile, column: Column, frames: &Frames, wanted: &Wanted) -> Sums {
        let count = profile.samples.len();
        // Each thread has its own sums, so there must be more to sum up than there are sums.
        let worth = (count / WORTH_A_THREAD).min(profile.samples.frames() / (4 * frames.infos.len().max(1)));
        let of = |samples| {
            let mut sums = Sums::nothing(frames);
            match wanted {
                Wanted::Nodes => sums.add_nodes(profile, column, frames, samples),
                Wanted::CallsOf(wanted) => {
                    let is_wanted = |from: NodeIndex, to: NodeIndex| wanted[to.position()] || wanted[from.position()];
                    sums.add_calls(profile, column, frames, is_wanted, samples);
                }
                Wanted::CallsInto(wanted) => {
                    sums.add_calls(profile, column, frames, |_, to| wanted[to.position()], samples);
                }
            }
            sums
        };
        let mut sums = in_parts(count, if worth == 0 { 1 } else { worth + 1 }, of).into_iter();
        let first = sums.next().expect("there is a part at least");
        sums.fold(first, Sums::with)
    }

    fn nothing(frames: &Frames) -> Sums {
        let none = vec![Sum::default(); frames.infos.len()];
        Sums { flat: none.clone(), cum: none, calls: Vec::new(), known: HashMap::new() }
    }

    fn add_nodes(&mut self, profile: &Profile, column: Column, frames: &Frames, samples: Range<usize>) {
        let mut counted = Counted::none(frames);
        for (number, sample, value) in column.of(profile, samples) {
            for location in sample.locations {
                for node in frames.of(*location).iter().flatten() {
                    if counted.is_first(*node, number) {
                        self.cum[node.position()].add(value);
                    }
                }
            }
            if let Some(leaf) = sample.locations.first().and_then(|location| frames.of(*location)[0]) {
                self.flat[leaf.position()].add(value);
            }
        }
    }

    fn add_calls(
        &mut self,
        profile: &Profile,
        column: Column,
        frames: &Frames,
        is_wanted: impl Fn(NodeIndex, NodeIndex) -> bool,
        samples: Range<usize>,
    ) {
        let mut counted = Counted::none(frames);
        for (number, sample, value) in column.of(profile, samples) {
            let mut caller: Option<NodeIndex> = None;
            let mut residual = false;
            for location in sample.locations.iter().rev() {
                let nodes = frames.of(*location);
                for (depth, node) in nodes.iter().enumerate().rev() {
                    let Some(node) = *node else {
                        residual = true;
                        continue;
                    };
                    if counted.is_first(node, number) {
                        self.cum[node.position()].add(value);
                    }
                    if let Some(caller) = caller
                        && caller != node
                        && is_wanted(caller, node)
                    {
                        let inline = depth + 1 != nodes.len();
                        self.call(Call { from: caller, to: node, weight: value, residual, inline, counted: number });
                    }
                    caller = Some(node);
                    residual = false;
                }
            }
            if let Some(leaf) = caller.filter(|_| !residual) {
                self.flat[leaf.position()].add(value);
            }
        }
    }

    fn call(&mut self, call: Call) {
        let next = self.calls.len();
        let position = *self.known.entry((call.from, call.to)).or_insert(next);
        if position == next {
            self.calls.push(call);
            return;
        }
        let known = &mut self.calls[position];
        if std::mem::replace(&mut known.counted, call.counted) != call.counted {
            known.weight.add(call.weight);
            known.residual |= call.residual;
            known.inline &= call.inline;
        }
    }

    /// Adds the sums over other samples, which come behind these.
    fn with(mut self, other: Sums) -> Sums {
        let pairs = self.flat.iter_mut().zip(&other.flat).chain(self.cum.iter_mut().zip(&other.cum));
        pairs.for_each(|(sum, more)| sum.add(*more));
        other.calls.into_iter().for_each(|call| self.call(call));
        self
    }
}
