//! For test frameworks: samples belong to the test or benchmark that a thread works for, and nothing is sampled
//! while none runs.

use crate::copies::hooks;
use crate::label::{self, Label};
use crate::{alive, arena, autostart, bucket, cpu, mapping, memory, thread};
use prof_record::layout;
use std::sync::atomic::Ordering;

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A test function.
    Test,
    /// A benchmark.
    Bench,
}

/// Lets sampling wait for [`begin`], instead of starting with the process. For a constructor that runs before the
/// harness's own, that is one with a priority in `.init_array.NNNNN`.
pub fn wait_for_tests() {
    (hooks().wait_for_tests)();
}

/// Marks the calling thread, and the threads that it makes, as the framework's own: nothing of theirs is sampled
/// outside of [`begin`].
pub fn enter_framework() {
    (hooks().enter_framework)();
}

/// Starts the samplers for a test or benchmark on the calling thread and the threads that it makes from now on. They
/// stop when the result is dropped; threads that still run then lose the label.
#[must_use = "the test runs until this is dropped"]
pub fn begin(kind: Kind, name: &str) -> Running {
    let kind = match kind {
        Kind::Test => layout::LABEL_TEST,
        Kind::Bench => layout::LABEL_BENCH,
    };
    // SAFETY: the name's bytes.
    unsafe { (hooks().begin)(kind, name.as_ptr(), name.len()) }
}

/// As [`begin`], to the end of the calling thread.
pub(crate) fn begin_on_thread(kind: Kind, name: &str) {
    std::mem::forget(begin(kind, name));
}

/// Ends what [`begin_on_thread`] began.
pub(crate) fn end_of_thread() {
    if let Some(label) = thread::label().filter(|label| label.is_of_test()) {
        label::end(label);
        thread::set_label(None);
        alive::record(arena::touch);
    }
}

/// A test or benchmark that runs, until it is dropped.
#[repr(C)]
pub struct Running {
    label: Option<&'static Label>,
    before: Option<&'static Label>,
}

impl Drop for Running {
    fn drop(&mut self) {
        (hooks().end)(self);
    }
}

/// [`wait_for_tests`] in this copy of the crate.
pub(crate) extern "C" fn wait_here() {
    autostart::WAITS_FOR_TESTS.store(true, Ordering::Relaxed);
}

/// [`enter_framework`] in this copy of the crate.
pub(crate) extern "C" fn enter_here() {
    thread::set_label(Some(&label::FRAMEWORK));
}

/// [`begin`] in this copy of the crate.
///
/// # Safety
///
/// `name` points to `length` bytes of UTF-8.
pub(crate) unsafe extern "C" fn begin_here(kind: u64, name: *const u8, length: usize) -> Running {
    if !alive::is_alive() {
        return Running { label: None, before: None };
    }
    // SAFETY: the caller's promise.
    let name = unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(name, length)) };
    // Code that was loaded since, by a plugin test for example, is known from here on.
    mapping::refresh();
    cpu::settle();
    let label = alive::record(|| label::begin(bucket::begin_label(kind, name)));
    let label = label.and_then(memory::place);
    let before = thread::set_label(label);
    Running { label, before }
}

/// The end of a test in this copy of the crate.
pub(crate) extern "C" fn end_here(running: &Running) {
    if let Some(label) = running.label {
        cpu::settle();
        label::end(label);
        thread::set_label(running.before);
        alive::record(arena::touch);
    }
}
