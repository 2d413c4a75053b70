//! `docs/compatibility.md`, of which each check of real crates writes its own section. What is in a section is the check's;
//! the other sections stay as they are.

use std::fs;

use crate::published::failed;
use crate::workshop::text_of;
use crate::{host_triple, workspace_root};

const TITLE: &str = "# Compatibility\n";

/// Writes the text as the section of that heading.
///
/// # Errors
///
/// If the page cannot be read or written.
pub fn write(heading: &str, text: &str) -> Result<(), String> {
    let path = workspace_root().join("docs/compatibility.md");
    let page = if path.exists() { fs::read_to_string(&path).map_err(failed("read", &path))? } else { TITLE.to_owned() };
    fs::write(&path, with_section(&page, heading, text)).map_err(failed("write", &path))
}

/// The sentence that says when and with what a check was made.
///
/// # Errors
///
/// If the toolchain cannot be asked.
pub fn checked() -> Result<String, String> {
    let date = text_of("date", &["-u", "+%F"])?;
    Ok(format!("Checked on {date} with {} on {}.", text_of("rustc", &["--version"])?, host_triple()))
}

fn with_section(page: &str, heading: &str, text: &str) -> String {
    let first_line = format!("## {heading}\n");
    let start = page.find(&format!("\n{first_line}")).map(|at| at + 1);
    let (before, after) = match start {
        Some(start) => {
            let rest = &page[start + first_line.len()..];
            (&page[..start], rest.find("\n## ").map_or("", |at| &rest[at + 1..]))
        }
        None => (page, ""),
    };
    let mut written = format!("{}\n\n{first_line}\n{}\n", before.trim_end(), text.trim_end());
    if !after.is_empty() {
        written = format!("{written}\n{after}");
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_added_or_replaced_and_the_others_stay() {
        let one = with_section(TITLE, "A", "a\n");
        assert_eq!(one, "# Compatibility\n\n## A\n\na\n");
        let two = with_section(&one, "B", "b");
        assert_eq!(two, "# Compatibility\n\n## A\n\na\n\n## B\n\nb\n");
        assert_eq!(with_section(&two, "A", "c"), "# Compatibility\n\n## A\n\nc\n\n## B\n\nb\n");
        assert_eq!(with_section(&two, "B", "d"), "# Compatibility\n\n## A\n\na\n\n## B\n\nd\n");
    }
}
