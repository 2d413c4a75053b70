//! Criterion's `Measurement` trait, of every version, over the totals of `counting.rs`: what an iteration allocates. Never
//! measures time.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Once;

use crate::counting;

/// Measures what an iteration allocates, exactly, instead of the time it takes: the bytes asked for, or the blocks. A
/// reallocation counts as an allocation of the new size; what is freed does not matter. All threads count.
///
/// It needs [`CountingAllocator`](crate::CountingAllocator) as the global allocator, so it does not see what C code
/// allocates.
///
/// ```
/// use std::alloc::System;
///
/// use criterion::{criterion_group, Criterion};
/// use prof_criterion::{Allocations, CountingAllocator};
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator<System> = CountingAllocator::new(System);
///
/// fn copies(criterion: &mut Criterion<Allocations>) {
///     criterion.bench_function("copy", |bencher| bencher.iter(|| vec![1u8; 1000]));
/// }
///
/// criterion_group! {
///     name = benches;
///     config = Criterion::default().with_measurement(Allocations::bytes());
///     targets = copies
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocations {
    counted: Counted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Bytes,
    Objects,
}

impl Allocations {
    /// The bytes that an iteration asks for, with 1 kB = 1024 B.
    pub fn bytes() -> Allocations {
        Allocations { counted: Counted::Bytes }
    }

    /// The blocks that an iteration asks for.
    pub fn objects() -> Allocations {
        Allocations { counted: Counted::Objects }
    }

    fn so_far(self) -> u64 {
        match self.counted {
            Counted::Bytes => counting::bytes(),
            Counted::Objects => counting::objects(),
        }
    }

    fn begin(self) -> u64 {
        static MISSING: Once = Once::new();
        // No program comes here without an allocation.
        if counting::objects() == 0 {
            MISSING.call_once(|| {
                let _ = writeln!(
                    std::io::stderr(),
                    "prof-criterion: nothing is counted; declare a CountingAllocator as the #[global_allocator]"
                );
            });
        }
        self.so_far()
    }

    /// The name of the unit that fits `typical`, and how many of the measured ones are one of it.
    fn unit(self, typical: f64) -> (&'static str, f64) {
        let units: &[(&str, f64)] = match self.counted {
            Counted::Bytes => &[("B", 1.0), ("kB", 1024.0), ("MB", 1_048_576.0), ("GB", 1_073_741_824.0)],
            Counted::Objects => &[("objects", 1.0), ("k objects", 1e3), ("M objects", 1e6), ("G objects", 1e9)],
        };
        *units.iter().rfind(|(_, size)| typical >= *size).unwrap_or(&units[0])
    }

    fn scale(self, typical: f64, values: &mut [f64]) -> &'static str {
        let (unit, size) = self.unit(typical);
        values.iter_mut().for_each(|value| *value /= size);
        unit
    }

    /// Values for each of the things of this kind, of which an iteration does `number`.
    fn scale_to(self, number: u64, kind: &str, values: &mut [f64]) -> &'static str {
        values.iter_mut().for_each(|value| *value /= number.max(1) as f64);
        match (self.counted, kind) {
            (Counted::Bytes, "byte") => "B/B",
            (Counted::Bytes, "bit") => "B/bit",
            (Counted::Bytes, _) => "B/elem",
            (Counted::Objects, "byte") => "objects/B",
            (Counted::Objects, "bit") => "objects/bit",
            (Counted::Objects, _) => "objects/elem",
        }
    }

    fn machine_unit(self) -> &'static str {
        match self.counted {
            Counted::Bytes => "B",
            Counted::Objects => "objects",
        }
    }
}

/// The value as criterion gets it, spread by less than is ever shown: its plots of a comparison fail where all values are
/// equal. Zero, for which it gives no result at all, becomes next to nothing, spread so widely that no comparison is
/// significant.
fn told(value: u64) -> f64 {
    static TOLD: AtomicU64 = AtomicU64::new(0);
    // A Weyl sequence: even over 0 to 1, the same in every run.
    let step = TOLD.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    let part = (step >> 11) as f64 / (1u64 << 53) as f64;
    if value == 0 {
        1e-6 * (-20.0 * part).exp2()
    } else {
        value as f64 * (1.0 + 1e-9 * part)
    }
}

macro_rules! implement {
    ($feature:literal, $criterion:ident $(, $throughput:ident $fields:tt => $number:expr)*) => {
        #[cfg(feature = $feature)]
        impl $criterion::measurement::Measurement for Allocations {
            type Intermediate = u64;
            type Value = u64;

            fn start(&self) -> u64 {
                self.begin()
            }

            fn end(&self, start: u64) -> u64 {
                self.so_far() - start
            }

            fn add(&self, one: &u64, other: &u64) -> u64 {
                one + other
            }

            fn zero(&self) -> u64 {
                0
            }

            fn to_f64(&self, value: &u64) -> f64 {
                told(*value)
            }

            fn formatter(&self) -> &dyn $criterion::measurement::ValueFormatter {
                self
            }
        }

        #[cfg(feature = $feature)]
        impl $criterion::measurement::ValueFormatter for Allocations {
            fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
                self.scale(typical, values)
            }

            fn scale_throughputs(
                &self,
                _typical: f64,
                throughput: &$criterion::Throughput,
                values: &mut [f64],
            ) -> &'static str {
                use $criterion::Throughput::*;
                let (number, kind) = match *throughput {
                    Bytes(number) | BytesDecimal(number) => (number, "byte"),
                    Elements(number) => (number, "elem"),
                    $($throughput $fields => $number,)*
                };
                self.scale_to(number, kind, values)
            }

            fn scale_for_machines(&self, _values: &mut [f64]) -> &'static str {
                self.machine_unit()
            }
        }
    };
}

crate::for_each_criterion!(implement);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_unit_that_fits() {
        let scaled = |what: Allocations, value: f64| {
            let mut values = [value];
            let unit = what.scale(value, &mut values);
            format!("{} {unit}", values[0])
        };
        assert_eq!(scaled(Allocations::bytes(), 0.0), "0 B");
        assert_eq!(scaled(Allocations::bytes(), 1000.0), "1000 B");
        assert_eq!(scaled(Allocations::bytes(), 1536.0), "1.5 kB");
        assert_eq!(scaled(Allocations::bytes(), 2_097_152.0), "2 MB");
        assert_eq!(scaled(Allocations::objects(), 17.0), "17 objects");
        assert_eq!(scaled(Allocations::objects(), 2500.0), "2.5 k objects");
    }

    #[test]
    fn a_throughput_is_what_each_thing_costs() {
        let mut values = [2000.0, 4000.0];
        assert_eq!(Allocations::bytes().scale_to(1000, "elem", &mut values), "B/elem");
        assert_eq!(values, [2.0, 4.0]);
        assert_eq!(Allocations::objects().scale_to(0, "byte", &mut values), "objects/B");
        assert_eq!(values, [2.0, 4.0]);
    }

    #[test]
    fn criterion_is_told_the_truth_to_the_last_digit_it_shows() {
        for value in [1u64, 7, 1000, 123_456_789_012] {
            let told = [told(value), told(value)];
            assert_ne!(told[0], told[1]);
            assert!(told.iter().all(|told| (told / value as f64 - 1.0).abs() <= 1e-9), "{told:?}");
        }
        assert!((0..100).all(|_| (1e-13..1e-5).contains(&told(0))));
    }
}
