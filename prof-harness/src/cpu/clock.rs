//! A thread's clock: what raises SIGPROF on it. All clocks are in a list that only grows and whose places are used again,
//! so that one thread can stop or start the clocks of all. How a clock is chosen is in `engine.rs`.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicU8, Ordering};

use crate::sys::{self, TaskClock, ThreadTimer};
use crate::{alive, memory};

/// A thread's clock, or a free place for one.
pub struct Clock {
    /// The thread, 0 in a free place.
    tid: AtomicI32,
    kind: AtomicU8,
    /// The number of a timer or the descriptor of a task clock.
    handle: AtomicI32,
    /// [`TaskClock::id`].
    id: AtomicU64,
    /// The CPU time of the thread at which its next sample is due.
    next_due: AtomicU64,
    /// The session that `next_due` is of.
    session: AtomicU32,
    /// Whether the next signal is a task clock's first, after which its period is to be set.
    is_first: AtomicBool,
    /// Whether it stands still until [`Clock::go_on`].
    is_held: AtomicBool,
    next: AtomicPtr<Clock>,
}

const NONE: u8 = 0;
const TIMER: u8 = 1;
const TASK_CLOCK: u8 = 2;

/// What a clock is made of.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A timer on the thread's CPU clock.
    Timer(ThreadTimer),
    /// A task clock of `perf_event_open`.
    TaskClock(TaskClock),
}

static NEWEST: AtomicPtr<Clock> = AtomicPtr::new(std::ptr::null_mut());
static MARK: u8 = 0;

/// The value that the harness's timers carry.
pub fn mark() -> *const c_void {
    std::ptr::from_ref(&MARK).cast()
}

/// All places. Signal: yes.
pub fn all() -> impl Iterator<Item = &'static Clock> {
    let at = |link: &AtomicPtr<Clock>| {
        // SAFETY: null or a place of `new_place`, which lives for ever.
        unsafe { link.load(Ordering::Acquire).as_ref() }
    };
    std::iter::successors(at(&NEWEST), move |clock| at(&clock.next))
}

/// The clock of thread `tid`. Signal: yes.
pub fn of(tid: c_int) -> Option<&'static Clock> {
    all().find(|clock| clock.tid.load(Ordering::Acquire) == tid)
}

/// The clock that has or had this descriptor: a signal may come late. Signal: yes.
pub fn with_descriptor(fd: c_int) -> Option<&'static Clock> {
    all().find(|clock| clock.handle.load(Ordering::Relaxed) == fd)
}

/// How many clocks have a descriptor.
pub fn descriptors() -> u64 {
    all().filter(|clock| clock.kind.load(Ordering::Relaxed) == TASK_CLOCK).count() as u64
}

/// Puts a clock of thread `tid` on the list and lets it run; none if memory is short. The first sample is due at the CPU
/// time `due`.
pub fn put(tid: c_int, kind: Kind, due: u64) -> Option<&'static Clock> {
    let take = |clock: &&Clock| clock.tid.compare_exchange(0, tid, Ordering::Acquire, Ordering::Relaxed).is_ok();
    let clock = all().find(take).or_else(|| new_place(tid))?;
    let (number, handle, id) = match kind {
        Kind::Timer(timer) => (TIMER, timer.0, 0),
        Kind::TaskClock(clock) => (TASK_CLOCK, clock.fd, clock.id),
    };
    clock.handle.store(handle, Ordering::Relaxed);
    clock.id.store(id, Ordering::Relaxed);
    clock.next_due.store(due, Ordering::Relaxed);
    clock.session.store(alive::session(), Ordering::Release);
    clock.is_first.store(true, Ordering::Relaxed);
    clock.is_held.store(false, Ordering::Relaxed);
    clock.kind.store(number, Ordering::Release);
    // Not before its place tells whose its signals are.
    if let Kind::TaskClock(clock) = kind {
        clock.enable();
    }
    Some(clock)
}

fn new_place(tid: c_int) -> Option<&'static Clock> {
    let clock = memory::place(Clock {
        tid: AtomicI32::new(tid),
        kind: AtomicU8::new(NONE),
        handle: AtomicI32::new(0),
        id: AtomicU64::new(0),
        next_due: AtomicU64::new(0),
        session: AtomicU32::new(0),
        is_first: AtomicBool::new(false),
        is_held: AtomicBool::new(false),
        next: AtomicPtr::new(std::ptr::null_mut()),
    })?;
    let place = std::ptr::from_ref(clock).cast_mut();
    let mut newest = NEWEST.load(Ordering::Acquire);
    loop {
        clock.next.store(newest, Ordering::Relaxed);
        match NEWEST.compare_exchange(newest, place, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(clock),
            Err(other) => newest = other,
        }
    }
}

impl Clock {
    fn kind(&self) -> Option<Kind> {
        let handle = self.handle.load(Ordering::Relaxed);
        match self.kind.load(Ordering::Acquire) {
            TIMER => Some(Kind::Timer(ThreadTimer(handle))),
            TASK_CLOCK => Some(Kind::TaskClock(TaskClock { fd: handle, id: self.id.load(Ordering::Relaxed) })),
            _ => None,
        }
    }

    /// Sees to the signals after this one. Signal: yes.
    pub fn went_off(&self, period: u64) {
        // A task clock has one period, so the random first one ends here.
        if self.is_first.load(Ordering::Relaxed) && self.is_first.swap(false, Ordering::Relaxed) {
            if let Some(Kind::TaskClock(clock)) = self.kind() {
                clock.set_period(period);
            }
        }
    }

    /// Stops it for a while. A signal that it sent has come when this returns. Signal: yes.
    pub fn pause(&self) {
        match self.kind() {
            Some(Kind::Timer(timer)) => timer.set(0, 0),
            Some(Kind::TaskClock(clock)) => clock.disable(),
            None => {}
        }
    }

    /// The thread, if it has one.
    pub fn tid(&self) -> Option<c_int> {
        Some(self.tid.load(Ordering::Acquire)).filter(|tid| *tid != 0)
    }

    /// When the thread's next sample is due; none if that is of an earlier session. Signal: yes.
    pub fn due(&self) -> Option<&AtomicU64> {
        (self.session.load(Ordering::Acquire) == alive::session()).then_some(&self.next_due)
    }

    /// Lets it go on after [`Clock::pause`], with a signal after `first` nanoseconds, then every `period`. Signal: yes.
    pub fn start(&self, first: u64, period: u64) {
        let now = sys::cpu_nanos_of(self.tid.load(Ordering::Relaxed));
        self.next_due.store(now + first, Ordering::Relaxed);
        self.session.store(alive::session(), Ordering::Release);
        self.run(first, period);
    }

    /// Stops it until [`Clock::go_on`], whatever else starts in the meantime but a session. Signal: yes.
    pub fn hold(&self) {
        self.is_held.store(true, Ordering::Relaxed);
        self.pause();
    }

    /// Whether it stands still. Signal: yes.
    pub fn is_held(&self) -> bool {
        self.is_held.load(Ordering::Relaxed)
    }

    /// Lets it go on after [`Clock::pause`] or [`Clock::hold`] as if it had run, with signals every `period`. Signal: yes.
    pub fn go_on(&self, period: u64) {
        let now = sys::cpu_nanos_of(self.tid.load(Ordering::Relaxed));
        self.run(self.next_due.load(Ordering::Relaxed).saturating_sub(now), period);
    }

    fn run(&self, first: u64, period: u64) {
        self.is_held.store(false, Ordering::Relaxed);
        match self.kind() {
            Some(Kind::Timer(timer)) => timer.set(first.max(1), period),
            Some(Kind::TaskClock(clock)) => {
                clock.set_period(first.max(1));
                self.is_first.store(true, Ordering::Relaxed);
                clock.enable();
            }
            None => {}
        }
    }

    /// Ends it and gives its place back.
    pub fn release(&self) {
        match self.kind() {
            Some(Kind::Timer(timer)) => timer.delete(),
            Some(Kind::TaskClock(clock)) => clock.close(),
            None => {}
        }
        self.kind.store(NONE, Ordering::Release);
        self.tid.store(0, Ordering::Release);
    }
}
