//! Reports: a profile's shape → text. One file a report; reports never see each other. None of them prints: each gives
//! a string.

pub mod comments;
pub mod flamegraph;
mod header;
pub mod leaks;
pub mod raw;
pub mod tags;
pub mod top;
pub mod traces;
mod values;

pub use comments::comments;
pub use flamegraph::{FlamegraphOptions, LabelFilter, flamegraph};
pub use header::Zone;
pub use leaks::{Allowed, Frame, Leak, LeaksOptions, Owner, Verdict, leaks, leaks_text};
pub use raw::raw;
pub use tags::tags;
pub use top::{TopFunction, TopOptions, top, top_functions};
pub use traces::traces;
pub use values::ValueOptions;
