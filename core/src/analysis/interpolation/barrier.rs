//! One number for what lies between two networks.

use serde::{Deserialize, Serialize};

use super::Point;
use super::record::float_or_null;

/// How far the measured line falls below the chord between its ends, at most, on coefficients from 0 to 1.
///
/// The paper draws barriers and gives no number; this is the usual one: with a metric m at coefficient c,
/// `max_c [(1 - c) m(0) + c m(1) - m(c)]`, the sign turned for the loss. It is 0 where no point is worse than the chord.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barrier {
    /// Drop of the test accuracy, percentage points.
    pub accuracy: f64,
    /// The coefficient of that drop.
    pub accuracy_at: f64,
    /// Rise of the test loss, nats.
    #[serde(deserialize_with = "float_or_null")]
    pub loss: f64,
    /// The coefficient of that rise.
    pub loss_at: f64,
}

/// The barrier, if both ends are measured.
pub fn barrier(points: &[Point]) -> Option<Barrier> {
    let end = |at: f64| points.iter().find(|point| point.coefficient == at);
    let (first, last) = (end(0.0)?, end(1.0)?);
    let largest = |metric: fn(&Point) -> f64| {
        let inside = points.iter().filter(|point| (0.0..=1.0).contains(&point.coefficient));
        let below = inside.map(|point| {
            let c = point.coefficient;
            ((1.0 - c) * metric(first) + c * metric(last) - metric(point), c)
        });
        below.fold((0.0, 0.0), |best, (drop, at)| if drop > best.0 { (drop, at) } else { best })
    };
    let (accuracy, accuracy_at) = largest(|point| point.accuracy);
    let (loss, loss_at) = largest(|point| -point.loss);
    Some(Barrier { accuracy, accuracy_at, loss, loss_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[(f64, f64, f64)]) -> Vec<Point> {
        values.iter().map(|&(coefficient, accuracy, loss)| Point { coefficient, accuracy, loss }).collect()
    }

    #[test]
    fn the_barrier_is_measured_from_the_chord_within_the_segment() {
        let line = points(&[
            (-0.5, 1.0, 9.0),
            (0.0, 60.0, 1.0),
            (0.25, 40.0, 2.0),
            (0.5, 50.0, 1.5),
            (1.0, 80.0, 2.0),
        ]);
        let barrier = barrier(&line).unwrap();
        // Chord at 0.25: 65 and 1.25; at 0.5: 70 and 1.5.
        assert_eq!((barrier.accuracy, barrier.accuracy_at), (25.0, 0.25));
        assert_eq!((barrier.loss, barrier.loss_at), (0.75, 0.25));
    }

    #[test]
    fn a_line_above_its_chord_has_no_barrier_and_a_line_without_ends_has_no_chord() {
        let above = points(&[(0.0, 60.0, 1.0), (0.5, 90.0, 0.5), (1.0, 80.0, 1.0)]);
        assert_eq!(
            barrier(&above),
            Some(Barrier { accuracy: 0.0, accuracy_at: 0.0, loss: 0.0, loss_at: 0.0 })
        );
        assert_eq!(barrier(&above[1..]), None);
    }
}
