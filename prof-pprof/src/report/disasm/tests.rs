//! Assembly of made-up code, laid out as in `go tool pprof -disasm`.

use super::*;
use crate::MappingIndex;
use crate::graph::tests::profile_of;
use crate::report::{Format, Options};

const SLIDE: u64 = 0x5000;

/// Code of two functions, `cold` at 0x10 and `hot` at 0x20, in every file but `lost`.
struct Made;

impl Code for Made {
    fn symbols(&mut self, mapping: &Mapping, wanted: &Wanted<'_>) -> Result<Vec<Symbol>, String> {
        if &*mapping.filename == "lost" {
            return Err("lost cannot be read".into());
        }
        let symbol = |names: &[&str], start: u64| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let holds = |address| (start..start + 0x10).contains(&(address - SLIDE));
            let is_wanted = names.iter().any(|name| (wanted.is_match)(name)) || wanted.address.is_some_and(holds);
            is_wanted.then_some(Symbol { names, start, end: start + 0x10, slide: SLIDE })
        };
        Ok([symbol(&["hot", "alias"], 0x20), symbol(&["cold"], 0x10)].into_iter().flatten().collect())
    }

    fn instructions(
        &mut self,
        _: &Mapping,
        symbols: &[&Symbol],
        syntax: Syntax,
    ) -> Result<Vec<Vec<Instruction>>, String> {
        let instruction = |address, text: &str, line| Instruction {
            address,
            text: text.into(),
            function: if line == 0 { String::new() } else { "step".into() },
            file: if line == 0 { String::new() } else { "/src/a.rs".into() },
            line,
        };
        let mov = if syntax == Syntax::Intel { "mov eax,1" } else { "mov $1,%eax" };
        let of = |symbol: &&Symbol| {
            vec![
                instruction(symbol.start, mov, 0),
                instruction(symbol.start + 4, "call 1234 <a_function_with_a_very_long_name>", 7),
                instruction(symbol.start + 9, "nop", 7),
                instruction(symbol.start + 10, "ret", 8),
            ]
        };
        Ok(symbols.iter().map(of).collect())
    }
}

/// Samples in `hot`, one of them in the middle of an instruction, and in a caller that no file has.
fn profile(file: &str) -> Profile {
    let mut profile = profile_of(&[("main;hot::a", 30), ("main;hot::b", 10), ("main;hot::c", 20)]);
    profile.mappings.push(Mapping { start: SLIDE, limit: SLIDE + 0x100, filename: file.into(), ..Mapping::default() });
    let mut addresses = [SLIDE + 0x20, SLIDE + 0x24, SLIDE + 0x26].into_iter();
    for position in 0..profile.locations.len() {
        let is_main = &*profile[profile.locations[position].lines[0].function].name == "main";
        let location = &mut profile.locations[position];
        location.mapping = Some(MappingIndex::new(0));
        location.address = if is_main { SLIDE + 0x90 } else { addresses.next().unwrap() };
    }
    profile
}

fn shown(profile: Profile, pattern: &str, options: &Options) -> (Result<String, Error>, Vec<String>) {
    let inlined_into = inlined_into(&profile, pattern);
    let mut view = View::new(profile, &Format::Disasm(pattern.into()), options).unwrap();
    let mut notices = Vec::new();
    (disasm(&mut view, pattern, &inlined_into, &mut Made, &mut notices), notices)
}

#[test]
fn instructions_bear_what_was_measured_at_them() {
    let (text, notices) = shown(profile("program"), "hot", &Options::default());
    let expected = "\
Total: 60ns
ROUTINE ======================== hot
    AKA ======================== alias
      60ns       60ns (flat, cum)   100% of Total
      30ns       30ns         20: mov $1,%eax                             ;hot::a\x20
                                                                          ;step a.rs:7
      30ns       30ns         24: call 1234 <a_function_with_a_very_long_name>
         .          .         29: nop
         .          .         2a: ret                                     ;step a.rs:8
";
    assert_eq!((text.unwrap(), notices), (expected.to_owned(), Vec::new()));
}

#[test]
fn the_syntax_may_be_that_of_intel() {
    let options = Options { intel_syntax: true, ..Options::default() };
    let (text, _) = shown(profile("program"), "hot", &options);
    assert!(text.unwrap().contains("mov eax,1"));
}

#[test]
fn an_expression_may_be_anchored() {
    let mut profile = profile("program");
    for function in &mut profile.functions {
        function.name = function.name.replace("::a", "").into();
    }
    assert!(shown(profile, "^hot$", &Options::default()).0.is_ok());
}

#[test]
fn a_symbol_is_found_by_an_address_in_it() {
    let by_name = shown(profile("program"), "hot", &Options::default());
    for address in ["0x5025", "20517", "0b101_0000_0010_0101", "050045"] {
        assert_eq!(shown(profile("program"), address, &Options::default()), by_name, "{address}");
    }
}

#[test]
fn what_is_not_found_is_said_in_the_words_of_go() {
    let error = |file, pattern| {
        let (text, notices) = shown(profile(file), pattern, &Options::default());
        (text.unwrap_err().to_string(), notices.len())
    };
    assert_eq!(error("program", "nowhere"), ("no matches found for regexp nowhere".into(), 0));
    // Its symbol has no samples.
    assert_eq!(error("program", "cold"), ("no matches found for regexp cold".into(), 0));
    assert_eq!(error("program", "0x5090"), ("no matches found for address 0x5090".into(), 0));
    let without_samples =
        "address 0x5010 found in binary, but the corresponding symbols do not have samples in the profile";
    assert_eq!(error("program", "0x5010"), (without_samples.into(), 0));
    assert_eq!(error("lost", "hot"), ("no matches found for regexp hot".into(), 1));
}

#[test]
fn numbers_are_read_as_go_reads_them() {
    for (text, expected) in
        [("10", Some(10)), ("0x1F", Some(31)), ("0x_1_0", Some(16)), ("017", Some(15)), ("0", Some(0))]
    {
        assert_eq!(unsigned(text), expected, "{text}");
    }
    for text in ["", "x", "1_0", "+1", "0x", "08", "1__0", "0x1_", "-1"] {
        assert_eq!(unsigned(text), None, "{text}");
    }
}

#[test]
fn what_has_no_code_of_its_own_is_inlined_somewhere() {
    let error =
        |stacks: &[(&str, i64)]| shown(profile_of(stacks), "step", &Options::default()).0.unwrap_err().to_string();
    let expected = "no matches found for regexp step; what it matches is inlined into ";
    assert_eq!(error(&[("main;hot+step", 1)]), format!("{expected}hot"));
    assert_eq!(error(&[("main;hot+step", 1), ("cold+step", 1)]), format!("{expected}cold and hot"));
    assert_eq!(error(&[("a+step", 1), ("b+step", 1), ("c+step+x", 1)]), format!("{expected}a and 2 other functions"));
}
