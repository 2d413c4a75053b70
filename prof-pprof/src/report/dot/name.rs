//! Names as they fit into a box: without packages and arguments, a line for each part.

use std::sync::LazyLock;

use regex::Regex;

use crate::graph::NodeInfo;
use crate::path::base;

/// The name in lines, each ended by what ends one in DOT.
pub(super) fn lines(info: &NodeInfo) -> String {
    let mut info = info.clone();
    let name = escaped(&shortened(&info.name)).replace("::", "\\n");
    // Go's type parameters are no parts of a path.
    info.name = name.replace("[...]", "[…]").replace('.', "\\n").into();
    if !info.file.is_empty() {
        info.file = base(&info.file).into();
    }
    info.name_parts().join("\\n") + "\\n"
}

/// Text within quotes.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\l")
}

/// A Go function without the path and version of its package, a Java method without package and arguments, a C++ method
/// with its class alone. Others stay as they are.
fn shortened(name: &str) -> String {
    let name = name.strip_prefix("(anonymous namespace)::").unwrap_or(name);
    let name = VERSION.replace(name, "$1$2");
    let short = [&GO, &JAVA, &CPP].into_iter().find_map(|style| style.captures(&name));
    short.map_or_else(|| name.to_string(), |short| short[1].to_owned())
}

static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(.*?)/v(?:[2-9]|[1-9][0-9]+)([./].*)$"));
static GO: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:[W.\-]+/)+([^.]+\..+)"));
static JAVA: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:[a-z]W*\.)*([A-Z][W$]*\.(?:<init>|[a-z][W$]*(?:\$[0-9]+)?))(?:\(|$)"));
static CPP: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:[_a-zA-Z]W*::)+(_*[A-Z]W*::~?[_a-zA-Z]W*(?:<.*>)?)"));

/// `W` stands for what may be in a word.
fn pattern(text: &str) -> Regex {
    let word = "0-9A-Za-z_";
    let text = text.replace("[W", &format!("[{word}")).replace("W*", &format!("[{word}]*"));
    Regex::new(&text).expect("the patterns are constant")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_where_they_are_from() {
        for (name, expected) in [
            ("example.com/a/b/v2/pack.(*Type).Method", "pack.(*Type).Method"),
            ("example.com/a/pack/v3.Function", "pack.Function"),
            ("java.util.HashMap.<init>(int)", "HashMap.<init>"),
            ("com.example.Foo$Bar.run", "Foo$Bar.run"),
            ("a::b::Class::method(int)", "Class::method"),
            ("(anonymous namespace)::f", "f"),
            ("alloc::vec::Vec::push<T>", "Vec::push<T>"),
            ("<T as Into<U>>::into", "<T as Into<U>>::into"),
            ("main.main", "main.main"),
        ] {
            assert_eq!(shortened(name), expected, "{name}");
        }
    }

    #[test]
    fn each_part_has_a_line() {
        let name = |name: &str| lines(&NodeInfo { name: name.into(), ..NodeInfo::default() });
        assert_eq!(name("a::B::c"), "B\\nc\\n");
        assert_eq!(name("sort.Slice[...]"), "sort\\nSlice[…]\\n");
        let info = NodeInfo { name: "f".into(), file: "src/a.rs".into(), line: 3, ..NodeInfo::default() };
        assert_eq!(lines(&info), "f\\na.rs:3\\n");
    }
}
