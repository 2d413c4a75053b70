//! Truths about disassembling: of bytes whose meaning is known, and of this test's own executable.

use std::hint::black_box;

use object::ObjectSegment;

use super::*;

/// Where the process has the first byte of the file.
const START: u64 = 0x5555_0000_0000;

#[inline(never)]
fn known_to_the_test(x: u64) -> u64 {
    black_box(x).wrapping_mul(3)
}

fn own_mapping() -> Mapping {
    let path = std::env::current_exe().unwrap();
    let filename = path.to_str().unwrap().into();
    Mapping { start: START, limit: START + (1 << 40), filename, ..Mapping::default() }
}

/// Disassembles with what this executable's addresses lead to.
fn texts(decode: impl Fn(&Targets<'_>) -> Vec<Instruction>) -> Vec<String> {
    let file = BinaryFile::open(&own_mapping()).unwrap();
    let binary = file.binary(&own_mapping()).unwrap();
    let targets = Targets { slots: HashMap::new(), binary: &binary };
    decode(&targets).into_iter().map(|instruction| format!("{:x}: {}", instruction.address, instruction.text)).collect()
}

/// Code that ends in a byte that begins no instruction.
const X86: &[u8] = &[
    0x48, 0x8b, 0x05, 0x10, 0, 0, 0, // loads from 0x10 behind this instruction
    0x48, 0x8b, 0x44, 0xd8, 0x08, // loads from a table
    0x75, 0xfe, // jumps to itself
    0xc7, 0x00, 0x01, 0, 0, 0, // stores a 1
    0xc3, 0x06,
];

#[test]
fn x86_reads_as_in_objdump() {
    let att = texts(|targets| x86::decode(64, X86, 1, Syntax::Att, targets));
    assert_eq!(
        att,
        [
            "1: mov    0x10(%rip),%rax        # 18",
            "8: mov    0x8(%rax,%rbx,8),%rax",
            "d: jne    d",
            "f: movl   $0x1,(%rax)",
            "15: ret",
            "16: (bad)"
        ]
    );
    let intel = texts(|targets| x86::decode(64, X86, 1, Syntax::Intel, targets));
    assert_eq!(
        intel[..2],
        ["1: mov    rax,QWORD PTR [rip+0x10]        # 18", "8: mov    rax,QWORD PTR [rax+rbx*8+0x8]"]
    );
    assert_eq!(intel[3], "f: mov    DWORD PTR [rax],0x1");
}

#[test]
fn arm_names_the_targets_of_branches() {
    let words = [0xd503_201fu32, 0xd65f_03c0, 0x1400_0002, 0x9000_0020, 0xffff_ffff];
    let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let texts = texts(|targets| aarch64::decode(&code, 4, targets));
    assert_eq!(texts, ["4: nop", "8: ret", "c: b 14", "10: adrp x0, 4000", "14: .inst 0xffffffff"]);
}

#[test]
fn a_symbol_comes_with_its_source() {
    black_box(known_to_the_test(black_box(2)));
    let is_match = |name: &str| name.ends_with("tests::known_to_the_test");
    let mapping = own_mapping();
    let symbols = Disassembler.symbols(&mapping, &Wanted { is_match: &is_match, address: None }).unwrap();
    let [symbol] = &symbols[..] else { panic!("{symbols:?}") };
    let listing = Disassembler.instructions(&mapping, &[symbol], Syntax::Att).unwrap().remove(0);
    let is_here = |instruction: &Instruction| {
        instruction.function.ends_with("known_to_the_test")
            && instruction.file.ends_with("disassemble/tests.rs")
            && (13..=15).contains(&instruction.line)
    };
    assert!(listing.iter().any(is_here), "{listing:#?}");
    assert!(listing.iter().all(|instruction| (symbol.start..symbol.end).contains(&instruction.address)));
    let addresses: Vec<_> = listing.iter().map(|instruction| instruction.address).collect();
    assert!(addresses.is_sorted() && addresses[0] == symbol.start);

    // The address in the profile leads to the same symbol.
    let address = Some(symbol.start.wrapping_add(symbol.slide) + 1);
    let by_address = Disassembler.symbols(&mapping, &Wanted { is_match: &|_| false, address }).unwrap();
    assert_eq!(by_address, symbols);
    let file = BinaryFile::open(&mapping).unwrap();
    let binary = file.binary(&mapping).unwrap();
    let offset = binary.object.segments().find_map(|segment| {
        let into = symbol.start.checked_sub(segment.address())?;
        (into < segment.size()).then(|| segment.file_range().0 + into)
    });
    assert_eq!(symbol.start.wrapping_add(symbol.slide), START + offset.unwrap());
}

#[test]
fn another_build_is_not_disassembled() {
    let is_match = |_: &str| true;
    let wanted = Wanted { is_match: &is_match, address: None };
    let other = Mapping { build_id: "00".into(), ..own_mapping() };
    let error = Disassembler.symbols(&other, &wanted).unwrap_err();
    assert!(error.contains(" was rebuilt since it was profiled "), "{error}");
    let missing = Mapping { filename: "/nowhere/program".into(), ..Mapping::default() };
    let error = Disassembler.symbols(&missing, &wanted).unwrap_err();
    assert!(error.starts_with("/nowhere/program cannot be read: "), "{error}");
}
