//! Tells what is set up once and meant to stay from what leaks, by the names of the functions on the stack alone. What is
//! done with the answer is in `leaks.rs`.

use std::sync::LazyLock;

use regex::Regex;

/// Functions that set up something at its first use. Whatever they call is part of it, the user's initialiser too.
const INITIALISERS: &[&str] = &[
    r"std::sync::(\w+::)*Once::call",
    r"std::sys::(\w+::)*Once::call",
    r"std::sync::(\w+::)*OnceLock::(initialize|get_\w*init)",
    r"std::sync::(\w+::)*LazyLock::",
    r"std::sys::(\w+::)*thread_local::(\w+::)*(\w*init\w*|register\w*|enable)$",
    r"std::thread::local(_impl)?::(\w+::)*\w*init\w*$",
    r"once_cell::(sync|race|imp\w*)::",
    r"lazy_static::",
    r"spin::(\w+::)*(Once|Lazy|LazyLock)::",
    r"parking_lot::once::Once::call",
    r"log::set_",
    r"(pretty_)?env_logger::(\w+::)*(try_)?init\w*$",
    r"tracing::(\w+::)*set_global_default",
    r"tracing_core::(\w+::)*(set_global_default|register\w*)",
    r"tracing_subscriber::(\w+::)*(try_)?init$",
    // libc's: the storage of a thread's variables, the list of their destructors, the buffer of a stream.
    r"(__tls_get_addr|_dl_allocate_tls|__cxa_thread_atexit_impl|_IO_file_doallocate)$",
];

/// Parts of the standard library and of what else stands beneath many programs that keep books of their own: of a thread,
/// standard output, a panic. What code of others does that they call is its own.
const KEEPERS: &[&str] = &[
    r"std::io::stdio::",
    r"std::thread::",
    r"std::rt::",
    r"std::panicking::",
    r"std::backtrace",
    r"std::sys::backtrace::",
    r"std::sys::(\w+::)*stack_overflow::",
    r"parking_lot_core::parking_lot::",
    r"crossbeam_epoch::",
    r"rayon_core::registry::",
    r"env_logger::",
];

/// Crates of [`KEEPERS`] and what they are made of, beside the standard library.
const CRATES_OF_KEEPERS: &[&str] =
    &["parking_lot_core", "crossbeam_epoch", "crossbeam_deque", "crossbeam_utils", "rayon_core", "env_logger"];

/// Crates of the standard library, by what their paths begin with.
const STANDARD: &[&str] = &[
    "std",
    "core",
    "alloc",
    "test",
    "panic_unwind",
    "compiler_builtins",
    "__rustc",
    "hashbrown",
    "std_detect",
    "rustc_demangle",
];

/// Functions without a path that every program has.
const NAMELESS: &[&str] = &[
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
    "main",
    "_start",
    "start_thread",
    "clone",
    "clone3",
    "__clone",
    "__libc_start_main",
    "__libc_start_call_main",
];

/// Binaries that every program has.
const SYSTEM_BINARIES: &[&str] = &["libc.so", "libc-", "ld-linux", "libpthread", "libm.so", "libgcc_s", "[vdso"];

static INITIALISER: LazyLock<Regex> = LazyLock::new(|| any_of(INITIALISERS));
static KEEPER: LazyLock<Regex> = LazyLock::new(|| any_of(KEEPERS));

fn any_of(expressions: &[&str]) -> Regex {
    Regex::new(&format!("^({})", expressions.join("|"))).expect("the lists above are regular expressions")
}

/// What a function is to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It sets up something at its first use.
    Initialiser,
    /// It keeps books for something that every program has.
    Keeper,
    /// It is one that every program has, or part of a keeper.
    Plumbing,
    /// It belongs to a crate of [`CRATES_OF_KEEPERS`].
    OfKeeper,
    /// Not a function: it says that the stack is not whole.
    Gap,
    /// Anything else.
    Own,
}

impl Origin {
    /// By the function's name for people, and its file if that is known.
    pub(super) fn of(function: &str, file: &str) -> Origin {
        let paths = paths(function);
        let main = &paths[0];
        let crate_of = |path: &str| path.split("::").next().unwrap_or_default().to_owned();
        if ["[truncated]", "[broken]", "[lost]"].contains(&function) {
            Origin::Gap
        } else if INITIALISER.is_match(main) {
            Origin::Initialiser
        } else if KEEPER.is_match(main) {
            Origin::Keeper
        } else if CRATES_OF_KEEPERS.contains(&&*crate_of(main)) {
            Origin::OfKeeper
        } else if is_of_standard_library(&paths, file) {
            Origin::Plumbing
        } else {
            Origin::Own
        }
    }

    /// Whether the function belongs to what every program has.
    pub(super) fn is_plumbing(self) -> bool {
        matches!(self, Origin::Plumbing | Origin::Keeper | Origin::Initialiser)
    }
}

/// Whether a block that was allocated at this stack, given from the innermost function on, was set up once and is meant
/// to stay.
pub(super) fn is_one_time(stack: impl IntoIterator<Item = Origin>) -> bool {
    let (mut is_own, mut is_whole, mut is_empty) = (false, true, true);
    for origin in stack {
        is_empty = false;
        match origin {
            Origin::Initialiser => return true,
            Origin::Keeper if !is_own => return true,
            Origin::Own => is_own = true,
            Origin::Gap => is_whole = false,
            _ => {}
        }
    }
    // Nobody's code asked for it: it is the start of a thread or of the process.
    !is_own && is_whole && !is_empty
}

/// Whether it is the name of a binary that every program has.
pub(super) fn is_of_system(binary: &str) -> bool {
    SYSTEM_BINARIES.iter().any(|start| binary.starts_with(start))
}

/// The path of a function without type arguments.
pub(super) fn path(function: &str) -> String {
    paths(function).swap_remove(0)
}

fn is_of_standard_library(paths: &[String], file: &str) -> bool {
    let is_standard_file = (file.starts_with("/rustc/") || file.contains("/lib/rustlib/src/rust/"))
        && file.contains("/library/")
        || file.starts_with("/rust/deps/");
    let is_standard = |path: &String| match path.split_once("::") {
        Some((first, _)) => STANDARD.contains(&first),
        None => {
            NAMELESS.contains(&&**path)
                || ["__rust_", "__rdl_", "__rg_", "rust_"].iter().any(|start| path.starts_with(start))
        }
    };
    // A file tells more than a name: `<my::Type as ToString>::to_string` may be either's.
    if file.is_empty() || paths[0].starts_with("hashbrown::") {
        paths.iter().all(is_standard)
    } else {
        is_standard_file
    }
}

/// The path of a function without type arguments; of a method of a trait first that of the type's, then the trait's.
/// Types without a path, such as parameters and numbers, do not count.
fn paths(function: &str) -> Vec<String> {
    let Some((inside, method)) = function.strip_prefix('<').and_then(split_at_close) else {
        return vec![without_arguments(function)];
    };
    let method = without_arguments(method);
    let parts = split_at_as(inside);
    let is_bare = |path: &String| !path.contains("::");
    let types = parts.into_iter().map(|part| {
        let part = part.trim_start_matches(['&', '*', '(', '[']).trim_start_matches("mut ").trim_start_matches("dyn ");
        path(part)
    });
    let mut types: Vec<_> = types.collect();
    if types.iter().any(|path| !is_bare(path)) {
        types.retain(|path| !is_bare(path));
    }
    types.into_iter().map(|path| path + &method).collect()
}

/// What stands before the `>` that closes a `<` before the text, and what after it.
fn split_at_close(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' if text[..at].ends_with('-') => {}
            '>' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            '>' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The two sides of an `as` that stands in no `<>`, or the whole.
fn split_at_as(text: &str) -> Vec<&str> {
    let mut depth = 0usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' if text[..at].ends_with('-') => {}
            '>' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && text[at..].starts_with(" as ") => return vec![&text[..at], &text[at + 4..]],
            _ => {}
        }
    }
    vec![text]
}

/// A path without what stands in `<>`, nor the `::` before that.
fn without_arguments(path: &str) -> String {
    let mut rest = path;
    let mut plain = String::with_capacity(path.len());
    while let Some(open) = rest.find('<') {
        plain.push_str(rest[..open].trim_end_matches("::"));
        match split_at_close(&rest[open + 1..]) {
            Some((_, after)) => rest = after,
            None => return plain,
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_is_left_without_arguments() {
        for (function, expected) in [
            ("std::sync::once_lock::OnceLock<T>::initialize", &["std::sync::once_lock::OnceLock::initialize"][..]),
            (
                "<std::sync::once_lock::OnceLock<u8>>::get_or_init::<my::f>",
                &["std::sync::once_lock::OnceLock::get_or_init"],
            ),
            ("alloc::slice::<impl [T]>::to_vec", &["alloc::slice::to_vec"]),
            ("<T as alloc::string::ToString>::to_string", &["alloc::string::ToString::to_string"]),
            ("<my::A<fn(u8) -> u8> as core::clone::Clone>::clone", &["my::A::clone", "core::clone::Clone::clone"]),
            ("<&mut my::A as my::B>::go::{closure#0}", &["my::A::go::{closure#0}", "my::B::go::{closure#0}"]),
            ("<<my::A as my::B>::C as core::fmt::Display>::fmt", &["my::A::C::fmt", "core::fmt::Display::fmt"]),
            ("malloc", &["malloc"]),
        ] {
            assert_eq!(paths(function), expected, "{function}");
        }
    }

    #[test]
    fn what_every_program_has_is_plumbing() {
        let of = |function, file| Origin::of(function, file).is_plumbing();
        let library = "/rustc/0123/library/alloc/src/string.rs";
        assert!(of("<my::Type as alloc::string::ToString>::to_string", library));
        assert!(!of("<my::Type as alloc::string::ToString>::to_string", "/home/me/src/lib.rs"));
        assert!(!of("<alloc::vec::Vec<u8> as my::Trait>::go", ""));
        assert!(of("<alloc::vec::Vec<u8> as core::clone::Clone>::clone", ""));
        assert!(of("hashbrown::raw::RawTable<T,A>::reserve_rehash", "/registry/hashbrown-0.15.0/src/raw/mod.rs"));
        assert!(of("__rust_alloc", "") && is_of_system("libc.so.6") && !is_of_system("libcrypto.so.3"));
        assert!(!of("sqlite3_malloc", "") && !of("my::stdx::f", ""));
    }

    fn one_time(stack: &str) -> bool {
        is_one_time(stack.split(';').map(|function| Origin::of(function.trim(), "")))
    }

    #[test]
    fn what_is_set_up_once_is_told_by_its_initialiser() {
        for initialiser in [
            "std::sync::poison::once::Once::call_once::{{closure}}",
            "std::sys::sync::once::futex::Once::call",
            "std::sync::once_lock::OnceLock<T>::initialize",
            "<std::sync::once_lock::OnceLock<my::T>>::get_or_init::<my::f>",
            "std::sync::lazy_lock::LazyLock<T,F>::force",
            "<std::sync::lazy_lock::LazyLock<T,F> as core::ops::deref::Deref>::deref",
            "std::sys::thread_local::native::lazy::Storage<T,D>::get_or_init_slow",
            "std::sys::thread_local::destructors::list::register",
            "std::thread::local::LocalKey<core::cell::RefCell<T>>::initialize_with",
            "once_cell::imp::OnceCell<T>::initialize",
            "lazy_static::lazy::Lazy<T>::get",
            "env_logger::try_init",
            "env_logger::logger::Builder::try_init",
            "tracing_subscriber::util::SubscriberInitExt::try_init",
            "__tls_get_addr",
        ] {
            assert!(
                one_time(&format!("malloc; alloc::vec::f; my::initialiser; {initialiser}; my::test")),
                "{initialiser}"
            );
        }
    }

    #[test]
    fn a_keeper_is_not_blamed_for_what_it_calls_nor_excuses_it() {
        for keeper in [
            "std::io::stdio::_print",
            "std::thread::Builder::spawn_unchecked_",
            "std::thread::current::init_current",
            "<std::thread::thread::Thread>::new",
            "std::panicking::default_hook",
            "rayon_core::registry::Registry::new",
        ] {
            assert!(one_time(&format!("malloc; alloc::vec::Vec<T,A>::push; {keeper}; my::test")), "{keeper}");
            assert!(!one_time(&format!("malloc; my::closure; core::ops::f; {keeper}; my::test")), "{keeper}");
        }
        assert!(one_time(
            "malloc; crossbeam_deque::deque::Injector<T>::new; rayon_core::registry::Registry::new; my::f"
        ));
        // Every stack of a thread ends in std::thread.
        let thread =
            "std::sys::backtrace::__rust_begin_short_backtrace; std::thread::Builder::spawn_unchecked_::{{closure}}";
        assert!(!one_time(&format!("malloc; my::tests::leaks; {thread}; start_thread")));
    }

    #[test]
    fn a_stack_without_anyones_code_is_a_start_if_it_is_whole() {
        assert!(one_time("calloc; std::sys::pal::unix::thread::Thread::new::thread_start; start_thread"));
        assert!(!one_time("malloc; alloc::vec::Vec<T,A>::push; [truncated]"));
        assert!(!one_time("malloc; [libsqlite3.so.0]"));
        assert!(!is_one_time([]));
    }

    #[test]
    fn a_type_argument_is_no_frame() {
        assert!(!one_time("malloc; alloc::vec::Vec<std::sync::once_lock::OnceLock<u8>>::push; my::test"));
        assert!(!one_time("malloc; my::keep::<std::sync::lazy_lock::LazyLock<u8>>; my::test"));
        assert!(!one_time("malloc; my::OnceLock::initialize; my::test"));
    }
}
