//! Definitions before those of others: each a weak symbol, so that a program which defines the name itself keeps it, and a
//! jump, so that no frame of the definition lies on the program's stack; where something is to be done after the other, a call.

use std::ffi::{c_void, CStr};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::{sys, thread};

/// Defines the C function `$name`, with more names after `=`, by the instructions `$line`, which call or jump to `{target}` and
/// use the operands that follow.
macro_rules! define {
    (
        $name:literal $(= $also:literal)*, $target:ident, [$($line:expr),+ $(,)?]
        $(, $operand:ident = $kind:tt $value:path)*
    ) => {
        std::arch::global_asm!(
            // Fat LTO puts the assembly of two copies of this crate together.
            concat!(".ifndef ", $name),
            concat!(".pushsection .text.prof_", $name, ",\"ax\",@progbits"),
            ".p2align 4",
            concat!(".weak ", $name),
            concat!(".type ", $name, ",@function"),
            $(
                concat!(".weak ", $also),
                concat!(".type ", $also, ",@function"),
                concat!($also, ":"),
            )*
            concat!($name, ":"),
            ".cfi_startproc",
            $($line,)+
            ".cfi_endproc",
            concat!(".size ", $name, ", .-", $name),
            ".popsection",
            ".endif",
            target = sym $target,
            $($operand = $kind $value,)*
        );
    };
}

/// Defines the C function `$name` as a jump to `$target`, which has the same signature.
macro_rules! interpose {
    ($name:literal $(= $also:literal)*, $target:ident) => {
        define!($name $(= $also)*, $target, ["jmp {target}"]);
    };
}

/// Defines the C function `$name` as a jump to `$target`, which takes two arguments more: the stack and frame pointer at
/// entry, in the registers that follow those of the function's own arguments.
macro_rules! door {
    ($name:literal $(= $also:literal)*, $sp:literal, $fp:literal, $target:ident) => {
        define!(
            $name $(= $also)*,
            $target,
            [concat!("mov ", $sp, ", rsp"), concat!("mov ", $fp, ", rbp"), "jmp {target}"]
        );
    };
}

/// The address of the function `$name`; null if the program has none.
macro_rules! address_of {
    ($name:expr) => {{
        #[inline(always)]
        fn address() -> *const std::ffi::c_void {
            let address;
            // SAFETY: loads the function's address. The directive stands in the same object file as the use, or the
            // symbol would be needed.
            unsafe {
                std::arch::asm!(
                    concat!(".weak ", $name),
                    concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                    out(reg) address,
                    options(pure, readonly, nostack, preserves_flags)
                );
            }
            address
        }
        address()
    }};
}

/// The function `$name`, of type `$function`, whose calls the linker wrapped. Unsafe: there must be one of that type.
macro_rules! behind {
    ($name:literal, $function:ty) => {
        std::mem::transmute::<*const std::ffi::c_void, $function>(address_of!(concat!("__real_", $name)))
    };
}

/// Defines the C function `$name`, of up to six integers and pointers, as a call of `$before` with its arguments, which
/// returns an [`Around`], of the next definition, and, if that says so, of `$after`. No frame of Rust's lies on the stack
/// meanwhile: a thread that is cancelled in the next definition is unwound.
macro_rules! interpose_around {
    ($name:literal, $before:ident, $after:ident) => {
        define!(
            $name,
            $before,
            [
                "push rdi",
                "push rsi",
                "push rdx",
                "push rcx",
                "push r8",
                "push r9",
                "sub rsp, 8",
                ".cfi_adjust_cfa_offset 56",
                "call {target}",
                "mov r11, rax",
                "mov r10, rdx",
                "add rsp, 8",
                "pop r9",
                "pop r8",
                "pop rcx",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                ".cfi_adjust_cfa_offset -56",
                "test r10, r10",
                "jnz 2f",
                "jmp r11",
                "2:",
                "sub rsp, 8",
                ".cfi_adjust_cfa_offset 8",
                "call r11",
                "mov [rsp], rax",
                "call {after}",
                "mov rax, [rsp]",
                "add rsp, 8",
                ".cfi_adjust_cfa_offset -8",
                "ret",
            ],
            after = sym $after
        );
    };
}

/// What comes before a call that is interposed by `interpose_around` returns this, in two registers.
#[repr(C)]
pub struct Around {
    /// Where to go on: never null.
    pub next: *const c_void,
    /// Not 0 if something is to come after.
    pub has_after: usize,
}

/// Defines the variadic C function `$name`, of pointers alone, as a call of `$target` with the addresses of the six that
/// came in registers and of those on the stack.
macro_rules! interpose_variadic {
    ($name:literal, $target:ident) => {
        define!(
            $name,
            $target,
            [
                "push r9",
                "push r8",
                "push rcx",
                "push rdx",
                "push rsi",
                "push rdi",
                "sub rsp, 8",
                ".cfi_adjust_cfa_offset 56",
                "lea rdi, [rsp + 8]",
                // Above the return address.
                "lea rsi, [rsp + 64]",
                "call {target}",
                "add rsp, 56",
                ".cfi_adjust_cfa_offset -56",
                "ret",
            ]
        );
    };
}

/// The definition of a C function that comes after ours, mostly libc's.
pub struct Next {
    known: AtomicPtr<c_void>,
    name: &'static CStr,
}

impl Next {
    /// Of the function of that name.
    pub const fn new(name: &'static CStr) -> Next {
        Next { known: AtomicPtr::new(std::ptr::null_mut()), name }
    }

    /// The definition, null if there is none. Looked up at the first call: signal handlers and forked children, in which
    /// another thread may have held the loader's lock, must not be the first.
    pub fn definition(&self) -> *mut c_void {
        match self.known.load(Ordering::Relaxed) {
            unknown if unknown.is_null() => thread::inside(|| sys::next_once(&self.known, self.name)),
            known => known,
        }
    }
}

/// `$next`'s definition as a function of the type `$function`; without one, the caller's caller gets `$failure`, and ENOSYS.
macro_rules! next_or_return {
    ($next:expr, $function:ty, $failure:expr) => {{
        let next = $next.definition();
        if next.is_null() {
            crate::sys::set_errno(libc::ENOSYS);
            return $failure;
        }
        // SAFETY: libc's definition has this type.
        unsafe { std::mem::transmute::<*mut std::ffi::c_void, $function>(next) }
    }};
}
