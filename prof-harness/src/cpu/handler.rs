//! The SIGPROF handler: registers → stack → bucket. It sees `sys, registers, stack, unwind, label, bucket` and
//! nothing else; no lock, no allocation, no formatting, no panic path.

use std::ffi::{c_int, c_void};
use std::sync::atomic::Ordering;

use super::{take_due, PERIOD};
use crate::registers::Registers;
use crate::sys::{self, siginfo_t};
use crate::{alive, bucket, label, thread, unwind};

static MARK: u8 = 0;

/// The value that the harness's timers carry, by which the handler tells its own signals.
pub fn mark() -> *const c_void {
    std::ptr::from_ref(&MARK).cast()
}

/// Makes SIGPROF the sampler's.
pub fn install() -> bool {
    sys::handle_sigprof(on_sigprof)
}

extern "C" fn on_sigprof(_signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let errno = sys::errno();
    // SAFETY: what the kernel handed over.
    let is_ours = unsafe { sys::is_from_timer(info, mark()) };
    if is_ours && alive::is_alive() {
        // SAFETY: what the kernel handed over.
        let registers = unsafe { Registers::interrupted(context) };
        sample(registers, take_due());
    }
    sys::set_errno(errno);
}

fn sample(registers: Registers, ticks: u64) {
    let Some(label) = label::attribution().label().filter(|_| ticks > 0) else { return };
    let nanos = ticks * PERIOD.load(Ordering::Relaxed);
    let captured = unwind::capture(registers, thread::bounds(), |stack| bucket::add_cpu(stack, label, ticks, nanos));
    if captured.is_none() {
        bucket::lose_cpu(ticks, nanos);
    }
}
