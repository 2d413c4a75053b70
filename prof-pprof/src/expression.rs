//! Regular expressions as pprof's users write them: in RE2's syntax, where `\w`, `\d`, `\s` and `\b` mean ASCII. What they
//! are matched against is in `focus.rs`, `label_filter.rs` and `prune.rs`.

use regex::Regex;

use crate::Error;

/// Compiles an expression in RE2's syntax.
///
/// # Errors
///
/// If it is none.
pub fn expression(pattern: &str) -> Result<Regex, Error> {
    Regex::new(&translated(pattern))
        .map_err(|error| Error::Expression { expression: pattern.into(), reason: error.to_string() })
}

/// Compiles the value of an option.
///
/// # Errors
///
/// If it is no expression; the error names the option.
pub(crate) fn expression_of_option(option: &'static str, pattern: &str) -> Result<Regex, Error> {
    expression(pattern).map_err(|error| of_option(option, error))
}

/// The error, with the option that it is about.
pub(crate) fn of_option(option: &'static str, error: Error) -> Error {
    match error {
        Error::Expression { expression, reason } => Error::Option { option, expression, reason },
        other => other,
    }
}

/// The same expression in the syntax of the crate `regex`.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => escape(rest, in_class, &mut out),
            '[' if !in_class => {
                in_class = true;
                class_start(rest, &mut out)
            }
            '[' => posix_class(rest, &mut out),
            ']' if in_class => {
                in_class = false;
                keep("]", &mut out)
            }
            '&' | '~' if in_class => {
                out.push('\\');
                keep(&rest[..1], &mut out)
            }
            '-' if in_class && rest.starts_with("--") => {
                out.push_str("\\-");
                1
            }
            '{' if !in_class && !is_repetition(rest) => keep("\\{", &mut out).min(1),
            _ => keep(&rest[..first.len_utf8()], &mut out),
        };
        rest = &rest[length..];
    }
    out
}

fn keep(text: &str, out: &mut String) -> usize {
    out.push_str(text);
    text.len()
}

/// Translates an escape at the beginning of `rest` and gives its length.
fn escape(rest: &str, in_class: bool, out: &mut String) -> usize {
    let Some(escaped) = rest[1..].chars().next() else { return keep(rest, out) };
    let length = 1 + escaped.len_utf8();
    match escaped {
        'Q' if !in_class => {
            let quoted = &rest[2..];
            let end = quoted.find("\\E").unwrap_or(quoted.len());
            out.push_str(&regex::escape(&quoted[..end]));
            return (2 + end + 2).min(rest.len());
        }
        'w' if in_class => out.push_str("0-9A-Za-z_"),
        'd' if in_class => out.push_str("0-9"),
        's' if in_class => out.push_str("\\t\\n\\x0c\\r "),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'd' => out.push_str("[0-9]"),
        's' => out.push_str("[\\t\\n\\x0c\\r ]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'D' => out.push_str("[^0-9]"),
        'S' => out.push_str("[^\\t\\n\\x0c\\r ]"),
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        // Word boundaries to the crate, plain characters to RE2.
        '<' | '>' => out.push(escaped),
        _ => out.push_str(&rest[..length]),
    }
    length
}

/// Translates the start of a class, up to what can no longer be its end, and gives its length.
fn class_start(rest: &str, out: &mut String) -> usize {
    let mut length = keep("[", out);
    if rest[length..].starts_with('^') {
        length += keep("^", out);
    }
    if rest[length..].starts_with(']') {
        out.push_str("\\]");
        length += 1;
    }
    length
}

/// `[:alpha:]` in a class is a class, any other `[` a plain character.
fn posix_class(rest: &str, out: &mut String) -> usize {
    match rest.strip_prefix("[:").and_then(|inner| inner.find(":]")) {
        Some(end) => keep(&rest[..end + 4], out),
        None => keep("\\[", out).min(1),
    }
}

/// Whether `{` begins `{2}`, `{2,}` or `{2,3}`.
fn is_repetition(rest: &str) -> bool {
    let Some(end) = rest.find('}') else { return false };
    let (least, most) = rest[1..end].split_once(',').unwrap_or((&rest[1..end], ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_syntax_is_that_of_re2() {
        for (pattern, text, expected) in [
            (r"^\w+$", "é", false),
            (r"^[\w.]+$", "a.b", true),
            (r"a\<b\>", "a<b>", true),
            (r"f{", "f{", true),
            (r"a{2}", "aa", true),
            (r"^[[]$", "[", true),
            (r"^[]a]+$", "]a", true),
            (r"^[[:alpha:]]+$", "ab", true),
            (r"\Qa.b(\E.", "a.b(c", true),
            (r"[a&&b]", "&", true),
            (r"\bé", "é", false),
            (r"main\.\(\*T\)", "main.(*T)", true),
        ] {
            assert_eq!(expression(pattern).unwrap().is_match(text), expected, "{pattern} on {text}");
        }
        assert!(expression("(").is_err());
    }
}
