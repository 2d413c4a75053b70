//! Random numbers for the first expiry of a timer and for the distance between sampled allocations. Each thread
//! carries its own state; nothing here is shared, nor fit for secrets.

use crate::sys;

/// A state to begin with, different for each thread and run.
pub fn seed() -> u64 {
    let here = 0u8;
    let seed =
        sys::monotonic_nanos() ^ (std::ptr::from_ref(&here) as u64).rotate_left(32) ^ (sys::thread_id() as u64) << 48;
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

/// The next state and 64 random bits (xorshift64*).
pub fn next(state: u64) -> (u64, u64) {
    let mut x = state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    (x, x.wrapping_mul(0x2545_f491_4f6c_dd1d))
}

/// A number in `1..=bound` from random bits, for bounds far below 2^64.
pub fn within(bits: u64, bound: u64) -> u64 {
    1 + ((u128::from(bits) * u128::from(bound)) >> 64) as u64
}

/// A distance drawn from an exponential distribution with mean `mean`, from random bits.
pub fn exponential(bits: u64, mean: u64) -> u64 {
    // 53 bits make a double in (0, 1].
    let uniform = ((bits >> 11) + 1) as f64 / (1u64 << 53) as f64;
    (-uniform.ln() * mean as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_have_their_mean() {
        let mut state = 7;
        let mut sum = 0.0;
        let draws = 200_000;
        for _ in 0..draws {
            let (next_state, bits) = next(state);
            state = next_state;
            sum += exponential(bits, 524_288) as f64;
        }
        let mean = sum / f64::from(draws) / 524_288.0;
        // The standard deviation of the mean is 1/sqrt(200000); the state is fixed, so this never flickers.
        assert!((mean - 1.0).abs() < 5.0 / f64::from(draws).sqrt(), "{mean}");
    }

    #[test]
    fn within_covers_its_range() {
        assert_eq!(within(0, 10), 1);
        assert_eq!(within(u64::MAX, 10), 10);
    }
}
