//! A session of sampling: it writes one record file, until it is stopped or the process ends. Who asks for one: the
//! environment (`autostart.rs`) or the program (`profiler.rs`).

use std::ffi::{c_int, CStr};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use prof_record::layout::{self, header};
use prof_record::{Engine, Settings};

use crate::{alive, arena, cpu, heap, label, mapping, memory, sys, thread, unwind};

/// Why a session did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another one runs.
    Running,
    /// Neither sampler was asked for.
    Nothing,
    /// The kernel refuses memory.
    Memory,
    /// The record file cannot be made: the kernel's error.
    Record(c_int),
    /// No way to sample the CPU is permitted, or not the one that was asked for: the kernel's error for a task clock.
    Engine(c_int),
}

/// Whether the code that is loaded when a session starts may be unloaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No: the program was started with it.
    Stays,
    /// But for the executable.
    MayGo,
}

static RUNS: AtomicBool = AtomicBool::new(false);

/// Starts the samplers that the settings ask for, with the record file `path`, which must not exist. What is sampled belongs
/// to no test, and nothing is until [`label::begin_process`].
pub fn start(path: &CStr, settings: Settings, code: Code) -> Result<(), Failure> {
    if settings.cpu_period == 0 && settings.heap_period == 0 {
        return Err(Failure::Nothing);
    }
    if RUNS.swap(true, Ordering::Acquire) {
        return Err(Failure::Running);
    }
    let result = thread::inside(|| start_alone(path, settings, code));
    if result.is_err() {
        heap::stop();
        if alive::stop() {
            arena::close();
        }
        RUNS.store(false, Ordering::Release);
    }
    result
}

fn start_alone(path: &CStr, settings: Settings, code: Code) -> Result<(), Failure> {
    heap::prepare();
    if !alive::start() {
        return Err(Failure::Memory);
    }
    create_record(path, settings)?;
    mapping::start(code == Code::Stays);
    // Handlers that run at the same time, and threads that are interrupted while unwinding for the heap.
    unwind::make_slots(2 * sys::processors() + 2);
    if settings.cpu_period > 0 {
        let engine = cpu::start(settings.cpu_period, settings.engine);
        set(header::ENGINE, engine.number());
        set(header::PERF_ERROR, cpu::perf_error() as u64);
        // With a heap profile to write, a process goes on without the other.
        if engine == Engine::None && settings.heap_period == 0 && code == Code::MayGo {
            return Err(Failure::Engine(cpu::perf_error()));
        }
    }
    if settings.heap_period > 0 {
        set(header::SEES_MALLOC, heap::sees_malloc().into());
        add(header::DOORS, heap::doors());
        heap::start(settings.heap_period, settings.keeps_peaks);
    } else {
        heap::stop();
    }
    Ok(())
}

/// Stops the samplers; false in a forked child, whose parent's they are. The record is whole when this returns. Not for
/// signal handlers.
pub fn stop() -> bool {
    if !alive::is_own_process() {
        return false;
    }
    thread::inside(|| {
        cpu::settle_all();
        mapping::refresh_if_stale();
        alive::record(arena::touch);
        cpu::stop();
        heap::stop();
        if alive::stop() {
            arena::close();
        }
        heap::forget_all();
        label::end_process();
    });
    RUNS.store(false, Ordering::Release);
    true
}

static EXECUTABLE: AtomicPtr<&'static [u8]> = AtomicPtr::new(std::ptr::null_mut());

/// The path of the program.
pub fn executable() -> &'static [u8] {
    let path = EXECUTABLE.load(Ordering::Acquire);
    // SAFETY: null or a place that lives for ever.
    unsafe { path.as_ref() }.copied().unwrap_or_default()
}

/// Finds the path of the program out, once; false if memory is short.
fn learn_executable() -> bool {
    if !EXECUTABLE.load(Ordering::Relaxed).is_null() {
        return true;
    }
    let mut buffer = [0u8; 4096];
    let length = sys::executable_path(&mut buffer);
    let Some(executable) = memory::copy(buffer.get(..length).unwrap_or_default()) else { return false };
    let Some(place) = memory::place(executable) else { return false };
    EXECUTABLE.store(std::ptr::from_ref(place).cast_mut(), Ordering::Release);
    true
}

/// Creates the record file and fills its header in.
fn create_record(path: &CStr, settings: Settings) -> Result<(), Failure> {
    if !learn_executable() {
        return Err(Failure::Memory);
    }
    if !arena::create(path) {
        return Err(Failure::Record(sys::errno()));
    }
    let started_monotonic = sys::monotonic_nanos();
    set(header::VERSION, layout::VERSION);
    set(header::PID, sys::process_id() as u64);
    set(header::STARTED, sys::unix_nanos());
    set(header::STARTED_MONOTONIC, started_monotonic);
    set(header::LAST_MONOTONIC, started_monotonic);
    set(header::CPU_PERIOD, settings.cpu_period);
    set(header::HEAP_PERIOD, settings.heap_period);
    let executable = executable();
    let kept = executable.get(..executable.len().min(header::EXECUTABLE_MAX)).unwrap_or_default();
    set(header::EXECUTABLE_LENGTH, kept.len() as u64);
    for (index, chunk) in kept.chunks(8).enumerate() {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        set(header::EXECUTABLE + index, u64::from_le_bytes(word));
    }
    // Last: a file without it is no record yet.
    set(header::MAGIC, layout::MAGIC);
    Ok(())
}

fn set(index: usize, value: u64) {
    if let Some(word) = arena::header_word(index) {
        word.store(value, Ordering::Relaxed);
    }
}

/// Adds bits to a word in which other threads may have set some.
fn add(index: usize, bits: u64) {
    if let Some(word) = arena::header_word(index) {
        word.fetch_or(bits, Ordering::Relaxed);
    }
}
