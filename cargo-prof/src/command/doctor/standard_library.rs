//! What the executable of the probe tells about the std in it: whether it has debug info, and whether it keeps frame
//! pointers. How it was made and run is in `probe.rs`.

use std::path::Path;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};
use prof_pprof::{CpuProfile, Origin};
use prof_record::Record;

use super::probe;
use crate::Error;
use crate::symbolize::{Sources, symbolize};

/// A function of std that every program's `main` is called from, and that is compiled in std alone.
const CALLER_OF_MAIN: &str = "std::rt::lang_start_internal";

/// Whether the lines of std's own code are known, by the stacks of the record.
pub(super) fn has_lines(record: &Record) -> bool {
    let mut profile = CpuProfile::new(record.cpu_period);
    profile.add(record, &Origin { package: "doctor".into(), target: "probe".into() });
    let (mut profile, _) = profile.finish(&[]);
    symbolize(&mut profile, &Sources::default());
    let mut lines = profile.locations.iter().flat_map(|location| &location.lines);
    lines.any(|line| line.line != 0 && profile[line.function].name.contains(CALLER_OF_MAIN))
}

/// How many functions keep a frame pointer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FramePointers {
    pub(super) functions: u64,
    pub(super) with: u64,
}

impl FramePointers {
    /// Of the functions of std, core and alloc in `executable`.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(super) fn of_std(executable: &Path) -> Result<FramePointers, Error> {
        let bytes = std::fs::read(executable).map_err(Error::file("read", executable))?;
        let damaged = |error: object::Error| {
            Error::Environment(format!("{} is no readable executable: {error}", executable.display()))
        };
        let file = object::File::parse(&*bytes).map_err(damaged)?;
        let std_is_in_v0 = file.symbols().find_map(|symbol| {
            let name = symbol.name().ok()?;
            (demangled(name)? == CALLER_OF_MAIN).then(|| is_in_v0(name))
        });
        let mut found = FramePointers::default();
        for symbol in file.symbols().filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text) {
            let Some(section) = symbol.section_index().and_then(|index| file.section_by_index(index).ok()) else {
                continue;
            };
            let is_of_std =
                |name| is_of_std(name) && std_is_in_v0.is_none_or(|std_is_in_v0| is_in_v0(name) == std_is_in_v0);
            if symbol.name().is_ok_and(is_of_std)
                && let Ok(Some(code)) = section.data_range(symbol.address(), symbol.size())
            {
                found.count(code);
            }
        }
        Ok(found)
    }

    /// How many in a hundred.
    pub(super) fn share(self) -> u64 {
        self.with * 100 / self.functions.max(1)
    }

    fn count(&mut self, code: &[u8]) {
        self.functions += 1;
        self.with += u64::from(keeps_frame_pointer(code));
    }
}

/// A Rust name without its hashes.
fn demangled(symbol: &str) -> Option<String> {
    rustc_demangle::try_demangle(symbol).ok().map(|name| format!("{name:#}"))
}

/// Whether a symbol is mangled in the scheme that is called v0. Code from another compilation than std's own may be in
/// the other scheme.
fn is_in_v0(symbol: &str) -> bool {
    symbol.starts_with("_R")
}

/// Whether a function is one of std, core or alloc, compiled there.
fn is_of_std(symbol: &str) -> bool {
    let Some(name) = demangled(symbol) else { return false };
    // Code that std is generic in is compiled with the program; the mangled name says where.
    if [probe::NAME, "prof_harness"].iter().any(|program| symbol.contains(program)) {
        return false;
    }
    let path = name.trim_start_matches(['<', '&']);
    ["std::", "core::", "alloc::"].iter().any(|of| path.starts_with(of))
}

/// Whether x86-64 code begins with `push rbp; mov rbp, rsp`.
fn keeps_frame_pointer(code: &[u8]) -> bool {
    // `endbr64` comes first where the processor checks indirect jumps.
    let code = code.strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa]).unwrap_or(code);
    // The move has two encodings.
    code.starts_with(&[0x55, 0x48, 0x89, 0xe5]) || code.starts_with(&[0x55, 0x48, 0x8b, 0xec])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUSH_AND_MOVE: [u8; 4] = [0x55, 0x48, 0x89, 0xe5];

    #[test]
    fn a_frame_pointer_is_seen_at_the_start_of_a_function() {
        assert!(keeps_frame_pointer(&[&PUSH_AND_MOVE[..], &[0x41, 0x57]].concat()));
        assert!(keeps_frame_pointer(&[&[0xf3, 0x0f, 0x1e, 0xfa][..], &PUSH_AND_MOVE].concat()));
        // push rbp; push r15 — rbp is just saved.
        assert!(!keeps_frame_pointer(&[0x55, 0x41, 0x57, 0x41]));
        assert!(!keeps_frame_pointer(&PUSH_AND_MOVE[..3]));
        assert!(!keeps_frame_pointer(&[]));
    }

    #[test]
    fn the_share_is_of_all_functions_and_none_is_no_share() {
        let mut found = FramePointers::default();
        assert_eq!(found.share(), 0);
        for code in [&PUSH_AND_MOVE[..], &[0xc3], &PUSH_AND_MOVE, &[0x31, 0xc0, 0xc3]] {
            found.count(code);
        }
        assert_eq!(found, FramePointers { functions: 4, with: 2 });
        assert_eq!(found.share(), 50);
    }

    #[test]
    fn functions_of_std_are_told_from_the_programs() {
        assert!(is_of_std("_ZN3std2rt19lang_start_internal17h69e28a4cce22d723E"));
        assert!(!is_of_std("_ZN50_$LT$T$u20$as$u20$core..convert..Into$LT$U$GT$$GT$4into17h0b123f63ff59f404E"));
        assert!(is_of_std("_ZN51_$LT$std..io..Stdin$u20$as$u20$core..fmt..Debug$GT$3fmt17h0b123f63ff59f404E"));
        assert!(!is_of_std("_ZN7standby4main17h69e28a4cce22d723E"));
        assert!(!is_of_std("malloc"));
        let in_std = "_RNvNtCsdBezzDwma51_3std2rt19lang_start_internal";
        assert!(is_of_std(in_std));
        assert!(!is_of_std("_RINvNtCsdBezzDwma51_3std2rt10lang_startuECs9ltgdHTiPiY_12doctor_probe"));
    }
}
