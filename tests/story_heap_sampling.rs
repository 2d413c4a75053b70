//! Story: what a sampled heap profile says is right on average, and off by no more than chance explains, at every size.

use prof_tests::bound::{deviation_of_estimate, retried_for_longer};
use prof_tests::{Evidence, Project, Selection};

const RATE: f64 = 16384.0;

/// The sizes, and how many of each `portions` allocates in a round.
const SIZES: [(f64, f64); 6] = [
    (256.0, 80_000.0),
    (512.0, 40_000.0),
    (1024.0, 20_000.0),
    (16_384.0, 2500.0),
    (32_768.0, 2500.0),
    (65_536.0, 2500.0),
];
const ROUNDS: usize = 30;

/// By how many standard deviations the profile is off the truth.
fn deviations(samples: &Selection<'_>, count: f64, size: f64) -> f64 {
    let (objects, bytes) = samples.allocated();
    // All blocks are of one size. What is estimated of each stack is cut to whole objects and bytes.
    let estimate = bytes as f64 / size;
    let cut = estimate - objects as f64;
    assert!((-1.0..=2.0 * ROUNDS as f64).contains(&cut), "{objects} objects of {size} bytes are not {bytes} bytes");
    (estimate - count) / deviation_of_estimate(count, size, RATE)
}

fn sampled(project: &Project, work: u64) -> Evidence {
    let run = ["run", "-q", "--release", "--bin", "portions", "--", &work.to_string()];
    project.profiled_with(&run, &["--memprofilerate", "16384"], |_| ()).succeeded();
    project.heap_profile()
}

/// One in 16 000 right estimates is off by more than four standard deviations.
fn within_four(what: &str, deviations: f64) -> Result<(), String> {
    if deviations.abs() < 4.0 { Ok(()) } else { Err(format!("{what}: {deviations} standard deviations off")) }
}

#[test]
fn every_size_is_estimated_without_bias() {
    let project = Project::of("truth");
    retried_for_longer(1, |work| {
        let heap = sampled(&project, work);
        let mut squares = 0.0;
        for (size, in_a_round) in SIZES {
            let function = format!("portions::of_{size}");
            let all = heap.all().through(&function);
            assert_eq!(all.in_use(), (0, 0), "{function} keeps nothing");

            let of_round = in_a_round * work as f64;
            let count = of_round * ROUNDS as f64;
            within_four(&function, deviations(&all, count, size))?;
            let off = all.allocated().0 as f64 / count - 1.0;
            if off.abs() >= 0.02 {
                return Err(format!("{function}: the mean of {ROUNDS} rounds is {off} off"));
            }
            for round in 0..ROUNDS {
                let round = all.clone().through(&format!("portions::round_{round:02}"));
                squares += deviations(&round, of_round, size).powi(2);
            }
        }
        // The sum of the squares of n independent deviations has the mean n and the variance 2n: neither do the rounds
        // scatter more than chance explains, nor less, as if samples came at regular distances.
        let n = (SIZES.len() * ROUNDS) as f64;
        within_four("the scatter of the rounds", (squares - n) / (2.0 * n).sqrt())
    });
}

#[test]
fn short_threads_and_what_is_kept_are_estimated_as_well() {
    let project = Project::of("truth");
    retried_for_longer(1, |work| {
        let heap = sampled(&project, work);
        let work = work as f64;
        let short = heap.all().through("portions::on_a_short_thread");
        within_four("short threads", deviations(&short, 20_000.0 * work, 1000.0))?;
        let kept = heap.all().through("portions::keep");
        // The list of the blocks, which is surely sampled, is one more.
        let list = 80_000.0 * 24.0 * work;
        let (objects, bytes) = kept.in_use();
        let deviation = deviation_of_estimate(20_000.0 * work, 700.0, RATE);
        within_four("kept objects", (objects as f64 - 1.0 - 20_000.0 * work) / deviation)?;
        within_four("kept bytes", ((bytes as f64 - list) / 700.0 - 20_000.0 * work) / deviation)
    });
}
