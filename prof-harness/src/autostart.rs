//! The constructor: before `main`, it looks for the `PROF_*` variables and starts what they ask for. Without them
//! the harness sleeps. Whatever fails here leaves the program unprofiled, never broken.

use std::ffi::{c_char, c_int, CStr};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use prof_record::layout::{self, header};
use prof_record::{
    Settings, CPU_PERIOD_VARIABLE, DIRECTORY_VARIABLE, ENGINE_VARIABLE, HEAP_PERIOD_VARIABLE, TEST_THREADS_VARIABLE,
};

use crate::{alive, arena, cpu, exec, heap, label, mapping, memory, named_tests, sys, thread, unwind};

/// Whether sampling waits for tests; set by an earlier constructor of the substitute `test` crate.
pub static WAITS_FOR_TESTS: AtomicBool = AtomicBool::new(false);

// One for all copies of this crate in a program, as weak symbols of a name become one: a project whose own dependencies
// hold the harness gets a second by injection, and only the first to come here may start.
std::arch::global_asm!(
    ".pushsection .data.prof_harness_copies,\"aw\",@progbits",
    ".p2align 3",
    ".weak prof_harness_copies",
    ".type prof_harness_copies,@object",
    "prof_harness_copies:",
    ".quad 0",
    ".size prof_harness_copies, 8",
    ".popsection",
);

unsafe extern "C" {
    #[link_name = "prof_harness_copies"]
    static COPIES: AtomicU64;
}

#[used]
#[link_section = ".init_array"]
static CONSTRUCTOR: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = construct;

#[used]
#[link_section = ".fini_array"]
static DESTRUCTOR: extern "C" fn() = destruct;

extern "C" fn construct(_count: c_int, arguments: *const *const c_char, _variables: *const *const c_char) {
    // SAFETY: defined above, zeroed, of that size.
    let is_first = unsafe { COPIES.fetch_add(1, Ordering::Relaxed) } == 0;
    if !is_first || arguments.is_null() || thread::inside(|| start(arguments as u64)).is_none() {
        heap::start_never();
    }
}

extern "C" fn destruct() {
    if alive::is_alive() {
        cpu::settle();
        thread::inside(|| mapping::refresh_if_stale(executable()));
        arena::touch();
    }
}

/// `arguments` is where the kernel put them: above every frame of the main thread.
fn start(arguments: u64) -> Option<()> {
    let directory = sys::variable(&name(DIRECTORY_VARIABLE)?)?;
    let value = |variable| Some(sys::variable(&name(variable)?)?.to_bytes());
    let settings =
        Settings::parse(value(CPU_PERIOD_VARIABLE), value(HEAP_PERIOD_VARIABLE), value(ENGINE_VARIABLE)).ok()?;
    if settings.cpu_period == 0 && settings.heap_period == 0 || !alive::start() {
        return None;
    }
    if !create_record(directory, settings) {
        return None;
    }
    mapping::refresh(executable());
    // Handlers that run at the same time, and threads that are interrupted while unwinding for the heap.
    unwind::make_slots(2 * sys::processors() + 2);
    if settings.cpu_period > 0 {
        let engine = cpu::start(settings.cpu_period, settings.engine);
        arena::header_word(header::ENGINE)?.store(engine.number(), Ordering::Relaxed);
        arena::header_word(header::PERF_ERROR)?.store(cpu::perf_error() as u64, Ordering::Relaxed);
        exec::prepare();
    }
    thread::watch_ends();
    thread::start_main(arguments);
    if settings.heap_period > 0 {
        arena::header_word(header::SEES_MALLOC)?.store(heap::sees_malloc().into(), Ordering::Relaxed);
        heap::start(settings.heap_period);
    } else {
        heap::start_never();
    }
    if value(TEST_THREADS_VARIABLE) == Some(b"1") {
        named_tests::start();
    } else if !WAITS_FOR_TESTS.load(Ordering::Relaxed) {
        label::begin_process();
    }
    Some(())
}

/// A variable's name as a C string.
fn name(variable: &'static str) -> Option<NameBuffer> {
    let mut buffer = [0; 32];
    buffer.get_mut(..variable.len())?.copy_from_slice(variable.as_bytes());
    Some(NameBuffer(buffer))
}

struct NameBuffer([u8; 32]);

impl std::ops::Deref for NameBuffer {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }
}

static EXECUTABLE: AtomicPtr<&'static [u8]> = AtomicPtr::new(std::ptr::null_mut());

/// The path of the program.
pub fn executable() -> &'static [u8] {
    let path = EXECUTABLE.load(Ordering::Acquire);
    // SAFETY: null or a place that lives for ever.
    unsafe { path.as_ref() }.copied().unwrap_or_default()
}

/// Creates `DIRECTORY/PID-NANOS.record` and fills its header in.
fn create_record(directory: &CStr, settings: Settings) -> bool {
    let mut buffer = [0u8; 4096];
    let length = sys::executable_path(&mut buffer);
    let Some(executable) = memory::copy(buffer.get(..length).unwrap_or_default()) else { return false };
    if let Some(place) = memory::place(executable) {
        EXECUTABLE.store(std::ptr::from_ref(place).cast_mut(), Ordering::Release);
    }
    let (started, started_monotonic) = (sys::unix_nanos(), sys::monotonic_nanos());
    let mut path = PathBuffer { bytes: [0; 4200], length: 0 };
    path.push(directory.to_bytes());
    path.push(b"/");
    path.push_number(sys::process_id() as u64);
    path.push(b"-");
    path.push_number(started);
    path.push(b".record");
    let Ok(path) = CStr::from_bytes_until_nul(&path.bytes) else { return false };
    if !arena::create(path) {
        return false;
    }
    let set = |index, value| {
        if let Some(word) = arena::header_word(index) {
            word.store(value, Ordering::Relaxed);
        }
    };
    set(header::VERSION, layout::VERSION);
    set(header::PID, sys::process_id() as u64);
    set(header::STARTED, started);
    set(header::STARTED_MONOTONIC, started_monotonic);
    set(header::LAST_MONOTONIC, started_monotonic);
    set(header::CPU_PERIOD, settings.cpu_period);
    set(header::HEAP_PERIOD, settings.heap_period);
    let kept = executable.get(..executable.len().min(header::EXECUTABLE_MAX)).unwrap_or_default();
    set(header::EXECUTABLE_LENGTH, kept.len() as u64);
    for (index, chunk) in kept.chunks(8).enumerate() {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        set(header::EXECUTABLE + index, u64::from_le_bytes(word));
    }
    // Last: a file without it is no record yet.
    set(header::MAGIC, layout::MAGIC);
    true
}

/// A path that is put together without the program's allocator, NUL-terminated.
struct PathBuffer {
    bytes: [u8; 4200],
    length: usize,
}

impl PathBuffer {
    fn push(&mut self, text: &[u8]) {
        // One byte stays for the NUL; a path that long is refused by the kernel anyway.
        let end = self.bytes.len() - 1;
        if let Some(room) = self.bytes[..end].get_mut(self.length..self.length + text.len()) {
            room.copy_from_slice(text);
            self.length += text.len();
        }
    }

    fn push_number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.push(&digits[first..]);
    }
}
