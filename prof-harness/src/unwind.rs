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

static SLOTS: [AtomicPtr<Slot>; MAX_SLOTS] = [const { AtomicPtr::new(std::ptr::null_mut()) }; MAX_SLOTS];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mapping, sys, thread};

    /// The registers of the caller, which goes on running.
    #[inline(always)]
    fn here() -> Registers {
        let (pc, sp, fp): (u64, u64, u64);
        // SAFETY: reads registers only.
        unsafe {
            std::arch::asm!("lea {}, [rip]", "mov {}, rsp", "mov {}, rbp", out(reg) pc, out(reg) sp, out(reg) fp);
        }
        Registers { pc, sp, fp }
    }

    #[inline(never)]
    fn descend(depth: u32) -> (Vec<u64>, Vec<u64>) {
        if depth > 0 {
            let deeper = descend(depth - 1);
            // Not a tail call: each level keeps its frame.
            return std::hint::black_box(deeper);
        }
        let ours = capture(here(), thread::bounds(), |stack| {
            assert!(!stack.truncated);
            stack.pcs().to_vec()
        });
        let mut theirs = Vec::new();
        backtrace::trace(|frame| {
            // libgcc ends with a frame of no code.
            if !frame.ip().is_null() {
                theirs.push(frame.ip() as u64);
            }
            true
        });
        (ours.expect("a slot is free"), theirs)
    }

    #[test]
    fn a_stack_is_the_one_that_the_backtrace_crate_sees() {
        mapping::refresh(b"test");
        make_slots(2);
        thread::learn_stack(here().sp);
        let (ours, theirs) = descend(30);
        // The frames of this test and its callers are the same return addresses; above them each has its own.
        let same = ours.iter().rev().zip(theirs.iter().rev()).take_while(|(one, other)| one == other).count();
        assert!(same >= 31, "{same} of {} and {} frames agree", ours.len(), theirs.len());
        assert!(ours.len() - same <= 1, "only the leaf differs");
    }

    #[test]
    fn a_stack_that_may_not_be_read_is_its_leaf_and_marked() {
        mapping::refresh(b"test");
        make_slots(2);
        let elsewhere = Bounds { low: 16, high: 32 };
        let (length, truncated) =
            capture(here(), elsewhere, |stack| (stack.pcs().len(), stack.truncated)).expect("a slot is free");
        assert_eq!((length, truncated), (1, true));
        assert!(sys::thread_id() > 0);
    }
}
