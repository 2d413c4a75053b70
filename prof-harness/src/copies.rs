//! Which copy of this crate is at work: a program whose own dependencies hold the harness gets a second by injection. The
//! one that is linked first starts, for its definitions of `malloc` and others are then those in use; what programs and
//! test frameworks call of either goes to that one. What it does is in `testing.rs` and `heap/wrapper.rs`.

use std::ffi::c_void;

use crate::heap::{self, Caller, Ticket};
use crate::testing::{self, Running};

/// What a copy does for all copies.
#[repr(C)]
pub struct Hooks {
    /// [`LAYOUT`] of that copy; the others are there if it is ours.
    layout: usize,
    /// `testing::wait_for_tests`.
    pub wait_for_tests: extern "C" fn(),
    /// `testing::enter_framework`.
    pub enter_framework: extern "C" fn(),
    /// Begins a test or benchmark of this kind, as the layout of records has it, with a name of so many bytes.
    pub begin: unsafe extern "C" fn(u64, *const u8, usize) -> Running,
    /// Ends it.
    pub end: extern "C" fn(&Running),
    /// Before an allocation of so many bytes, by an allocator that is to be alone or not.
    pub enter: extern "C" fn(usize, bool) -> Ticket,
    /// After it.
    pub leave: extern "C" fn(Ticket),
    /// Records the block that a sampled allocation got, of so many bytes.
    pub record: extern "C" fn(Ticket, *mut c_void, usize, Caller),
    /// Takes a block out of the live set; 0 if it is not in it.
    pub take: extern "C" fn(*mut c_void) -> u64,
    /// Puts a taken block back, if it lives on, or counts it as freed.
    pub settle: extern "C" fn(*mut c_void, u64, bool),
    /// Before a block is freed.
    pub forget: extern "C" fn(*mut c_void),
}

/// Changes with the form or the sense of [`Hooks`].
const LAYOUT: usize = 1;

static HOOKS: Hooks = Hooks {
    layout: LAYOUT,
    wait_for_tests: testing::wait_here,
    enter_framework: testing::enter_here,
    begin: testing::begin_here,
    end: testing::end_here,
    enter: heap::enter,
    leave: heap::leave,
    record: heap::record_block,
    take: heap::take_block,
    settle: heap::settle_block,
    forget: heap::forget_block,
};

// Weak symbols of a name become one.
std::arch::global_asm!(
    ".ifndef prof_harness_owner",
    ".pushsection .data.prof_harness_owner,\"aw\",@progbits",
    ".p2align 3",
    ".weak prof_harness_owner",
    ".type prof_harness_owner,@object",
    "prof_harness_owner:",
    ".quad {hooks}",
    ".size prof_harness_owner, 8",
    ".popsection",
    ".endif",
    hooks = sym HOOKS,
);

unsafe extern "C" {
    #[link_name = "prof_harness_owner"]
    static OWNER: &'static Hooks;
}

/// Whether this copy is the one.
pub fn is_at_work() -> bool {
    std::ptr::eq(owner(), &HOOKS)
}

/// The hooks of the copy that is at work; if it is none that this one understands, of this one, which sleeps.
pub fn hooks() -> &'static Hooks {
    let owner = owner();
    if owner.layout == LAYOUT {
        owner
    } else {
        &HOOKS
    }
}

fn owner() -> &'static Hooks {
    // SAFETY: defined above, by this copy or another. What is in it besides the first word is that copy's affair.
    unsafe { OWNER }
}
