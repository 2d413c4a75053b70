//! Flat and cum of all nodes, without the calls between them: what decides which nodes are worth showing takes a fraction
//! of the time that a whole graph does. That is built in `build.rs`. Counts what it counts, in the same way.

use std::ops::Range;

use super::Sum;
use super::frames::Frames;
use crate::{Profile, Sample};

/// Below this a second thread costs more than it gains.
const WORTH_A_THREAD: usize = 1 << 15;

/// Which of a sample's values is summed up.
#[derive(Clone, Copy)]
pub(super) struct Column {
    pub(super) sample_index: usize,
    /// Whether it is divided by the first one.
    pub(super) mean: bool,
}

impl Column {
    pub(super) fn of(self, sample: Sample<'_>) -> Sum {
        Sum { sum: sample.values[self.sample_index], divisor: if self.mean { sample.values[0] } else { 0 } }
    }
}

/// What was measured in each node.
pub(super) struct Sums {
    pub(super) flat: Vec<Sum>,
    pub(super) cum: Vec<Sum>,
}

impl Sums {
    /// The sums over all samples of a profile, of which all nodes are kept.
    pub(super) fn new(profile: &Profile, column: Column, frames: &Frames) -> Sums {
        let count = profile.samples.len();
        let threads = match std::thread::available_parallelism() {
            Ok(threads) if count >= WORTH_A_THREAD => threads.get().min(count / (WORTH_A_THREAD / 2)),
            _ => 1,
        };
        let part = |number: usize| count * number / threads..count * (number + 1) / threads;
        let of = |range| Sums::over(profile, column, frames, range);
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|number| scope.spawn(move || of(part(number)))).collect();
            let mut sums = of(part(0));
            for other in others {
                sums.add(&other.join().expect("adding up does not panic"));
            }
            sums
        })
    }

    fn over(profile: &Profile, column: Column, frames: &Frames, samples: Range<usize>) -> Sums {
        let nothing = vec![Sum::default(); frames.infos.len()];
        let mut sums = Sums { flat: nothing.clone(), cum: nothing };
        // The sample by which each node was last counted, as recursion must not count twice.
        let mut counted = vec![usize::MAX; frames.infos.len()];
        for number in samples {
            let sample = profile.samples.at(number);
            let value = column.of(sample);
            if value == Sum::default() {
                continue;
            }
            for location in sample.locations {
                for node in frames.of(*location).iter().flatten() {
                    if std::mem::replace(&mut counted[node.position()], number) != number {
                        sums.cum[node.position()].add(value);
                    }
                }
            }
            if let Some(leaf) = sample.locations.first().and_then(|location| frames.of(*location)[0]) {
                sums.flat[leaf.position()].add(value);
            }
        }
        sums
    }

    fn add(&mut self, other: &Sums) {
        let pairs = self.flat.iter_mut().zip(&other.flat).chain(self.cum.iter_mut().zip(&other.cum));
        pairs.for_each(|(sum, more)| sum.add(*more));
    }
}
