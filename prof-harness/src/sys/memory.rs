//! Memory and files of the kernel's. The calls that are points of cancellation in libc are made without it: a thread that
//! the program cancels does not end in the middle of our work.

use std::ffi::{c_int, CStr};

use super::{errno, set_errno};

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
    open_with(path, libc::O_CREAT | libc::O_EXCL)
}

/// Opens the file `path`. Signal: yes.
pub fn open(path: &CStr) -> Option<File> {
    open_with(path, 0)
}

/// Reads the beginning of the file `path` into `buffer`; nothing if it cannot. Signal: yes.
pub fn read_start<'buffer>(path: &CStr, buffer: &'buffer mut [u8]) -> &'buffer [u8] {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: `path` ends in NUL.
    let fd = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags) };
    let Some(fd) = c_int::try_from(fd).ok().filter(|fd| *fd >= 0) else { return &[] };
    let file = File { fd };
    // SAFETY: the buffer is writable for the length given.
    let got = unsafe { libc::syscall(libc::SYS_read, file.fd, buffer.as_mut_ptr(), buffer.len()) };
    buffer.get(..usize::try_from(got).unwrap_or(0)).unwrap_or_default()
}

/// Opens the directory `path`. Signal: yes.
pub fn open_directory(path: &CStr) -> Option<File> {
    open_with(path, libc::O_DIRECTORY)
}

fn open_with(path: &CStr, flags: c_int) -> Option<File> {
    let writes = if flags & libc::O_DIRECTORY == 0 { libc::O_RDWR } else { libc::O_RDONLY };
    let flags = flags | writes | libc::O_CLOEXEC;
    // SAFETY: `path` ends in NUL.
    let fd = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600) };
    c_int::try_from(fd).ok().filter(|fd| *fd >= 0).map(|fd| File { fd })
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
        if unsafe { libc::syscall(libc::SYS_fallocate, self.fd, 0, offset as i64, bytes as i64) } == 0 {
            return true;
        }
        errno() == libc::EOPNOTSUPP && self.write_zeros(offset, bytes)
    }

    fn write_zeros(&self, offset: usize, bytes: usize) -> bool {
        static ZEROS: [u8; 4096] = [0; 4096];
        for chunk in (0..bytes).step_by(ZEROS.len()) {
            let length = ZEROS.len().min(bytes - chunk);
            // SAFETY: ZEROS is readable for `length` bytes.
            let written =
                unsafe { libc::syscall(libc::SYS_pwrite64, self.fd, ZEROS.as_ptr(), length, (offset + chunk) as i64) };
            if written != length as i64 {
                return false;
            }
        }
        true
    }

    /// The next entries of a directory, as the kernel's `struct linux_dirent64`; empty after the last. Signal: yes.
    pub fn entries<'buffer>(&self, buffer: &'buffer mut [u64]) -> &'buffer [u8] {
        // SAFETY: the buffer is writable for the length given.
        let got = unsafe { libc::syscall(libc::SYS_getdents64, self.fd, buffer.as_mut_ptr(), size_of_val(buffer)) };
        // SAFETY: the kernel wrote so many of the buffer's bytes.
        unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), usize::try_from(got).unwrap_or(0)) }
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
        raw_close(self.fd);
    }
}

/// Closes a descriptor of the harness's own. Signal: yes.
pub fn raw_close(fd: c_int) {
    // SAFETY: no pointers.
    unsafe { libc::syscall(libc::SYS_close, fd) };
}
