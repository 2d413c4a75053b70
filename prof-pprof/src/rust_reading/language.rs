//! Whether a function is Rust's, by its mangled name, or where that is not known by its file or the look of its name.
//! Never takes a name apart.

use super::name::is_hash;
use crate::Function;

/// Whether a Rust compiler made the function. What C or C++ compilers made is never read as Rust's.
pub(super) fn is_rust(function: &Function) -> bool {
    let system_name = &*function.system_name;
    if let Some(encoded) = system_name.strip_prefix("_R") {
        return encoded.starts_with(|letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit());
    }
    if system_name.starts_with("_Z") {
        return has_encoded_hash(system_name);
    }
    let name = &*function.name;
    let looks_so = name.contains("{{closure}}")
        || name.contains("{closure#")
        || name.rsplit_once("::h").is_some_and(|(_, hash)| is_hash(hash));
    function.file.ends_with(".rs") || looks_so
}

/// Whether the older mangling of Rust gave the name, which otherwise looks like C++'s: it ends with a hash, `17h…E`, but for
/// what LLVM adds. Dots are part of the name: `core..fmt..Display`.
fn has_encoded_hash(system_name: &str) -> bool {
    let Some((_, hash)) = system_name.rsplit_once("17h") else { return false };
    hash.split_once('E').is_some_and(|(hash, rest)| is_hash(hash) && (rest.is_empty() || rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_is_told_by_the_mangled_name() {
        let is = |name: &str, system_name: &str, file: &str| {
            is_rust(&Function { name: name.into(), system_name: system_name.into(), file: file.into(), start_line: 0 })
        };
        assert!(is("a::f", "_ZN1a1f17h0123456789abcdefE", ""));
        assert!(is("a::f", "_ZN1a1f17h0123456789abcdefE.llvm.1234567890", ""));
        assert!(is(
            "a::<impl a::T for b::U>::f",
            "_ZN1a31_$LT$impl$u20$a..T$u20$for$u20$b..U$GT$1f17h0123456789abcdefE",
            ""
        ));
        assert!(is("a::f", "_RNvCs1234_1a1f", ""));
        assert!(is("a::f", "a::f", "/home/me/src/lib.rs"));
        assert!(is("a::f::h0123456789abcdef", "", ""));
        assert!(is("a::f::{{closure}}", "a::f::{{closure}}", ""));
        assert!(!is("std::vector<int>::push_back", "_ZNSt6vectorIiSaIiEE9push_backEi", "x.rs"));
        assert!(!is("std::vector<int>::push_back", "std::vector<int>::push_back", "vector"));
        assert!(!is("main.(*T[...]).f", "main.(*T[...]).f", "main.go"));
        assert!(!is("malloc", "malloc", ""));
        assert!(!is("_Remove", "_Remove", ""));
    }
}
