//! The pprof side of `cargo prof`, pure: a [`Profile`] as data, its bytes, how records become one, and the reports
//! over it.
//!
//! ```text
//! profile ← { builder, wire ← codec, from_record, filter, prune, split } ← graph ← report/*
//! ```
//!
//! This crate never opens a file, reads a variable or the clock, starts a process, or prints.

#![forbid(unsafe_code)]

pub mod graph;
pub mod measurement;
pub mod report;

mod address_space;
mod builder;
mod codec;
mod error;
mod filter;
mod from_record;
mod profile;
mod prune;
mod sample_index;
mod split;
mod unsample;
mod wire;

pub use builder::{Builder, LabelSetIndex, SampleIndex, StackIndex};
pub use codec::{decode, encode};
pub use error::Error;
pub use filter::{Runtime, merge_equal_samples, remove_frames, remove_runtime};
pub use from_record::{
    BROKEN_FRAME, CpuProfile, CpuTotals, HeapProfile, HeapTotals, HeapView, LOST_FRAME, Origin, TRUNCATED_FRAME,
    UNSAMPLED_FRAME,
};
pub use profile::{
    Function, FunctionIndex, Label, LabelValue, Line, Location, LocationIndex, Mapping, MappingIndex, Profile, Sample,
    Text, ValueType,
};
pub use prune::prune_uninteresting;
pub use split::{Part, Split, label_keys, split};
