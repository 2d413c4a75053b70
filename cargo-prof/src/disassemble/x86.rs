//! Instructions of x86 processors, written as GNU objdump does. What their addresses lead to is told by `disassemble.rs`.

use iced_x86::{
    Decoder, DecoderOptions, Formatter, FormatterOptions, GasFormatter, Instruction as Decoded, IntelFormatter,
    MemorySizeOptions, OpKind, SymbolResolver, SymbolResult,
};
use prof_pprof::report::{Instruction, Syntax};

use super::Targets;

/// The instructions of code of so many bits that begins at `start`.
pub(super) fn decode(bits: u32, code: &[u8], start: u64, syntax: Syntax, targets: &Targets<'_>) -> Vec<Instruction> {
    // The formatter owns its resolver, and so cannot borrow; each instruction's target is put into the text instead.
    let mut formatter: Box<dyn Formatter> = match syntax {
        Syntax::Att => Box::new(GasFormatter::with_options(Some(Box::new(BareTargets)), None)),
        Syntax::Intel => Box::new(IntelFormatter::with_options(Some(Box::new(BareTargets)), None)),
    };
    as_objdump(formatter.options_mut());
    formatter.options_mut().set_uppercase_keywords(syntax == Syntax::Intel);
    let mut instructions = Vec::new();
    for decoded in Decoder::with_ip(bits, code, start, DecoderOptions::NONE) {
        let mut text = String::new();
        if decoded.is_invalid() {
            text.push_str("(bad)");
        } else {
            formatter.format(&decoded, &mut text);
        }
        // Operands may be none, and then the column before them is empty.
        text.truncate(text.trim_end().len());
        if let Some(target) = branch_target(&decoded)
            && let Some(name) = targets.code(target)
        {
            text.push_str(&format!(" <{name}>"));
        }
        if decoded.is_ip_rel_memory_operand() {
            let address = decoded.ip_rel_memory_address();
            let name = targets.slot(address).or_else(|| targets.code(address));
            let name = name.map(|name| format!(" <{name}>")).unwrap_or_default();
            text.push_str(&format!("        # {address:x}{name}"));
        }
        instructions.push(Instruction { address: decoded.ip(), text, ..Instruction::default() });
    }
    instructions
}

fn as_objdump(options: &mut FormatterOptions) {
    options.set_first_operand_char_index(7);
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_small_hex_numbers_in_decimal(false);
    options.set_add_leading_zero_to_hex_numbers(false);
    options.set_branch_leading_zeros(false);
    options.set_displacement_leading_zeros(false);
    options.set_rip_relative_addresses(true);
    options.set_memory_size_options(MemorySizeOptions::Always);
    options.set_show_branch_size(false);
}

fn branch_target(decoded: &Decoded) -> Option<u64> {
    let is_near = |kind| matches!(kind, OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64);
    (decoded.op_count() > 0 && is_near(decoded.op0_kind())).then(|| decoded.near_branch_target())
}

/// Writes the targets of branches as bare addresses, like those in front of instructions.
struct BareTargets;

impl SymbolResolver for BareTargets {
    fn symbol(
        &mut self,
        instruction: &Decoded,
        _operand: u32,
        instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        instruction_operand?;
        let is_target = branch_target(instruction) == Some(address);
        is_target.then(|| SymbolResult::with_string(address, format!("{address:x}")))
    }
}
