//! Which functions are only std's way from one function of a program to another: calls through `Fn` and its kin, catching
//! panics, starting the program, a thread or a test, polling through pointers. Judges names as `name.rs` reads them.

/// The traits whose methods only call what they are implemented for.
const CALLING: [&str; 3] =
    [" as core::ops::function::FnOnce>::", " as core::ops::function::FnMut>::", " as core::ops::function::Fn>::"];

/// What a future is reached through.
const POLLED_THROUGH: [&str; 6] = [
    "core::pin::Pin",
    "alloc::boxed::Box",
    "core::panic::unwind_safe::AssertUnwindSafe",
    "core::future::poll_fn::PollFn",
    "core::future::from_generator::GenFuture",
    "&mut ",
];

/// Functions with all that is defined in them.
const WITH_CLOSURES: [&str; 9] = [
    "std::panicking::try",
    "std::panicking::r#try",
    "std::panicking::catch_unwind",
    "std::panic::catch_unwind",
    "std::rt::lang_start",
    "std::rt::lang_start_internal",
    "test::run_test",
    "test::run_test_in_process",
    "test::assert_test_result",
];

/// Whether the function of this name is plumbing.
pub(super) fn is_plumbing(name: &str) -> bool {
    if name.starts_with("core::ops::function::") || CALLING.iter().any(|calling| name.contains(calling)) {
        return true;
    }
    if matches!(last(name), "__rust_begin_short_backtrace" | "__rust_end_short_backtrace" | "__rust_try") {
        return true;
    }
    let is_or_in = |function: &&str| name.strip_prefix(*function).is_some_and(is_within);
    WITH_CLOSURES.iter().any(is_or_in) || starts_thread(name) || polls(name)
}

/// The last part of a path.
fn last(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// Whether what follows a function's name says that it is the function, or something in it.
fn is_within(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with("::")
}

/// Only what runs on the new thread; what makes it is work of the maker.
fn starts_thread(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("std::") else { return false };
    let in_closure = |function: &str| rest.split_once(function).is_some_and(|(_, rest)| rest.contains("::{closure"));
    (rest.starts_with("thread::") && in_closure("::spawn_unchecked"))
        || (rest.starts_with("sys") && (rest.ends_with("::thread_start") || rest.contains("::thread_start::")))
}

fn polls(name: &str) -> bool {
    let future = " as core::future::future::Future>::poll";
    let through = name.strip_prefix('<').and_then(|name| name.strip_suffix(future));
    through.is_some_and(|through| {
        POLLED_THROUGH.iter().any(|way| match way.strip_suffix(' ') {
            Some(_) => through.starts_with(way),
            None => through == *way,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rust_reading::readable_name;

    #[test]
    fn plumbing_is_known_in_both_manglings() {
        for name in [
            "core::ops::function::FnOnce::call_once",
            "core::ops::function::FnOnce::call_once{{vtable.shim}}",
            "core::ops::function::impls::<impl core::ops::function::FnOnce<A> for &mut F>::call_once",
            "<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once",
            "<alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = ()> + core::marker::Send> as core::ops::function::FnOnce<()>>::call_once",
            "<w::main::{closure#5} as core::ops::function::FnOnce<(&w::Day,)>>::call_once::{shim:vtable#0}",
            "<core::panic::unwind_safe::AssertUnwindSafe<F> as core::ops::function::FnOnce<()>>::call_once",
            "std::panicking::try::do_call",
            "std::panicking::catch_unwind::do_call::<std::rt::lang_start_internal::{closure#0}, isize>",
            "std::panic::catch_unwind::<w::main::{closure#1}, ()>",
            "__rust_try",
            "std::rt::lang_start::{{closure}}",
            "std::rt::lang_start_internal::{closure#0}",
            "std::sys::backtrace::__rust_begin_short_backtrace::<fn(), ()>",
            "std::sys_common::backtrace::__rust_begin_short_backtrace",
            "test::__rust_begin_short_backtrace",
            "test::run_test::{closure#1}",
            "std::thread::lifecycle::spawn_unchecked::<w::main::{closure#8}, usize>::{closure#1}::{closure#0}",
            "std::thread::Builder::spawn_unchecked_::{{closure}}::{{closure}}",
            "<std::thread::Builder>::spawn_unchecked_::<w::f, ()>::{closure#2}",
            "<std::sys::thread::unix::Thread>::new::thread_start",
            "std::sys::pal::unix::thread::Thread::new::thread_start",
            "<core::pin::Pin<P> as core::future::future::Future>::poll",
            "<&mut F as core::future::future::Future>::poll",
            "<alloc::boxed::Box<F,A> as core::future::future::Future>::poll",
        ] {
            assert!(is_plumbing(&readable_name(name)), "{name}");
        }
    }

    #[test]
    fn work_is_no_plumbing() {
        for name in [
            "core::ops::drop::Drop::drop",
            "std::thread::lifecycle::spawn_unchecked::<w::f, ()>",
            "std::thread::functions::spawn::<w::f, ()>",
            "std::panicking::begin_panic_handler",
            "std::panicking::trying",
            "test::run_tests",
            "test::bench::Bencher::iter",
            "<w::Sleep as core::future::future::Future>::poll",
            "w::core::ops::function::call",
            "w::run_test",
            "core::iter::traits::iterator::Iterator::fold",
        ] {
            assert!(!is_plumbing(&readable_name(name)), "{name}");
        }
    }
}
