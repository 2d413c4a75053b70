//! The program's own use of SIGPROF. The signal's handler is the sampler's; what the program asks `sigaction` and `signal`
//! for is kept here, told when it is asked for, and done when a signal comes that is not the sampler's. `sigwait` and its
//! kin, likewise, return no signal of the sampler's.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use super::handler;
use crate::sys::{self, siginfo_t, sigset_t, timespec, SignalAction};
use crate::thread;

/// Whether SIGPROF is the sampler's.
static IS_OURS: AtomicBool = AtomicBool::new(false);

// What the program asked for. In parts: a signal that comes while another thread changes it may see some of either, as the
// order of the two is open anyway.
static ACTION: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);
static FLAGS: AtomicI32 = AtomicI32::new(0);
static MASK: AtomicU64 = AtomicU64::new(0);

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

interpose!("sigaction", sigaction);
interpose!("signal", signal);
interpose!("bsd_signal", signal);
// What `signal` is for programs of strict C.
interpose!("__sysv_signal", sysv_signal);
interpose!("sysv_signal", sysv_signal);
interpose!("sigignore", sigignore);
interpose!("sigwait", sigwait);
interpose!("sigwaitinfo", sigwaitinfo);
interpose!("sigtimedwait", sigtimedwait);

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
    store(SignalAction { handler, flags: libc::SA_RESTART, mask: sys::mask_of(libc::SIGPROF) });
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

type SigTimedWait = unsafe extern "C" fn(*const sigset_t, *mut siginfo_t, *const timespec) -> c_int;

/// # Safety
///
/// As for `sigtimedwait`.
unsafe extern "C" fn sigtimedwait(set: *const sigset_t, info: *mut siginfo_t, timeout: *const timespec) -> c_int {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let next = thread::inside(|| sys::next_once(&NEXT, c"sigtimedwait"));
    if next.is_null() {
        sys::set_errno(libc::ENOSYS);
        return -1;
    }
    // SAFETY: libc's definition has this type.
    let next = unsafe { std::mem::transmute::<*mut c_void, SigTimedWait>(next) };
    let mut own_info = std::mem::MaybeUninit::<siginfo_t>::zeroed();
    let info = if info.is_null() { own_info.as_mut_ptr() } else { info };
    // SAFETY: null or the caller's.
    let total = unsafe { timeout.as_ref() }
        .map(|time| (time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64));
    let started = sys::monotonic_nanos();
    let mut left = None;
    loop {
        let timeout = left.as_ref().map_or(timeout, std::ptr::from_ref);
        // SAFETY: the caller's set; the others are the caller's or live here.
        let number = unsafe { next(set, info, timeout) };
        // SAFETY: filled in with the signal.
        if number != libc::SIGPROF || !handler::is_ours(unsafe { sys::sender(info) }) {
            return number;
        }
        if let Some(total) = total {
            let nanos = total.saturating_sub(sys::monotonic_nanos() - started);
            left = Some(timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 });
        }
    }
}

/// # Safety
///
/// As for `sigwaitinfo`.
unsafe extern "C" fn sigwaitinfo(set: *const sigset_t, info: *mut siginfo_t) -> c_int {
    // SAFETY: the caller's arguments, and no end.
    unsafe { sigtimedwait(set, info, std::ptr::null()) }
}

/// # Safety
///
/// As for `sigwait`.
unsafe extern "C" fn sigwait(set: *const sigset_t, number: *mut c_int) -> c_int {
    loop {
        // SAFETY: the caller's set.
        let got = unsafe { sigtimedwait(set, std::ptr::null_mut(), std::ptr::null()) };
        if got >= 0 {
            // SAFETY: the caller's pointer.
            unsafe { *number = got };
            return 0;
        }
        // Unlike the others, it does not tell of an interruption.
        match sys::errno() {
            libc::EINTR => {}
            error => return error,
        }
    }
}
