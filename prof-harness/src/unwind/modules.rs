//! The loaded objects' call frame information, as a list that only grows: the newest comes first, and so stands for its
//! addresses even if another object was unloaded from there. Filled by `mapping.rs`, read in signal handlers.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use crate::{memory, sys};

/// An object's code and the sections that describe its frames, all readable while its code runs.
#[derive(Clone, Copy)]
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
    /// First addresses and those after the last of the parts that are mapped, as far as they are known.
    pub parts: [(u64, u64); PARTS],
}

/// How many parts of a module are known.
pub const PARTS: usize = 5;

impl Module {
    /// Whether the `bytes` bytes from `address` on are mapped.
    pub fn has(&self, address: u64, bytes: u64) -> bool {
        let is_in =
            |(start, end): &(u64, u64)| address >= *start && address.checked_add(bytes).is_some_and(|to| to <= *end);
        self.parts.iter().any(is_in)
    }
}

struct Link {
    module: Module,
    next: AtomicPtr<Link>,
}

static NEWEST: AtomicPtr<Link> = AtomicPtr::new(std::ptr::null_mut());
static GENERATION: AtomicU32 = AtomicU32::new(1);
static IS_STALE: AtomicBool = AtomicBool::new(false);

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

/// The module that `address` lies in, whether it was added or not. Signal: yes.
pub fn find(address: u64) -> Option<Module> {
    find_added(address).copied().or_else(|| find_loaded(address))
}

/// Whether `address` lies in a loaded object. Its sections are not looked at: a word that is no return address may lie in an
/// object that is being unloaded. Signal: yes.
pub fn is_code(address: u64) -> bool {
    find_added(address).is_some() || sys::find_object(address).is_some()
}

/// Whether a module was met that was not added; asked and answered once.
pub fn is_stale() -> bool {
    IS_STALE.load(Ordering::Relaxed) && IS_STALE.swap(false, Ordering::Relaxed)
}

/// A module that was loaded since the last that was added.
fn find_loaded(address: u64) -> Option<Module> {
    let object = sys::find_object(address).filter(|object| object.eh_frame_hdr != 0)?;
    if !IS_STALE.load(Ordering::Relaxed) {
        IS_STALE.store(true, Ordering::Relaxed);
    }
    let bytes_from = |start: u64| {
        // SAFETY: the object's mapped addresses from one of its sections on; a frame of its code is on a stack, so the
        // program does not unload it meanwhile.
        unsafe { std::slice::from_raw_parts(start as *const u8, object.end.saturating_sub(start) as usize) }
    };
    let hdr = bytes_from(object.eh_frame_hdr);
    let hdr_address = object.eh_frame_hdr.wrapping_sub(object.base());
    let frame_address = eh_frame_address(hdr_address, hdr)?;
    let frame = bytes_from(object.base().wrapping_add(frame_address));
    Some(Module {
        start: object.start,
        end: object.end,
        base: object.base(),
        eh_frame_hdr: (hdr, hdr_address),
        eh_frame: (frame, frame_address),
        parts: [(0, 0); PARTS],
    })
}

fn find_added(address: u64) -> Option<&'static Module> {
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

/// Where `.eh_frame` lies, from the header that points to it. Linkers write the pointer relative to itself in four
/// bytes (DW_EH_PE_pcrel | DW_EH_PE_sdata4).
pub fn eh_frame_address(hdr_address: u64, hdr: &[u8]) -> Option<u64> {
    let (version, encoding) = (hdr.first()?, hdr.get(1)?);
    if (*version, *encoding) != (1, 0x1b) {
        return None;
    }
    let relative = i32::from_le_bytes(hdr.get(4..8)?.try_into().ok()?);
    Some((hdr_address + 4).wrapping_add_signed(i64::from(relative)))
}
