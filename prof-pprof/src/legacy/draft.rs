//! A profile while its stacks are read: one location for each address, samples in the order of the file. Unlike with
//! `builder.rs`, equal samples stay apart, as they do in `go tool pprof`. What is mapped where is in `maps.rs`.

use std::collections::HashMap;

use crate::{Label, Location, LocationIndex, Profile, Sample, ValueType};

/// A profile to which stacks of addresses are added.
#[derive(Default)]
pub(super) struct Draft {
    /// What is known by now.
    pub(super) profile: Profile,
    /// The locations by the address that the file gives them.
    of_address: HashMap<u64, LocationIndex>,
}

impl Draft {
    /// A profile without samples, which hold values of these kinds in these units.
    pub(super) fn new(sample_types: &[(&str, &str)], period_type: (&str, &str), period: i64) -> Draft {
        let value_type = |(kind, unit): &(&str, &str)| ValueType::new(kind, unit);
        let profile = Profile {
            sample_types: sample_types.iter().map(value_type).collect(),
            period_type: Some(value_type(&period_type)),
            period,
            ..Profile::default()
        };
        Draft { profile, ..Draft::default() }
    }

    /// The location at an address, if a sample had it.
    pub(super) fn location(&self, address: u64) -> Option<LocationIndex> {
        self.of_address.get(&address).copied()
    }

    /// Adds a sample with the stack of these addresses, leaf first.
    pub(super) fn add(&mut self, addresses: impl IntoIterator<Item = u64>, values: &[i64], labels: Vec<Label>) {
        let locations = addresses.into_iter().map(|address| {
            *self.of_address.entry(address).or_insert_with(|| {
                self.profile.locations.push(Location { address, ..Location::default() });
                LocationIndex::new(self.profile.locations.len() - 1)
            })
        });
        let locations: Vec<_> = locations.collect();
        self.profile.samples.push(Sample { locations: &locations, values, labels: &labels });
    }
}

/// The instruction before a return address: the call.
pub(super) fn call_site(return_address: u64) -> u64 {
    return_address.wrapping_sub(1)
}

/// The addresses of a stack whose leaf was interrupted; all others are return addresses.
pub(super) fn interrupted(addresses: Vec<u64>) -> impl Iterator<Item = u64> {
    let adjust = |(depth, address)| if depth > 0 { call_site(address) } else { address };
    addresses.into_iter().enumerate().map(adjust)
}

/// Removes the second location of stacks in which it is the leaf once more: unwinding starts with the return address
/// that belongs to it, the signal with the address itself.
pub(super) fn remove_repeated_leaves(profile: &mut Profile) {
    let (locations, samples) = (&profile.locations, &mut profile.samples);
    samples.for_each_mut(|sample| {
        if let [leaf, caller, ..] = sample.locations[..]
            && locations[leaf.position()].address == locations[caller.position()].address.wrapping_add(1)
        {
            sample.locations.remove(1);
        }
    });
}

/// Drops what no sample needs; the rest gets the order of its first use.
pub(super) fn keep_used(profile: &mut Profile) {
    let mut moved = vec![None; profile.locations.len()];
    let mut locations = Vec::new();
    for location in profile.samples.locations_mut() {
        *location = *moved[location.position()].get_or_insert_with(|| {
            locations.push(std::mem::take(&mut profile.locations[location.position()]));
            LocationIndex::new(locations.len() - 1)
        });
    }
    profile.locations = locations;
    let mut moved = vec![None; profile.functions.len()];
    let mut functions = Vec::new();
    for line in profile.locations.iter_mut().flat_map(|location| &mut location.lines) {
        line.function = *moved[line.function.position()].get_or_insert_with(|| {
            functions.push(std::mem::take(&mut profile.functions[line.function.position()]));
            crate::FunctionIndex::new(functions.len() - 1)
        });
    }
    profile.functions = functions;
}
