//! The constructor: before `main`, it looks for the `PROF_*` variables and starts what they ask for. Without them
//! the harness sleeps. Whatever fails here leaves the program unprofiled, never broken.

use std::ffi::{c_char, c_int, CStr};
use std::sync::atomic::{AtomicBool, Ordering};

use prof_record::layout;
use prof_record::{
    Settings, BENCH_VARIABLE, CPU_PERIOD_VARIABLE, DIRECTORY_VARIABLE, ENGINE_VARIABLE, HEAP_PEAK_VARIABLE,
    HEAP_PERIOD_VARIABLE, TEST_THREADS_VARIABLE,
};

use crate::{alive, arena, bucket, copies, cpu, exec, heap, label, mapping, named_tests, session, sys, thread};

/// Whether sampling waits for tests; set by an earlier constructor of the substitute `test` crate.
pub static WAITS_FOR_TESTS: AtomicBool = AtomicBool::new(false);

#[used]
#[link_section = ".init_array"]
static CONSTRUCTOR: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = construct;

#[used]
#[link_section = ".fini_array"]
static DESTRUCTOR: extern "C" fn() = destruct;

extern "C" fn construct(_count: c_int, arguments: *const *const c_char, _variables: *const *const c_char) {
    if copies::is_at_work() {
        thread::inside(|| {
            thread::watch_ends();
            exec::prepare();
            cpu::prepare();
            // They lie above every frame of the main thread.
            thread::start_main(arguments as u64);
            if start().is_none() {
                heap::stop();
            }
        });
    }
}

extern "C" fn destruct() {
    if alive::is_alive() {
        cpu::settle_all();
        thread::inside(mapping::refresh_if_stale);
        alive::record(arena::touch);
    }
}

/// Starts what the environment asks for.
fn start() -> Option<()> {
    let directory = sys::variable(&name(DIRECTORY_VARIABLE)?)?;
    let value = |variable| Some(sys::variable(&name(variable)?)?.to_bytes());
    let (cpu, heap) = (value(CPU_PERIOD_VARIABLE), value(HEAP_PERIOD_VARIABLE));
    let settings = Settings::parse(cpu, heap, value(HEAP_PEAK_VARIABLE), value(ENGINE_VARIABLE)).ok()?;
    let mut path = PathBuffer { bytes: [0; 4200], length: 0 };
    path.push(directory.to_bytes());
    path.push(b"/");
    path.push_number(sys::process_id() as u64);
    path.push(b"-");
    path.push_number(sys::unix_nanos());
    path.push(b".record");
    session::start(CStr::from_bytes_until_nul(&path.bytes).ok()?, settings, session::Code::Stays).ok()?;
    let bench = value(BENCH_VARIABLE).and_then(|name| std::str::from_utf8(name).ok());
    if let Some(name) = bench {
        label::begin_process(alive::record(|| bucket::begin_label(layout::LABEL_BENCH, name)).flatten());
    } else if value(TEST_THREADS_VARIABLE) == Some(b"1") {
        named_tests::start();
    } else if !WAITS_FOR_TESTS.load(Ordering::Relaxed) {
        label::begin_process(None);
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
