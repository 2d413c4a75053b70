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

    /// The middle figure.
    pub fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
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
