//! Small files of each kind, made by hand. `tests/bin/fuzz_decode.rs` begins with them too. What is in them is tested next
//! door.

pub fn words(size: usize, big_endian: bool, words: &[u64]) -> Vec<u8> {
    let bytes = |word: &u64| {
        if big_endian { word.to_be_bytes()[8 - size..].to_vec() } else { word.to_le_bytes()[..size].to_vec() }
    };
    words.iter().flat_map(bytes).collect()
}

pub const MAP: &str = "\
  dir=/usr/bin
  400000-500000: $dir/program
  7f00-8000: /lib/libc.so.6 (@f00) ab12
7f0000-7f2000 r-xp 00001000 08:01 123   /lib/libm-2.so
7f2000-7f3000 rw-p 00003000 08:01 123   /lib/libm-2.so
";

pub const CPU: [u64; 17] =
    [0, 3, 0, 10_000, 0, 2, 3, 0x40_0010, 0x40_0021, 0x7f_0011, 1, 2, 0x40_0010, 0x90_0001, 0, 1, 0];
pub const JAVA_CPU: [u64; 15] = [0, 3, 1, 10_000, 0, 2, 3, 3, 4, 5, 1, 1, 3, 0, 1];
pub const JAVA_NAMES: &str = "
 0x3 com.example.Main.run (Main.java:12)
 0x4 memcpy (/lib/libc.so)
 0x9 unused (Other.java:1)
";

pub fn cpu(size: usize, big_endian: bool) -> Vec<u8> {
    [words(size, big_endian, &CPU), MAP.into()].concat()
}

pub fn java_cpu() -> Vec<u8> {
    [words(4, false, &JAVA_CPU), words(4, false, &[0]), JAVA_NAMES.into()].concat()
}

pub const HEAP: &str = "\
heap profile: 3: 3072 [ 9: 9216] @ heap_v2/524288
  1: 1024 [ 4: 4096] @ 0x400011 0x400021
 # a comment
  0: 0 [ 5: 5120] @ 0x400031
MAPPED_LIBRARIES:
00400000-00500000 r-xp 00000000 08:01 1 /bin/program
";
pub const GROWTH: &str = "heap profile: 1: 64 [ 1: 64] @ growthz\n 1: 64 [ 1: 64] @ 0x11\n";
pub const COUNT: &str = "# comment\ngoroutine profile: total 3\n2 @ 0x11 0x21\n#\t0x10\tmain.main\n\n1 @ 0x31\n";
pub const THREADS: &str = "\
--- threadz 1 ---

--- Thread 7f79 (name: main/14748) stack: ---
  PC:  0x10: helper(arg *)
  0x21: main
      creator: 0x31 0x41
--- Thread 7f80 (name: b/1) stack: ---
  [same as previous thread]
--- Thread 7f81 (name: c/2) stack: ---
  0x10
  0x10
--- Memory map: ---
  00-100: /bin/program
";
pub const CONTENTION: &str = "\
--- contentionz 1 ---
cycles/second = 2000000000
sampling period = 100
ms since reset = 5
discarded samples = 0
  30 2 @ 0x11 0x21
--- Memory map: ---
  00-100: /bin/program
";
pub const MUTEX: &str = "--- mutex:\ncycles/second=1000000000\nsampling period=1\n500 2 @ 0x11\n#\t0x10\tf\n";
pub const JAVA_HEAP: &str = "\
--- heapz 1 ---
format = java
resolution = bytes
  1048576 2 @ 0x3 0x4
  64 1 @ 0x5

 0x3 com.example.Main.run (Main.java:12)
 0x4 memcpy (/lib/libc.so)
 0x5 GC
";
pub const JAVA_CONTENTION: &str = "\
--- contentionz 1 ---
format = java
resolution = microseconds
sampling period = 100
ms since reset = 6
 14 1 @ 0x3 0x7
 0x3 generated stub/JIT
";

/// One of each kind.
pub fn examples() -> Vec<Vec<u8>> {
    let texts = [HEAP, GROWTH, COUNT, THREADS, CONTENTION, MUTEX, JAVA_HEAP, JAVA_CONTENTION];
    let mut examples: Vec<Vec<u8>> = texts.map(|text| text.into()).into();
    examples.extend([cpu(4, false), cpu(8, true), java_cpu()]);
    examples
}
