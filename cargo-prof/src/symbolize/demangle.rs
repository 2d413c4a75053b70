//! Linkage names → names for people.

use cpp_demangle::DemangleOptions;

/// The name that was mangled into `linkage_name`, if it is one of Rust or C++.
///
/// Rust names lose their hash, C++ names their parameters and return type.
pub fn demangle(linkage_name: &str) -> Option<String> {
    if let Ok(name) = rustc_demangle::try_demangle(linkage_name) {
        return Some(format!("{name:#}"));
    }
    if !linkage_name.starts_with("_Z") {
        return None;
    }
    let symbol = cpp_demangle::Symbol::new(linkage_name).ok()?;
    symbol.demangle_with_options(&DemangleOptions::new().no_params().no_return_type()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_languages() {
        let name = |linkage_name| demangle(linkage_name).unwrap_or_default();
        assert_eq!(name("_ZN1p7generic17h69e28a4cce22d723E"), "p::generic");
        assert_eq!(
            name("_ZN50_$LT$T$u20$as$u20$core..convert..Into$LT$U$GT$$GT$4into17h0b123f63ff59f404E"),
            "<T as core::convert::Into<U>>::into"
        );
        assert_eq!(
            name("_RNvMs4_NtCsgY6Mt91CT9J_14rustc_demangle2v0NtB5_7Printer30print_path_maybe_open_generics"),
            "<rustc_demangle::v0::Printer>::print_path_maybe_open_generics"
        );
        assert_eq!(name("_ZN4base4workEi"), "base::work");
        assert_eq!(demangle("malloc"), None);
        assert_eq!(demangle("_Zzz"), None);
    }
}
