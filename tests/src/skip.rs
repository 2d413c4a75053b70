//! Says aloud that a story was not told. A story that needs what this machine lacks returns after saying so.

use std::io::Write as _;

/// Prints that `story` is skipped, and why. It goes to the process's own stderr, which libtest does not capture, so
/// that a skip is seen in a run where all is well.
pub fn skip(story: &str, reason: &str) {
    // A closed stderr leaves nobody to tell.
    let _ = writeln!(std::io::stderr(), "SKIPPED {story}: {reason}");
}
