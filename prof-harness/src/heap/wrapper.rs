//! The door in the program's own source: [`Alloc`], for global allocators that no other door leads to. It records at its
//! own level; what its inner allocator takes through another door meanwhile is not counted again.
//!
//! Its allocator may be of another copy of this crate than the one at work: it calls that one's hooks (`copies.rs`).

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use prof_record::layout::header;
use prof_record::Door;

use super::door;
use crate::alive::InSession;
use crate::arena::{self, Place};
use crate::copies::hooks;
use crate::registers::Registers;
use crate::{alive, countdown, sys, thread};

/// A global allocator around another, whose allocations it shows to the sampler.
///
/// The sampler sees the system's allocator, jemalloc, mimalloc and snmalloc without it. It is for other allocators, such as
/// those written in Rust, and for programs that want to see Rust's allocations alone. While nothing is sampled it costs a
/// few instructions. Under `cargo prof` as well as with a [`Profiler`](crate::Profiler), a block counts once, with the size
/// that Rust asked for, whatever the inner allocator does to get it.
///
/// ```
/// use std::alloc::System;
///
/// use prof_harness::{Alloc, Options, Profiler};
///
/// #[global_allocator]
/// static ALLOCATOR: Alloc<System> = Alloc::new(System);
///
/// let profiler = Profiler::start(Options::default().heap_period(1))?;
/// let list = vec![1u64; 1000];
/// let record = profiler.stop()?;
/// let block = record.heap.iter().find(|bucket| bucket.size == 8000).expect("every allocation is recorded");
/// assert_eq!((block.allocations, block.frees), (1, 0));
/// # drop(list);
/// # Ok::<(), prof_harness::ProfilerError>(())
/// ```
#[derive(Debug, Default, Clone, Copy)]
pub struct Alloc<A> {
    inner: A,
    is_alone: bool,
}

impl<A> Alloc<A> {
    /// Shows what goes to `inner`, beside what others, such as C code, take from `malloc`.
    pub const fn new(inner: A) -> Alloc<A> {
        Alloc { inner, is_alone: false }
    }

    /// Shows what goes to `inner` and nothing else: as the global allocator, Rust's allocations without those of C.
    pub const fn rust_only(inner: A) -> Alloc<A> {
        Alloc { inner, is_alone: true }
    }
}

// Not inlined, so that each is a frame of its own, which can be told from the program's.
// SAFETY: what the inner allocator returns and is given, unchanged.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Alloc<A> {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        counted(layout.size(), self.is_alone, || unsafe { self.inner.alloc(layout) })
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        counted(layout.size(), self.is_alone, || unsafe { self.inner.alloc_zeroed(layout) })
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let hooks = hooks();
        let old = (hooks.take)(block.cast());
        // SAFETY: the caller's promise.
        let new = counted(size, self.is_alone, || unsafe { self.inner.realloc(block, layout, size) });
        if old != 0 {
            (hooks.settle)(block.cast(), old, new.is_null());
        }
        new
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        (hooks().forget)(block.cast());
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(block, layout) };
    }
}

/// What is known of an allocation between its beginning and its end.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Ticket {
    /// The thread's countdown.
    left: u64,
    /// Whether it is sampled, and the word of its label.
    sampled: u64,
    /// The session that the label is of.
    session: u32,
}

const UNSAMPLED: u64 = 0;
const SAMPLED: u64 = 1 << 32;
/// The program is not at work: the harness is, or an allocator of this kind around another.
const INSIDE: u64 = 2 << 32;

/// The registers of the function that allocates.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Caller {
    pc: u64,
    sp: u64,
    fp: u64,
}

/// Calls the allocator for `size` bytes and, if the allocation is to be sampled, records the block.
#[inline(always)]
fn counted(size: usize, is_alone: bool, allocate: impl FnOnce() -> *mut u8) -> *mut u8 {
    let hooks = hooks();
    let ticket = (hooks.enter)(size, is_alone);
    let block = allocate();
    (hooks.leave)(ticket);
    if ticket.sampled & SAMPLED != 0 && !block.is_null() {
        let caller;
        // SAFETY: reads registers. The place and they are of one function, in which this one is inlined.
        unsafe {
            let (pc, sp, fp);
            std::arch::asm!(
                "lea {pc}, [rip]",
                "mov {sp}, rsp",
                "mov {fp}, rbp",
                pc = out(reg) pc,
                sp = out(reg) sp,
                fp = out(reg) fp,
                options(nomem, nostack, preserves_flags)
            );
            caller = Caller { pc, sp, fp };
        }
        (hooks.record)(ticket, block.cast(), size, caller);
    }
    block
}

/// Whether an allocator is to be alone: what comes by other doors is not recorded.
pub fn is_alone() -> bool {
    ALONE.load(Ordering::Relaxed)
}

static ALONE: AtomicBool = AtomicBool::new(false);

/// `Hooks::enter`.
pub extern "C" fn enter(size: usize, is_alone: bool) -> Ticket {
    thread::with(|thread| {
        if thread.is_inside.get() {
            return Ticket { left: 0, sampled: INSIDE, session: 0 };
        }
        let (mut sampled, mut session) = (UNSAMPLED, 0);
        if door::runs_out(size) {
            open(is_alone);
            if let Some(InSession { value: label, session: of }) = super::decide(size) {
                sampled = SAMPLED | label.map_or(0, |label| label.word().into());
                session = of;
            }
        }
        // The doors that the inner allocator comes by count down in vain, and if they do not they find us inside.
        let left = countdown::with(|countdown| countdown.left.replace(super::FAR));
        let ticket = Ticket { left, sampled, session };
        thread.is_inside.set(true);
        ticket
    })
}

/// `Hooks::leave`.
pub extern "C" fn leave(ticket: Ticket) {
    if ticket.sampled & INSIDE == 0 {
        countdown::with(|countdown| countdown.left.set(ticket.left));
        thread::with(|thread| thread.is_inside.set(false));
    }
}

/// `Hooks::record`.
pub extern "C" fn record_block(ticket: Ticket, block: *mut c_void, size: usize, caller: Caller) {
    let errno = sys::errno();
    let decision = InSession { value: Place::from_word(ticket.sampled as u32), session: ticket.session };
    super::record(block, size, decision, Registers { pc: caller.pc, sp: caller.sp, fp: caller.fp });
    sys::set_errno(errno);
}

/// `Hooks::take`: the session in the upper half and the bucket's place in the lower; 0 for a block that was not in.
pub extern "C" fn take_block(block: *mut c_void) -> u64 {
    if !super::live::may_contain(block as usize) {
        return 0;
    }
    super::take(block).map_or(0, |bucket| u64::from(bucket.session) << 32 | u64::from(bucket.value.word()))
}

/// `Hooks::settle`.
pub extern "C" fn settle_block(block: *mut c_void, taken: u64, lives_on: bool) {
    let Some(value) = Place::from_word(taken as u32) else { return };
    let bucket = InSession { value, session: (taken >> 32) as u32 };
    if lives_on {
        super::put_back(block, bucket);
    } else {
        super::let_go(bucket);
    }
}

/// `Hooks::forget`.
pub extern "C" fn forget_block(block: *mut c_void) {
    door::freed(block);
}

/// Notes that the program comes by this door.
fn open(is_alone: bool) {
    if is_alone {
        ALONE.store(true, Ordering::Relaxed);
    }
    alive::record(|| {
        let Some(doors) = arena::header_word(header::DOORS) else { return };
        let this = Door::Wrapper.bit();
        if is_alone {
            doors.store(this, Ordering::Relaxed);
        } else {
            doors.fetch_or(this, Ordering::Relaxed);
        }
    });
}
