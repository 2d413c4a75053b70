//! The pprof side of `cargo prof`, pure: a [`Profile`] as data, its bytes, how records become one, and the reports
//! over it.
//!
//! ```text
//! { profile, samples } ← { builder, { wire, legacy } ← codec, from_record, merge, focus, prune, split, rust_reading, … }
//!     ← graph ← report/*
//! ```
//!
//! This crate never opens a file, reads a variable or the clock, starts a process, or prints.

#![forbid(unsafe_code)]

pub mod graph;
pub mod measurement;
pub mod report;

mod address_space;
mod aggregate;
mod builder;
mod codec;
mod error;
mod expression;
mod filter;
mod focus;
mod from_record;
mod label_filter;
mod label_frames;
mod label_sets;
mod label_units;
mod legacy;
mod merge;
mod parallel;
mod path;
mod position;
mod profile;
mod prune;
mod rust_reading;
mod sample_index;
mod sample_table;
mod samples;
mod split;
mod unsample;
mod wire;

pub use aggregate::{Granularity, aggregate};
pub use builder::{Builder, SampleIndex};
pub use codec::{OriginalIds, decode, decode_any, decode_any_with_ids, encode, encode_to};
pub use error::Error;
pub use expression::expression;
pub use filter::{Runtime, merge_equal_samples, remove_frames, remove_runtime};
pub use focus::{Matched, NameFilter, show_from};
pub use from_record::{
    BROKEN_FRAME, CpuProfile, CpuTotals, HeapProfile, HeapTotals, HeapView, LOST_FRAME, Origin, TRUNCATED_FRAME,
    UNSAMPLED_FRAME,
};
pub use label_filter::{LabelCondition, filter_labels, filter_samples_by_label};
pub use label_frames::add_label_frames;
pub use label_sets::LabelSetIndex;
pub use label_units::label_units;
pub use legacy::decode_legacy;
pub use merge::{BASE, Merger, merge, normalize, subtract};
pub use path::trimmed_path;
pub use profile::{
    Function, FunctionIndex, Label, LabelValue, Line, Location, LocationIndex, Mapping, MappingIndex, Profile, Text,
    ValueType,
};
pub use prune::{prune_from, prune_uninteresting};
pub use rust_reading::{OTHER_CRATES_FRAME, OwnCrates, RustReading, read_rust, readable_name};
pub use samples::{Sample, SampleMut, Samples};
pub use split::{Part, Split, label_keys, split};
