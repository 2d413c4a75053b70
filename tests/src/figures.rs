//! Medians and ranges of measured figures, for the programs that measure. Measures nothing itself.

/// Figures in their order: what the other functions here take.
#[derive(Debug)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Puts at least one figure in order.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Sorted {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        assert!(!figures.is_empty(), "nothing was measured");
        figures.sort_by(f64::total_cmp);
        Sorted(figures)
    }

    /// The middle figure, or what lies halfway between the two in the middle.
    pub fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len().is_multiple_of(2) { (self.0[middle - 1] + self.0[middle]) / 2.0 } else { self.0[middle] }
    }

    /// The smallest figure.
    pub fn least(&self) -> f64 {
        self.0[0]
    }

    /// The largest figure.
    pub fn most(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// The median, and what it lies between, with so many decimal places: `1.04 (0.81-1.46)`.
    pub fn median_and_range(&self, places: usize) -> String {
        format!("{:.places$} ({:.places$}-{:.places$})", self.median(), self.least(), self.most())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_lies_in_the_middle() {
        for (figures, expected) in [(&[3.0][..], 3.0), (&[5.0, 2.0], 3.5), (&[9.0, 1.0, 4.0], 4.0)] {
            assert_eq!(Sorted::of(figures.iter().copied()).median(), expected);
        }
        assert_eq!(Sorted::of([2.0, 1.0]).median_and_range(1), "1.5 (1.0-2.0)");
    }
}
