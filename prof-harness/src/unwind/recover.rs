//! A way on where a frame pointer is lost. libgcc, before it jumps to where a panic is caught, writes the registers of that
//! place over those that its own frame has saved; who is interrupted there finds the callers' frame pointer replaced. The stack
//! pointer is still known, and above it lie the words that the frame's function pushed at its start: its caller's frame pointer,
//! below the address that it returns to. That address is told from other words by the call before it, which names the function.

use std::ops::Range;

use super::cfi::{self, Room};
use super::modules::{self, Module};
use super::rule::{caller, Read, Step};
use crate::registers::Registers;
use crate::sys;

/// How far above the stack pointer the return address is looked for, in words.
const REACH: u64 = 512;
/// Bytes of the longer of the two calls that name their function: by the distance to it, as the last five bytes of these, or
/// by the distance to where its address stands.
const CALL_BYTES: u64 = 6;
const CALL: u8 = 0xe8;
const CALL_AT: [u8; 2] = [0xff, 0x15];

/// The step to the caller of a frame with a frame pointer that is lost; lost, if the call is not found.
#[cold]
#[inline(never)]
pub fn without_frame_pointer(pc: u64, at: Registers, room: &mut Room, read: Read<'_>) -> Step {
    // What is known of the addresses may be of an object that was unloaded there before.
    let is_loaded = |module: &Module| {
        sys::find_object(pc).is_some_and(|now| now.eh_frame_hdr == module.base.wrapping_add(module.eh_frame_hdr.1))
    };
    let Some(module) = modules::find(pc).filter(is_loaded) else { return Step::Lost };
    let Some(function) = cfi::function(&module, pc, room) else { return Step::Lost };
    for word in 1..=REACH {
        let address = at.sp.wrapping_add(8 * word);
        let (Some(fp), Some(return_address)) = (read(address.wrapping_sub(8)), read(address)) else {
            return Step::Lost;
        };
        if called_before(return_address, &module) != Some(function.start) {
            continue;
        }
        // It is an instruction of a function, not what chance wrote.
        let is_in = |calling: &Range<u64>| calling.contains(&(return_address - CALL_BYTES));
        if cfi::function(&module, return_address - 1, room).as_ref().is_some_and(is_in) {
            return caller(at, return_address, address.wrapping_add(8), fp);
        }
    }
    Step::Lost
}

/// What the bytes before a return address of a module call, if they are a call that names a function.
fn called_before(return_address: u64, module: &Module) -> Option<u64> {
    let call = return_address.checked_sub(CALL_BYTES).filter(|call| module.has(*call, CALL_BYTES))?;
    // SAFETY: mapped, and of a module of which a frame is on the stack, so that it is not unloaded meanwhile.
    let [one, other, distance @ ..] = unsafe { *(call as *const [u8; CALL_BYTES as usize]) };
    let there = return_address.wrapping_add_signed(i32::from_le_bytes(distance).into());
    if other == CALL {
        return Some(there);
    }
    if [one, other] != CALL_AT || there % 8 != 0 || !module.has(there, 8) {
        return None;
    }
    // SAFETY: as above, and aligned.
    Some(unsafe { *(there as *const u64) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Stack;
    use crate::unwind::{self, For};
    use crate::{mapping, thread};

    // A function with a frame pointer, which calls the function that it is given with its own stack pointer.
    std::arch::global_asm!(
        ".pushsection .text.prof_test_with_a_frame,\"ax\",@progbits",
        ".globl prof_test_with_a_frame",
        ".type prof_test_with_a_frame,@function",
        "prof_test_with_a_frame:",
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "sub rsp, 208",
        "mov rax, rdi",
        "mov rdi, rsp",
        "call rax",
        ".globl prof_test_with_a_frame_after",
        "prof_test_with_a_frame_after:",
        "leave",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
        ".size prof_test_with_a_frame, .-prof_test_with_a_frame",
        // By name, as the linker may call it in another way.
        ".globl prof_test_call_by_name",
        ".type prof_test_call_by_name,@function",
        "prof_test_call_by_name:",
        ".cfi_startproc",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        "call prof_test_with_a_frame",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        ".size prof_test_call_by_name, .-prof_test_call_by_name",
        ".popsection",
    );

    extern "C" {
        fn prof_test_call_by_name(inner: extern "C" fn(u64));
        fn prof_test_with_a_frame_after();
    }

    extern "C" fn capture_without_frame_pointer(sp: u64) {
        let pc = prof_test_with_a_frame_after as *const () as u64;
        let take = |stack: &Stack| (stack.broken || stack.truncated, stack.pcs().to_vec());
        let lost = Registers { pc, sp, fp: 7 };
        let whole = Registers { pc, sp, fp: sp + 208 };
        let [lost, whole] = [lost, whole].map(|at| unwind::capture(For::Allocation, at, thread::bounds(), take));
        let (lost, whole) = (lost.expect("a slot is free"), whole.expect("a slot is free"));
        assert!(!whole.0 && whole.1.len() > 3);
        assert_eq!(lost, whole);
    }

    #[test]
    fn a_frame_without_its_frame_pointer_is_left_by_the_call_that_made_it() {
        mapping::start(true);
        unwind::make_slots(2);
        thread::learn_stack();
        // SAFETY: as its callee asks for.
        unsafe { prof_test_call_by_name(capture_without_frame_pointer) };
    }
}
