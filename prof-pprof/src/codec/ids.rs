//! The ids of a message: what they lead to, and what they were. A [`Profile`](crate::Profile) has positions instead.

use hashbrown::HashMap;

use crate::Error;

/// The ids that a file gave to things, for those who want to see the file as it is. Empty where there were none, as in
/// the formats from before profile.proto; the ids are then positions, from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginalIds {
    /// Of each of [`Profile::mappings`](crate::Profile::mappings).
    pub mappings: Vec<u64>,
    /// Of each of [`Profile::locations`](crate::Profile::locations).
    pub locations: Vec<u64>,
}

/// Ids of a table → positions. Nearly every writer counts from 1, which needs no map.
pub(super) struct Ids {
    what: &'static str,
    in_order: u64,
    others: HashMap<u64, usize>,
}

impl Ids {
    pub(super) fn new(what: &'static str) -> Ids {
        Ids { what, in_order: 0, others: HashMap::new() }
    }

    /// Adds the id of the next position.
    pub(super) fn add(&mut self, id: u64) -> Result<(), Error> {
        let position = self.in_order as usize + self.others.len();
        if id == 0 || self.position(id).is_ok() {
            return Err(Error::Identity { what: self.what, id });
        }
        if self.others.is_empty() && id == self.in_order + 1 {
            self.in_order += 1;
        } else {
            self.others.insert(id, position);
        }
        Ok(())
    }

    pub(super) fn position(&self, id: u64) -> Result<usize, Error> {
        if (1..=self.in_order).contains(&id) {
            return Ok(id as usize - 1);
        }
        self.others.get(&id).copied().ok_or_else(|| self.dangling(id))
    }

    /// How many there are, if they count from 1.
    pub(super) fn in_order(&self) -> Option<u64> {
        self.others.is_empty().then_some(self.in_order)
    }

    /// The error for an id that leads nowhere.
    pub(super) fn dangling(&self, id: u64) -> Error {
        Error::Dangling { what: self.what, id }
    }
}
