//! Whether this process may record. The flag lies in a page that the kernel clears in a forked child, so that a child
//! never writes into its parent's record, however it was forked.

use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use crate::sys;

static OWNER: AtomicI32 = AtomicI32::new(0);
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());
static SESSION: AtomicU32 = AtomicU32::new(0);
/// Threads and signal handlers that are recording.
static AT_WORK: AtomicUsize = AtomicUsize::new(0);

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
    AT_WORK.fetch_add(1, Ordering::SeqCst);
    let result = is_alive().then(work);
    AT_WORK.fetch_sub(1, Ordering::SeqCst);
    result
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

/// Ends the session. Nothing is recorded any more when this returns, unless by a thread that stands still. Not for signal
/// handlers.
pub fn stop() {
    if let Some(flag) = flag() {
        flag.store(0, Ordering::SeqCst);
    }
    sys::wait_until(|| AT_WORK.load(Ordering::SeqCst) == 0);
}
