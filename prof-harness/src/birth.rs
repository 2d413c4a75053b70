//! How the harness learns of new threads: `pthread_create` and C11's `thrd_create` are defined here, before libc's.
//! Threads of Rust's std, of pools and of C all come through one of them. What is known of a thread is in `thread.rs`.

use std::ffi::{c_int, c_void};
use std::sync::atomic::AtomicPtr;

use crate::label::Label;
use crate::sys::{self, libc_heap, pthread_attr_t, pthread_t};
use crate::thread;

/// A thread's first function; it is only handed on, never called from here.
type Routine = *const c_void;
type PthreadCreate = unsafe extern "C" fn(*mut pthread_t, *const pthread_attr_t, Routine, *mut c_void) -> c_int;
type ThrdCreate = unsafe extern "C" fn(*mut pthread_t, Routine, *mut c_void) -> c_int;

interpose!("pthread_create", pthread_create);
interpose!("thrd_create", thrd_create);

/// # Safety
///
/// As for `pthread_create`.
unsafe extern "C" fn pthread_create(
    thread: *mut pthread_t,
    attributes: *const pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let next = thread::inside(|| sys::next_once(&NEXT, c"pthread_create"));
    if next.is_null() {
        return libc::EAGAIN;
    }
    // SAFETY: libc's definition has this type.
    let next = unsafe { std::mem::transmute::<*mut c_void, PthreadCreate>(next) };
    // SAFETY: the caller's attributes.
    let roomier = unsafe { sys::with_room_for_signals(attributes) };
    let attributes = roomier.as_ref().map_or(attributes, std::ptr::from_ref);
    // SAFETY: the caller's arguments, with a routine and argument that fit each other.
    give_birth(routine, argument, |routine, argument| unsafe { next(thread, attributes, routine, argument) })
}

/// # Safety
///
/// As for `thrd_create`.
unsafe extern "C" fn thrd_create(thread: *mut pthread_t, routine: Routine, argument: *mut c_void) -> c_int {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    const THRD_ERROR: c_int = 2;
    let next = thread::inside(|| sys::next_once(&NEXT, c"thrd_create"));
    if next.is_null() {
        return THRD_ERROR;
    }
    // SAFETY: libc's definition has this type.
    let next = unsafe { std::mem::transmute::<*mut c_void, ThrdCreate>(next) };
    // SAFETY: as above. The routine's int comes back to libc as it left it.
    give_birth(routine, argument, |routine, argument| unsafe { next(thread, routine, argument) })
}

/// What a new thread gets from its creator.
struct Birth {
    routine: Routine,
    argument: *mut c_void,
    label: Option<&'static Label>,
    is_of_main: bool,
}

/// Has a thread made that is taken in before it runs `routine`. `make` returns 0 if it made one.
fn give_birth(routine: Routine, argument: *mut c_void, make: impl FnOnce(Routine, *mut c_void) -> c_int) -> c_int {
    // Also while nothing is sampled: a profiler may start in the thread's life.
    // From libc, not from the program's allocator, which may count.
    // SAFETY: plain malloc.
    let birth = unsafe { libc_heap::malloc(size_of::<Birth>()) }.cast::<Birth>();
    if birth.is_null() {
        return make(routine, argument);
    }
    let label = thread::label();
    // SAFETY: fresh memory of that size; malloc aligns for any of its fields.
    unsafe { birth.write(Birth { routine, argument, label, is_of_main: sys::is_main_thread() }) };
    let result = make(start as Routine, birth.cast());
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
    // A program may hold two copies of this crate: see `interpose.rs`.
    ".ifndef prof_harness_thread_start",
    ".pushsection .text.prof_harness_thread_start,\"ax\",@progbits",
    ".hidden prof_harness_thread_start",
    ".weak prof_harness_thread_start",
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
    ".endif",
    take_in = sym take_in,
);

/// Takes the new thread in.
///
/// # Safety
///
/// `birth` is what [`give_birth`] made, for just this thread.
unsafe extern "C" fn take_in(birth: *mut Birth) -> Life {
    // SAFETY: the caller's promise.
    let Birth { routine, argument, label, is_of_main } = unsafe { birth.read() };
    // SAFETY: read above, and from the same allocator.
    unsafe { libc_heap::free(birth.cast()) };
    thread::start(label, is_of_main);
    sys::set_errno(0);
    Life { routine, argument }
}
