//! What the kernel allows: its tick, its settings about perf events, and why it refused a perf clock. Whether it did is
//! known from the probe alone, see `probe.rs`.

use rustix::io::Errno;
use rustix::time::ClockId;

/// The way out where only a setting stands in it.
const SYSCTL: &str = "sudo sysctl kernel.perf_event_paranoid=1";

/// What the kernel says of itself, as far as it matters here.
pub(super) struct Kernel {
    /// Its release.
    pub(super) release: String,
    /// Nanoseconds between two ticks.
    pub(super) tick: u64,
    pub(super) limits: Limits,
}

/// What may stand between a process and perf events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// `kernel.perf_event_paranoid`; none if the kernel has no perf events.
    pub(super) paranoid: Option<i32>,
    /// Whether a seccomp filter is on the process.
    pub(super) is_filtered: bool,
}

impl Kernel {
    pub(super) fn running() -> Kernel {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let release = read("/proc/sys/kernel/osrelease").trim().to_owned();
        // It counts ticks, so that is its resolution.
        let tick = rustix::time::clock_getres(ClockId::MonotonicCoarse);
        let tick = u64::try_from(tick.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(tick.tv_nsec).unwrap_or(0);
        let limits = Limits {
            paranoid: read("/proc/sys/kernel/perf_event_paranoid").trim().parse().ok(),
            is_filtered: is_filtered(&read("/proc/self/status")),
        };
        Kernel { release: if release.is_empty() { "unknown".into() } else { release }, tick, limits }
    }

    /// Ticks in a second.
    pub(super) fn hertz(&self) -> u64 {
        (1_000_000_000 + self.tick / 2) / self.tick.max(1)
    }
}

/// Whether `/proc/self/status` says that a seccomp filter is on.
fn is_filtered(status: &str) -> bool {
    status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"))
}

/// Why the kernel refused a perf clock.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The error's name, or its number.
    pub(super) error: String,
    /// The reason.
    pub(super) why: String,
    /// What to do.
    pub(super) remedy: String,
}

/// Explains the number of the error that `perf_event_open` gave.
pub(super) fn refusal(error: i32, limits: Limits) -> Refusal {
    let number = error;
    let error = Errno::from_raw_os_error(error);
    let (name, why, remedy) = match error {
        Errno::PERM if limits.is_filtered => (
            "EPERM",
            "a seccomp filter forbids perf events, as Docker's default one does".to_owned(),
            "run the container with --cap-add PERFMON, or a seccomp profile with perf_event_open",
        ),
        Errno::PERM | Errno::ACCESS => {
            let name = if error == Errno::PERM { "EPERM" } else { "EACCES" };
            match limits.paranoid {
                Some(paranoid) if paranoid > 1 => (
                    name,
                    format!("kernel.perf_event_paranoid is {paranoid}; kernel time may be sampled by all at 1 or less"),
                    SYSCTL,
                ),
                _ => (
                    name,
                    "not forbidden by kernel.perf_event_paranoid, so by a security module such as SELinux".to_owned(),
                    "allow perf_event to your programs in the security module's policy",
                ),
            }
        }
        Errno::NOSYS if limits.paranoid.is_some() => (
            "ENOSYS",
            "the kernel has perf events, but a sandbox hides them".to_owned(),
            "allow perf_event_open in the sandbox or container",
        ),
        Errno::NOSYS => (
            "ENOSYS",
            "the kernel was built without perf events".to_owned(),
            "use a kernel with CONFIG_PERF_EVENTS, as those of all distributions are",
        ),
        Errno::NODEV | Errno::NOENT | Errno::OPNOTSUPP => (
            match error {
                Errno::NODEV => "ENODEV",
                Errno::NOENT => "ENOENT",
                _ => "EOPNOTSUPP",
            },
            "this kernel has no clock among its perf events; that of a sandbox such as gVisor has none".to_owned(),
            "run it outside of the sandbox",
        ),
        Errno::MFILE => (
            "EMFILE",
            "the process may open no more files, and each thread's clock is one".to_owned(),
            "raise the limit: ulimit -n 65536",
        ),
        Errno::NFILE => (
            "ENFILE",
            "the system may open no more files, and each thread's clock is one".to_owned(),
            "raise the limit: sudo sysctl fs.file-max=1000000",
        ),
        _ => {
            return Refusal {
                error: format!("errno {number}"),
                why: std::io::Error::from(error).to_string(),
                remedy: "see the errors of perf_event_open(2)".to_owned(),
            };
        }
    };
    Refusal { error: name.to_owned(), why, remedy: remedy.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(error: Errno, paranoid: Option<i32>, is_filtered: bool) -> Refusal {
        refusal(error.raw_os_error(), Limits { paranoid, is_filtered })
    }

    #[test]
    fn a_setting_is_named_with_its_value_and_its_cure() {
        for paranoid in 2..5 {
            let Refusal { error, why, remedy } = explained(Errno::ACCESS, Some(paranoid), false);
            assert_eq!(error, "EACCES");
            assert!(why.contains(&format!("kernel.perf_event_paranoid is {paranoid};")), "{why}");
            assert_eq!(remedy, SYSCTL);
        }
        assert_eq!(explained(Errno::PERM, Some(4), false).remedy, SYSCTL);
    }

    #[test]
    fn a_filter_weighs_more_than_the_setting() {
        let docker = explained(Errno::PERM, Some(2), true);
        assert!(docker.why.contains("seccomp") && docker.remedy.contains("--cap-add PERFMON"), "{docker:?}");
        // The filter let it through to the kernel, whose own word this is.
        assert_eq!(explained(Errno::ACCESS, Some(2), true).remedy, SYSCTL);
    }

    #[test]
    fn the_setting_is_not_blamed_where_it_allows() {
        for error in [Errno::ACCESS, Errno::PERM] {
            let Refusal { why, remedy, .. } = explained(error, Some(1), false);
            assert!(why.contains("SELinux") && !remedy.contains("sysctl"), "{why}; {remedy}");
        }
    }

    #[test]
    fn a_kernel_without_is_told_from_one_that_is_hidden() {
        assert!(explained(Errno::NOSYS, None, false).remedy.contains("CONFIG_PERF_EVENTS"));
        assert!(explained(Errno::NOSYS, Some(2), true).why.contains("sandbox"));
        assert!(explained(Errno::NODEV, None, false).why.contains("gVisor"));
    }

    #[test]
    fn limits_of_files_and_the_unknown() {
        assert!(explained(Errno::MFILE, Some(1), false).remedy.contains("ulimit -n"));
        assert!(explained(Errno::NFILE, Some(1), false).remedy.contains("fs.file-max"));
        let other = explained(Errno::XDEV, Some(1), false);
        assert_eq!(other.error, "errno 18");
        assert!(!other.why.is_empty());
    }

    #[test]
    fn a_filter_is_mode_two() {
        assert!(is_filtered("Name:\tcat\nSeccomp:\t2\nSeccomp_filters:\t1\n"));
        assert!(!is_filtered("Seccomp:\t0\nSeccomp_filters:\t2\n"));
        assert!(!is_filtered(""));
    }

    #[test]
    fn the_running_kernel_has_a_tick() {
        let kernel = Kernel::running();
        assert!((20..=10_000).contains(&kernel.hertz()), "{} ns", kernel.tick);
        assert!(!kernel.release.is_empty());
    }
}
