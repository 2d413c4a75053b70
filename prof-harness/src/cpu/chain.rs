//! What the program wants done on a SIGPROF. The signal's handler is the sampler's; what the program asks `sigaction`,
//! `signal` and their kin for is kept here, told when it is asked for, and done when a signal comes that is not the sampler's.
//! How it waits for the signal is in `wait.rs`, what a signal does to one who has it blocked in `blocked.rs`.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

use super::{blocked, handler};
use crate::interpose::Next;
use crate::sys::{self, siginfo_t, SignalAction};

/// Whether SIGPROF is the sampler's.
static IS_OURS: AtomicBool = AtomicBool::new(false);

// What the program asked for. In parts: a signal that comes while another thread changes it may see some of either, as the
// order of the two is open anyway.
static ACTION: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);
static FLAGS: AtomicI32 = AtomicI32::new(0);
static MASK: AtomicU64 = AtomicU64::new(0);
/// Whether it asked `siginterrupt` that its handler should interrupt system calls; `signal` keeps to that.
static INTERRUPTS: AtomicBool = AtomicBool::new(false);

/// The stack of the sampler's handler: SA_ONSTACK or 0.
static ON_STACK: AtomicI32 = AtomicI32::new(WITHOUT_A_HANDLER);

/// Keeps what the program had asked for before SIGPROF became the sampler's.
pub fn keep(before: SignalAction) {
    store(before);
    IS_OURS.store(true, Ordering::Release);
}

/// The stack for the sampler's handler where the program has none for SIGPROF: the signal stack, as what runs may have no
/// room for a signal on its own (goroutines have 2 KB).
pub const WITHOUT_A_HANDLER: c_int = libc::SA_ONSTACK;

fn store(action: SignalAction) {
    // The program's handler runs on top of the sampler's, on the stack that it asks for.
    let on_stack = match action.handler {
        libc::SIG_IGN | libc::SIG_DFL => WITHOUT_A_HANDLER,
        _ => action.flags & libc::SA_ONSTACK,
    };
    if ON_STACK.swap(on_stack, Ordering::Relaxed) != on_stack {
        handler::handle(on_stack);
    }
    FLAGS.store(action.flags, Ordering::Relaxed);
    MASK.store(action.mask, Ordering::Relaxed);
    ACTION.store(action.handler, Ordering::Release);
}

fn load() -> SignalAction {
    let handler = ACTION.load(Ordering::Acquire);
    SignalAction { handler, flags: FLAGS.load(Ordering::Relaxed), mask: MASK.load(Ordering::Relaxed) }
}

/// Whether the program has a handler of its own. Signal: yes.
pub fn has_handler() -> bool {
    !matches!(ACTION.load(Ordering::Acquire), libc::SIG_DFL | libc::SIG_IGN)
}

/// Lets SIGPROF be ignored in truth if the program asked for that, which programs that it starts inherit; true if so, until
/// [`handle_again`]. Signal: yes.
pub fn ignore_if_asked() -> bool {
    let is_asked = IS_OURS.load(Ordering::Acquire) && ACTION.load(Ordering::Acquire) == libc::SIG_IGN;
    if is_asked {
        sys::ignore_sigprof();
    }
    is_asked
}

/// Ends what [`ignore_if_asked`] began. Signal: yes.
pub fn handle_again() {
    handler::handle(ON_STACK.load(Ordering::Relaxed));
}

/// Does with a signal what the program asked for. Signal: yes.
///
/// # Safety
///
/// `info` and `context` are what the kernel handed to the handler.
pub unsafe fn hand_on(info: *mut siginfo_t, context: *mut c_void) {
    let action = load();
    match action.handler {
        libc::SIG_IGN => {}
        libc::SIG_DFL => sys::raise_by_default(libc::SIGPROF),
        function => {
            if action.flags & libc::SA_RESETHAND != 0 {
                ACTION.store(libc::SIG_DFL, Ordering::Relaxed);
            }
            // SAFETY: the caller's promise.
            let mask = unsafe { sys::interrupted_mask(context) } | action.mask;
            let own = if action.flags & libc::SA_NODEFER == 0 { sys::mask_of(libc::SIGPROF) } else { 0 };
            sys::set_signal_mask(mask | own);
            // SAFETY: the program gave the address as that of its handler; one that takes the number alone does not look at
            // the other two.
            let function =
                unsafe { std::mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(function) };
            function(libc::SIGPROF, info, context);
        }
    }
}

static SIGSET: Next = Next::new(c"sigset");
static SIGINTERRUPT: Next = Next::new(c"siginterrupt");

/// Looks the next definitions up, for signal handlers and forked children.
pub fn prepare() {
    SIGSET.definition();
    SIGINTERRUPT.definition();
}

interpose!("sigaction", sigaction);
interpose!("signal", signal);
interpose!("bsd_signal", signal);
// What `signal` is for programs of strict C.
interpose!("__sysv_signal", sysv_signal);
interpose!("sysv_signal", sysv_signal);
interpose!("sigignore", sigignore);
interpose!("sigset", sigset);
interpose!("siginterrupt", siginterrupt);

/// # Safety
///
/// As for `sigaction`.
unsafe extern "C" fn sigaction(number: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int {
    if number != libc::SIGPROF || !IS_OURS.load(Ordering::Acquire) {
        // SAFETY: the caller's arguments, handed on.
        return unsafe { sys::libc_sigaction(number, new, old) };
    }
    let before = load();
    // SAFETY: the caller's pointers, each null or valid.
    unsafe {
        if !new.is_null() {
            store(SignalAction::from_libc(&*new));
        }
        if !old.is_null() {
            *old = before.to_libc();
        }
    }
    0
}

/// # Safety
///
/// As for `signal`.
unsafe extern "C" fn signal(number: c_int, handler: usize) -> usize {
    if number != libc::SIGPROF || !IS_OURS.load(Ordering::Acquire) {
        // SAFETY: the caller's arguments, handed on.
        return unsafe { sys::libc_signal(number, handler) };
    }
    if handler == libc::SIG_ERR {
        sys::set_errno(libc::EINVAL);
        return libc::SIG_ERR;
    }
    let before = load().handler;
    let flags = if INTERRUPTS.load(Ordering::Relaxed) { 0 } else { libc::SA_RESTART };
    store(SignalAction { handler, flags, mask: sys::mask_of(libc::SIGPROF) });
    before
}

/// # Safety
///
/// As for `sysv_signal`.
unsafe extern "C" fn sysv_signal(number: c_int, handler: usize) -> usize {
    let once = SignalAction { handler, flags: libc::SA_RESETHAND | libc::SA_NODEFER, mask: 0 };
    let mut before = once.to_libc();
    // SAFETY: both live across the call.
    match unsafe { sigaction(number, &once.to_libc(), &mut before) } {
        0 => before.sa_sigaction,
        _ => libc::SIG_ERR,
    }
}

/// # Safety
///
/// As for `sigignore`.
unsafe extern "C" fn sigignore(number: c_int) -> c_int {
    let ignored = SignalAction { handler: libc::SIG_IGN, flags: 0, mask: 0 };
    // SAFETY: it lives across the call.
    unsafe { sigaction(number, &ignored.to_libc(), std::ptr::null_mut()) }
}

/// # Safety
///
/// As for `sigset`.
unsafe extern "C" fn sigset(number: c_int, disposition: usize) -> usize {
    const SIG_HOLD: usize = 2;
    if number != libc::SIGPROF || !IS_OURS.load(Ordering::Acquire) {
        let next = next_or_return!(SIGSET, unsafe extern "C" fn(c_int, usize) -> usize, libc::SIG_ERR);
        // SAFETY: the caller's arguments, handed on.
        return unsafe { next(number, disposition) };
    }
    let before = load().handler;
    let how = if disposition == SIG_HOLD {
        libc::SIG_BLOCK
    } else {
        store(SignalAction { handler: disposition, flags: 0, mask: 0 });
        libc::SIG_UNBLOCK
    };
    let was_held = sys::blocks_sigprof();
    // SAFETY: the set lives across the call.
    unsafe { blocked::sigprocmask(how, &sys::sigprof_alone(), std::ptr::null_mut()) };
    if was_held {
        SIG_HOLD
    } else {
        before
    }
}

/// # Safety
///
/// As for `siginterrupt`.
unsafe extern "C" fn siginterrupt(number: c_int, interrupts: c_int) -> c_int {
    if number != libc::SIGPROF || !IS_OURS.load(Ordering::Acquire) {
        let next = next_or_return!(SIGINTERRUPT, unsafe extern "C" fn(c_int, c_int) -> c_int, -1);
        // SAFETY: the caller's arguments, handed on.
        return unsafe { next(number, interrupts) };
    }
    INTERRUPTS.store(interrupts != 0, Ordering::Relaxed);
    let mut action = load();
    if interrupts != 0 {
        action.flags &= !libc::SA_RESTART;
    } else {
        action.flags |= libc::SA_RESTART;
    }
    store(action);
    0
}
