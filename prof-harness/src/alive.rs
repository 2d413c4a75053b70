//! Whether this process may record. The flag lies in a page that the kernel clears in a forked child, so that a child
//! never writes into its parent's record, however it was forked.

use std::sync::atomic::{compiler_fence, AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use crate::{memory, sys, thread};

static OWNER: AtomicI32 = AtomicI32::new(0);
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());
/// The number of the current session; see [`session`].
pub static SESSION: AtomicU32 = AtomicU32::new(0);
/// Threads and signal handlers that are recording, counted apart by shard: a line of memory that all write to would hold them
/// up.
static AT_WORK: [AtWork; thread::SHARDS] = [const { AtWork(AtomicUsize::new(0)) }; thread::SHARDS];

#[repr(align(64))]
struct AtWork(AtomicUsize);

/// Values of the flag; the kernel clears it in a forked child.
const STOPPING: u32 = 1;
const ALIVE: u32 = 2;

/// Whether records may be written: started, not stopped, and not a forked child. Signal: yes.
pub fn is_alive() -> bool {
    flag().is_some_and(|flag| flag.load(Ordering::SeqCst) == ALIVE)
}

/// Whether a record is there: what was begun before a stop comes to its end. Not in a forked child. Signal: yes.
pub fn has_record() -> bool {
    flag().is_some_and(|flag| flag.load(Ordering::Relaxed) != 0)
}

fn flag() -> Option<&'static AtomicU32> {
    // SAFETY: null, or a page of `sys::map_wiped_on_fork`, which is never unmapped, larger than the flag and aligned to it.
    unsafe { PAGE.load(Ordering::Acquire).as_ref() }
}

/// Does `work` if records may be written. [`stop`] waits for its end. Signal: yes.
#[inline(always)]
pub fn record<R>(work: impl FnOnce() -> R) -> Option<R> {
    if !is_alive() {
        return None;
    }
    match thread::with(|thread| thread.desk.get()) {
        Some(desk) => desk.record(work),
        None => record_in_shard(work),
    }
}

fn record_in_shard<R>(work: impl FnOnce() -> R) -> Option<R> {
    let AtWork(at_work) = AT_WORK.get(thread::shard())?;
    at_work.fetch_add(1, Ordering::SeqCst);
    let result = is_alive().then(work);
    at_work.fetch_sub(1, Ordering::Release);
    result
}

/// Where one thread alone says that it is recording, without an atomic operation: whoever stops the session makes all threads
/// pass a memory barrier instead.
#[repr(align(64))]
pub struct Desk {
    at_work: AtomicUsize,
    next: AtomicPtr<Desk>,
}

/// All that were made, the newest first. They live as long as the process.
static DESKS: AtomicPtr<Desk> = AtomicPtr::new(std::ptr::null_mut());

impl Desk {
    #[inline(always)]
    fn record<R>(&self, work: impl FnOnce() -> R) -> Option<R> {
        // A signal handler that comes in between leaves the number as it was.
        let before = self.at_work.load(Ordering::Relaxed);
        self.at_work.store(before + 1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let result = is_alive().then(work);
        self.at_work.store(before, Ordering::Release);
        result
    }

    /// A desk, for one thread at a time; none if the kernel has no such barrier or memory is short. Not for signal handlers.
    pub fn new() -> Option<&'static Desk> {
        if !sys::has_barrier() {
            return None;
        }
        let (at_work, next) = (AtomicUsize::new(0), AtomicPtr::new(DESKS.load(Ordering::Acquire)));
        let desk = memory::place(Desk { at_work, next })?;
        let place = std::ptr::from_ref(desk).cast_mut();
        loop {
            let newest = desk.next.load(Ordering::Relaxed);
            match DESKS.compare_exchange(newest, place, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(desk),
                Err(other) => desk.next.store(other, Ordering::Relaxed),
            }
        }
    }
}

fn desks() -> impl Iterator<Item = &'static Desk> {
    // SAFETY: null or a desk of `take`, which lives for ever.
    let follow = |place: *mut Desk| unsafe { place.as_ref() };
    std::iter::successors(follow(DESKS.load(Ordering::Acquire)), move |desk| follow(desk.next.load(Ordering::Acquire)))
}

/// What holds in one session alone, such as a place in its record.
#[derive(Clone, Copy)]
pub struct InSession<T> {
    /// What holds.
    pub value: T,
    /// The session's number.
    pub session: u32,
}

/// What `find` finds in the session. Signal: yes.
#[inline(always)]
pub fn in_session<T>(find: impl FnOnce() -> Option<T>) -> Option<InSession<T>> {
    // Before the value, which then is of this session or void.
    let session = session();
    find().map(|value| InSession { value, session })
}

impl<T> InSession<T> {
    /// Does `work` with the value if records may be written in the same session still. Signal: yes.
    #[inline(always)]
    pub fn record<R>(self, work: impl FnOnce(T) -> R) -> Option<R> {
        record(|| (self.session == session()).then(|| work(self.value))).flatten()
    }
}

/// Whether the calling process is the one that started, and not a child of `vfork` in its memory. Signal: yes.
pub fn is_own_process() -> bool {
    OWNER.load(Ordering::Relaxed) == sys::process_id()
}

/// The number of the current session of sampling, or the last one's; 0 before the first. Signal: yes.
pub fn session() -> u32 {
    SESSION.load(Ordering::Acquire)
}

/// Opens the way for the records of a new session; false if the kernel has no page that a fork clears.
pub fn start() -> bool {
    if flag().is_none() {
        let Some(page) = sys::map_wiped_on_fork() else { return false };
        PAGE.store(page.cast(), Ordering::Release);
    }
    OWNER.store(sys::process_id(), Ordering::Relaxed);
    SESSION.fetch_add(1, Ordering::Release);
    if let Some(flag) = flag() {
        flag.store(ALIVE, Ordering::SeqCst);
    }
    true
}

/// Ends the session. Nothing is recorded any more when this returns true; false if a thread stands still while it records.
/// Not for signal handlers.
pub fn stop() -> bool {
    if let Some(flag) = flag() {
        flag.store(STOPPING, Ordering::SeqCst);
    }
    // Whoever has not seen the flag is seen at work from here on.
    sys::barrier();
    sys::wait_until(|| {
        AT_WORK.iter().all(|AtWork(at_work)| at_work.load(Ordering::SeqCst) == 0)
            && desks().all(|desk| desk.at_work.load(Ordering::Acquire) == 0)
    })
}
