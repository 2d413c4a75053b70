//! What the stories of `cargo prof` are told with: a user's project to work in ([`Project`]), what came of a command
//! there ([`Outcome`]), and what a profile says ([`Evidence`]) measured against the truth ([`bound`]). And what checks of
//! real crates share: their sources ([`published`]), a place to run them ([`workshop`]), and where the outcome is told
//! ([`page`]). What programs that measure make of their figures is in [`figures`].
//!
//! The stories themselves are the `story_*.rs` files beside this folder, the projects are in `fixtures/`. Nothing here
//! knows how the tool works inside: it is built, started as a user would start it, and judged by what it leaves behind.

#![forbid(unsafe_code)]

pub mod bound;
pub mod check;
pub mod figures;
pub mod page;
pub mod published;
pub mod workshop;

mod comparable;
mod environment;
mod evidence;
mod outcome;
mod project;
mod skip;
mod tool;

pub use environment::clean_environment;
pub use evidence::{Evidence, Selection, commented};
pub use outcome::{Outcome, row};
pub use project::{Project, Twice};
pub use skip::skip;
pub use tool::{host_triple, tool, workspace_root};
