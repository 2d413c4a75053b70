//! Numbers as the older formats write them, with the limits that Go's own reader has: what overflows is an error there,
//! and here. Never rounds.

/// A decimal number.
pub(super) fn decimal(digits: &str) -> Option<i64> {
    digits.parse().ok()
}

/// A number whose prefix tells its base, as in Go's source: `0x` hexadecimal, `0b` binary, `0` or `0o` octal.
pub(super) fn prefixed(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = prefixed_magnitude(digits)?;
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

fn prefixed_magnitude(digits: &str) -> Option<u64> {
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    // A sign after the prefix is none; an underscore may stand between two digits or after the prefix.
    let has_prefix = base != 10;
    let mut plain = String::with_capacity(digits.len());
    let mut may_separate = has_prefix;
    for digit in digits.chars() {
        match digit {
            '_' if may_separate => may_separate = false,
            digit if digit.is_digit(base) => {
                plain.push(digit);
                may_separate = true;
            }
            _ => return None,
        }
    }
    // The last must be a digit.
    if digits.ends_with('_') {
        return None;
    }
    u64::from_str_radix(&plain, base).ok()
}

/// A hexadecimal number without prefix.
pub(super) fn hexadecimal(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}

/// The addresses in a text: all that begins with `0x`. None if one has more than 64 bits.
pub(super) fn addresses(mut text: &str) -> Option<Vec<u64>> {
    let mut addresses = Vec::new();
    while let Some(prefix) = text.find("0x") {
        text = &text[prefix + 2..];
        let (digits, rest) = text.split_at(text.find(|digit| !is_address_digit(digit)).unwrap_or(text.len()));
        text = rest;
        if !digits.is_empty() {
            addresses.push(hexadecimal(digits)?);
        }
    }
    Some(addresses)
}

/// The addresses at the beginning of a text, up to what stands in no list of addresses.
pub(super) fn stack(text: &str) -> Option<Vec<u64>> {
    let end = text.find(|letter| !matches!(letter, ' ' | 'x') && !is_address_digit(letter));
    addresses(&text[..end.unwrap_or(text.len())])
}

fn is_address_digit(digit: char) -> bool {
    matches!(digit, '0'..='9' | 'a'..='f')
}

/// The whole part of a number; what is too large for 64 bits is the smallest number, as on the machines that pprof's
/// users have.
pub(super) fn whole(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) { number as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_tells_the_base() {
        for (text, expected) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("+12", Some(12)),
            ("-12", Some(-12)),
            ("012", Some(10)),
            ("0o12", Some(10)),
            ("0x1F", Some(31)),
            ("0b101", Some(5)),
            ("0x_1f", Some(31)),
            ("0_7", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("08", None),
            ("1_000", Some(1000)),
            ("0x", None),
            ("0x1__f", None),
            ("0x1f_", None),
            ("", None),
            ("-", None),
            ("1.5", None),
        ] {
            assert_eq!(prefixed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn addresses_are_found_between_other_words() {
        assert_eq!(addresses(" 0x10 20 0xff: f(0x1)"), Some(vec![16, 255, 1]));
        assert_eq!(addresses("00x1 0xg0x2 0x0x3"), Some(vec![1, 2, 0]));
        assert_eq!(stack(" 0x1 2 0xf@ 0x3"), Some(vec![1, 15]));
        assert_eq!(addresses(""), Some(vec![]));
        assert_eq!(addresses("0x10000000000000000"), None);
        assert_eq!(addresses("0xffffffffffffffff"), Some(vec![u64::MAX]));
    }

    #[test]
    fn what_is_too_large_is_the_smallest() {
        assert_eq!(whole(-1.9), -1);
        assert_eq!(whole(9e18), 9_000_000_000_000_000_000);
        assert_eq!([whole(1e19), whole(f64::NAN), whole(f64::NEG_INFINITY)], [i64::MIN; 3]);
    }
}
