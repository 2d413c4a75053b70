//! A process that becomes another program. A SIGPROF that is sent between the call and its end would meet the new program,
//! which does not handle it yet, and kill it: so the calling thread's clock stops first. Children of `fork` have no clock.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::{cpu, sys, thread};

/// Looks the next definitions up, so that a forked child, in which another thread may have held the loader's lock, need
/// not.
pub fn prepare() {
    for function in [&EXECVE, &EXECV, &EXECVP, &EXECVPE, &FEXECVE, &EXECVEAT, &EXECL, &EXECLP, &EXECLE] {
        function.definition();
    }
}

struct Function {
    next: AtomicPtr<c_void>,
    name: &'static std::ffi::CStr,
}

impl Function {
    const fn new(name: &'static std::ffi::CStr) -> Function {
        Function { next: AtomicPtr::new(std::ptr::null_mut()), name }
    }

    fn definition(&self) -> *mut c_void {
        match self.next.load(Ordering::Relaxed) {
            unknown if unknown.is_null() => thread::inside(|| sys::next_once(&self.next, self.name)),
            known => known,
        }
    }
}

static EXECVE: Function = Function::new(c"execve");
static EXECV: Function = Function::new(c"execv");
static EXECVP: Function = Function::new(c"execvp");
static EXECVPE: Function = Function::new(c"execvpe");
static FEXECVE: Function = Function::new(c"fexecve");
static EXECVEAT: Function = Function::new(c"execveat");
static EXECL: Function = Function::new(c"execl");
static EXECLP: Function = Function::new(c"execlp");
static EXECLE: Function = Function::new(c"execle");

type Path = *const c_char;
type Strings = *const *const c_char;

macro_rules! exec {
    ($symbol:literal, $name:ident, $function:ident, ($($argument:ident: $type:ty),*)) => {
        interpose!($symbol, $name);

        /// # Safety
        ///
        /// As for the C function of that name.
        unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
            let next = $function.definition();
            if next.is_null() {
                sys::set_errno(libc::ENOSYS);
                return -1;
            }
            // SAFETY: libc's definition has this type.
            let next = unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($type),*) -> c_int>(next) };
            cpu::pause();
            // SAFETY: the caller's arguments, handed on.
            let result = unsafe { next($($argument),*) };
            let errno = sys::errno();
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

// Nothing comes after a jump: where such a call fails, the thread's time goes on uninterrupted, as `[unsampled]`.
macro_rules! exec_variadic {
    ($symbol:literal, $name:ident, $function:ident) => {
        interpose_variadic!($symbol, $name);

        extern "C" fn $name() -> *mut c_void {
            let next = $function.definition();
            cpu::pause();
            next
        }
    };
}

exec_variadic!("execl", before_execl, EXECL);
exec_variadic!("execlp", before_execlp, EXECLP);
exec_variadic!("execle", before_execle, EXECLE);
