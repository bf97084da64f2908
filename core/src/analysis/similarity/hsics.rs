//! The HSICs of every two units, from which CKA follows.

use super::estimator::normalised;

/// Sums of HSICs of every two units.
pub(super) struct Hsics {
    units: usize,
    /// `[units, units]`, the upper triangle; NaN where nothing was added.
    sums: Vec<f64>,
}

impl Hsics {
    /// Of so many units, with nothing added.
    pub fn new(units: usize) -> Self {
        Self { units, sums: vec![f64::NAN; units * units] }
    }

    fn place(&self, one: usize, two: usize) -> usize {
        one.min(two) * self.units + one.max(two)
    }

    /// Adds the HSIC of some samples.
    pub fn add(&mut self, one: usize, two: usize, hsic: f64) {
        let place = self.place(one, two);
        let sum = &mut self.sums[place];
        *sum = if sum.is_nan() { hsic } else { *sum + hsic };
    }

    /// CKA of two units; none where it is undefined or they are not compared.
    pub fn cka(&self, one: usize, two: usize) -> Option<f64> {
        let sum = |one, two| self.sums[self.place(one, two)];
        let xy = sum(one, two);
        normalised(xy, sum(one, one), sum(two, two)).filter(|cka| cka.is_finite())
    }
}
