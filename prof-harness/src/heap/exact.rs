//! Recording every allocation: what a thread keeps so that the next one is found to be like an earlier one, at the same stack
//! and of the same size, without unwinding anew. Without memory for that, each is captured as a sample is.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use crate::arena::Place;
use crate::memory::{self, Zeroed};
use crate::registers::Registers;
use crate::stack::Stack;
use crate::unwind::trail::Trail;
use crate::unwind::{self, Borrowed, For};
use crate::{alive, bucket, thread};

/// What a thread keeps, for as long as it lives; then another may.
pub struct Memory {
    kept: UnsafeCell<Kept>,
    desk: Option<&'static alive::Desk>,
    /// The shard of whose thread this is, and so of the buckets in `kept`; 0 for those that are not its alone.
    shard: u8,
    is_taken: AtomicBool,
    next: AtomicPtr<Memory>,
}

/// Zeroed memory is new.
struct Kept {
    trail: Trail,
    /// Buckets that were found before, each at a place that its key leads to.
    found: [Found; FOUND],
    stack: Stack,
    /// The session that all of this is of.
    session: u32,
}

const FOUND: usize = 1 << 11;

/// Small, for many are in use at a time.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Found {
    stack: u32,
    label: u32,
    size: u32,
    /// 0 if there is none.
    bucket: u32,
}

// SAFETY: `kept` is used only by the thread that set `is_taken`.
unsafe impl Sync for Memory {}

// SAFETY: numbers, a null pointer and no desk.
unsafe impl Zeroed for Memory {}

/// All that were made, the newest first. They live as long as the process.
static NEWEST: AtomicPtr<Memory> = AtomicPtr::new(std::ptr::null_mut());

/// The calling thread's memory: its own, one of a thread that has ended, or a new one.
#[inline(always)]
fn own() -> Option<&'static Memory> {
    thread::with(|thread| {
        if thread.memory.get().is_none() && !thread.has_ended.get() {
            thread.memory.set(take().or_else(make));
            if let Some(memory) = thread.memory.get() {
                thread.desk.set(memory.desk);
                thread.own_shard.set(memory.shard);
            }
        }
        thread.memory.get()
    })
}

#[cold]
fn take() -> Option<&'static Memory> {
    // SAFETY: null or one that `make` put on the list.
    let mut next = unsafe { NEWEST.load(Ordering::Acquire).as_ref() };
    while let Some(memory) = next {
        if !memory.is_taken.load(Ordering::Relaxed) && !memory.is_taken.swap(true, Ordering::Acquire) {
            // SAFETY: this thread's now.
            unsafe { &mut *memory.kept.get() }.trail.begin();
            return Some(memory);
        }
        // SAFETY: as above.
        next = unsafe { memory.next.load(Ordering::Acquire).as_ref() };
    }
    None
}

#[cold]
fn make() -> Option<&'static Memory> {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let memory: &'static mut Memory = memory::zeroed()?;
    memory.desk = alive::Desk::new();
    let shard = thread::SHARED + MADE.fetch_add(1, Ordering::Relaxed);
    memory.shard = if shard < thread::SHARDS { shard as u8 } else { 0 };
    let memory: &'static Memory = memory;
    let place = std::ptr::from_ref(memory).cast_mut();
    memory.is_taken.store(true, Ordering::Relaxed);
    let mut newest = NEWEST.load(Ordering::Acquire);
    loop {
        memory.next.store(newest, Ordering::Relaxed);
        match NEWEST.compare_exchange(newest, place, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(memory),
            Err(other) => newest = other,
        }
    }
}

/// Leaves the calling thread's memory to another, before the thread ends.
pub fn end_thread() {
    thread::with(|thread| {
        thread.has_ended.set(true);
        thread.desk.set(None);
        thread.own_shard.set(0);
        if let Some(memory) = thread.memory.take() {
            memory.is_taken.store(false, Ordering::Release);
        }
    });
}

/// The bucket of an allocation of `size` bytes for the caller whose registers these are; none if the stack has to be captured,
/// or there is no room. The calling thread is inside the harness.
#[inline(always)]
pub fn bucket(caller: Registers, label: Option<Place>, size: u64) -> Option<Place> {
    let bounds = thread::bounds();
    let readable = bounds.readable(caller.sp);
    if readable.is_empty() {
        return None;
    }
    // SAFETY: the thread's own, which nothing else uses: a thread does not come here while it is inside the harness.
    let kept = unsafe { &mut *own()?.kept.get() };
    if kept.session != alive::session() {
        kept.begin_session();
    }
    let rules = || if unwind::has_room(bounds) { Borrowed::new(For::Allocation, caller.sp) } else { None };
    let context = kept.trail.walk(caller, &readable, rules)?;
    let stack = match *kept.trail.note(context) {
        0 => {
            kept.trail.gather(&mut kept.stack);
            let stack = bucket::intern_stack(&kept.stack, 0)?;
            *kept.trail.note(context) = stack.word();
            stack
        }
        word => Place::from_word(word)?,
    };
    let make = || bucket::heap_bucket(stack, label, size, Some(thread::shard()));
    let Ok(size) = u32::try_from(size) else { return make() };
    let label_word = label.map_or(0, Place::word);
    let key = u64::from(stack.word()) ^ u64::from(label_word) << 20 ^ u64::from(size) << 32;
    let found = &mut kept.found[(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as usize % FOUND];
    if found.stack == stack.word() && found.label == label_word && found.size == size {
        if let Some(bucket) = Place::from_word(found.bucket) {
            return Some(bucket);
        }
    }
    let bucket = make()?;
    *found = Found { stack: stack.word(), label: label_word, size, bucket: bucket.word() };
    Some(bucket)
}

impl Kept {
    #[cold]
    fn begin_session(&mut self) {
        // What is new is clear.
        if self.session != 0 {
            self.trail.clear();
            self.found.fill(Found { stack: 0, label: 0, size: 0, bucket: 0 });
        }
        self.session = alive::session();
    }
}
