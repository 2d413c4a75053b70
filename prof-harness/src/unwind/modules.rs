//! The loaded objects' call frame information, as a list that only grows: the newest comes first, and so stands for its
//! addresses even if another object was unloaded from there. Filled by `mapping.rs`, read in signal handlers.

use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::memory;

/// An object's code and the sections that describe its frames, all readable for the life of the process.
pub struct Module {
    /// First address.
    pub start: u64,
    /// Address after the last.
    pub end: u64,
    /// What is added to the addresses that the object states.
    pub base: u64,
    /// `.eh_frame_hdr`, and the address that the object states for it.
    pub eh_frame_hdr: (&'static [u8], u64),
    /// `.eh_frame`, likewise.
    pub eh_frame: (&'static [u8], u64),
}

struct Link {
    module: Module,
    next: AtomicPtr<Link>,
}

static NEWEST: AtomicPtr<Link> = AtomicPtr::new(std::ptr::null_mut());
static GENERATION: AtomicU32 = AtomicU32::new(1);

/// Adds a module. One thread at a time.
pub fn add(module: Module) {
    let next = AtomicPtr::new(NEWEST.load(Ordering::Relaxed));
    if let Some(link) = memory::place(Link { module, next }) {
        NEWEST.store(std::ptr::from_ref(link).cast_mut(), Ordering::Release);
        GENERATION.fetch_add(1, Ordering::Release);
    }
}

/// A number that changes with each module: what was looked up under another may no longer hold. Signal: yes.
pub fn generation() -> u32 {
    GENERATION.load(Ordering::Acquire)
}

/// The module that `address` lies in. Signal: yes.
pub fn find(address: u64) -> Option<&'static Module> {
    let mut link = NEWEST.load(Ordering::Acquire);
    loop {
        // SAFETY: null or a place of `add`, which lives for ever.
        let here = unsafe { link.as_ref() }?;
        if (here.module.start..here.module.end).contains(&address) {
            return Some(&here.module);
        }
        link = here.next.load(Ordering::Relaxed);
    }
}
