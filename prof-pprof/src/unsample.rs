//! How many allocations the sampled ones stand for. What is done with the numbers is in `from_record.rs`.

/// Estimates what `sampled` allocations of `size` bytes each stand for: how many, and how many bytes in all.
///
/// An allocation of `size` bytes is sampled with the probability 1 − exp(−size / period); dividing by it gives an
/// unbiased estimate. Rounded toward zero as Go's `scaleHeapSample` (runtime/pprof/protomem.go) does, so that the same
/// events give the same numbers. A period of at most 1 means that every allocation was sampled.
pub(crate) fn allocations(sampled: u64, size: u64, period: u64) -> (i64, i64) {
    if sampled == 0 || size == 0 {
        // Nothing was allocated, or each took no memory and could not be sampled by bytes.
        return (if period <= 1 { signed(sampled) } else { 0 }, 0);
    }
    let bytes = sampled.saturating_mul(size);
    if period <= 1 {
        return (signed(sampled), signed(bytes));
    }
    let scale = 1.0 / (1.0 - (-(size as f64) / period as f64).exp());
    ((sampled as f64 * scale) as i64, (bytes as f64 * scale) as i64)
}

/// The same count as a value of a sample.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_go() {
        let period = 512 << 10;
        assert_eq!(allocations(4, 1024, period), (2050, 2_099_200));
        assert_eq!(allocations(3, 1024, period), (1537, 1_574_400));
        assert_eq!(allocations(1, 512 << 10, period), (1, 829_411));
        assert_eq!(allocations(0, 1024, period), (0, 0));
    }

    #[test]
    fn without_sampling_nothing_is_scaled() {
        assert_eq!(allocations(7, 24, 1), (7, 168));
        assert_eq!(allocations(7, 0, 1), (7, 0));
        assert_eq!(allocations(u64::MAX, 2, 0), (i64::MAX, i64::MAX));
    }
}
