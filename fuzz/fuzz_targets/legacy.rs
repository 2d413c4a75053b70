//! No bytes make the readers of the formats from before profile.proto panic or give a profile that the rest cannot bear.
//! What is in profile.proto's format is in `decode.rs`, which also tells the formats apart. Never unzips.

#![no_main]

use libfuzzer_sys::fuzz_target;
use prof_pprof::{OriginalIds, decode_legacy};

mod survives;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(profile) = decode_legacy(bytes) {
        survives::survives(&profile, &OriginalIds::default());
    }
});
