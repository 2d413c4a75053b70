//! What the harness knows of each thread. How it learns of new ones is in `birth.rs`.
//!
//! The thread-local state is constant at first and has no destructor, so that it works in signal handlers, before
//! `main` and while a thread ends.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::label::Label;
use crate::stack::Bounds;
use crate::{alive, cpu, heap, mapping, named_tests, sys};

/// One thread's state.
pub struct Thread {
    /// State of the random numbers.
    pub random: Cell<u64>,
    /// Whether the thread is inside the harness: what it allocates there is not the program's.
    pub is_inside: Cell<bool>,
    /// Where the thread says that it is recording, if it has a place of its own for that.
    pub desk: Cell<Option<&'static alive::Desk>>,
    /// What the thread keeps where every allocation is recorded.
    pub memory: Cell<Option<&'static heap::Memory>>,
    /// Whether the thread is at its end, after its clock and memory.
    pub has_ended: Cell<bool>,
    stack_low: Cell<u64>,
    stack_high: Cell<u64>,
    label: Cell<Option<&'static Label>>,
    /// What raises SIGPROF on the thread.
    pub clock: Cell<Option<&'static cpu::Clock>>,
    /// The session of the CPU sampler that `next_due` is of.
    pub session: Cell<u32>,
    /// The CPU time of the thread at which its next sample is due. Atomic because a signal can come between reading and
    /// writing it.
    pub next_due: AtomicU64,
    /// Whether the process's main thread made it.
    is_of_main: Cell<bool>,
    /// One more than the shard that the thread shares with others; 0 before it has one.
    shard: Cell<u8>,
    /// The shard that is the thread's alone, if one is; see [`own_shard`].
    pub own_shard: Cell<u8>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            random: Cell::new(0),
            is_inside: Cell::new(false),
            desk: Cell::new(None),
            memory: Cell::new(None),
            has_ended: Cell::new(false),
            stack_low: Cell::new(0),
            stack_high: Cell::new(0),
            label: Cell::new(None),
            clock: Cell::new(None),
            session: Cell::new(0),
            next_due: AtomicU64::new(0),
            is_of_main: Cell::new(false),
            shard: Cell::new(0),
            own_shard: Cell::new(0),
        }
    };
}

/// Runs `f` with the calling thread's state. Signal: yes.
#[inline(always)]
pub fn with<R>(f: impl FnOnce(&Thread) -> R) -> R {
    THREAD.with(f)
}

/// Whether the calling thread was made by the process's main thread.
pub fn is_of_main() -> bool {
    with(|thread| thread.is_of_main.get())
}

/// How many shards there are, for what each of few threads can count by itself.
pub const SHARDS: usize = 64;
/// So many of them, the first, are dealt out to the threads that have none of their own.
pub const SHARED: usize = 16;

/// The shard that no other thread has as long as the calling one has it; 0, which is shared, without one. Signal: yes.
#[inline(always)]
pub fn own_shard() -> usize {
    with(|thread| thread.own_shard.get()).into()
}

/// The calling thread's shard. Signal: yes.
#[inline(always)]
pub fn shard() -> usize {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    with(|thread| {
        if thread.own_shard.get() != 0 {
            return thread.own_shard.get().into();
        }
        if thread.shard.get() == 0 {
            // The others in turn: one that is given twice at a signal is as good.
            let next = NEXT.fetch_add(1, Ordering::Relaxed) as usize % SHARED;
            thread.shard.set(next as u8 + 1);
        }
        usize::from(thread.shard.get()) - 1
    })
}

/// Runs `f` with the thread marked as inside the harness, so that nothing that it allocates is recorded.
pub fn inside<R>(f: impl FnOnce() -> R) -> R {
    let was_inside = with(|thread| thread.is_inside.replace(true));
    let result = f();
    with(|thread| thread.is_inside.set(was_inside));
    result
}

/// The calling thread's label. Signal: yes.
pub fn label() -> Option<&'static Label> {
    with(|thread| thread.label.get())
}

/// Gives the calling thread a label and returns the one it had.
pub fn set_label(label: Option<&'static Label>) -> Option<&'static Label> {
    with(|thread| thread.label.replace(label))
}

/// Where the calling thread's stack lies. Signal: yes.
pub fn bounds() -> Bounds {
    with(|thread| Bounds { low: thread.stack_low.get(), high: thread.stack_high.get() })
}

/// Takes the main thread in: its stack ends at `high`.
pub fn start_main(high: u64) {
    with(|thread| {
        thread.stack_high.set(high);
        thread.stack_low.set(high.saturating_sub(sys::main_stack_size()));
    });
    enter();
}

/// Takes a new thread in, before anything of the program's runs on it.
pub fn start(label: Option<&'static Label>, is_of_main: bool) {
    learn_stack();
    if alive::is_alive() {
        inside(mapping::refresh_if_stale);
    }
    with(|thread| {
        thread.label.set(label);
        thread.is_of_main.set(is_of_main);
    });
    enter();
}

/// Learns the calling thread's stack, once. Not for signal handlers, nor where the program allocates: glibc allocates while
/// it holds the lock that it needs to tell.
pub fn learn_stack() {
    with(|thread| {
        if thread.stack_high.get() == 0 {
            // Bounds that hold nothing where it cannot be told: not asked again.
            let (low, high) = inside(sys::own_stack).unwrap_or((1, 1));
            thread.stack_low.set(low);
            thread.stack_high.set(high);
        }
    });
}

/// Starts the thread's clock and sees to its end.
fn enter() {
    let clock = inside(cpu::start_clock);
    with(|thread| thread.clock.set(clock));
    let key = END_KEY.load(Ordering::Relaxed);
    if key != NO_KEY {
        // Any value but null lets the destructor run.
        sys::set_thread_value(key, std::ptr::from_ref(&END_KEY).cast());
    }
}

const NO_KEY: u32 = u32::MAX;
static END_KEY: AtomicU32 = AtomicU32::new(NO_KEY);

/// Lets threads that end, in whatever way, give their timer back and end the test that they were. Not for signal
/// handlers.
pub fn watch_ends() {
    unsafe extern "C" fn leave(_value: *mut c_void) {
        // In a forked child the clock is not there, and its number may be one of the program's.
        if alive::is_own_process() {
            cpu::end_thread();
            heap::end_thread();
            named_tests::end();
        }
    }
    if let Some(key) = sys::thread_end_key(leave) {
        END_KEY.store(key, Ordering::Relaxed);
    }
}
