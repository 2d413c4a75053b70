//! No bytes, gzipped or plain and in whatever format, make the reader of profiles panic or give a profile that the rest
//! cannot bear. The formats from before profile.proto have `legacy.rs` too, where no message is in their way. Never draws
//! a graph: reports are in `reports.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use prof_pprof::decode_any_with_ids;

mod survives;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((profile, ids)) = decode_any_with_ids(bytes) {
        survives::survives(&profile, &ids);
    }
});
