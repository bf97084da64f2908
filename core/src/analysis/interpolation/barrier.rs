//! One number for what lies between two networks.

use serde::{Deserialize, Deserializer, Serialize};

use super::bootstrap::{self, Measure};
use super::samples::Samples;
use crate::analysis::measures::infinity_or_number;
use crate::data::Labelling;
use crate::error::Result;
use crate::job::Job;

/// What the numbers of a [`Barrier`] are, for its readers.
pub(super) const DEFINITION: &str = "the largest drop below the chord, max over c in [0, 1] of (1 - c) m(0) + c m(1) - m(c), \
    with the sign turned for the loss; accuracy in percentage points, loss in nats, AUC as a fraction; interval: 95 % \
    percentile bootstrap, 1000 resamples of the samples, each the same for all coefficients and with a maximum of its own";

/// How far the measured line falls below the chord between its ends, at most, on coefficients from 0 to 1.
///
/// The paper draws barriers and gives no number; this is the usual one: with a metric m at coefficient c,
/// `max_c [(1 - c) m(0) + c m(1) - m(c)]`, the sign turned for the loss. It is 0 where no point is worse than the chord.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barrier {
    /// Drop of the accuracy, percentage points.
    pub accuracy: Height,
    /// Rise of the loss, nats.
    pub loss: Height,
    /// Drop of the mean AUC, a fraction; none where a label is a class, or where it is undefined at an end.
    pub auc: Option<Height>,
}

/// The height of a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Height {
    /// The largest drop.
    #[serde(deserialize_with = "infinity_or_number")]
    pub value: f64,
    /// Its coefficient.
    pub at: f64,
    /// 95 % bootstrap interval over the samples. As a maximum of numbers that chance moves is drawn upwards, that of a line
    /// without barrier begins above 0.
    #[serde(deserialize_with = "interval")]
    pub interval: [f64; 2],
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<[f64; 2], D::Error> {
    let ends: [Option<f64>; 2] = Deserialize::deserialize(deserializer)?;
    Ok(ends.map(|end| end.unwrap_or(f64::INFINITY)))
}

/// The barrier, if both ends are measured.
///
/// # Errors
/// [`crate::error::Error::Interrupted`] if somebody asked to stop.
pub(super) fn barrier(
    mut line: Vec<(f64, Samples)>,
    labels: &[usize],
    labelling: Labelling,
    job: &Job,
) -> Result<Option<Barrier>> {
    line.retain(|(coefficient, _)| (0.0..=1.0).contains(coefficient));
    line.sort_by(|a, b| a.0.total_cmp(&b.0));
    let coefficients: Vec<f64> = line.iter().map(|(coefficient, _)| *coefficient).collect();
    if !matches!(coefficients[..], [0.0, .., 1.0]) {
        return Ok(None);
    }
    let column =
        |of: fn(&Samples) -> &Vec<f32>| line.iter().map(|(_, samples)| of(samples).as_slice()).collect();
    let mut measures = vec![
        Measure::mean(column(|samples| &samples.right), 100.0 / labelling.decisions() as f64),
        Measure::mean(column(|samples| &samples.losses), -1.0),
    ];
    if let Labelling::Findings(names) = labelling {
        measures.push(Measure::auc(column(|samples| &samples.logits), labels, names.len()));
    }
    let heights = bootstrap::heights(&coefficients, &measures, labels.len(), job)?;
    Ok(match heights[..] {
        [Some(accuracy), Some(loss), ref auc @ ..] => {
            Some(Barrier { accuracy, loss, auc: auc.first().copied().flatten() })
        }
        _ => None,
    })
}

/// The largest drop of a metric below its chord and the coefficient of that drop; values by coefficient, from 0 to 1. Values
/// that are no number are left out; `None` if one of the ends is.
pub(super) fn largest_drop(coefficients: &[f64], values: &[f64]) -> Option<(f64, f64)> {
    let (first, last) = (*values.first()?, *values.last()?);
    if first.is_nan() || last.is_nan() {
        return None;
    }
    let below = coefficients.iter().zip(values).map(|(c, value)| ((1.0 - c) * first + c * last - value, *c));
    Some(below.fold((0.0, 0.0), |best, drop| if drop.0 > best.0 { drop } else { best }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_barrier_is_measured_from_the_chord_within_the_segment() {
        let coefficients = [0.0, 0.25, 0.5, 1.0];
        // Chord at 0.25: 65 and 1.25; at 0.5: 70 and 1.5.
        assert_eq!(largest_drop(&coefficients, &[60.0, 40.0, 50.0, 80.0]), Some((25.0, 0.25)));
        assert_eq!(largest_drop(&coefficients, &[-1.0, -2.0, -1.5, -2.0]), Some((0.75, 0.25)));
        assert_eq!(
            largest_drop(&coefficients, &[-1.0, f64::NEG_INFINITY, -1.5, -2.0]),
            Some((f64::INFINITY, 0.25))
        );
    }

    #[test]
    fn a_line_above_its_chord_has_no_barrier_and_a_line_without_ends_has_no_chord() {
        assert_eq!(largest_drop(&[0.0, 0.5, 1.0], &[60.0, 90.0, 80.0]), Some((0.0, 0.0)));
        assert_eq!(largest_drop(&[0.0, 0.5, 1.0], &[60.0, f64::NAN, 80.0]), Some((0.0, 0.0)));
        assert_eq!(largest_drop(&[0.0, 0.5, 1.0], &[60.0, 90.0, f64::NAN]), None);
    }
}
