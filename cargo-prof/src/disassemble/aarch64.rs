//! Instructions of 64-bit ARM processors. What their addresses lead to is told by `disassemble.rs`.

use prof_pprof::report::Instruction;
use yaxpeax_arch::{Arch, Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{ARMv8, Opcode, Operand};

use super::Targets;

/// So many bytes has each instruction.
const WIDTH: usize = 4;

/// The instructions of code that begins at `start`.
pub(super) fn decode(code: &[u8], start: u64, targets: &Targets<'_>) -> Vec<Instruction> {
    let decoder = <ARMv8 as Arch>::Decoder::default();
    let mut instructions = Vec::new();
    for (bytes, address) in code.chunks_exact(WIDTH).zip((start..).step_by(WIDTH)) {
        let text = match decoder.decode(&mut U8Reader::new(bytes)) {
            Ok(decoded) => {
                let mut text = decoded.to_string();
                let relative = decoded.operands.iter().find_map(|operand| match operand {
                    Operand::PCOffset(offset) => Some(*offset),
                    _ => None,
                });
                if let Some(offset) = relative {
                    // Addresses of pages are relative to the page that the instruction lies in.
                    let origin = if decoded.opcode == Opcode::ADRP { address & !0xfff } else { address };
                    let target = origin.wrapping_add_signed(offset);
                    // The offset is always the last operand, and written from the instruction on.
                    if let Some(at) = text.rfind('$') {
                        text.truncate(at);
                    }
                    text.push_str(&format!("{target:x}"));
                    if let Some(name) = targets.code(target).filter(|_| decoded.opcode != Opcode::ADRP) {
                        text.push_str(&format!(" <{name}>"));
                    }
                }
                text
            }
            Err(_) => {
                let word = bytes.iter().rev().fold(0, |word: u32, byte| word << 8 | u32::from(*byte));
                format!(".inst {word:#010x}")
            }
        };
        instructions.push(Instruction { address, text, ..Instruction::default() });
    }
    instructions
}
