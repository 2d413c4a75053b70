//! Paths of source files and binaries as text: their last part, their shortest spelling, and prefixes cut off. They are of
//! the machine that was profiled; no file is ever looked for.

/// The part behind the last `/`; `.` for an empty path and `/` for the root.
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    match path.trim_end_matches('/').rsplit('/').next() {
        Some("") | None => "/",
        Some(last) => last,
    }
}

/// The shortest path of the same meaning: without `.`, doubled slashes and `name/..`.
pub(crate) fn clean(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}

/// The path without a prefix of `trim_path`, a colon list. If that is empty, everything up to a folder called as the last
/// part of one in `source_path` goes, another colon list. `/proc/self/cwd` always goes.
pub fn trimmed_path<'a>(path: &'a str, trim_path: &str, source_path: &str) -> &'a str {
    if trim_path.is_empty() && !source_path.is_empty() {
        for folder in source_path.split(':') {
            let wanted = format!("/{}/", base(folder));
            if let Some(found) = path.find(&wanted) {
                return &path[found + wanted.len()..];
            }
        }
    }
    let own = trim_path.split(':').filter(|_| !trim_path.is_empty());
    for prefix in own.chain(["/proc/self/cwd/./", "/proc/self/cwd/"]) {
        let rest = path
            .strip_prefix(prefix)
            .and_then(|rest| if prefix.ends_with('/') { Some(rest) } else { rest.strip_prefix('/') });
        if let Some(rest) = rest {
            return rest;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shortened() {
        for (path, expected) in [
            ("", "."),
            ("/", "/"),
            ("a/./b//../c/", "a/c"),
            ("/../a", "/a"),
            ("../../a", "../../a"),
            ("a/..", "."),
            ("a//b/./c/../d/", "a/b/d"),
            ("./a", "a"),
        ] {
            assert_eq!(clean(path), expected);
        }
        assert_eq!([base(""), base("/"), base("a/b/"), base("a")], [".", "/", "b", "a"]);
    }

    #[test]
    fn prefixes_are_cut_off() {
        assert_eq!(trimmed_path("/proc/self/cwd/./a.c", "", ""), "a.c");
        assert_eq!(trimmed_path("/build/x/a.c", "/other:/build", ""), "x/a.c");
        assert_eq!(trimmed_path("/builder/a.c", "/build", ""), "/builder/a.c");
        assert_eq!(trimmed_path("/remote/project/src/a.c", "", "/home/me/project"), "src/a.c");
    }
}
