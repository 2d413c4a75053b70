//! Whether this process may record. The flag lies in a page that the kernel clears in a forked child, so that a child
//! never writes into its parent's record, however it was forked.

use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};

use crate::sys;

static OWNER: AtomicI32 = AtomicI32::new(0);
static PAGE: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());

/// Whether records may be written: started, and not a forked child. Safe in a signal handler.
pub fn is_alive() -> bool {
    let page = PAGE.load(Ordering::Acquire);
    if page.is_null() {
        return false;
    }
    // SAFETY: `start` stores only pages of `sys::map_wiped_on_fork`, which are never unmapped.
    let flag = unsafe { &*page };
    flag.load(Ordering::Relaxed) == 1
}

/// Whether the calling process is the one that started, and not a child of `vfork` in its memory. Signal: yes.
pub fn is_own_process() -> bool {
    OWNER.load(Ordering::Relaxed) == sys::process_id()
}

/// Opens the way for records; false if the kernel has no page that a fork clears.
pub fn start() -> bool {
    let Some(page) = sys::map_wiped_on_fork() else { return false };
    let page = page.cast::<AtomicU32>();
    // SAFETY: a fresh page, larger than the flag and aligned to it.
    let flag = unsafe { &*page };
    flag.store(1, Ordering::Relaxed);
    OWNER.store(sys::process_id(), Ordering::Relaxed);
    PAGE.store(page, Ordering::Release);
    true
}
