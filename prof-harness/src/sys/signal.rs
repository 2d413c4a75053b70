//! SIGPROF and the timers that send it.

use std::ffi::{c_int, c_void};

use super::errno;
pub use libc::{siginfo_t, sigset_t, timespec, ucontext_t};

/// Who sent a SIGPROF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A timer of `timer_create` that carries this value.
    Timer(usize),
    /// A file descriptor, such as that of a task clock.
    Descriptor(c_int),
    /// `setitimer`.
    ProcessTimer,
    /// The kernel had no memory to say.
    Untold,
    /// A process.
    Other,
}

/// Who sent the signal that `info` describes. Signal: yes.
///
/// # Safety
///
/// `info` is what the kernel handed to a handler with SA_SIGINFO.
pub unsafe fn sender(info: *const siginfo_t) -> Sender {
    const SI_KERNEL: c_int = 0x80;
    const POLL_IN: c_int = 1;
    const POLL_HUP: c_int = 6;
    // `si_fd`, after the three ints of every siginfo and the long `si_band`.
    const FD_OFFSET: usize = 24;
    // SAFETY: the caller's promise.
    let told = unsafe { &*info };
    match told.si_code {
        // SAFETY: the value is initialised for the signals of timers.
        libc::SI_TIMER => Sender::Timer(unsafe { told.si_value() }.sival_ptr as usize),
        // SAFETY: within the siginfo, and initialised for these codes.
        POLL_IN..=POLL_HUP => Sender::Descriptor(unsafe { *info.byte_add(FD_OFFSET).cast::<c_int>() }),
        SI_KERNEL => Sender::ProcessTimer,
        // SAFETY: the sender's process id is initialised for these.
        libc::SI_USER if unsafe { told.si_pid() } == 0 => Sender::Untold,
        _ => Sender::Other,
    }
}

/// What is to be done on a signal.
#[derive(Clone, Copy)]
pub struct SignalAction {
    /// A function, `SIG_DFL` or `SIG_IGN`.
    pub handler: usize,
    /// The `SA_*` flags.
    pub flags: c_int,
    /// The signals that are blocked meanwhile, a bit each.
    pub mask: u64,
}

impl SignalAction {
    /// From libc's form.
    pub fn from_libc(action: &libc::sigaction) -> SignalAction {
        // SAFETY: the kernel's part of a set is its first word.
        let mask = unsafe { *std::ptr::from_ref(&action.sa_mask).cast::<u64>() };
        SignalAction { handler: action.sa_sigaction, flags: action.sa_flags, mask }
    }

    /// To libc's form.
    pub fn to_libc(self) -> libc::sigaction {
        // SAFETY: an all-zero sigaction is a valid one.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = self.handler;
        action.sa_flags = self.flags;
        // SAFETY: as in `from_libc`.
        unsafe { *std::ptr::from_mut(&mut action.sa_mask).cast::<u64>() = self.mask };
        action
    }
}

/// The mask with `signal` alone. Signal: yes.
pub fn mask_of(signal: c_int) -> u64 {
    1 << (signal - 1)
}

/// Handles SIGPROF with `handler` from now on, restarting system calls, and returns what was done before. With `on_stack`
/// equal to SA_ONSTACK it runs on the thread's signal stack, if it has one; with 0 on that which is interrupted. Signal: yes.
pub fn handle_sigprof(
    handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void),
    on_stack: c_int,
) -> Option<SignalAction> {
    let flags = libc::SA_SIGINFO | libc::SA_RESTART | on_stack;
    // No handler of the program runs on top, from which it could jump out of this one.
    let action = SignalAction { handler: handler as usize, flags, mask: !0 }.to_libc();
    // SAFETY: an all-zero sigaction is a valid one.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both live across the call, and the handler keeps to what a signal handler may do.
    let result = unsafe { libc_sigaction(libc::SIGPROF, &action, &mut before) };
    (result == 0).then(|| SignalAction::from_libc(&before))
}

/// Does what a signal does where nobody handles it: ends the process, on the return from the handler that calls this.
/// Signal: yes.
pub fn raise_by_default(signal: c_int) {
    let action = SignalAction { handler: libc::SIG_DFL, flags: 0, mask: 0 }.to_libc();
    // SAFETY: `action` lives across the call.
    unsafe { libc_sigaction(signal, &action, std::ptr::null_mut()) };
    raise(signal);
}

/// Takes a SIGPROF that is pending on the calling thread, which blocks it, and says who sent it. Signal: yes.
pub fn take_pending_sigprof() -> Option<Sender> {
    let (set, at_once) = (mask_of(libc::SIGPROF), timespec { tv_sec: 0, tv_nsec: 0 });
    let mut info = std::mem::MaybeUninit::<siginfo_t>::zeroed();
    // SAFETY: all live across the call, and the set has the size given.
    let got = unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &set, info.as_mut_ptr(), &at_once, size_of::<u64>()) };
    // SAFETY: filled in with the signal.
    (got == i64::from(libc::SIGPROF)).then(|| unsafe { sender(info.as_ptr()) })
}

/// Sends a signal to the calling thread. Signal: yes.
pub fn raise(signal: c_int) {
    // SAFETY: no pointers.
    unsafe { libc::syscall(libc::SYS_tgkill, super::process_id(), super::thread_id(), signal) };
}

/// The signals that were blocked where a signal interrupted. Signal: yes.
///
/// # Safety
///
/// `context` is the third argument of a handler with SA_SIGINFO.
pub unsafe fn interrupted_mask(context: *const c_void) -> u64 {
    // SAFETY: the caller's promise; the kernel fills the first word of the set in.
    unsafe { *std::ptr::addr_of!((*context.cast::<ucontext_t>()).uc_sigmask).cast::<u64>() }
}

/// Blocks just these signals on the calling thread. Signal: yes.
pub fn set_signal_mask(mask: u64) {
    let (set, none) = (&mask, std::ptr::null_mut::<u64>());
    // SAFETY: `mask` lives across the call and has the size given.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, set, none, size_of::<u64>()) };
}

unsafe extern "C" {
    /// libc's `sigaction`, under a name that nobody defines again.
    #[link_name = "__sigaction"]
    pub fn libc_sigaction(number: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int;
    /// libc's `signal`, likewise.
    #[link_name = "ssignal"]
    pub fn libc_signal(number: c_int, handler: usize) -> usize;
}

/// A timer on a thread's CPU clock, by the kernel's number.
#[derive(Clone, Copy)]
pub struct ThreadTimer(pub c_int);

/// A timer on the CPU clock of thread `tid` that sends it SIGPROF with `value`, first after `first` nanoseconds, then
/// every `period`; or the kernel's error. Made without libc, which would allocate. Signal: yes.
pub fn start_thread_timer(tid: c_int, first: u64, period: u64, value: *const c_void) -> Result<ThreadTimer, c_int> {
    // SAFETY: an all-zero sigevent is a valid one.
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_signo = libc::SIGPROF;
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_notify_thread_id = tid;
    event.sigev_value = libc::sigval { sival_ptr: value.cast_mut() };
    let mut timer: c_int = 0;
    // SAFETY: both pointers live across the call.
    if unsafe { libc::syscall(libc::SYS_timer_create, super::cpu_clock_of(tid), &mut event, &mut timer) } != 0 {
        return Err(errno());
    }
    let timer = ThreadTimer(timer);
    timer.set(first, period);
    Ok(timer)
}

impl ThreadTimer {
    /// Fires after `first` nanoseconds, then every `period`; never for 0. Signal: yes.
    pub fn set(self, first: u64, period: u64) {
        let setting = libc::itimerspec { it_interval: time(period), it_value: time(first) };
        let none = std::ptr::null_mut::<libc::itimerspec>();
        // SAFETY: `setting` lives across the call.
        unsafe { libc::syscall(libc::SYS_timer_settime, self.0, 0, &setting, none) };
    }

    /// Ends it. Signal: yes.
    pub fn delete(self) {
        // SAFETY: no pointers.
        unsafe { libc::syscall(libc::SYS_timer_delete, self.0) };
    }
}

/// Sends SIGPROF to the process every `period` nanoseconds of CPU time of all its threads, or no longer for 0; false if the
/// kernel refuses. Signal: yes.
pub fn set_process_timer(period: u64) -> bool {
    let micros = if period == 0 { 0 } else { period.div_ceil(1000) };
    let time = libc::timeval { tv_sec: (micros / 1_000_000) as i64, tv_usec: (micros % 1_000_000) as i64 };
    let setting = libc::itimerval { it_interval: time, it_value: time };
    // SAFETY: `setting` lives across the call.
    unsafe { libc::setitimer(libc::ITIMER_PROF, &setting, std::ptr::null_mut()) == 0 }
}

fn time(nanos: u64) -> timespec {
    timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 }
}
