//! A process that becomes another program, or starts one. A SIGPROF that is sent between the call and its end would meet the
//! new program, which does not handle it yet, and kill it: so the calling thread's clock stops first. Children of `fork` have
//! no clock. Where the program ignores SIGPROF, so does the new one: the sampler's handler, in its place, would not be
//! inherited as that.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::interpose::Next;
use crate::{cpu, sys};

/// Looks the next definitions up, so that a forked child, in which another thread may have held the loader's lock, need
/// not.
pub fn prepare() {
    for function in [&EXECVE, &EXECV, &EXECVP, &EXECVPE, &FEXECVE, &EXECVEAT, &POSIX_SPAWN, &POSIX_SPAWNP] {
        function.definition();
    }
}

static EXECVE: Next = Next::new(c"execve");
static EXECV: Next = Next::new(c"execv");
static EXECVP: Next = Next::new(c"execvp");
static EXECVPE: Next = Next::new(c"execvpe");
static FEXECVE: Next = Next::new(c"fexecve");
static EXECVEAT: Next = Next::new(c"execveat");
static POSIX_SPAWN: Next = Next::new(c"posix_spawn");
static POSIX_SPAWNP: Next = Next::new(c"posix_spawnp");

type Path = *const c_char;
type Strings = *const *const c_char;

macro_rules! exec {
    ($symbol:literal, $name:ident, $function:ident, ($($argument:ident: $type:ty),*)) => {
        interpose!($symbol, $name);

        /// # Safety
        ///
        /// As for the C function of that name.
        unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
            let next = next_or_return!($function, unsafe extern "C" fn($($type),*) -> c_int, -1);
            cpu::pause();
            let is_ignored = cpu::ignore_if_asked();
            // SAFETY: the caller's arguments, handed on.
            let result = unsafe { next($($argument),*) };
            let errno = sys::errno();
            if is_ignored {
                cpu::handle_again();
            }
            cpu::resume();
            sys::set_errno(errno);
            result
        }
    };
}

exec!("execve", execve, EXECVE, (path: Path, arguments: Strings, variables: Strings));
exec!("execv", execv, EXECV, (path: Path, arguments: Strings));
exec!("execvp", execvp, EXECVP, (file: Path, arguments: Strings));
exec!("execvpe", execvpe, EXECVPE, (file: Path, arguments: Strings, variables: Strings));
exec!("fexecve", fexecve, FEXECVE, (fd: c_int, arguments: Strings, variables: Strings));
exec!("execveat", execveat, EXECVEAT, (fd: c_int, path: Path, arguments: Strings, variables: Strings, flags: c_int));

interpose_variadic!("execl", execl);
interpose_variadic!("execlp", execlp);
interpose_variadic!("execle", execle);

/// # Safety
///
/// As for `execl`, with its arguments where `interpose_variadic` says.
unsafe extern "C" fn execl(registers: Strings, stack: Strings) -> c_int {
    // SAFETY: the caller's promise, and a path and strings for `execv`.
    unsafe { with_list(registers, stack, |path, arguments, _| execv(path, arguments)) }
}

/// # Safety
///
/// As for `execlp`, likewise.
unsafe extern "C" fn execlp(registers: Strings, stack: Strings) -> c_int {
    // SAFETY: the caller's promise, and a name and strings for `execvp`.
    unsafe { with_list(registers, stack, |file, arguments, _| execvp(file, arguments)) }
}

/// # Safety
///
/// As for `execle`, likewise.
unsafe extern "C" fn execle(registers: Strings, stack: Strings) -> c_int {
    // SAFETY: the caller's promise, and a path and strings for `execve`, the variables behind the end of the others.
    unsafe { with_list(registers, stack, |path, arguments, variables| execve(path, arguments, variables.cast())) }
}

/// Calls `exec` with the path, the list of the arguments up to the null that ends it, and the argument after that.
///
/// # Safety
///
/// The strings are at `registers`, the first six of them, and at `stack`.
unsafe fn with_list(registers: Strings, stack: Strings, exec: impl FnOnce(Path, Strings, Path) -> c_int) -> c_int {
    // SAFETY: the caller's promise, for all up to the null and the one after it; on the stack is always one more.
    let at = |index: usize| unsafe {
        if index < 6 {
            *registers.add(index)
        } else {
            *stack.add(index - 6)
        }
    };
    let length = (1..).take_while(|index| !at(*index).is_null()).count();
    // Neither allocates: it may be a forked child, or a signal handler.
    let mut few = [std::ptr::null(); 64];
    let mut many = None;
    let list = if length < few.len() {
        few.as_mut_ptr()
    } else {
        let bytes = (length + 1) * size_of::<Path>();
        many = sys::map(bytes).map(|memory| (memory, bytes));
        let Some((memory, _)) = many else {
            sys::set_errno(libc::ENOMEM);
            return -1;
        };
        memory.cast::<Path>()
    };
    for index in 0..length {
        // SAFETY: there is room for `length` and a null, which is there already.
        unsafe { list.add(index).write(at(index + 1)) };
    }
    let result = exec(at(0), list, at(length + 2));
    let errno = sys::errno();
    if let Some((memory, bytes)) = many {
        // SAFETY: mapped above; the call has failed.
        unsafe { sys::unmap(memory, bytes) };
    }
    sys::set_errno(errno);
    result
}

/// How many threads are in [`spawn`] while SIGPROF is ignored in truth.
static SPAWNING: AtomicUsize = AtomicUsize::new(0);

macro_rules! spawn {
    ($symbol:literal, $name:ident, $function:ident) => {
        interpose!($symbol, $name);

        /// # Safety
        ///
        /// As for the C function of that name.
        unsafe extern "C" fn $name(
            child: *mut libc::pid_t,
            path: Path,
            actions: *const c_void,
            attributes: *const c_void,
            arguments: Strings,
            variables: Strings,
        ) -> c_int {
            type PosixSpawn =
                unsafe extern "C" fn(*mut libc::pid_t, Path, *const c_void, *const c_void, Strings, Strings) -> c_int;
            let next = next_or_return!($function, PosixSpawn, libc::ENOSYS);
            // SAFETY: the caller's arguments, handed on.
            spawn(|| unsafe { next(child, path, actions, attributes, arguments, variables) })
        }
    };
}

spawn!("posix_spawn", posix_spawn, POSIX_SPAWN);
spawn!("posix_spawnp", posix_spawnp, POSIX_SPAWNP);

/// Starts a program. It inherits from this process what happens on a SIGPROF, if that is nothing: the sampler waits.
fn spawn(start: impl FnOnce() -> c_int) -> c_int {
    if !cpu::ignore_if_asked() {
        return start();
    }
    SPAWNING.fetch_add(1, Ordering::AcqRel);
    // Another thread may have come to its end just before this one was counted.
    cpu::ignore_if_asked();
    let result = start();
    if SPAWNING.fetch_sub(1, Ordering::AcqRel) == 1 {
        cpu::handle_again();
    }
    result
}
