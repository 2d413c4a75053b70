//! What stands in the place of `sampler.rs` where `prof-harness` does not run. Never samples.

#![forbid(unsafe_code)]

use prof_record::Record;

use crate::error::Error;
use crate::Options;

/// There are no samplers.
#[derive(Debug)]
pub(crate) enum Sampler {}

/// Starts nothing.
pub(crate) fn start(_options: &Options) -> Result<Option<Sampler>, Error> {
    Err(Error::Sampler("the sampler knows x86-64 Linux with glibc only".into()))
}

impl Sampler {
    /// Never called.
    pub(crate) fn stop(self) -> Result<Record, Error> {
        match self {}
    }
}
