//! What a thread's registers say about its stack: where it was, and where its frames lie. How they are followed is
//! in `unwind/`.

use std::ffi::c_void;

use crate::sys::ucontext_t;

/// The registers that unwinding starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// The program counter.
    pub pc: u64,
    /// The stack pointer.
    pub sp: u64,
    /// The frame pointer, or what the program keeps in its register.
    pub fp: u64,
}

impl Registers {
    /// The registers that a signal interrupted.
    ///
    /// # Safety
    ///
    /// `context` is the third argument of a handler with SA_SIGINFO.
    pub unsafe fn interrupted(context: *const c_void) -> Registers {
        // SAFETY: the caller's promise.
        let context = unsafe { &*context.cast::<ucontext_t>() };
        let registers = &context.uc_mcontext.gregs;
        Registers {
            pc: registers[libc::REG_RIP as usize] as u64,
            sp: registers[libc::REG_RSP as usize] as u64,
            fp: registers[libc::REG_RBP as usize] as u64,
        }
    }

    /// The registers of the caller of a function at whose first instruction the stack pointer was `entry_sp` and the
    /// frame pointer `fp`: the return address lies there.
    ///
    /// # Safety
    ///
    /// `entry_sp` is such a stack pointer of a frame that has not returned.
    pub unsafe fn caller(entry_sp: usize, fp: usize) -> Registers {
        // SAFETY: the caller's promise.
        let pc = unsafe { *(entry_sp as *const u64) };
        Registers { pc, sp: entry_sp as u64 + 8, fp: fp as u64 }
    }
}
