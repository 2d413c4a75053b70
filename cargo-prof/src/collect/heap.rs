//! The heap's side of `collect.rs`: the records' allocations → the memory profile, that of the peak, what was left, and the
//! numbers of each test, as far as they were asked for. Records of different rates are never added up.

use prof_pprof::{HeapProfile, HeapTotals, HeapView, Origin, Profile};
use prof_record::Record;

use super::Asked;
use crate::cli::Cargo;
use crate::exact::memstats::MemStats;

/// What is made of the allocations of a run.
pub(super) struct Heap {
    rate: u64,
    keeps_peaks: bool,
    mem: Option<HeapProfile>,
    peak: Option<HeapProfile>,
    left: Option<HeapProfile>,
    stats: Option<MemStats>,
    is_of_program: bool,
}

/// A profile and what it holds.
pub type Made = (Profile, HeapTotals);

impl Heap {
    /// Nothing yet; none if nothing was asked for.
    pub(super) fn new(asked: Asked) -> Option<Heap> {
        let rate = asked.mem_rate?;
        let profile = |is_asked: bool, view| is_asked.then(|| HeapProfile::new(rate, view));
        Some(Heap {
            rate,
            keeps_peaks: asked.keeps_peaks(),
            mem: profile(asked.mem, HeapView::Allocations),
            peak: profile(asked.peak, HeapView::Peaks),
            left: profile(asked.exact, HeapView::Left),
            stats: asked.exact.then(|| MemStats::new(asked.cargo)),
            is_of_program: asked.cargo == Cargo::Run,
        })
    }

    /// Adds the allocations of one process, and says what is to be doubted of them.
    pub(super) fn add(&mut self, record: &Record, origin: &Origin) -> Vec<String> {
        let Origin { package, target } = origin;
        let saw_nothing = record.heap.is_empty() && record.heap_period == 0;
        if record.heap_period != self.rate && !saw_nothing {
            return vec![format!(
                "{package} {target} sampled an allocation in {} bytes, the run one in {}: its memory is left out; does it set \
                 {} itself?",
                record.heap_period,
                self.rate,
                prof_record::HEAP_PERIOD_VARIABLE
            )];
        }
        for profile in [&mut self.mem, &mut self.peak, &mut self.left].into_iter().flatten() {
            profile.add(record, origin);
        }
        let mut doubts = Vec::new();
        if self.keeps_peaks && record.heap_peak.is_none() && !record.heap.is_empty() {
            doubts.push(format!("{package} {target} kept no peaks: they are missing, or count as 0"));
        }
        if let Some(stats) = &mut self.stats {
            stats.add(record, origin);
            if record.loss.heap_objects > 0 {
                doubts.push(format!(
                    "{package} {target}: {} allocations were lost for want of room; they are in no test's numbers or leaks",
                    record.loss.heap_objects
                ));
            }
        }
        doubts
    }

    /// The memory profile, that of the peak, that of what was left, and the numbers.
    pub(super) fn finish(self) -> ([Option<Made>; 3], Option<MemStats>) {
        let [mut mem, peak, left] = [self.mem, self.peak, self.left].map(|profile| Some(profile?.finish(&[])));
        if let Some((profile, _)) = mem.as_mut().filter(|_| self.is_of_program) {
            // As Go's: tests are asked what they allocate, programs what they hold.
            profile.default_sample_type = "inuse_space".into();
        }
        (([mem, peak, left]), self.stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::phase::Keep;

    fn asked(cargo: Cargo) -> Asked {
        Asked {
            cargo,
            cpu_rate: None,
            mem_rate: Some(1),
            mem: true,
            peak: true,
            exact: true,
            phases: Keep::All,
            engine: None,
        }
    }

    fn record(heap_period: u64) -> Record {
        let mut record = Record::parse(&super::super::tests::empty_record()).expect("a header is a record");
        record.heap_period = heap_period;
        record
    }

    #[test]
    fn records_of_another_rate_are_left_out_and_named() {
        let mut heap = Heap::new(asked(Cargo::Run)).expect("it was asked for");
        let origin = Origin { package: "pack".into(), target: "bin/pack".into() };
        assert_eq!(heap.add(&record(1), &origin), Vec::<String>::new());
        let doubts = heap.add(&record(4096), &origin);
        assert!(
            doubts[0].starts_with("pack bin/pack sampled an allocation in 4096 bytes, the run one in 1:"),
            "{doubts:?}"
        );
        let ([mem, peak, left], stats) = heap.finish();
        for (_, totals) in [&mem, &peak, &left].into_iter().flatten() {
            assert_eq!(totals.processes, 1);
        }
        assert_eq!(stats.expect("it was asked for").rows().len(), 1);
    }

    #[test]
    fn a_program_shows_what_it_holds_and_a_test_what_it_allocates() {
        for (cargo, expected) in
            [(Cargo::Run, "inuse_space"), (Cargo::Test, "alloc_space"), (Cargo::Bench, "alloc_space")]
        {
            let ([mem, ..], _) = Heap::new(asked(cargo)).expect("it was asked for").finish();
            assert_eq!(&*mem.expect("it was asked for").0.default_sample_type, expected);
        }
    }
}
