//! Doors that are passed by most calls without a function of Rust's: what tells an allocation that is not to be sampled, and
//! a block that was not, is a few instructions here, and the next jump is the allocator's.

/// Defines the C function `$name` as a door of allocations of as many bytes as the register `$size` holds, which jumps to
/// the address at `$next`. One that is to be sampled goes to `$sampled`, which takes two arguments more, as with `door!`; its
/// bytes are counted down then. The same in Rust is `Countdown::runs_out`.
macro_rules! counting_door {
    (
        $name:literal $(= $also:literal)*, $size:literal, $sp:literal, $fp:literal, $sampled:ident, $next:expr
        $(; weak $real:literal)? $(, $operand:ident = $kind:tt $value:path)*
    ) => {
        define!(
            $name $(= $also)*,
            $sampled,
            [
                $(concat!(".weak ", $real),)?
                "mov r10, qword ptr [rip + prof_harness_countdown_1@GOTTPOFF]",
                concat!("sub qword ptr fs:[r10], ", $size),
                "jbe 2f",
                "mov r11d, dword ptr fs:[r10 + 8]",
                "cmp r11d, dword ptr [rip + {session}]",
                "jne 2f",
                concat!("jmp qword ptr [rip + ", $next, "]"),
                "2:",
                concat!("mov ", $sp, ", rsp"),
                concat!("mov ", $fp, ", rbp"),
                "jmp {target}",
            ],
            session = sym crate::alive::SESSION
            $(, $operand = $kind $value)*
        );
    };
}

/// Defines the C function `$name` as a door of the frees of the block that is its first argument, which jumps to the address
/// at `$next`; to `$noted`, which has the same signature, if the block may be in the live set. The same in Rust is
/// `live::may_contain`.
macro_rules! freeing_door {
    (
        $name:literal $(= $also:literal)*, $noted:ident, $next:expr
        $(; weak $real:literal)? $(, $operand:ident = $kind:tt $value:path)*
    ) => {
        define!(
            $name $(= $also)*,
            $noted,
            [
                $(concat!(".weak ", $real),)?
                "mov r10d, edi",
                "mov r11d, edi",
                "shr r10d, {low_shift}",
                "shr r11d, {high_shift}",
                "xor r10d, r11d",
                "and r10d, {mask}",
                "lea r11, [rip + {filter}]",
                "cmp byte ptr [r11 + r10], 0",
                "jne 2f",
                concat!("jmp qword ptr [rip + ", $next, "]"),
                "2:",
                "jmp {target}",
            ],
            low_shift = const crate::heap::live::LOW_SHIFT,
            high_shift = const crate::heap::live::HIGH_SHIFT,
            mask = const crate::heap::live::FILTER_MASK,
            filter = sym crate::heap::live::FILTER
            $(, $operand = $kind $value)*
        );
    };
}

/// `counting_door` for a function whose calls the linker wraps: `$name` is what they go to, `$real` the function.
macro_rules! wrapped_counting_door {
    ($name:literal, $real:literal, $size:literal, $sp:literal, $fp:literal, $sampled:ident) => {
        counting_door!($name, $size, $sp, $fp, $sampled, concat!($real, "@GOTPCREL"); weak $real);
    };
}

/// `freeing_door` for a function whose calls the linker wraps: `$name` is what they go to, `$real` the function.
macro_rules! wrapped_freeing_door {
    ($name:literal, $real:literal, $noted:ident) => {
        freeing_door!($name, $noted, concat!($real, "@GOTPCREL"); weak $real);
    };
}
