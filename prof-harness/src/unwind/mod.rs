//! Registers → [`Stack`], by the call frame information of the loaded objects. No lock, no allocation, no unwinder of
//! libgcc: each capture takes one of a few slots, each with a cache of rules, room for gimli's work and for what is captured.
//! Those for signals have a stack to work on too: the thread's may have no room left. Which objects are loaded is in `mapping.rs`.

mod calls;
mod cfi;
mod leaves;
pub mod modules;
mod recover;
mod rule;
pub mod trail;

use std::cell::UnsafeCell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use crate::memory;
use crate::registers::Registers;
use crate::stack::{Bounds, Stack};
use crate::sys::{self, OwnStack};
use cfi::Room;
use rule::{Cache, Rule, Step};

struct Work {
    cache: &'static mut Cache,
    room: Room,
    stack: Stack,
}

// SAFETY: a cache is made of numbers.
unsafe impl memory::Zeroed for Cache {}

struct Slot {
    is_busy: AtomicBool,
    work: UnsafeCell<Work>,
    /// Where the work is done; on the thread's own stack without.
    stack: Option<OwnStack>,
}

// SAFETY: `work` and `stack` are used only by the thread that set `is_busy`.
unsafe impl Sync for Slot {}

const MAX_SLOTS: usize = 256;

static SLOTS: [AtomicPtr<Slot>; MAX_SLOTS] = [const { AtomicPtr::new(std::ptr::null_mut()) }; MAX_SLOTS];
static SLOT_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Who captures. Each has slots of its own: allocations, which can wait for one, are not to take those of signals.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// The signal handler.
    Signal = 0,
    /// The allocation sampler.
    Allocation = 1,
}

/// Makes room for `count` captures at a time of each kind. Not for signal handlers.
pub fn make_slots(count: usize) {
    for (at, slot) in SLOTS.iter().enumerate().take((2 * count).min(MAX_SLOTS)).skip(SLOT_COUNT.load(Ordering::Relaxed))
    {
        // They take turns in the list.
        let who = if at % 2 == For::Signal as usize { For::Signal } else { For::Allocation };
        let Some(made) = make_slot(who) else { return };
        slot.store(std::ptr::from_ref(made).cast_mut(), Ordering::Release);
        SLOT_COUNT.fetch_add(1, Ordering::Release);
    }
}

fn make_slot(who: For) -> Option<&'static Slot> {
    let stack = match who {
        For::Signal => Some(sys::map_stack()?),
        For::Allocation => None,
    };
    let work = UnsafeCell::new(Work { cache: memory::zeroed()?, room: Room::new(), stack: Stack::new() });
    memory::place(Slot { is_busy: AtomicBool::new(false), work, stack })
}

/// Unwinds from `registers`, reading the stack only within `bounds`, and hands the stack to `take`. None if every slot is
/// taken. Signal: yes.
pub fn capture<R>(who: For, registers: Registers, bounds: Bounds, take: impl FnOnce(&Stack) -> R) -> Option<R> {
    let mut borrowed = Borrowed::new(who, registers.sp)?;
    let own = borrowed.0.stack;
    let work = borrowed.work();
    match own {
        // SAFETY: the stack is the slot's, which is borrowed.
        Some(own) => unsafe {
            own.run(|| {
                unwind(work, registers, bounds.readable(registers.sp), true);
                take(&work.stack)
            })
        },
        None => {
            let readable = if has_room(bounds) { bounds.readable(registers.sp) } else { 0..0 };
            // An allocation begins at a return address.
            unwind(work, registers, readable, false);
            Some(take(&work.stack))
        }
    }
}

/// Whether the calling thread has room to look rules up: a small one, deep in its stack or on one of its own making, keeps what
/// it has left.
pub fn has_room(bounds: Bounds) -> bool {
    let here = 0u8;
    bounds.has_room(std::ptr::from_ref(&here) as u64)
}

/// A slot that this thread uses.
pub struct Borrowed(&'static Slot);

impl Borrowed {
    /// A slot for a thread whose stack pointer is `near`; none if all are taken. Signal: yes.
    pub fn new(who: For, near: u64) -> Option<Borrowed> {
        acquire(who, near).map(Borrowed)
    }

    fn work(&mut self) -> &mut Work {
        // SAFETY: the slot is this thread's own until it is dropped.
        unsafe { &mut *self.0.work.get() }
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        self.0.is_busy.store(false, Ordering::Release);
    }
}

/// Unwinds with the stack readable in the range given.
fn unwind(work: &mut Work, registers: Registers, readable: Range<u64>, is_interrupted: bool) {
    work.stack.clear();
    work.stack.push(registers.pc);
    if readable.is_empty() {
        work.stack.truncated = true;
        return;
    }
    let generation = modules::generation();
    let (mut at, mut was_interrupted) = (registers, is_interrupted);
    loop {
        let (step, is_signal) = step(work, at, was_interrupted, generation, |address| read(address, &readable));
        was_interrupted = is_signal;
        match step {
            Step::Root => return,
            Step::Caller(caller) if work.stack.push(caller.pc) => at = caller,
            Step::Caller(_) => {
                work.stack.truncated = true;
                return;
            }
            Step::Lost => {
                work.stack.broken = true;
                return;
            }
        }
    }
}

/// A word of the thread's own stack, of which the range given may be read.
#[inline(always)]
fn read(address: u64, readable: &Range<u64>) -> Option<u64> {
    if address % 8 != 0 || address < readable.start || address.checked_add(8)? > readable.end {
        return None;
    }
    // SAFETY: aligned and within the thread's own stack, above its stack pointer.
    Some(unsafe { *(address as *const u64) })
}

/// A step from a frame towards the root, and whether a signal interrupted the caller where it is.
#[inline(always)]
fn step(
    work: &mut Work,
    at: Registers,
    was_interrupted: bool,
    generation: u32,
    read: impl Fn(u64) -> Option<u64>,
) -> (Step, bool) {
    match rule(work, at, was_interrupted, generation) {
        Rule::Evaluate => evaluate(work, at, was_interrupted, &read),
        rule => {
            let step = rule::apply(rule, at, was_interrupted, &read, modules::is_code);
            if step == Step::Lost && matches!(rule, Rule::Step { from_fp: true, .. }) {
                let pc = code(at, was_interrupted);
                return (recover::without_frame_pointer(pc, at, &mut work.room, &read), false);
            }
            (step, false)
        }
    }
}

/// The rule for a frame.
#[inline(always)]
fn rule(work: &mut Work, at: Registers, was_interrupted: bool, generation: u32) -> Rule {
    let (pc, room) = (code(at, was_interrupted), &mut work.room);
    work.cache.rule(pc, generation, || modules::find(pc).map_or(Rule::Guess, |module| cfi::rule(&module, pc, room)))
}

/// A step where there is no rule.
#[inline(never)]
fn evaluate(work: &mut Work, at: Registers, was_interrupted: bool, read: rule::Read<'_>) -> (Step, bool) {
    let pc = code(at, was_interrupted);
    let evaluated = modules::find(pc).map(|module| cfi::evaluate(&module, pc, at, &mut work.room, read));
    evaluated.unwrap_or((Step::Lost, false))
}

/// The instruction that a frame is at: its return address may already belong to the next function.
fn code(at: Registers, was_interrupted: bool) -> u64 {
    if was_interrupted {
        at.pc
    } else {
        at.pc.wrapping_sub(1)
    }
}

fn acquire(who: For, near: u64) -> Option<&'static Slot> {
    let count = SLOT_COUNT.load(Ordering::Acquire) / 2;
    // A thread tends to come back to the slot whose cache knows its frames.
    let first = (near >> 20) as usize;
    (0..count).find_map(|step| {
        let slot = SLOTS.get((first + step) % count * 2 + who as usize)?.load(Ordering::Acquire);
        // SAFETY: null or a slot of `make_slots`, which lives for ever.
        let slot = unsafe { slot.as_ref() }?;
        slot.is_busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok().then_some(slot)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mapping, thread};

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
        let ours = capture(For::Signal, here(), thread::bounds(), |stack| {
            assert!(!stack.truncated && !stack.broken);
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
        mapping::start(true);
        make_slots(2);
        thread::learn_stack();
        let (ours, theirs) = descend(30);
        // The frames of this test and its callers are the same return addresses; above them each has its own.
        let same = ours.iter().rev().zip(theirs.iter().rev()).take_while(|(one, other)| one == other).count();
        assert!(same >= 31, "{same} of {} and {} frames agree", ours.len(), theirs.len());
        assert!(ours.len() - same <= 1, "only the leaf differs");
    }

    #[test]
    fn a_stack_leads_out_of_a_signal_handler() {
        static CAPTURED: std::sync::Mutex<Vec<u64>> = std::sync::Mutex::new(Vec::new());
        extern "C" fn on_signal(_signal: libc::c_int) {
            let captured = capture(For::Signal, here(), thread::bounds(), |stack| {
                (stack.truncated || stack.broken, stack.pcs().to_vec())
            });
            let (truncated, pcs) = captured.expect("a slot is free");
            assert!(!truncated);
            *CAPTURED.lock().unwrap() = pcs;
        }
        #[inline(never)]
        fn interrupted() -> u64 {
            // SAFETY: installs a handler for a signal that nothing else uses, and raises it on this thread.
            unsafe {
                libc::signal(libc::SIGUSR2, on_signal as *const () as usize);
                libc::raise(libc::SIGUSR2);
            }
            here().pc
        }
        mapping::start(true);
        make_slots(2);
        thread::learn_stack();
        let after = interrupted();
        let pcs = CAPTURED.lock().unwrap();
        assert!(pcs.iter().any(|pc| pc.abs_diff(after) < 200), "{after:x} is near none of {pcs:x?}");
    }

    #[test]
    fn a_stack_that_may_not_be_read_is_its_leaf_and_marked() {
        mapping::start(true);
        make_slots(2);
        let elsewhere = Bounds { low: 16, high: 32 };
        let (length, truncated) = capture(For::Signal, here(), elsewhere, |stack| (stack.pcs().len(), stack.truncated))
            .expect("a slot is free");
        assert_eq!((length, truncated), (1, true));
    }
}
