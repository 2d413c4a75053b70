//! Values as people read them: units, scaling and percentages, letter for letter as `go tool pprof` prints them.

use std::borrow::Cow;

/// A value in a unit; the unit is empty if it goes without saying.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaled<'a> {
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: &'a str,
}

/// Converts `value` from one unit into another of the same kind (bytes, time, or compute units).
///
/// `minimum` and `auto` as the target pick the largest unit in which the value is at least 1. A target of another kind
/// gives the kind's default unit; a unit that is not known stays as it is.
pub fn scale<'a>(value: i64, from: &str, to: &'a str) -> Scaled<'a> {
    for kind in KINDS {
        let Some(from) = kind.find(from) else { continue };
        let base = value as f64 * from.factor;
        let target = match to {
            "minimum" | "auto" => kind.fitting(base.abs()),
            to => kind.find(to).or(Some(kind.fallback)),
        };
        let target = target.unwrap_or(kind.smallest);
        return Scaled { value: base / target.factor, unit: target.name };
    }
    let unit = if ["count", "sample", "unit", "minimum", "auto"].contains(&to) { "" } else { to };
    Scaled { value: value as f64, unit }
}

/// Whether values of one of these units can be given in the other.
pub(crate) fn are_of_one_kind(one: &str, other: &str) -> bool {
    KINDS.iter().any(|kind| kind.find(one).is_some() && kind.find(other).is_some())
}

/// `value` in the unit `to`, with at most two decimals, such as `1.25MB`; zero has no unit.
pub fn label(value: i64, from: &str, to: &str) -> String {
    let Scaled { value, unit } = scale(value, from, to);
    let mut text = format!("{value:.2}");
    text.truncate(text.strip_suffix(".00").unwrap_or(&text).len());
    if matches!(&*text, "0" | "-0") {
        return "0".into();
    }
    text.push_str(unit);
    text
}

/// The share of `value` in `total`, at least six characters wide: `  100%`, `12.34%`, ` 0.12%`.
pub fn percentage(value: i64, total: i64) -> String {
    let ratio = if total == 0 { 0.0 } else { (value as f64 / total as f64).abs() * 100.0 };
    if (99.95..=100.05).contains(&ratio) {
        "  100%".into()
    } else if ratio >= 1.0 {
        format!("{ratio:5.2}%")
    } else {
        format!("{:>5}%", two_digits(ratio))
    }
}

/// A number from 0 up to 1 with two significant digits and no trailing zeros, as C's `%.2g`.
fn two_digits(number: f64) -> String {
    if number == 0.0 {
        return "0".into();
    }
    let scientific = format!("{number:.1e}");
    let (digits, exponent) = scientific.split_once('e').expect("an exponent was asked for");
    let exponent: i32 = exponent.parse().expect("an exponent is a number");
    if exponent < -4 {
        return format!("{}e-{:02}", digits.trim_end_matches(".0"), -exponent);
    }
    let decimals = usize::try_from(1 - exponent).unwrap_or(0);
    let fixed = format!("{number:.decimals$}");
    if fixed.contains('.') { fixed.trim_end_matches('0').trim_end_matches('.').into() } else { fixed }
}

#[derive(Debug, Clone, Copy)]
struct Unit {
    name: &'static str,
    aliases: &'static [&'static str],
    factor: f64,
}

/// Units that convert into each other.
struct Kind {
    units: &'static [Unit],
    /// For a target of another kind.
    fallback: Unit,
    /// For values below 1 in every unit.
    smallest: Unit,
}

impl Kind {
    /// Units are found in any case, and with a plural s.
    fn find(&self, name: &str) -> Option<Unit> {
        // Nearly always it is so already.
        let is_lowercase = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        let name = if is_lowercase { Cow::Borrowed(name) } else { Cow::Owned(name.to_lowercase()) };
        let singular = if name.len() > 2 { name.strip_suffix('s').unwrap_or(&name) } else { &name };
        self.units.iter().find(|unit| unit.aliases.contains(&singular)).copied()
    }

    fn fitting(&self, base: f64) -> Option<Unit> {
        self.units.iter().rfind(|unit| base / unit.factor >= 1.0).copied()
    }
}

const fn unit(name: &'static str, aliases: &'static [&'static str], factor: f64) -> Unit {
    Unit { name, aliases, factor }
}

const BYTE: Unit = unit("B", &["b", "byte"], 1.0);
const SECOND: Unit = unit("s", &["s", "sec", "second"], 1e9);
const COMPUTE: Unit = unit("GCU", &["gcu"], 1.0);

const KINDS: &[Kind] = &[
    Kind {
        units: &[
            BYTE,
            unit("kB", &["kb", "kbyte", "kilobyte"], 1024.0),
            unit("MB", &["mb", "mbyte", "megabyte"], 1_048_576.0),
            unit("GB", &["gb", "gbyte", "gigabyte"], 1_073_741_824.0),
            unit("TB", &["tb", "tbyte", "terabyte"], 1_099_511_627_776.0),
            unit("PB", &["pb", "pbyte", "petabyte"], 1_125_899_906_842_624.0),
        ],
        fallback: BYTE,
        smallest: BYTE,
    },
    Kind {
        units: &[
            unit("ns", &["ns", "nanosecond"], 1.0),
            unit("us", &["μs", "us", "microsecond"], 1e3),
            unit("ms", &["ms", "millisecond"], 1e6),
            SECOND,
            unit("hrs", &["hour", "hr"], 3.6e12),
        ],
        fallback: SECOND,
        // Only a zero is below a nanosecond.
        smallest: SECOND,
    },
    Kind {
        units: &[
            unit("n*GCU", &["nanogcu"], 1e-9),
            unit("u*GCU", &["microgcu"], 1e-6),
            unit("m*GCU", &["milligcu"], 1e-3),
            COMPUTE,
            unit("k*GCU", &["kilogcu"], 1e3),
            unit("M*GCU", &["megagcu"], 1e6),
            unit("G*GCU", &["gigagcu"], 1e9),
            unit("T*GCU", &["teragcu"], 1e12),
            unit("P*GCU", &["petagcu"], 1e15),
        ],
        fallback: COMPUTE,
        smallest: COMPUTE,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_unit_that_fits() {
        for (value, from, to, expected) in [
            (0, "bytes", "auto", "0"),
            (1, "bytes", "minimum", "1B"),
            (1536, "bytes", "auto", "1.50kB"),
            (2_099_200, "bytes", "MB", "2MB"),
            (829_411, "Bytes", "mb", "0.79MB"),
            (-4096, "kb", "auto", "-4MB"),
            (999, "nanoseconds", "auto", "999ns"),
            (1_200_000_000, "nanoseconds", "auto", "1.20s"),
            (7_200_000, "ms", "auto", "2hrs"),
            (5, "seconds", "bytes", "5s"),
            (1, "ns", "s", "0"),
            (7, "count", "auto", "7"),
            (7, "count", "count", "7"),
            (7, "widgets", "gadgets", "7gadgets"),
            (2000, "milliGCU", "auto", "2GCU"),
            (i64::MIN, "bytes", "auto", "-8192PB"),
        ] {
            assert_eq!(label(value, from, to), expected, "{value} {from} as {to}");
        }
    }

    #[test]
    fn shares_are_as_wide_as_in_the_table() {
        for (value, total, expected) in [
            (1, 1, "  100%"),
            (99_951, 100_000, "  100%"),
            (9_991, 10_000, "99.91%"),
            (-1, 4, "25.00%"),
            (1_234, 100_000, " 1.23%"),
            (3, 1, "300.00%"),
            (999, 100_000, "    1%"),
            (5, 1_000, "  0.5%"),
            (123, 100_000, " 0.12%"),
            (12, 1_000_000, "0.0012%"),
            (1, 10_000_000, "1e-05%"),
            (0, 5, "    0%"),
            (5, 0, "    0%"),
        ] {
            assert_eq!(percentage(value, total), expected, "{value} of {total}");
        }
    }
}
