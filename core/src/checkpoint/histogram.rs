//! How the values of a tensor are distributed.

/// Numbers of values in parts of equal width between two ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Lower end of the first part, and upper end of the last.
    pub range: [f64; 2],
    /// Values in each part; the upper end belongs to the last.
    pub counts: Vec<u64>,
}

impl Histogram {
    /// Of the values within `range`, in so many parts.
    pub fn of(values: &[f32], range @ [low, high]: [f64; 2], parts: usize) -> Self {
        let mut counts = vec![0; parts];
        let scale = parts as f64 / (high - low).max(f64::MIN_POSITIVE);
        for value in values.iter().map(|value| f64::from(*value)).filter(|v| (low..=high).contains(v)) {
            let part = ((value - low) * scale) as usize;
            if let Some(count) = counts.get_mut(part.min(parts.saturating_sub(1))) {
                *count += 1;
            }
        }
        Self { range, counts }
    }

    /// Its outline from left to right: the ends of each part at the part's height.
    pub fn outline(&self) -> Vec<(f64, f64)> {
        let [low, high] = self.range;
        let edge = |part: usize| low + (high - low) * part as f64 / self.counts.len().max(1) as f64;
        let parts = self.counts.iter().enumerate();
        parts.flat_map(|(part, count)| [part, part + 1].map(|end| (edge(end), *count as f64))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_within_the_ends_is_counted_once() {
        let values = [-1.0, -0.5, 0.0, 0.4, 1.0, 1.5, f32::NAN, f32::INFINITY];
        let histogram = Histogram::of(&values, [-1.0, 1.0], 4);
        assert_eq!(histogram.counts, [1, 1, 2, 1]);
        let outline = histogram.outline();
        assert_eq!((outline[0], outline[1], outline[7]), ((-1.0, 1.0), (-0.5, 1.0), (1.0, 1.0)));
        assert_eq!(Histogram::of(&[2.0, 2.0], [2.0, 2.0], 3).counts.iter().sum::<u64>(), 2);
        assert!(Histogram::of(&values, [f64::NAN, f64::NAN], 2).counts.iter().all(|count| *count == 0));
    }
}
