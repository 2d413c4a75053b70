//! Whether this process may record. The flag lies in a page that the kernel clears in a forked child, so that a child
//! never writes into its parent's record, however it was forked.

use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use crate::{sys, thread};

static OWNER: AtomicI32 = AtomicI32::new(0);
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());
static SESSION: AtomicU32 = AtomicU32::new(0);
/// Threads and signal handlers that are recording, counted apart by shard: a line of memory that all write to would hold them
/// up.
static AT_WORK: [AtWork; thread::SHARDS] = [const { AtWork(AtomicUsize::new(0)) }; thread::SHARDS];

#[repr(align(64))]
struct AtWork(AtomicUsize);

/// Whether records may be written: started, not stopped, and not a forked child. Signal: yes.
pub fn is_alive() -> bool {
    flag().is_some_and(|flag| flag.load(Ordering::SeqCst) == 1)
}

fn flag() -> Option<&'static AtomicU32> {
    // SAFETY: null, or a page of `sys::map_wiped_on_fork`, which is never unmapped, larger than the flag and aligned to it.
    unsafe { PAGE.load(Ordering::Acquire).as_ref() }
}

/// Does `work` if records may be written. [`stop`] waits for its end. Signal: yes.
pub fn record<R>(work: impl FnOnce() -> R) -> Option<R> {
    if !is_alive() {
        return None;
    }
    let AtWork(at_work) = AT_WORK.get(thread::shard())?;
    at_work.fetch_add(1, Ordering::SeqCst);
    let result = is_alive().then(work);
    at_work.fetch_sub(1, Ordering::Release);
    result
}

/// What holds in one session alone, such as a place in its record.
#[derive(Clone, Copy)]
pub struct InSession<T> {
    value: T,
    session: u32,
}

/// Binds `value` to the session. Within [`record`]. Signal: yes.
pub fn in_session<T>(value: T) -> InSession<T> {
    InSession { value, session: session() }
}

impl<T> InSession<T> {
    /// Does `work` with the value if records may be written in the same session still. Signal: yes.
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
    SESSION.load(Ordering::Relaxed)
}

/// Opens the way for the records of a new session; false if the kernel has no page that a fork clears.
pub fn start() -> bool {
    if flag().is_none() {
        let Some(page) = sys::map_wiped_on_fork() else { return false };
        PAGE.store(page.cast(), Ordering::Release);
    }
    OWNER.store(sys::process_id(), Ordering::Relaxed);
    SESSION.fetch_add(1, Ordering::Relaxed);
    if let Some(flag) = flag() {
        flag.store(1, Ordering::SeqCst);
    }
    true
}

/// Ends the session. Nothing is recorded any more when this returns true; false if a thread stands still while it records.
/// Not for signal handlers.
pub fn stop() -> bool {
    if let Some(flag) = flag() {
        flag.store(0, Ordering::SeqCst);
    }
    sys::wait_until(|| AT_WORK.iter().all(|AtWork(at_work)| at_work.load(Ordering::SeqCst) == 0))
}
