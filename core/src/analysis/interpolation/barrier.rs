//! One number for what lies between two networks.

use super::bootstrap::{self, Measure};
use super::record::{Barrier, Height, Point};
use super::samples::Samples;
use crate::data::Labelling;
use crate::error::Result;
use crate::job::Job;

/// The barrier with its interval, if both ends are measured.
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
    let height = |metric: usize| heights.get(metric).copied().flatten();
    Ok(Some(Barrier { accuracy: height(0), loss: height(1), auc: height(2) }))
}

/// The barrier of points from 0 to 1 whose samples are not known, and so without an interval.
pub(super) fn of_points(points: &[Point]) -> Barrier {
    let coefficients: Vec<f64> = points.iter().map(|point| point.coefficient).collect();
    let height = |metric: fn(&Point) -> f64| {
        let values: Vec<f64> = points.iter().map(metric).collect();
        let (value, at) = bootstrap::largest_drop(&coefficients, &values)?;
        Some(Height { value, at, interval: None })
    };
    Barrier {
        accuracy: height(|point| point.measures.accuracy),
        loss: height(|point| -point.measures.loss),
        auc: height(|point| point.measures.auc.unwrap_or(f64::NAN)),
    }
}
