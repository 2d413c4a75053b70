//! Call frame information → [`Rule`], by gimli. No allocation: gimli's work is done in a [`Room`] of fixed size that lies
//! outside of the interrupted thread's stack.

#![forbid(unsafe_code)]

use std::ops::Range;

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, EvaluationResult, EvaluationStorage, Expression,
    LittleEndian, ReaderOffset, Register, RegisterRule, UnwindContext, UnwindContextStorage, UnwindSection,
    UnwindTableRow, Value, X86_64,
};
use gimli_in_process as gimli;

use super::modules::Module;
use super::rule::{caller, Read, Rule, Step};
use crate::registers::Registers;

type Bytes = EndianSlice<'static, LittleEndian>;

/// x86-64 has 17 registers with rules; more rows than two are remembered in hand-written code only.
pub struct Fixed;

impl<T: ReaderOffset> UnwindContextStorage<T> for Fixed {
    type Rules = [(Register, RegisterRule<T>); 20];
    type Stack = [UnwindTableRow<T, Self>; 4];
}

impl EvaluationStorage<Bytes> for Fixed {
    type Stack = [Value; 16];
    type ExpressionStack = [(Bytes, Bytes); 1];
    type Result = [gimli::Piece<Bytes>; 1];
}

/// Room for gimli's work.
pub struct Room(UnwindContext<usize, Fixed>);

impl Room {
    /// An empty room.
    pub fn new() -> Room {
        Room(UnwindContext::new_in())
    }
}

/// What there is to know of the frame at an address.
struct Found<'room> {
    row: &'room UnwindTableRow<usize, Fixed>,
    section: EhFrame<Bytes>,
    encoding: gimli::Encoding,
    is_signal: bool,
    /// The function's addresses, as the object states them.
    function: Range<u64>,
}

/// The rule for the code at `pc`.
#[inline(never)]
pub fn rule(module: &Module, pc: u64, room: &mut Room) -> Rule {
    match find(module, pc, room) {
        Some(found) => compact(&found).unwrap_or(Rule::Evaluate),
        None => Rule::Guess,
    }
}

/// The step to the caller where a rule is not enough, and whether the caller was interrupted by a signal there.
#[inline(never)]
pub fn evaluate(module: &Module, pc: u64, at: Registers, room: &mut Room, read: Read<'_>) -> (Step, bool) {
    let Some(found) = find(module, pc, room) else { return (Step::Lost, false) };
    (step(&found, at, read).unwrap_or(Step::Lost), found.is_signal)
}

/// The addresses of the function at `pc`.
pub fn function(module: &Module, pc: u64, room: &mut Room) -> Option<Range<u64>> {
    let function = find(module, pc, room)?.function;
    Some(function.start.wrapping_add(module.base)..function.end.wrapping_add(module.base))
}

fn find<'room>(module: &Module, pc: u64, room: &'room mut Room) -> Option<Found<'room>> {
    let stated = pc.checked_sub(module.base)?;
    let (hdr, hdr_address) = module.eh_frame_hdr;
    let (frame, frame_address) = module.eh_frame;
    let bases = BaseAddresses::default().set_eh_frame_hdr(hdr_address).set_eh_frame(frame_address);
    let hdr = EhFrameHdr::new(hdr, LittleEndian).parse(&bases, 8).ok()?;
    let table = hdr.table()?;
    let mut section = EhFrame::new(frame, LittleEndian);
    section.set_address_size(8);
    let offset = table.pointer_to_offset(table.lookup(stated, &bases).ok()?).ok()?;
    let entry = section.fde_from_offset(&bases, offset, EhFrame::cie_from_offset).ok()?;
    let (encoding, is_signal) = (entry.cie().encoding(), entry.is_signal_trampoline());
    let function = entry.initial_address()..entry.initial_address().wrapping_add(entry.len());
    let row = entry.unwind_info_for_address(&section, &bases, &mut room.0, stated).ok()?;
    Some(Found { row, section, encoding, is_signal, function })
}

/// The row as a compact rule, if it is one.
fn compact(found: &Found<'_>) -> Option<Rule> {
    let row = found.row;
    let is_end = matches!(row.register(X86_64::RA), RegisterRule::Undefined);
    if is_end {
        return Some(Rule::End);
    }
    let (CfaRule::RegisterAndOffset { register, offset }, RegisterRule::Offset(-8), false) =
        (row.cfa(), row.register(X86_64::RA), found.is_signal)
    else {
        return None;
    };
    let from_fp = match *register {
        X86_64::RSP => false,
        X86_64::RBP => true,
        _ => return None,
    };
    let saved_fp = match row.register(X86_64::RBP) {
        RegisterRule::Undefined | RegisterRule::SameValue => None,
        RegisterRule::Offset(offset) => Some(i32::try_from(offset).ok()?),
        _ => return None,
    };
    Some(Rule::Step { from_fp, cfa_offset: i32::try_from(*offset).ok()?, saved_fp })
}

fn step(found: &Found<'_>, at: Registers, read: Read<'_>) -> Option<Step> {
    let cfa = match found.row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => value_of(*register, at)?.wrapping_add_signed(*offset),
        CfaRule::Expression(expression) => value(expression.get(&found.section).ok()?, found, at, None, read)?,
    };
    let restored = |register: Register, unchanged: Option<u64>| match found.row.register(register) {
        RegisterRule::Undefined | RegisterRule::SameValue => unchanged,
        RegisterRule::Offset(offset) => match cfa.wrapping_add_signed(offset) {
            // As for a compact rule.
            address if address < at.sp && unchanged.is_some() => unchanged,
            address => read(address),
        },
        RegisterRule::ValOffset(offset) => Some(cfa.wrapping_add_signed(offset)),
        RegisterRule::Register(other) => value_of(other, at),
        RegisterRule::Expression(expression) => {
            read(value(expression.get(&found.section).ok()?, found, at, Some(cfa), read)?)
        }
        RegisterRule::ValExpression(expression) => {
            value(expression.get(&found.section).ok()?, found, at, Some(cfa), read)
        }
        _ => None,
    };
    let pc = restored(X86_64::RA, None)?;
    let fp = restored(X86_64::RBP, Some(at.fp))?;
    if found.is_signal {
        // The handler may have run on another stack than what it interrupted.
        return Some(Step::Caller(Registers { pc, sp: cfa, fp }));
    }
    Some(caller(at, pc, cfa, fp))
}

/// A register, if it is one that is followed.
fn value_of(register: Register, at: Registers) -> Option<u64> {
    match register {
        X86_64::RSP => Some(at.sp),
        X86_64::RBP => Some(at.fp),
        X86_64::RA => Some(at.pc),
        _ => None,
    }
}

/// What an expression comes to.
fn value(
    expression: Expression<Bytes>,
    found: &Found<'_>,
    at: Registers,
    first: Option<u64>,
    read: Read<'_>,
) -> Option<u64> {
    let mut evaluation = gimli::Evaluation::<Bytes, Fixed>::new_in(expression.0, found.encoding);
    // Bounded, whatever an expression says.
    evaluation.set_max_iterations(64);
    if let Some(first) = first {
        evaluation.set_initial_value(first);
    }
    let mut result = evaluation.evaluate().ok()?;
    loop {
        result = match result {
            EvaluationResult::Complete => return evaluation.value_result()?.to_u64(!0).ok(),
            EvaluationResult::RequiresMemory { address, size: 8, .. } => {
                evaluation.resume_with_memory(Value::Generic(read(address)?)).ok()?
            }
            EvaluationResult::RequiresRegister { register, .. } => {
                evaluation.resume_with_register(Value::Generic(value_of(register, at)?)).ok()?
            }
            _ => return None,
        };
    }
}
