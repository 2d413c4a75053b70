//! A demangled Rust name → the name as people read it. Types in it are in `types.rs`, which functions are Rust's at all in
//! `language.rs`; what is done with names is in `rust_reading.rs`. A name that is not understood to its end stays as it is.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::types::{Elements, Type};

/// Names that are nested deeper stay as they are.
pub(super) const DEEPEST: usize = 64;

/// The demangled name of a Rust function as people read it: without what tells its monomorphisations and builds apart.
///
/// | rule | full name | read |
/// |---|---|---|
/// | generic arguments go | `alloc::vec::Vec<T,A>::push`, `a::sum::<u64>` | `alloc::vec::Vec::push`, `a::sum` |
/// | so do hashes and crate disambiguators | `a::f::h0123456789abcdef`, `a[6f1c0a5d]::f` | `a::f` |
/// | a method is its type's | `<a::Table<3, u8>>::rows`, `a::x::<impl a::Table<N,T>>::rows` | `a::Table::rows` |
/// | of a trait, it is the type's as the trait | `a::_::<impl c::Trait<U> for a::Day>::f` | `<a::Day as c::Trait>::f` |
/// | elements of slices, arrays, tuples and pointers are generic too | `<[u8] as a::T>::f`, `<*mut u8>::add` | `<[_] as a::T>::f`, `<*mut _>::add` |
/// | closures have one pair of braces | `a::f::{{closure}}`, `a::f::<u8>::{closure#1}` | `a::f::{closure}`, `a::f::{closure#1}` |
/// | a destructor's type is what it is | `core::ptr::drop_in_place::<alloc::vec::Vec<[u8]>>` | `core::ptr::drop_in_place<alloc::vec::Vec>` |
///
/// Both manglings give the same name where they can: the older one does not number closures, and names the type
/// parameters of an impl instead of the types.
pub fn readable_name(name: &str) -> Cow<'_, str> {
    let mut cursor = Cursor::new(without_hash(name));
    match path(&mut cursor, 0) {
        Some(read) if cursor.is_at_end() && read != name => Cow::Owned(read),
        _ => Cow::Borrowed(name),
    }
}

/// The name without the older mangling's hash at its end, and without what LLVM adds when it copies a function.
pub(super) fn without_hash(name: &str) -> &str {
    let name = match name.split_once(".llvm.") {
        Some((before, number)) if number.bytes().all(|digit| digit.is_ascii_alphanumeric()) => before,
        _ => name,
    };
    match name.rsplit_once("::h") {
        Some((before, hash)) if is_hash(hash) => before,
        _ => name,
    }
}

/// Whether this is the hash of a name in the older mangling, without its `h`.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// A path such as `a::b`, `<T as Trait>::f`, `<T>::f` or `a::<impl Trait for T>::f`.
pub(super) fn path(cursor: &mut Cursor<'_>, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let mut read = if cursor.is_at("<") {
        head(cursor, depth)?
    } else if cursor.is_at("{") {
        braces(cursor)?
    } else {
        let first = cursor.identifier()?.to_owned();
        cursor.disambiguator();
        first
    };
    loop {
        if cursor.eat("::") {
            if cursor.is_at("<impl ") {
                // The module that an impl stands in is no part of whose method it is.
                read = head(cursor, depth)?;
            } else if cursor.is_at("<") {
                arguments(cursor, &mut read, depth)?;
            } else if cursor.is_at("{") {
                read = read + "::" + &braces(cursor)?;
            } else {
                read = read + "::" + cursor.identifier()?;
            }
        } else if cursor.is_at("<") {
            arguments(cursor, &mut read, depth)?;
        } else if cursor.is_at("{") {
            // The older mangling appends it to the function: `call_once{{vtable.shim}}`.
            read = read + "::" + &braces(cursor)?;
        } else {
            return Some(read);
        }
    }
}

/// What an impl is of, in angle brackets: `<T as Trait>`, `<T>`, `<impl Trait for T>` or `<impl T>`.
fn head(cursor: &mut Cursor<'_>, depth: usize) -> Option<String> {
    cursor.expect("<")?;
    let (first, of_trait) = if cursor.eat("impl ") {
        let first = Type::read(cursor, Elements::Elided, depth + 1)?;
        match cursor.eat(" for ") {
            true => (Type::read(cursor, Elements::Elided, depth + 1)?, Some(first.text)),
            false => (first, None),
        }
    } else {
        let first = Type::read(cursor, Elements::Elided, depth + 1)?;
        let of_trait = if cursor.eat(" as ") { Some(path(cursor, depth + 1)?) } else { None };
        (first, of_trait)
    };
    cursor.expect(">")?;
    Some(match of_trait {
        Some(of_trait) => format!("<{} as {of_trait}>", first.text),
        None if first.is_path => first.text,
        None => format!("<{}>", first.text),
    })
}

/// Generic arguments, which go unless they are what is dropped.
fn arguments(cursor: &mut Cursor<'_>, read: &mut String, depth: usize) -> Option<()> {
    let inside = cursor.group()?;
    if read == "core::ptr::drop_in_place" {
        let mut inside = Cursor::new(inside);
        if let Some(dropped) = Type::read(&mut inside, Elements::Kept, depth + 1)
            && inside.is_at_end()
        {
            *read = format!("{read}<{}>", dropped.text);
        }
    }
    Some(())
}

/// What has no name of its own: `{{closure}}`, `{closure#0}`, `{shim:vtable#0}`.
fn braces(cursor: &mut Cursor<'_>) -> Option<String> {
    let inside = cursor.group()?;
    let inside = inside.strip_prefix('{').and_then(|inside| inside.strip_suffix('}')).unwrap_or(inside);
    Some(format!("{{{inside}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each name and how it reads; without a second one it stays.
    const NAMES: &[(&str, &str)] = &[
        // Paths, and what is not taken apart.
        ("weather::main", ""),
        ("malloc", ""),
        ("[libc.so.6]", ""),
        ("r#try", ""),
        ("weather::r#type::f", ""),
        ("größe::f", ""),
        ("a::f.cold", ""),
        ("", ""),
        ("a::", ""),
        ("a::f::<T", ""),
        ("operator>>", ""),
        ("a b", ""),
        // Hashes and disambiguators.
        ("weather::main::h0123456789abcdef", "weather::main"),
        ("weather::main::h0123456789ABCDEF", ""),
        ("weather::main::hash", ""),
        ("weather[317d481089b8c8fe]::main", "weather::main"),
        ("<weather[31]::Day as core[9f]::fmt::Display>::fmt", "<weather::Day as core::fmt::Display>::fmt"),
        ("a::f.llvm.10278402735209", "a::f"),
        ("a::f::h0123456789abcdef.llvm.102", "a::f"),
        // Generic arguments.
        ("alloc::vec::Vec<T,A>::push", "alloc::vec::Vec::push"),
        ("<alloc::vec::Vec<u8>>::push", "alloc::vec::Vec::push"),
        ("<alloc::vec::Vec<(u8, &str)>>::push", "alloc::vec::Vec::push"),
        ("core::ptr::copy_nonoverlapping::<u64>", "core::ptr::copy_nonoverlapping"),
        ("a::f::<{ 1 > 2 }>", "a::f"),
        ("a::f::<{ 1 >> 2 }, T>", "a::f"),
        ("a::f::<'>', \"<\\\">\", '\\'', -3>", "a::f"),
        ("<a::Matrix<3, { N + 1 }>>::rows", "a::Matrix::rows"),
        ("a::Table<1_usize,u64>::count", "a::Table::count"),
        ("a::f::<fn(A) -> B>", "a::f"),
        ("a::f::<for<'a> fn(&'a str) -> &'a [u8]>", "a::f"),
        ("a::f::<dyn core::ops::function::Fn(A) -> B + core::marker::Send>", "a::f"),
        ("a::f::<<b::T as c::U>::Output>::g::<u8>", "a::f::g"),
        ("push<u8, alloc::alloc::Global>", "push"),
        // Closures and their kin.
        ("a::f::{{closure}}", "a::f::{closure}"),
        ("a::f::{{closure}}::{{closure}}", "a::f::{closure}::{closure}"),
        ("a::f::<u8>::{closure#0}::<u8>", "a::f::{closure#0}"),
        ("<a::Pool>::run::<u8>::{closure#1}::{closure#0}", "a::Pool::run::{closure#1}::{closure#0}"),
        (
            "core::ops::function::FnOnce::call_once{{vtable.shim}}",
            "core::ops::function::FnOnce::call_once::{vtable.shim}",
        ),
        (
            "<a::f::{closure#5} as core::ops::function::FnOnce<(&a::Day,)>>::call_once::{shim:vtable#0}",
            "<a::f::{closure#5} as core::ops::function::FnOnce>::call_once::{shim:vtable#0}",
        ),
        ("a::{impl#3}::fmt", ""),
        // Methods.
        ("<T as core::convert::Into<U>>::into", "<T as core::convert::Into>::into"),
        ("<T as a::Trait<U>>::method::<V>", "<T as a::Trait>::method"),
        ("<a::Day as core::fmt::Display>::fmt", ""),
        ("<&T as core::fmt::Display>::fmt", ""),
        ("<&'a mut a::B<T> as core::fmt::Write>::write_str", "<&mut a::B as core::fmt::Write>::write_str"),
        ("core::fmt::num::imp::<impl core::fmt::Display for u64>::fmt", "<u64 as core::fmt::Display>::fmt"),
        (
            "weather::_::<impl serde_core::ser::Serialize for weather::Day>::serialize",
            "<weather::Day as serde_core::ser::Serialize>::serialize",
        ),
        (
            "core::iter::range::<impl core::iter::traits::iterator::Iterator for core::ops::range::Range<A>>::next",
            "<core::ops::range::Range as core::iter::traits::iterator::Iterator>::next",
        ),
        (
            "alloc::collections::btree::search::<impl alloc::collections::btree::node::NodeRef<B,K,V,Type>>::find_key",
            "alloc::collections::btree::node::NodeRef::find_key",
        ),
        (
            "<<alloc::vec::Vec<_> as serde_core::de::Deserialize>::deserialize::VecVisitor<weather::Day> as \
             serde_core::de::Visitor>::visit_seq::<serde_json::de::SeqAccess<serde_json::read::StrRead>>",
            "<<alloc::vec::Vec as serde_core::de::Deserialize>::deserialize::VecVisitor as \
             serde_core::de::Visitor>::visit_seq",
        ),
        (
            "<core::iter::adapters::map::Map<core::ops::range::Range<u64>, a::f::{closure#0}::{closure#0}> as \
             core::iter::traits::iterator::Iterator>::fold::<u64, <u64 as core::iter::traits::accum::Sum>::sum<u8>>",
            "<core::iter::adapters::map::Map as core::iter::traits::iterator::Iterator>::fold",
        ),
        ("<<a::T as b::U>::Output>::f", "<a::T as b::U>::Output::f"),
        // Types that are no paths.
        ("core::slice::<impl [T]>::iter", "<[_]>::iter"),
        ("<[weather::Day]>::iter", "<[_]>::iter"),
        ("<[u8; 4] as a::T>::f", "<[_; _] as a::T>::f"),
        ("core::ptr::const_ptr::<impl *const T>::add", "<*const _>::add"),
        ("<*mut u64>::write", "<*mut _>::write"),
        ("<(u8, a::B<C>) as a::T>::f", "<(_, _) as a::T>::f"),
        ("<(u8,) as a::T>::f", "<(_,) as a::T>::f"),
        ("<() as a::T>::f", ""),
        ("<! as a::T>::f", ""),
        ("<&[u8] as a::T>::f", "<&[_] as a::T>::f"),
        ("<usize>::abs_diff", "usize::abs_diff"),
        ("core::num::<impl usize>::abs_diff", "usize::abs_diff"),
        ("<fn(A, B<C>) -> D as a::T>::f", "<fn(_, _) -> _ as a::T>::f"),
        (concat!("<unsafe", " extern \"C\" fn(*mut u8) as a::T>::f"), "<fn(_) as a::T>::f"),
        ("<for<'a> fn(&'a str) as a::T>::f", "<fn(_) as a::T>::f"),
        (
            "<dyn core::ops::function::Fn<(A,), Output = B> + core::marker::Send as a::T>::f",
            "<dyn core::ops::function::Fn + core::marker::Send as a::T>::f",
        ),
        ("<dyn a::T + 'static>::f", "<dyn a::T>::f"),
        ("<dyn for<'a> a::T<&'a str>>::f", "<dyn a::T>::f"),
        (
            "<alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = core::result::Result<(), alloc::string::String>> \
             + core::marker::Send> as core::ops::function::FnOnce<()>>::call_once",
            "<alloc::boxed::Box as core::ops::function::FnOnce>::call_once",
        ),
        // Destructors.
        ("core::ptr::drop_in_place<weather::Day>", ""),
        ("core::ptr::drop_in_place::<weather::Day>", "core::ptr::drop_in_place<weather::Day>"),
        ("core::ptr::drop_in_place<alloc::vec::Vec<weather::Day>>", "core::ptr::drop_in_place<alloc::vec::Vec>"),
        ("core::ptr::drop_in_place::<[alloc::vec::Vec<u64>; 1]>", "core::ptr::drop_in_place<[alloc::vec::Vec; _]>"),
        (
            "core::ptr::drop_in_place<(alloc::string::String,u8)>",
            "core::ptr::drop_in_place<(alloc::string::String, u8)>",
        ),
        (
            "core::ptr::drop_in_place<dyn core::ops::function::Fn<(i32,)>+Output = ()+core::marker::Send>",
            "core::ptr::drop_in_place<dyn core::ops::function::Fn + core::marker::Send>",
        ),
        ("core::ptr::drop_in_place<a::f::{{closure}}>", "core::ptr::drop_in_place<a::f::{closure}>"),
    ];

    #[test]
    fn names_read_well() {
        for (name, read) in NAMES {
            let expected = if read.is_empty() { name } else { read };
            assert_eq!(readable_name(name), *expected, "{name}");
            assert_eq!(readable_name(expected), *expected, "reading twice changes nothing");
        }
    }

    #[test]
    fn no_name_is_too_deep_or_too_odd() {
        for open in ["<", "<[", "<&", "<(", "<dyn a<", "<impl ", "a::<", "{", "<fn(", "<<a as ", "'", "\"", "<for<"] {
            readable_name(&open.repeat(100_000));
            readable_name(&(open.repeat(50) + &">".repeat(50)));
        }
        for (name, _) in NAMES {
            for (position, _) in name.char_indices() {
                readable_name(&name[..position]);
                readable_name(&name[position..]);
            }
        }
    }
}
