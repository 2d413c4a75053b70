//! What the fixture can do, and what it says after having done it. How it does it is its own business.

use std::collections::BTreeMap;

/// Work that the fixture knows by its name, and the functions whose shares of it are known.
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// Names of the functions, as the ends of their paths.
    pub functions: &'static [&'static str],
}

/// The work that is measured.
pub const WORKLOADS: [Workload; 4] = [
    Workload { name: "turns", functions: &["sixty_percent", "thirty_percent", "ten_percent"] },
    Workload { name: "threads", functions: &["forty_percent", "thirty_percent", "twenty_percent", "ten_percent"] },
    Workload { name: "burst", functions: &["forty_percent", "thirty_percent", "twenty_percent", "ten_percent"] },
    Workload { name: "kernel", functions: &["reads_zeros", "computes"] },
];

/// No work at all.
pub const NOTHING: Workload = Workload { name: "nothing", functions: &[] };

/// What the fixture said: numbers by name.
pub struct Told(BTreeMap<String, f64>);

impl Told {
    /// Reads the fixture's output.
    pub fn read(stdout: &str) -> Told {
        let words = stdout.lines().filter_map(|line| line.split_once(' '));
        Told(words.filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?))).collect())
    }

    /// Seconds of CPU time that the process used.
    pub fn process(&self) -> f64 {
        self.number("process") / 1e9
    }

    /// Seconds of CPU time that the function used.
    pub fn spent(&self, function: &str) -> f64 {
        self.number(&format!("spent:{function}")) / 1e9
    }

    /// Samples that the program took of itself.
    pub fn samples(&self) -> f64 {
        self.number("samples")
    }

    /// Those of them with the function on their stack.
    pub fn sampled(&self, function: &str) -> f64 {
        self.number(&format!("sampled:{function}"))
    }

    fn number(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("the program says nothing of {name}"))
    }
}
