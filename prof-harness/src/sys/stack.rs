//! Stacks of the harness's own, on which work can be done that finds too little room on the thread's.

use std::ffi::c_void;

/// Bytes of a stack. gimli takes 4 KB of it where it is optimized, several times that where it is not.
const BYTES: usize = 64 << 10;
/// Bytes below it that may not be touched: a larger page than the frames are.
const GUARD: usize = 4 << 10;

/// A stack that lives as long as the process.
#[derive(Clone, Copy)]
pub struct OwnStack {
    top: *mut u8,
}

/// A stack with a guard page below, or none. Signal: no.
pub fn map_stack() -> Option<OwnStack> {
    let low = super::map(GUARD + BYTES)?;
    // SAFETY: the lowest page of the mapping just made.
    let guarded = unsafe { libc::mprotect(low.cast(), GUARD, libc::PROT_NONE) } == 0;
    guarded.then(|| OwnStack { top: low.wrapping_add(GUARD + BYTES) })
}

struct Call<F, R> {
    work: Option<F>,
    result: Option<R>,
}

impl OwnStack {
    /// Does `work` on this stack and returns what it returns. Signal: yes.
    ///
    /// # Safety
    ///
    /// Nothing else is done on the stack meanwhile.
    pub unsafe fn run<R>(self, work: impl FnOnce() -> R) -> Option<R> {
        unsafe extern "C" fn enter<F: FnOnce() -> R, R>(call: *mut c_void) {
            // SAFETY: `run` hands its own call over and waits.
            let call = unsafe { &mut *call.cast::<Call<F, R>>() };
            call.result = call.work.take().map(|work| work());
        }
        fn entry<F: FnOnce() -> R, R>(_: &Call<F, R>) -> unsafe extern "C" fn(*mut c_void) {
            enter::<F, R>
        }
        let mut call = Call { work: Some(work), result: None };
        let entry = entry(&call);
        // SAFETY: the top is 16-aligned, as is that of a page, and by the caller's promise the stack is free.
        unsafe { prof_harness_run_on_stack(std::ptr::from_mut(&mut call).cast(), entry, self.top) };
        call.result
    }
}

extern "C" {
    /// Calls `function` with `argument` on the stack that ends at `top`.
    fn prof_harness_run_on_stack(argument: *mut c_void, function: unsafe extern "C" fn(*mut c_void), top: *mut u8);
}

// The frame pointer leads back, for whoever unwinds from within.
std::arch::global_asm!(
    // A program may hold two copies of this crate: see `interpose.rs`.
    ".ifndef prof_harness_run_on_stack",
    ".pushsection .text.prof_harness_run_on_stack,\"ax\",@progbits",
    ".p2align 4",
    ".weak prof_harness_run_on_stack",
    ".hidden prof_harness_run_on_stack",
    ".type prof_harness_run_on_stack,@function",
    "prof_harness_run_on_stack:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "mov rsp, rdx",
    "call rsi",
    "leave",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size prof_harness_run_on_stack, .-prof_harness_run_on_stack",
    ".popsection",
    ".endif",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_on_the_other_stack_and_comes_back() {
        let stack = map_stack().unwrap();
        let (at, sum) = unsafe_run(stack, || {
            let numbers = std::hint::black_box([7u64; 1000]);
            (numbers.as_ptr() as usize, numbers.iter().sum::<u64>())
        });
        assert_eq!(sum, 7000);
        let top = stack.top as usize;
        assert!((top - BYTES..top).contains(&at), "{at:x} is not below {top:x}");
    }

    #[test]
    fn a_backtrace_leads_back_from_the_other_stack() {
        #[inline(never)]
        fn caller(stack: OwnStack) -> Vec<usize> {
            let mut pcs = Vec::new();
            unsafe_run(stack, || {
                backtrace::trace(|frame| {
                    pcs.push(frame.symbol_address() as usize);
                    true
                });
            });
            std::hint::black_box(pcs)
        }
        let pcs = caller(map_stack().unwrap());
        assert!(pcs.contains(&(caller as *const () as usize)), "{pcs:x?}");
    }

    fn unsafe_run<R>(stack: OwnStack, work: impl FnOnce() -> R) -> R {
        // SAFETY: each test has a stack of its own.
        unsafe { stack.run(work) }.expect("it was done")
    }
}
