//! Which test or benchmark a thread works for. A thread carries a pointer to a label; the label knows whether its
//! test still runs, so that a thread which outlives its test loses it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use crate::arena::Place;
use crate::{alive, bucket, thread};

/// A test or benchmark.
pub struct Label {
    session: u32,
    place: Option<Place>,
    runs: AtomicBool,
    is_framework: bool,
}

/// The label of threads that only serve the test framework: nothing of theirs is recorded.
pub static FRAMEWORK: Label = Label { session: 0, place: None, runs: AtomicBool::new(true), is_framework: true };

/// How many tests and benchmarks run, or 1 where the whole process counts.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// The word of the place of the label that the whole process has; 0 for none.
static OF_PROCESS: AtomicU32 = AtomicU32::new(0);

/// Where a sample of the calling thread belongs.
#[derive(Clone, Copy)]
pub enum Attribution {
    /// Nowhere: sampling is off, or the thread serves the framework.
    Skip,
    /// To the process, which is no test.
    Unlabelled,
    /// To the test or benchmark at this place of the record.
    Labelled(Place),
}

/// Where a sample of the calling thread belongs now. Signal: yes.
pub fn attribution() -> Attribution {
    if ACTIVE.load(Ordering::Relaxed) == 0 {
        return Attribution::Skip;
    }
    match thread::label() {
        None => unlabelled(),
        Some(label) if label.is_framework => Attribution::Skip,
        Some(label) => match label.place {
            Some(place) if label.runs.load(Ordering::Relaxed) && label.session == alive::session() => {
                Attribution::Labelled(place)
            }
            _ => unlabelled(),
        },
    }
}

/// Where a sample belongs that is of no thread in particular.
pub fn of_process() -> Attribution {
    if ACTIVE.load(Ordering::Relaxed) == 0 {
        Attribution::Skip
    } else {
        unlabelled()
    }
}

fn unlabelled() -> Attribution {
    match Place::from_word(OF_PROCESS.load(Ordering::Relaxed)) {
        Some(place) => Attribution::Labelled(place),
        None => Attribution::Unlabelled,
    }
}

impl Label {
    /// Whether it is that of a test or benchmark.
    pub fn is_of_test(&self) -> bool {
        !self.is_framework
    }
}

/// Makes a label whose test runs from now to [`end`].
pub fn begin(place: Option<Place>) -> Label {
    ACTIVE.fetch_add(1, Ordering::Relaxed);
    Label { session: alive::session(), place, runs: AtomicBool::new(true), is_framework: false }
}

/// Ends a label's test.
pub fn end(label: &Label) {
    label.runs.store(false, Ordering::Relaxed);
    ACTIVE.fetch_sub(1, Ordering::Relaxed);
    alive::record(|| {
        if let Some(place) = label.place.filter(|_| label.session == alive::session()) {
            bucket::end_label(place);
        }
    });
}

/// Lets the whole process count, for programs that are no tests. What belongs to no thread's label has the one at `place`.
pub fn begin_process(place: Option<Place>) {
    OF_PROCESS.store(place.map_or(0, Place::word), Ordering::Relaxed);
    ACTIVE.fetch_add(1, Ordering::Relaxed);
}

/// The opposite of [`begin_process`].
pub fn end_process() {
    ACTIVE.fetch_sub(1, Ordering::Relaxed);
    OF_PROCESS.store(0, Ordering::Relaxed);
}
