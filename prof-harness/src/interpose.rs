//! Definitions before libc's: each a weak symbol, so that a program which defines the name itself keeps it, and a jump, so
//! that no frame of the definition lies on the program's stack.

/// Defines the C function `$name` by the instructions `$line`, which call or jump to `{target}`.
macro_rules! define {
    ($name:literal, $target:ident, [$($line:expr),+ $(,)?]) => {
        std::arch::global_asm!(
            concat!(".pushsection .text.prof_", $name, ",\"ax\",@progbits"),
            ".p2align 4",
            concat!(".weak ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            ".cfi_startproc",
            $($line,)+
            ".cfi_endproc",
            concat!(".size ", $name, ", .-", $name),
            ".popsection",
            target = sym $target,
        );
    };
}

/// Defines the C function `$name` as a jump to `$target`, which has the same signature.
macro_rules! interpose {
    ($name:literal, $target:ident) => {
        define!($name, $target, ["jmp {target}"]);
    };
}

/// Defines the variadic C function `$name`, of pointers alone, as a call of `$before`, which returns the next definition,
/// and a jump there with the arguments as they came.
macro_rules! interpose_variadic {
    ($name:literal, $before:ident) => {
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
                "add rsp, 8",
                "pop r9",
                "pop r8",
                "pop rcx",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                ".cfi_adjust_cfa_offset -56",
                "mov r11, rax",
                // No argument is in a vector register.
                "xor eax, eax",
                "jmp r11",
            ]
        );
    };
}
