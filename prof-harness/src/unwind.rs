//! Registers → [`Stack`], by the call frame information of the loaded objects (framehop). No lock, no allocation, no
//! unwinder of libgcc: each capture takes one of a few slots, each with framehop's cache and room for a stack, so
//! that little of the interrupted thread's own stack is used. Which objects are loaded is in `mapping.rs`.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{MustNotAllocateDuringUnwind, Unwinder as _};

use crate::memory;
use crate::registers::Registers;
use crate::stack::{Bounds, Stack};

/// framehop over unwind sections that stay readable for the life of the process.
pub type Unwinder = UnwinderX86_64<&'static [u8], MustNotAllocateDuringUnwind>;

type Cache = CacheX86_64<MustNotAllocateDuringUnwind>;

struct Slot {
    is_busy: AtomicBool,
    work: UnsafeCell<(Cache, Stack)>,
}

// SAFETY: `work` is used only by the thread that set `is_busy`.
unsafe impl Sync for Slot {}

const MAX_SLOTS: usize = 64;
const NO_SLOT: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());

static SLOTS: [AtomicPtr<Slot>; MAX_SLOTS] = [NO_SLOT; MAX_SLOTS];
static SLOT_COUNT: AtomicUsize = AtomicUsize::new(0);
static UNWINDER: AtomicPtr<Unwinder> = AtomicPtr::new(std::ptr::null_mut());

/// Makes room for `count` captures at a time. Not for signal handlers.
pub fn make_slots(count: usize) {
    for slot in SLOTS.iter().take(count.min(MAX_SLOTS)).skip(SLOT_COUNT.load(Ordering::Relaxed)) {
        let work = UnsafeCell::new((Cache::new_in(), Stack::new()));
        let Some(made) = memory::place(Slot { is_busy: AtomicBool::new(false), work }) else { return };
        slot.store(std::ptr::from_ref(made).cast_mut(), Ordering::Release);
        SLOT_COUNT.fetch_add(1, Ordering::Release);
    }
}

/// The unwinder in use; none before the first [`publish`]. Signal: yes.
pub fn current() -> Option<&'static Unwinder> {
    let unwinder = UNWINDER.load(Ordering::Acquire);
    // SAFETY: null or what `publish` stored, which lives for ever.
    unsafe { unwinder.as_ref() }
}

/// Puts an unwinder in place of the one in use, which other threads may still be using and so is never freed.
pub fn publish(unwinder: Unwinder) {
    UNWINDER.store(Box::into_raw(Box::new(unwinder)), Ordering::Release);
}

/// Unwinds from `registers`, reading the stack only within `bounds`, and hands the stack to `take`. None if there is
/// no unwinder or every slot is taken. Signal: yes.
pub fn capture<R>(registers: Registers, bounds: Bounds, take: impl FnOnce(&Stack) -> R) -> Option<R> {
    let unwinder = current()?;
    let slot = acquire(registers.sp)?;
    // SAFETY: the slot is this thread's own until it is released below.
    let (cache, stack) = unsafe { &mut *slot.work.get() };
    unwind(unwinder, cache, registers, bounds, stack);
    let result = take(stack);
    slot.is_busy.store(false, Ordering::Release);
    Some(result)
}

fn unwind(unwinder: &Unwinder, cache: &mut Cache, registers: Registers, bounds: Bounds, stack: &mut Stack) {
    stack.clear();
    let readable = bounds.readable(registers.sp);
    let mut read = |address: u64| {
        if address % 8 != 0 || address < readable.start || address.saturating_add(8) > readable.end {
            return Err(());
        }
        // SAFETY: aligned and within the thread's own stack, above its stack pointer.
        Ok(unsafe { *(address as *const u64) })
    };
    let start = UnwindRegsX86_64::new(registers.pc, registers.sp, registers.fp);
    let mut frames = unwinder.iter_frames(registers.pc, start, cache, &mut read);
    loop {
        match frames.next() {
            Ok(Some(frame)) => {
                if !stack.push(frame.address()) {
                    stack.truncated = true;
                    return;
                }
            }
            Ok(None) => return,
            Err(_) => {
                stack.truncated = true;
                return;
            }
        }
    }
}

fn acquire(near: u64) -> Option<&'static Slot> {
    let count = SLOT_COUNT.load(Ordering::Acquire);
    // A thread tends to come back to the slot whose cache knows its frames.
    let first = (near >> 20) as usize;
    (0..count).find_map(|step| {
        let slot = SLOTS.get((first + step) % count)?.load(Ordering::Acquire);
        // SAFETY: null or a slot of `make_slots`, which lives for ever.
        let slot = unsafe { slot.as_ref() }?;
        slot.is_busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok().then_some(slot)
    })
}
