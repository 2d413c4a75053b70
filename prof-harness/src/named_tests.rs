//! Tests by the names of their threads, for a toolchain whose libtest the substitute does not know: libtest runs each
//! test on a thread that the main thread makes and names in full. Only those are taken for tests, so that a test's own
//! named threads are not. The name is learnt when std sets it, through `pthread_setname_np`, defined here before libc's.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::sys::{self, pthread_t};
use crate::testing::{self, Kind};
use crate::{label, thread};

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Takes threads for tests from now on. What else runs is sampled without a label: the process may be one whose harness is
/// not libtest's.
pub fn start() {
    IS_ON.store(true, Ordering::Relaxed);
    label::begin_process(None);
}

/// Ends the test that the calling thread was, if it was one.
pub fn end() {
    if IS_ON.load(Ordering::Relaxed) && thread::is_of_main() {
        testing::end_of_thread();
    }
}

interpose!("pthread_setname_np", set_name);

type SetName = unsafe extern "C" fn(pthread_t, *const c_char) -> c_int;

unsafe extern "C" fn set_name(of: pthread_t, name: *const c_char) -> c_int {
    if IS_ON.load(Ordering::Relaxed) && thread::is_of_main() && of as usize == sys::pthread_self() {
        thread::inside(|| {
            // The kernel's name is cut to 15 bytes; std knows it whole by now.
            if let Some(name) = std::thread::current().name() {
                testing::begin_on_thread(Kind::Test, name);
            }
        });
    }
    match next() {
        // SAFETY: the caller's arguments, handed on.
        Some(next) => unsafe { next(of, name) },
        None => libc::ENOSYS,
    }
}

fn next() -> Option<SetName> {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let next = thread::inside(|| sys::next_once(&NEXT, c"pthread_setname_np"));
    if next.is_null() {
        return None;
    }
    // SAFETY: libc's definition has this type.
    Some(unsafe { std::mem::transmute::<*mut c_void, SetName>(next) })
}
