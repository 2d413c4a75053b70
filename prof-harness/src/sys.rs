//! Every call into libc and the kernel, once. Each says whether a signal handler may use it; none allocates through
//! the program's allocator unless it says so.

use std::ffi::{c_char, c_int, c_void, CStr};

pub use libc::{pthread_attr_t, pthread_t, siginfo_t, timer_t, ucontext_t};

/// The calling thread's `errno`. Signal: yes.
pub fn errno() -> c_int {
    // SAFETY: the address is that of a thread-local int, valid for the thread's life.
    unsafe { *libc::__errno_location() }
}

/// Sets the calling thread's `errno`. Signal: yes.
pub fn set_errno(value: c_int) {
    // SAFETY: as in `errno`.
    unsafe { *libc::__errno_location() = value }
}

/// Nanoseconds of the monotonic clock. Signal: yes.
pub fn monotonic_nanos() -> u64 {
    clock_nanos(libc::CLOCK_MONOTONIC)
}

/// Nanoseconds since the Unix epoch. Signal: yes.
pub fn unix_nanos() -> u64 {
    clock_nanos(libc::CLOCK_REALTIME)
}

/// Nanoseconds of CPU time that the calling thread has used. Signal: yes.
pub fn thread_cpu_nanos() -> u64 {
    clock_nanos(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock_nanos(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec that lives across the call.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The kernel's id of the calling thread. Signal: yes.
pub fn thread_id() -> c_int {
    // SAFETY: no arguments.
    unsafe { libc::gettid() }
}

/// The process id. Signal: yes.
pub fn process_id() -> c_int {
    // SAFETY: no arguments.
    unsafe { libc::getpid() }
}

/// Whether the calling thread is the one that the process began with. Signal: yes.
pub fn is_main_thread() -> bool {
    thread_id() == process_id()
}

/// glibc's descriptor of the calling thread, which it keeps at the top of a thread's stack. Signal: yes.
pub fn pthread_self() -> usize {
    // SAFETY: no arguments.
    unsafe { libc::pthread_self() as usize }
}

/// An environment variable's bytes. Signal: no.
pub fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: `name` ends in NUL.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: getenv returns a NUL-terminated string. The constructor, the only caller, copies what it keeps
    // before the program can change its environment.
    Some(unsafe { CStr::from_ptr(value) })
}

/// Reads the target of the link `/proc/self/exe` into `buffer`, returning its length. Signal: yes.
pub fn executable_path(buffer: &mut [u8]) -> usize {
    // SAFETY: the buffer is writable for the length given.
    let length = unsafe { libc::readlink(c"/proc/self/exe".as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(length).unwrap_or(0)
}

/// Private zeroed memory of the harness's own, or none. Signal: yes.
pub fn map(bytes: usize) -> Option<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, nothing is replaced.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) };
    (memory != libc::MAP_FAILED).then_some(memory.cast())
}

/// Gives memory of `map` back. Signal: yes.
///
/// # Safety
///
/// `memory` came from [`map`] with the same `bytes`, and nobody uses it any more.
pub unsafe fn unmap(memory: *mut u8, bytes: usize) {
    // SAFETY: the caller's promise.
    unsafe { libc::munmap(memory.cast(), bytes) };
}

/// A page that the kernel clears in a forked child, or none. Signal: no.
pub fn map_wiped_on_fork() -> Option<*mut u8> {
    let page = map(4096)?;
    // SAFETY: the page is a private anonymous mapping, as MADV_WIPEONFORK asks.
    let advised = unsafe { libc::madvise(page.cast(), 4096, libc::MADV_WIPEONFORK) };
    (advised == 0).then_some(page)
}

/// Creates the file `path`, which must not exist. Signal: yes.
pub fn create(path: &CStr) -> Option<File> {
    // SAFETY: `path` ends in NUL.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC, 0o600) };
    (fd >= 0).then_some(File { fd })
}

/// Opens the file `path`. Signal: yes.
pub fn open(path: &CStr) -> Option<File> {
    // SAFETY: `path` ends in NUL.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
    (fd >= 0).then_some(File { fd })
}

/// An open file, closed when dropped: the program must not find descriptors of ours among its own.
pub struct File {
    fd: c_int,
}

impl File {
    /// Gives the file real blocks, zeroed, for `bytes` at `offset`, so that a full disk is an error here and not a
    /// SIGBUS at a later store. Signal: yes.
    pub fn reserve(&self, offset: usize, bytes: usize) -> bool {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` lives across the call.
        unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) };
        // Beyond the limit the kernel would send SIGXFSZ.
        if limit.rlim_cur != libc::RLIM_INFINITY && (offset + bytes) as u64 > limit.rlim_cur {
            set_errno(libc::EFBIG);
            return false;
        }
        // SAFETY: no pointers.
        if unsafe { libc::fallocate(self.fd, 0, offset as i64, bytes as i64) } == 0 {
            return true;
        }
        errno() == libc::EOPNOTSUPP && self.write_zeros(offset, bytes)
    }

    fn write_zeros(&self, offset: usize, bytes: usize) -> bool {
        static ZEROS: [u8; 4096] = [0; 4096];
        for chunk in (0..bytes).step_by(ZEROS.len()) {
            let length = ZEROS.len().min(bytes - chunk);
            // SAFETY: ZEROS is readable for `length` bytes.
            let written = unsafe { libc::pwrite(self.fd, ZEROS.as_ptr().cast(), length, (offset + chunk) as i64) };
            if written != length as isize {
                return false;
            }
        }
        true
    }

    /// Maps `bytes` at `offset`, shared with the file and absent in a forked child. Signal: yes.
    pub fn map_shared(&self, offset: usize, bytes: usize) -> Option<*mut u64> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, nothing is replaced.
        let memory =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, libc::MAP_SHARED, self.fd, offset as i64) };
        if memory == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: advice on the mapping just made.
        unsafe { libc::madvise(memory, bytes, libc::MADV_DONTFORK) };
        Some(memory.cast())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this file's own.
        unsafe { libc::close(self.fd) };
    }
}

/// Whether a timer that carries `value` sent the signal that `info` describes. Signal: yes.
///
/// # Safety
///
/// `info` is what the kernel handed to a handler with SA_SIGINFO.
pub unsafe fn is_from_timer(info: *const siginfo_t, value: *const c_void) -> bool {
    // SAFETY: the caller's promise.
    let info = unsafe { &*info };
    // SAFETY: the value is initialised for the signals of timers.
    info.si_code == libc::SI_TIMER && unsafe { info.si_value() }.sival_ptr.cast_const() == value
}

/// Installs `handler` for SIGPROF, restarting system calls. Signal: no.
pub fn handle_sigprof(handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void)) -> bool {
    // SAFETY: an all-zero sigaction is a valid one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // No handler of the program runs on top, from which it could jump out of this one.
    // SAFETY: a signal set of the action's own.
    unsafe { libc::sigfillset(&mut action.sa_mask) };
    // SAFETY: `action` is whole, and the handler keeps to what a signal handler may do.
    unsafe { libc::sigaction(libc::SIGPROF, &action, std::ptr::null_mut()) == 0 }
}

/// A timer on the calling thread's CPU clock that sends it SIGPROF with `value`, first after `first` nanoseconds,
/// then every `period`. Signal: no.
pub fn start_thread_timer(first: u64, period: u64, value: *const c_void) -> Option<timer_t> {
    // SAFETY: an all-zero sigevent is a valid one.
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_signo = libc::SIGPROF;
    event.sigev_notify = libc::SIGEV_THREAD_ID;
    event.sigev_notify_thread_id = thread_id();
    event.sigev_value = libc::sigval { sival_ptr: value.cast_mut() };
    let mut timer: timer_t = std::ptr::null_mut();
    // SAFETY: both pointers live across the call.
    if unsafe { libc::timer_create(libc::CLOCK_THREAD_CPUTIME_ID, &mut event, &mut timer) } != 0 {
        return None;
    }
    let time =
        |nanos: u64| libc::timespec { tv_sec: (nanos / 1_000_000_000) as i64, tv_nsec: (nanos % 1_000_000_000) as i64 };
    let setting = libc::itimerspec { it_interval: time(period), it_value: time(first) };
    // SAFETY: the timer was just made, `setting` lives across the call.
    unsafe { libc::timer_settime(timer, 0, &setting, std::ptr::null_mut()) };
    Some(timer)
}

/// Ends a timer. Signal: yes.
pub fn stop_timer(timer: timer_t) {
    // SAFETY: callers hand over a timer of `start_thread_timer`, once.
    unsafe { libc::timer_delete(timer) };
}

/// Bytes of stack that a thread made with `attributes` (null for none) gets. Signal: no.
///
/// # Safety
///
/// `attributes` is null or an initialised attribute object.
pub unsafe fn stack_size(attributes: *const pthread_attr_t) -> usize {
    let mut size = 0;
    if !attributes.is_null() {
        // SAFETY: the caller's promise.
        unsafe { libc::pthread_attr_getstacksize(attributes, &mut size) };
    }
    if size == 0 {
        size = main_stack_size();
    }
    size
}

/// Bytes that the main thread's stack may grow to, which is also what threads get by default. Signal: yes.
pub fn main_stack_size() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` lives across the call.
    unsafe { libc::getrlimit(libc::RLIMIT_STACK, &mut limit) };
    // glibc gives 2 MiB where there is no limit.
    if limit.rlim_cur == libc::RLIM_INFINITY {
        2 << 20
    } else {
        limit.rlim_cur as usize
    }
}

/// How many processors the program may run on. Signal: no.
pub fn processors() -> usize {
    // SAFETY: no pointers.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }).unwrap_or(1).max(1)
}

/// A thread-specific key whose `destructor` runs at the end of each thread that set it. Signal: no.
pub fn thread_end_key(destructor: unsafe extern "C" fn(*mut c_void)) -> Option<libc::pthread_key_t> {
    let mut key = 0;
    // SAFETY: `key` lives across the call.
    (unsafe { libc::pthread_key_create(&mut key, Some(destructor)) } == 0).then_some(key)
}

/// Sets the calling thread's value of `key`. Signal: no.
pub fn set_thread_value(key: libc::pthread_key_t, value: *const c_void) {
    // SAFETY: the key is one of `thread_end_key`.
    unsafe { libc::pthread_setspecific(key, value) };
}

/// The next definition of `symbol` after the program's own. May allocate with libc's malloc. Signal: no.
pub fn next_definition(symbol: &CStr) -> *mut c_void {
    // SAFETY: `symbol` ends in NUL.
    unsafe { libc::dlsym(libc::RTLD_NEXT, symbol.as_ptr()) }
}

/// Calls `each` for every loaded object. Signal: no, it takes the loader's lock.
pub fn for_each_object(each: &mut dyn FnMut(&libc::dl_phdr_info)) {
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> c_int {
        // SAFETY: `data` is the pointer given below, alive during dl_iterate_phdr.
        let each = unsafe { &mut *data.cast::<&mut dyn FnMut(&libc::dl_phdr_info)>() };
        // SAFETY: the loader hands over a valid object.
        each(unsafe { &*info });
        0
    }
    let mut each: &mut dyn FnMut(&libc::dl_phdr_info) = each;
    // SAFETY: `each` outlives the call, and `visit` expects just this pointer.
    unsafe { libc::dl_iterate_phdr(Some(visit), std::ptr::from_mut(&mut each).cast()) };
}

/// Lets another thread run. Signal: yes.
pub fn yield_now() {
    // SAFETY: no arguments.
    unsafe { libc::sched_yield() };
}

/// A C string's bytes. Signal: yes.
///
/// # Safety
///
/// `text` is null or NUL-terminated and unchanged while the result is used.
pub unsafe fn bytes_of<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// glibc's allocator under names that nobody defines again. Each is what the program would have called without us.
pub mod libc_heap {
    use super::c_void;

    unsafe extern "C" {
        /// `malloc`.
        #[link_name = "__libc_malloc"]
        pub fn malloc(size: usize) -> *mut c_void;
        /// `calloc`.
        #[link_name = "__libc_calloc"]
        pub fn calloc(count: usize, size: usize) -> *mut c_void;
        /// `realloc`.
        #[link_name = "__libc_realloc"]
        pub fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
        /// `free`.
        #[link_name = "__libc_free"]
        pub fn free(block: *mut c_void);
        /// `memalign`.
        #[link_name = "__libc_memalign"]
        pub fn memalign(alignment: usize, size: usize) -> *mut c_void;
    }
}
