//! The loaded objects: their code goes into the record as mappings, their call frame information to the unwinder.
//! Read from the loader at safe points, never in a signal handler.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use libc::{dl_phdr_info, Elf64_Phdr, PF_R, PF_X, PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE};
use prof_record::layout;

use crate::unwind::modules::{self, eh_frame_address, Module};
use crate::{alive, bucket, memory, session, sys, thread};

static REFRESHING: AtomicBool = AtomicBool::new(false);
/// The loader's count of objects ever loaded when it was last asked.
static LOADED: AtomicU64 = AtomicU64::new(0);

/// Takes in all objects for a new session; `stays` if none of them is ever unloaded. Not for signal handlers.
pub fn start(stays: bool) {
    take_in(Some(stays));
}

/// Takes in the objects that were loaded since the last call. Not for signal handlers.
pub fn refresh() {
    take_in(None);
}

/// With `all`, every object is recorded, and it says whether those that are new stay.
fn take_in(all: Option<bool>) {
    // Another thread at it is as good.
    if REFRESHING.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        return;
    }
    thread::inside(|| {
        let known = LOADED.load(Ordering::Relaxed);
        let mut place = 0;
        sys::for_each_object(&mut |object| {
            place += 1;
            if object.dlpi_adds == known && all.is_none() {
                return;
            }
            LOADED.store(object.dlpi_adds, Ordering::Relaxed);
            // SAFETY: the loader keeps the object mapped during this call.
            let object = unsafe { Object::new(object) };
            let is_program = place == 1;
            let is_new = remember(object.identity());
            if is_new {
                // What the program was started with is never unloaded; later objects can go, so their sections are copied.
                object.add_frames(is_program || all == Some(true));
            }
            if is_new || all.is_some() {
                object.record(if is_program { session::executable() } else { object.name });
            }
        });
    });
    REFRESHING.store(false, Ordering::Release);
}

/// As [`refresh`], if code was met that is in no known object.
pub fn refresh_if_stale() {
    if modules::is_stale() {
        refresh();
    }
}

/// An object that was taken in before.
struct Known {
    identity: u64,
    next: AtomicPtr<Known>,
}

static KNOWN: AtomicPtr<Known> = AtomicPtr::new(std::ptr::null_mut());

/// Remembers an object; false if it was known. Only for the thread that is refreshing.
fn remember(identity: u64) -> bool {
    let newest = KNOWN.load(Ordering::Relaxed);
    // SAFETY: null or a place that lives for ever.
    let mut known = unsafe { newest.as_ref() };
    while let Some(object) = known {
        if object.identity == identity {
            return false;
        }
        // SAFETY: as above.
        known = unsafe { object.next.load(Ordering::Relaxed).as_ref() };
    }
    if let Some(object) = memory::place(Known { identity, next: AtomicPtr::new(newest) }) {
        KNOWN.store(std::ptr::from_ref(object).cast_mut(), Ordering::Relaxed);
    }
    true
}

/// A loaded object.
struct Object<'a> {
    base: u64,
    headers: &'a [Elf64_Phdr],
    name: &'a [u8],
}

impl<'a> Object<'a> {
    /// # Safety
    ///
    /// `info` describes an object that stays mapped for `'a`.
    unsafe fn new(info: &'a dl_phdr_info) -> Object<'a> {
        // SAFETY: the caller's promise; the loader gives the table's address and length.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        // SAFETY: a NUL-terminated name or null.
        let name = unsafe { sys::bytes_of(info.dlpi_name) };
        Object { base: info.dlpi_addr, headers, name }
    }

    fn segments(&self) -> impl Iterator<Item = &'a Elf64_Phdr> {
        self.headers.iter().filter(|header| header.p_type == PT_LOAD)
    }

    /// The object's bytes at `address` (as the object states it) to the end of their segment.
    fn bytes_from(&self, address: u64) -> Option<&'a [u8]> {
        let segment = self.segments().find(|s| address >= s.p_vaddr && address < s.p_vaddr + s.p_filesz)?;
        let length = segment.p_vaddr + segment.p_filesz - address;
        // SAFETY: within a loaded segment, which all readable sections are part of.
        Some(unsafe { std::slice::from_raw_parts((self.base + address) as *const u8, length as usize) })
    }

    /// A number for this object at this place: another may be loaded where one was unloaded.
    fn identity(&self) -> u64 {
        let build_id = self.build_id().unwrap_or(self.name);
        let words = build_id.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        words.fold(layout::hash_word(layout::hash_start(layout::MAPPING), self.base), layout::hash_word)
    }

    /// Hands the object's call frame information to the unwinder.
    fn add_frames(&self, stays: bool) {
        let Some(header) = self.headers.iter().find(|header| header.p_type == PT_GNU_EH_FRAME) else { return };
        let Some(eh_frame_hdr) = self.bytes_from(header.p_vaddr) else { return };
        let eh_frame_hdr = &eh_frame_hdr[..eh_frame_hdr.len().min(header.p_memsz as usize)];
        let Some(eh_frame_address) = eh_frame_address(header.p_vaddr, eh_frame_hdr) else { return };
        let Some(eh_frame) = self.bytes_from(eh_frame_address) else { return };
        let kept = |bytes: &[u8]| -> Option<&'static [u8]> {
            if stays {
                // SAFETY: the object is never unloaded, and nothing writes to these sections.
                Some(unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) })
            } else {
                memory::copy(bytes)
            }
        };
        let (Some(hdr), Some(frame)) = (kept(eh_frame_hdr), kept(eh_frame)) else { return };
        let low = self.segments().map(|s| s.p_vaddr).min().unwrap_or(0);
        let high = self.segments().map(|s| s.p_vaddr + s.p_memsz).max().unwrap_or(0);
        let mut parts = [(0, 0); modules::PARTS];
        for (part, s) in parts.iter_mut().zip(self.segments().filter(|s| s.p_flags & PF_R != 0)) {
            *part = (self.base + s.p_vaddr, self.base + s.p_vaddr + s.p_memsz);
        }
        modules::add(Module {
            start: self.base + low,
            end: self.base + high,
            base: self.base,
            eh_frame_hdr: (hdr, header.p_vaddr),
            eh_frame: (frame, eh_frame_address),
            parts,
        });
    }

    fn record(&self, path: &[u8]) {
        let path = if path.starts_with(b"linux-vdso") { b"[vdso]" } else { path };
        let build_id = self.build_id().unwrap_or_default();
        for segment in self.segments().filter(|s| s.p_flags & PF_X != 0) {
            let start = self.base + segment.p_vaddr;
            let place = [start, start + segment.p_memsz, segment.p_offset];
            alive::record(|| bucket::intern_mapping(place, build_id, path));
        }
    }

    /// The GNU build id, from the object's notes.
    fn build_id(&self) -> Option<&'a [u8]> {
        const NT_GNU_BUILD_ID: u32 = 3;
        self.headers.iter().filter(|header| header.p_type == PT_NOTE).find_map(|header| {
            let notes = self.bytes_from(header.p_vaddr)?;
            let mut notes = &notes[..notes.len().min(header.p_filesz as usize)];
            let align = if header.p_align == 8 { 8 } else { 4 };
            while let Some((head, rest)) = notes.split_at_checked(12) {
                let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap_or_default());
                let (name_size, size, kind) = (word(0) as usize, word(4) as usize, word(8));
                let content = (12 + name_size).next_multiple_of(align) - 12;
                let found = rest.get(content..content + size)?;
                if kind == NT_GNU_BUILD_ID && rest.starts_with(b"GNU\0") {
                    return Some(found);
                }
                notes = rest.get((content + size).next_multiple_of(align)..)?;
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_loaded_later_is_taken_in_once() {
        refresh();
        // SAFETY: a library of libc's own, whose constructors do nothing that a test could notice.
        let library = unsafe { libc::dlopen(c"libresolv.so.2".as_ptr(), libc::RTLD_NOW) };
        assert!(!library.is_null());
        // Another test may be refreshing; then this one is put off.
        let known = |name: &[u8]| {
            let mut found = false;
            sys::for_each_object(&mut |object| {
                // SAFETY: the loader keeps the object mapped during this call.
                let object = unsafe { Object::new(object) };
                found |= object.name.ends_with(name) && !remember(object.identity());
            });
            found
        };
        for _ in 0..1000 {
            refresh();
            if LOADED.load(Ordering::Relaxed) != 0 && !REFRESHING.load(Ordering::Relaxed) {
                break;
            }
            sys::yield_now();
        }
        assert!(known(b"libresolv.so.2"));
        let before = modules::generation();
        refresh();
        assert_eq!(modules::generation(), before, "nothing new, nothing done");
    }
}
