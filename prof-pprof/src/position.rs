//! Positions in tables, in four bytes even where there may be none: stacks and graphs are made of little else.

use std::num::NonZeroU32;

/// A position in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position(NonZeroU32);

impl Position {
    /// # Panics
    ///
    /// If `position` is 2³² - 1 or more.
    #[inline]
    pub(crate) fn new(position: usize) -> Position {
        let number = u32::try_from(position + 1).ok().and_then(NonZeroU32::new);
        Position(number.expect("tables of profiles have fewer than 2^32 items"))
    }

    #[inline]
    pub(crate) fn get(self) -> usize {
        self.0.get() as usize - 1
    }
}
