//! The comments of a profile, one a line, as `go tool pprof -comments` prints them: also those for machines, which begin
//! with `#` and which other reports leave out.

use crate::Profile;

/// The comments, each with the end of its line.
pub fn comments(profile: &Profile) -> String {
    profile.comments.iter().flat_map(|comment| [&**comment, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_comment_is_a_line() {
        let profile = Profile { comments: vec!["one".into(), "#two".into(), "".into()], ..Profile::default() };
        assert_eq!(comments(&profile), "one\n#two\n\n");
        assert_eq!(comments(&Profile::default()), "");
    }
}
