//! SIGPROF and the timers that send it.

use std::ffi::{c_int, c_void, CStr};

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

/// The set of SIGPROF alone. Signal: yes.
pub fn sigprof_alone() -> sigset_t {
    SignalAction { handler: 0, flags: 0, mask: mask_of(libc::SIGPROF) }.to_libc().sa_mask
}

/// Whether SIGPROF is in the set. Signal: yes.
///
/// # Safety
///
/// `set` is null or valid.
pub unsafe fn holds_sigprof(set: *const sigset_t) -> bool {
    // SAFETY: the caller's promise; the kernel's part of a set is its first word.
    unsafe { set.cast::<u64>().as_ref() }.is_some_and(|mask| mask & mask_of(libc::SIGPROF) != 0)
}

/// The set with SIGPROF added. Signal: yes.
///
/// # Safety
///
/// `set` is valid.
pub unsafe fn with_sigprof(set: *const sigset_t) -> sigset_t {
    // SAFETY: the caller's promise.
    let mut set = unsafe { set.read() };
    // SAFETY: as in `holds_sigprof`.
    unsafe { *std::ptr::from_mut(&mut set).cast::<u64>() |= mask_of(libc::SIGPROF) };
    set
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

/// Lets SIGPROF be ignored, in truth. Signal: yes.
pub fn ignore_sigprof() {
    let action = SignalAction { handler: libc::SIG_IGN, flags: 0, mask: 0 }.to_libc();
    // SAFETY: `action` lives across the call.
    unsafe { libc_sigaction(libc::SIGPROF, &action, std::ptr::null_mut()) };
}

/// Takes a SIGPROF that is pending for the calling thread, which blocks it, and says who sent it. Signal: yes.
pub fn take_pending_sigprof() -> Option<(Sender, siginfo_t)> {
    let (set, at_once) = (mask_of(libc::SIGPROF), timespec { tv_sec: 0, tv_nsec: 0 });
    let mut info = std::mem::MaybeUninit::<siginfo_t>::zeroed();
    // SAFETY: all live across the call, and the set has the size given.
    let got = unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &set, info.as_mut_ptr(), &at_once, size_of::<u64>()) };
    // SAFETY: filled in with the signal.
    (got == i64::from(libc::SIGPROF)).then(|| unsafe { (sender(info.as_ptr()), info.assume_init()) })
}

/// Sends a SIGPROF that was taken again, as it was. Signal: yes.
pub fn send_again(info: &siginfo_t) {
    let (process, thread) = (super::process_id(), super::thread_id());
    // To the process, unless it was sent by `pthread_kill` or the like. The kernel lets only the main thread do so.
    // SAFETY: `info` lives across the call.
    let is_sent = info.si_code != libc::SI_TKILL
        && unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, process, libc::SIGPROF, info) } == 0;
    if !is_sent {
        // SAFETY: as above.
        unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, libc::SIGPROF, info) };
    }
}

/// Whether the calling thread blocks SIGPROF. Signal: yes.
pub fn blocks_sigprof() -> bool {
    let (unchanged, mut mask) = (std::ptr::null::<u64>(), 0u64);
    // SAFETY: `mask` lives across the call and has the size given.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, unchanged, &mut mask, size_of::<u64>()) };
    mask & mask_of(libc::SIGPROF) != 0
}

/// Whether thread `tid` of the process blocks SIGPROF; false if it cannot be told. Signal: no.
pub fn thread_blocks_sigprof(tid: c_int) -> bool {
    // Longer than the longest.
    let mut path = [0u8; 64];
    let _ = std::io::Write::write_fmt(&mut &mut path[..63], format_args!("/proc/self/task/{tid}/stat"));
    let Ok(path) = CStr::from_bytes_until_nul(&path) else { return false };
    let mut buffer = [0; 1024];
    blocked_of(super::read_start(path, &mut buffer)) & mask_of(libc::SIGPROF) != 0
}

/// The blocked signals, up to the 31st, of a thread with this line in its `/proc/PID/task/TID/stat`.
fn blocked_of(stat: &[u8]) -> u64 {
    // Counted from the state, which follows the name. The name may hold anything.
    const BLOCKED: usize = 29;
    let after_name = stat.rsplit(|byte| *byte == b')').next().unwrap_or_default();
    let field = after_name.split(|byte| *byte == b' ').filter(|field| !field.is_empty()).nth(BLOCKED);
    field.and_then(|field| std::str::from_utf8(field).ok()).and_then(|field| field.parse().ok()).unwrap_or(0)
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

unsafe extern "C" {
    /// libc's `sigsuspend`, likewise. A point of cancellation.
    #[link_name = "__sigsuspend"]
    pub fn libc_sigsuspend(mask: *const sigset_t) -> c_int;
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
    unsafe { kernel_setitimer(libc::ITIMER_PROF, &setting, std::ptr::null_mut()) == 0 }
}

/// The process's SIGPROF timer, and what is left of its time. Signal: yes.
pub fn process_timer() -> libc::itimerval {
    let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let mut setting = libc::itimerval { it_interval: never, it_value: never };
    // SAFETY: `setting` lives across the call.
    unsafe { kernel_getitimer(libc::ITIMER_PROF, &mut setting) };
    setting
}

/// The system call `setitimer`, past the harness's own definition. Signal: yes.
///
/// # Safety
///
/// As for libc's; pointers that lead nowhere are an error.
pub unsafe fn kernel_setitimer(which: c_int, new: *const libc::itimerval, old: *mut libc::itimerval) -> c_int {
    // SAFETY: the caller's arguments, handed on.
    unsafe { libc::syscall(libc::SYS_setitimer, which, new, old) as c_int }
}

/// The system call `getitimer`, likewise. Signal: yes.
///
/// # Safety
///
/// As for libc's; pointers that lead nowhere are an error.
pub unsafe fn kernel_getitimer(which: c_int, now: *mut libc::itimerval) -> c_int {
    // SAFETY: the caller's arguments, handed on.
    unsafe { libc::syscall(libc::SYS_getitimer, which, now) as c_int }
}

fn time(nanos: u64) -> timespec {
    timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocked_signals_are_read_whatever_the_name() {
        let rest = "S 1 2 2 0 -1 4194304 3 4 5 6 7 8 9 10 20 0 1 0 11 12 13 14 15 16 17 18 19 20 67108864 22 23 24";
        for name in ["plain", "a) R (b", ""] {
            assert_eq!(blocked_of(format!("7 ({name}) {rest}\n").as_bytes()), mask_of(libc::SIGPROF), "{name}");
        }
        assert_eq!(blocked_of(b""), 0);
    }

    #[test]
    fn a_thread_is_seen_to_block_the_signal() {
        let tid = super::super::thread_id();
        assert!(!blocks_sigprof() && !thread_blocks_sigprof(tid));
        set_signal_mask(mask_of(libc::SIGPROF));
        assert!(blocks_sigprof() && thread_blocks_sigprof(tid));
        assert!(take_pending_sigprof().is_none());
        raise(libc::SIGPROF);
        let (sender, info) = take_pending_sigprof().unwrap();
        assert_eq!((sender, info.si_code), (Sender::Other, libc::SI_TKILL));
        send_again(&info);
        let (_, again) = take_pending_sigprof().unwrap();
        // SAFETY: signals of `tgkill` have it.
        assert_eq!((again.si_code, unsafe { again.si_pid() }), (libc::SI_TKILL, super::super::process_id()));
        set_signal_mask(0);
    }
}
