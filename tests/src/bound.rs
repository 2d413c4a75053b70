//! How far a sampled share may lie from the true one, derived and not guessed. What the shares are is the stories'
//! business.

/// How many standard deviations a story grants: a right sampler exceeds five in one of 1.7 million runs.
const DEVIATIONS: f64 = 5.0;

/// The largest difference from a true share that chance explains, when `samples` independent samples were drawn: five
/// standard deviations of the binomial distribution.
pub fn of_share(truth: f64, samples: f64) -> f64 {
    DEVIATIONS * (truth * (1.0 - truth) / samples).sqrt()
}

/// Whether a sampled share agrees with the truth as far as `samples` samples can tell.
pub fn share_agrees(sampled: f64, truth: f64, samples: f64) -> bool {
    (sampled - truth).abs() <= of_share(truth, samples)
}

/// The standard deviation of the estimated number of allocations, when `count` blocks of `size` bytes were allocated and about
/// every `rate` bytes one was sampled.
///
/// The distances between samples are drawn from an exponential distribution with the mean `rate`, which has no memory: each
/// block is sampled with p = 1 − e^(−size/rate), whatever happened to the others. So the number of sampled blocks is binomial
/// with the variance count · p · (1 − p), and that of the estimate, which is this number over p, is count · (1 − p) / p.
pub fn deviation_of_estimate(count: f64, size: f64, rate: f64) -> f64 {
    let seen = -(-size / rate).exp_m1();
    (count * (1.0 - seen) / seen).sqrt()
}

/// Tells a truth up to three times, each time with twice the amount of work, and thereby a bound that is narrower by
/// the root of two. Fails with what was said last; never with a wider bound.
///
/// # Panics
///
/// If the third attempt is no better than the others.
pub fn retried_for_longer(work: u64, mut attempt: impl FnMut(u64) -> Result<(), String>) {
    let mut last = String::new();
    for factor in [1, 2, 4] {
        match attempt(factor * work) {
            Ok(()) => return,
            Err(difference) => last = difference,
        }
    }
    panic!("{last}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_samples_make_a_narrower_bound() {
        assert!((of_share(0.75, 1875.0) - 0.05).abs() < 1e-9);
        assert!((of_share(0.75, 4.0 * 1875.0) - 0.025).abs() < 1e-9);
        assert!(share_agrees(0.701, 0.75, 1875.0) && !share_agrees(0.699, 0.75, 1875.0));
    }

    #[test]
    fn small_blocks_are_known_less_well() {
        // p = 1/2: the deviation is the root of the count.
        let of_half = std::f64::consts::LN_2 * 1000.0;
        assert!((deviation_of_estimate(10_000.0, of_half, 1000.0) - 100.0).abs() < 1e-9);
        assert!(deviation_of_estimate(10_000.0, 1.0, 1000.0) > 3000.0);
        assert!(deviation_of_estimate(10_000.0, 50_000.0, 1000.0) < 1e-6);
    }

    #[test]
    fn work_doubles_until_it_agrees() {
        let mut seen = Vec::new();
        retried_for_longer(2, |work| {
            seen.push(work);
            if work < 8 { Err("too little".to_owned()) } else { Ok(()) }
        });
        assert_eq!(seen, [2, 4, 8]);
    }
}
