//! The SIGPROF handler: registers → stack → bucket. It sees `sys, registers, stack, unwind, label, bucket` and
//! nothing else; no lock, no allocation, no formatting, no panic path. Signals that are not the sampler's go to the program
//! (`chain.rs`).

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use prof_record::Engine;

use super::{chain, clock, engine, itimer, take_due, PERIOD};
use crate::registers::Registers;
use crate::sys::{self, siginfo_t, Sender, SignalAction};
use crate::unwind::{self, For};
use crate::{alive, bucket, label, thread};

/// Makes SIGPROF the sampler's, once and for the life of the process: a signal may come late.
pub fn install() -> bool {
    static IS_INSTALLED: AtomicBool = AtomicBool::new(false);
    if IS_INSTALLED.load(Ordering::Relaxed) {
        return true;
    }
    let Some(before) = handle(chain::WITHOUT_A_HANDLER) else { return false };
    chain::keep(before);
    IS_INSTALLED.store(true, Ordering::Relaxed);
    true
}

/// Handles SIGPROF, on the stack that `on_stack` says. Signal: yes.
pub fn handle(on_stack: c_int) -> Option<SignalAction> {
    sys::handle_sigprof(on_sigprof, on_stack)
}

extern "C" fn on_sigprof(_signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let errno = sys::errno();
    // SAFETY: what the kernel handed over.
    let sender = unsafe { sys::sender(info) };
    let is_ours = is_ours(sender);
    if is_ours || is_of_shared_timer(sender) {
        alive::record(|| {
            // SAFETY: what the kernel handed over.
            let registers = unsafe { Registers::interrupted(context) };
            super::go_on(sender);
            sample(registers, take_due());
        });
    }
    if !is_ours {
        told_program_of(sender);
    }
    sys::set_errno(errno);
    if !is_ours {
        // SAFETY: what the kernel handed over.
        unsafe { chain::hand_on(info, context) };
    }
}

/// Whether the signal is that of the program's timer which the sampler shares.
fn is_of_shared_timer(sender: Sender) -> bool {
    sender == Sender::ProcessTimer && engine::in_use() == Engine::ProcessTimer
}

/// Sees to the next signals, when the program is told of one that was for it. Signal: yes.
pub fn told_program_of(sender: Sender) {
    if is_of_shared_timer(sender) {
        itimer::went_off();
    }
}

/// Whether the sampler sent the signal, perhaps before it stopped. Signal: yes.
pub fn is_ours(sender: Sender) -> bool {
    match sender {
        Sender::Other => false,
        Sender::Untold => true,
        Sender::ProcessTimer => is_of_shared_timer(sender) && !itimer::is_programs(),
        Sender::Timer(value) => value == clock::mark() as usize,
        Sender::Descriptor(fd) => clock::with_descriptor(fd).is_some(),
    }
}

fn sample(registers: Registers, ticks: u64) {
    let Some(label) = label::attribution().label().filter(|_| ticks > 0) else { return };
    let nanos = ticks * PERIOD.load(Ordering::Relaxed);
    let captured =
        unwind::capture(For::Signal, registers, thread::bounds(), |stack| bucket::add_cpu(stack, label, ticks, nanos));
    if captured.is_none() {
        bucket::lose_cpu(ticks, nanos);
    }
}
