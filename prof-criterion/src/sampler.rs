//! The samplers of `prof-harness`, one session for each benchmark. What becomes of its record is in `profiles.rs`; what
//! stands here on other targets in `no_sampler.rs`.

#![forbid(unsafe_code)]

use std::time::Duration;

use prof_harness::{Profiler, ProfilerError};
use prof_record::{Record, DIRECTORY_VARIABLE};

use crate::error::Error;
use crate::Options;

/// The samplers at work.
#[derive(Debug)]
pub(crate) struct Sampler(Profiler);

/// Starts the samplers; none if others are at work for somebody else.
pub(crate) fn start(options: &Options) -> Result<Option<Sampler>, Error> {
    // Under `cargo prof` they may be those of a second copy of the harness, which ours knows nothing of.
    if std::env::var_os(DIRECTORY_VARIABLE).is_some() {
        return Ok(None);
    }
    let mut settings = prof_harness::Options::default()
        .cpu_period(Duration::from_nanos(period(options.cpu_rate)))
        .heap_period(options.heap_period);
    if let Some(engine) = options.engine {
        settings = settings.engine(engine);
    }
    match Profiler::start(settings) {
        Ok(profiler) => Ok(Some(Sampler(profiler))),
        Err(ProfilerError::Running) => Ok(None),
        Err(error) => Err(Error::Sampler(error.into())),
    }
}

impl Sampler {
    /// Stops the samplers.
    pub(crate) fn stop(self) -> Result<Record, Error> {
        self.0.stop().map_err(|error| Error::Sampler(error.into()))
    }
}

/// Nanoseconds between two samples at this rate, 0 for none.
fn period(hertz: u64) -> u64 {
    1_000_000_000u64.checked_div(hertz).unwrap_or(0)
}
