//! What the harness knows of each thread, and how it learns of new ones: `pthread_create` is defined here, before
//! libc's. Threads of Rust's std, of pools and of C all come through it.
//!
//! The thread-local state is constant at first and has no destructor, so that it works in signal handlers, before
//! `main` and while a thread ends.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::label::Label;
use crate::stack::Bounds;
use crate::sys::{self, libc_heap, pthread_attr_t, pthread_t};
use crate::{alive, cpu, named_tests};

/// One thread's state.
pub struct Thread {
    /// Bytes left until the next sampled allocation; see `heap`.
    pub countdown: Cell<i64>,
    /// Whether `countdown` was drawn.
    pub is_drawn: Cell<bool>,
    /// State of the random numbers.
    pub random: Cell<u64>,
    /// Whether the thread is inside the harness: what it allocates there is not the program's.
    pub is_inside: Cell<bool>,
    stack_low: Cell<u64>,
    stack_high: Cell<u64>,
    label: Cell<Option<&'static Label>>,
    timer: Cell<Option<sys::timer_t>>,
    /// The CPU time of the thread at which its next sample is due, 0 while it has no timer. Atomic because a signal can
    /// come between reading and writing it.
    pub next_due: AtomicU64,
    /// Whether the process's main thread made it.
    is_of_main: Cell<bool>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            countdown: Cell::new(0),
            is_drawn: Cell::new(false),
            random: Cell::new(0),
            is_inside: Cell::new(false),
            stack_low: Cell::new(0),
            stack_high: Cell::new(0),
            label: Cell::new(None),
            timer: Cell::new(None),
            next_due: AtomicU64::new(0),
            is_of_main: Cell::new(false),
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
        thread.stack_low.set(high.saturating_sub(sys::main_stack_size() as u64));
    });
    enter();
}

/// Learns the calling thread's stack if it came some other way than through `pthread_create`. Not for signal
/// handlers.
pub fn learn_stack(sp: u64) {
    with(|thread| {
        if thread.stack_high.get() == 0 {
            set_stack(thread, sp, sys::main_stack_size());
        }
    });
}

/// glibc keeps its descriptor of a thread, whose address `pthread_self` is, above the thread's frames in the same
/// memory: all between the stack pointer and there may be read.
fn set_stack(thread: &Thread, sp: u64, size: usize) {
    let high = sys::pthread_self() as u64;
    if high > sp && high - sp <= size as u64 {
        thread.stack_high.set(high);
        thread.stack_low.set(high - size as u64);
    }
}

/// Starts the thread's clock and sees to its end.
fn enter() {
    let timer = inside(cpu::start_timer);
    with(|thread| thread.timer.set(timer));
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
        // In a forked child the timer is not there, and its number may be one of the program's.
        if !alive::is_alive() {
            return;
        }
        cpu::settle();
        if let Some(timer) = with(|thread| thread.timer.take()) {
            inside(|| sys::stop_timer(timer));
        }
        named_tests::end();
    }
    if let Some(key) = sys::thread_end_key(leave) {
        END_KEY.store(key, Ordering::Relaxed);
    }
}

/// A thread's first function; it is only handed on, never called from here.
type Routine = *const c_void;
type PthreadCreate = unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, Routine, *mut c_void) -> c_int;

/// What a new thread gets from its creator.
struct Birth {
    routine: Routine,
    argument: *mut c_void,
    stack_size: usize,
    label: Option<&'static Label>,
    is_of_main: bool,
}

// `pthread_create` as a weak symbol: a program that defines its own keeps it.
std::arch::global_asm!(
    ".pushsection .text.prof_pthread_create,\"ax\",@progbits",
    ".weak pthread_create",
    ".type pthread_create,@function",
    "pthread_create:",
    ".cfi_startproc",
    "jmp {create}",
    ".cfi_endproc",
    ".size pthread_create, .-pthread_create",
    ".popsection",
    create = sym create,
);

/// `pthread_create`, for threads that the harness knows.
///
/// # Safety
///
/// As for `pthread_create`.
unsafe extern "C" fn create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    let Some(next) = next_pthread_create() else { return libc::ENOSYS };
    let birth = if alive::is_alive() {
        // From libc, not from the program's allocator, which may count.
        // SAFETY: plain malloc.
        unsafe { libc_heap::malloc(size_of::<Birth>()) }.cast::<Birth>()
    } else {
        std::ptr::null_mut()
    };
    if birth.is_null() {
        // SAFETY: the caller's arguments, handed on.
        return unsafe { next(thread, attributes, routine, argument) };
    }
    // SAFETY: the caller's attributes.
    let stack_size = unsafe { sys::stack_size(attributes) };
    // SAFETY: fresh memory of that size; malloc aligns for any of its fields.
    unsafe { birth.write(Birth { routine, argument, stack_size, label: label(), is_of_main: sys::is_main_thread() }) };
    // SAFETY: the caller's arguments, and a routine and argument that fit each other.
    let result = unsafe { next(thread, attributes, start as Routine, birth.cast()) };
    if result != 0 {
        // SAFETY: no thread was made, so nobody else has it.
        unsafe { libc_heap::free(birth.cast()) };
    }
    result
}

/// What the thread goes on with.
#[repr(C)]
struct Life {
    routine: Routine,
    argument: *mut c_void,
}

unsafe extern "C" {
    /// A new thread's first function: takes the thread in and jumps to the program's, so that no frame of ours lies on
    /// the thread's stack, neither in profiles nor in the way of `pthread_exit`.
    #[link_name = "prof_harness_thread_start"]
    fn start(birth: *mut c_void) -> *mut c_void;
}

std::arch::global_asm!(
    ".pushsection .text.prof_harness_thread_start,\"ax\",@progbits",
    ".hidden prof_harness_thread_start",
    ".globl prof_harness_thread_start",
    ".type prof_harness_thread_start,@function",
    "prof_harness_thread_start:",
    ".cfi_startproc",
    "sub rsp, 8",
    ".cfi_adjust_cfa_offset 8",
    "call {take_in}",
    "add rsp, 8",
    ".cfi_adjust_cfa_offset -8",
    // take_in returned the routine and its argument in two registers.
    "mov rdi, rdx",
    "jmp rax",
    ".cfi_endproc",
    ".size prof_harness_thread_start, .-prof_harness_thread_start",
    ".popsection",
    take_in = sym take_in,
);

/// Takes the new thread in.
///
/// # Safety
///
/// `birth` is what [`create`] made, for just this thread.
unsafe extern "C" fn take_in(birth: *mut Birth) -> Life {
    // SAFETY: the caller's promise.
    let Birth { routine, argument, stack_size, label, is_of_main } = unsafe { birth.read() };
    // SAFETY: read above, and from the same allocator.
    unsafe { libc_heap::free(birth.cast()) };
    let here = std::ptr::from_ref(&routine) as u64;
    with(|thread| {
        set_stack(thread, here, stack_size);
        thread.label.set(label);
        thread.is_of_main.set(is_of_main);
    });
    enter();
    Life { routine, argument }
}

fn next_pthread_create() -> Option<PthreadCreate> {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let mut next = NEXT.load(Ordering::Relaxed);
    if next.is_null() {
        next = inside(|| sys::next_definition(c"pthread_create"));
        NEXT.store(next, Ordering::Relaxed);
    }
    if next.is_null() {
        return None;
    }
    // SAFETY: libc's definition has this type.
    Some(unsafe { std::mem::transmute::<*mut c_void, PthreadCreate>(next) })
}
