//! The substitute `test` crate. What `#[test]` and `#[bench]` expand to says `extern crate test`; cargo prof makes
//! that this crate, which is the sysroot's `test` with another entry: each test function is wrapped so that the
//! samplers run around it, then everything is libtest's own. It changes nothing that libtest prints or returns.

#![feature(test)]

extern crate test as libtest;

use prof_harness::benching;
use prof_harness::testing::{self, Kind};

#[doc(no_inline)]
pub use libtest::*;

/// Before the harness's own constructor, which has no priority and so comes later.
#[used]
#[link_section = ".init_array.00200"]
static WAIT: extern "C" fn() = wait;

extern "C" fn wait() {
    testing::wait_for_tests();
}

/// The entry that `rustc --test` generates a call of.
pub fn test_main_static(tests: &[&TestDescAndFn]) {
    testing::enter_framework();
    let arguments: Vec<String> = std::env::args().collect();
    test_main(&arguments, tests.iter().map(|test| wrap(test)).collect(), None);
}

/// The entry under `-Z panic-abort-tests`: libtest runs each test in a process of its own, and names it in a variable.
pub fn test_main_static_abort(tests: &[&TestDescAndFn]) {
    testing::enter_framework();
    let _running = std::env::var("__RUST_TEST_INVOKE").ok().map(|name| testing::begin(Kind::Test, &name));
    libtest::test_main_static_abort(tests);
}

/// The same test with the samplers around its function.
fn wrap(test: &TestDescAndFn) -> TestDescAndFn {
    let name = test.desc.name.to_string();
    let testfn = match test.testfn {
        StaticTestFn(function) => DynTestFn(Box::new(move || {
            let _running = testing::begin(Kind::Test, &name);
            __rust_begin_short_backtrace(function)
        })),
        StaticBenchFn(function) => match benching::single_iterations() {
            Some(count) => DynBenchFn(Box::new(move |_| {
                // What the first iteration sets up for all is no part of the others.
                libtest::bench::run_once(function)?;
                let _running = testing::begin(Kind::Bench, &name);
                (0..count.get()).try_for_each(|_| libtest::bench::run_once(function))
            })),
            None if benching::wants_times() => DynBenchFn(Box::new(move |bencher| {
                let running = testing::begin(Kind::Bench, &name);
                let summary = bencher.bench(function)?;
                drop(running);
                if let Some(summary) = summary {
                    // The one that libtest prints.
                    benching::took(&name, summary.median);
                }
                Ok(())
            })),
            None => DynBenchFn(Box::new(move |bencher| {
                let _running = testing::begin(Kind::Bench, &name);
                function(bencher)
            })),
        },
        StaticBenchAsTestFn(function) => DynBenchAsTestFn(Box::new(move |bencher| {
            let _running = testing::begin(Kind::Test, &name);
            function(bencher)
        })),
        // `rustc --test` makes static functions only.
        _ => panic!("a dynamic test in the static list"),
    };
    TestDescAndFn { desc: test.desc.clone(), testfn }
}

/// libtest's own function of this name ends a panic's short backtrace; with this one below the wrapper, the wrapper is
/// not in it, and what is printed is the same to the last frame.
#[inline(never)]
fn __rust_begin_short_backtrace<T, F: FnOnce() -> T>(function: F) -> T {
    let result = function();
    // Keeps this frame on the stack while the test runs.
    std::hint::black_box(result)
}
