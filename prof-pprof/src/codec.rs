//! `Profile` ↔ the bytes of a profile.proto message, gzipped or plain. How the bytes are laid out is in `wire.rs`; the
//! formats from before it are read in `legacy.rs`.
//! Reading believes nothing: damaged or hostile bytes give an error, and take memory in proportion to the input.

mod columns;
mod decode;
mod deflate;
mod encode;
mod fields;
mod ids;
mod inflate;
mod message;
mod packed;

pub use decode::{decode, decode_any, decode_any_with_ids};
pub use encode::{encode, encode_to};
pub use ids::OriginalIds;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Function, FunctionIndex, Label, Line, Location, LocationIndex, Mapping, MappingIndex};
    use crate::{Profile, Sample, ValueType};

    /// A profile with something in every field.
    fn full() -> Profile {
        let line = |function, line, column| Line { function: FunctionIndex::new(function), line, column };
        Profile {
            sample_types: vec![ValueType::new("samples", "count"), ValueType::new("cpu", "nanoseconds")],
            default_sample_type: "cpu".into(),
            samples: [
                Sample {
                    locations: &[LocationIndex::new(1), LocationIndex::new(0), LocationIndex::new(1)],
                    values: &[-3, i64::MAX],
                    labels: &[Label::text("test", "a::b"), Label::number("bytes", i64::MIN, "bytes")],
                },
                Sample { values: &[0, 1], labels: &[Label::number("n", 7, "")], ..Sample::default() },
            ]
            .into(),
            mappings: vec![Mapping {
                start: 0x5555_0000,
                limit: u64::MAX,
                file_offset: 0x1000,
                filename: "/bin/x".into(),
                build_id: "ab12".into(),
                has_functions: true,
                has_filenames: true,
                has_line_numbers: true,
                has_inline_frames: true,
            }],
            locations: vec![
                Location {
                    mapping: Some(MappingIndex::new(0)),
                    address: 0x5555_0010,
                    lines: vec![line(1, 3, 9), line(0, -1, 0)],
                    is_folded: true,
                },
                Location { address: 1, ..Location::default() },
            ],
            functions: vec![
                Function { name: "a".into(), system_name: "_a".into(), file: "a.rs".into(), start_line: 4 },
                Function { name: "ü<b>".into(), ..Function::default() },
            ],
            drop_frames: "d.*".into(),
            keep_frames: "k".into(),
            time_nanos: 1_700_000_000_000_000_000,
            duration_nanos: 5,
            period_type: Some(ValueType::new("cpu", "nanoseconds")),
            period: 1_000_000,
            comments: vec!["one".into(), "".into(), "two".into()],
            doc_url: "https://example.org".into(),
        }
    }

    fn plain(profile: &Profile) -> Vec<u8> {
        use std::io::Read;
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(&encode(profile)[..]).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_read_back_gzipped_or_plain() {
        let profile = full();
        assert_eq!(decode(&encode(&profile)), Ok(profile.clone()));
        assert_eq!(decode(&plain(&profile)), Ok(profile));
        let empty = Profile::default();
        assert_eq!(decode(&encode(&empty)), Ok(empty));
    }

    #[test]
    fn the_same_profile_gives_the_same_bytes() {
        assert_eq!(encode(&full()), encode(&full()));
    }

    #[test]
    fn no_cut_and_no_flipped_bit_panics() {
        let bytes = plain(&full());
        for end in 0..bytes.len() {
            let _ = decode(&bytes[..end]);
        }
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(profile) = decode(&bytes) {
                assert_eq!(profile.check(), Ok(()));
            }
        }
        let gzipped = encode(&full());
        for end in 0..gzipped.len() {
            assert!(decode(&gzipped[..end]).is_err());
        }
    }

    #[test]
    fn what_is_no_profile_says_so() {
        assert_eq!(decode(b""), Err(Error::Empty));
        assert!(matches!(decode(b"not a profile at all"), Err(Error::Malformed { .. })));
        assert!(matches!(decode(b"\x1f\x8bxx"), Err(Error::Gzip { .. })));
        let twice = [plain(&full()), plain(&full())].concat();
        assert_eq!(decode(&twice), Err(Error::Concatenated));
        let twice = [encode(&full()), encode(&full())].concat();
        assert_eq!(decode(&twice), Err(Error::Concatenated));
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn any_format_is_read_gzipped_or_plain() {
        let profile = full();
        for bytes in [encode(&profile), plain(&profile)] {
            assert_eq!(decode_any(&bytes), Ok(profile.clone()));
        }
        let text = b"goroutine profile: total 1\n1 @ 0x11\n";
        let legacy = crate::decode_legacy(text).unwrap();
        assert_eq!(decode_any(text), Ok(legacy.clone()));
        assert_eq!(decode_any_with_ids(&gzipped(text)), Ok((legacy, OriginalIds::default())));
        assert!(matches!(decode(text), Err(Error::Malformed { .. })));
    }

    #[test]
    fn what_is_in_no_format_says_what_is_wrong() {
        assert_eq!(decode_any(b""), Err(Error::Empty));
        assert_eq!(decode_any(&gzipped(b"")), Err(Error::Empty));
        assert!(matches!(decode_any(b"not a profile at all"), Err(Error::Malformed { .. })));
        assert!(matches!(decode_any(&plain(&full())[..100]), Err(Error::Malformed { .. })));
        assert!(matches!(decode_any(&encode(&full())[..100]), Err(Error::Gzip { .. })));
        assert!(matches!(decode_any(b"goroutine profile: total 1\n1 @ 11\n"), Err(Error::Legacy { .. })));
        let twice = [encode(&full()), encode(&full())].concat();
        assert_eq!(decode_any(&twice), Err(Error::Concatenated));
        let undated = Profile { time_nanos: 0, ..full() };
        assert_eq!(decode_any(&[encode(&undated), encode(&undated)].concat()), Err(Error::Concatenated));
        // Sample of a location that is not there: a message all the same.
        let bytes = [0x0a, 0, 0x12, 4, 0x08, 7, 0x10, 1, 0x32, 0];
        assert_eq!(decode_any(&bytes), Err(Error::Dangling { what: "location", id: 7 }));
    }

    #[test]
    fn a_name_that_is_no_text_is_read_as_far_as_it_is() {
        // string_table ["", "a\xffb"], function 1 of that name
        let bytes = [0x32, 0, 0x32, 3, b'a', 0xff, b'b', 0x2a, 4, 0x08, 1, 0x10, 1];
        assert_eq!(&*decode(&bytes).unwrap().functions[0].name, "a\u{fffd}b");
    }

    #[test]
    fn the_ids_of_the_file_are_known() {
        // string_table [""], mapping 9, locations 7 and 5, the second in the mapping
        let bytes = [0x32, 0, 0x1a, 2, 0x08, 9, 0x22, 2, 0x08, 7, 0x22, 4, 0x08, 5, 0x10, 9];
        let (profile, ids) = decode_any_with_ids(&bytes).unwrap();
        assert_eq!(ids, OriginalIds { mappings: vec![9], locations: vec![7, 5] });
        assert_eq!(profile.locations[1].mapping, Some(MappingIndex::new(0)));
    }

    #[test]
    fn a_gzip_bomb_is_refused_before_it_goes_off() {
        use std::io::Write;
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..64 {
            bomb.write_all(&zeros).unwrap();
        }
        assert!(matches!(decode(&bomb.finish().unwrap()), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn ids_that_nothing_has_are_named() {
        // sample_type {kind 0}, sample {location 7, value 1}, string_table [""]
        let bytes = [0x0a, 0, 0x12, 4, 0x08, 7, 0x10, 1, 0x32, 0];
        assert_eq!(decode(&bytes), Err(Error::Dangling { what: "location", id: 7 }));
        // Two functions with the id 1.
        let bytes = [0x2a, 2, 0x08, 1, 0x2a, 2, 0x08, 1, 0x32, 0];
        assert_eq!(decode(&bytes), Err(Error::Identity { what: "function", id: 1 }));
        // A mapping whose file name is string 9.
        let bytes = [0x1a, 4, 0x08, 1, 0x28, 9, 0x32, 0];
        assert_eq!(decode(&bytes), Err(Error::UnknownString { index: 9 }));
    }
}
