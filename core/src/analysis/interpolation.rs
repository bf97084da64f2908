//! The straight line between two networks, and the barrier on it (paper section 3.3 and Figure 4).

mod barrier;
mod chart;
mod record;

use std::path::{Path, PathBuf};

use super::subject::Subject;
use crate::config::Experiment;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::figure::Figure as _;
use crate::job::Job;
use crate::train::eval_images;
use crate::train::evaluate::evaluate;

pub use barrier::{Barrier, barrier};
pub use chart::{Metric, chart};
pub use record::{Interpolation, Point};

/// Two checkpoints and where to measure between and beyond them.
#[derive(Debug)]
pub struct Request<'a> {
    /// The checkpoint at coefficient 0.
    pub one: &'a Path,
    /// The checkpoint at coefficient 1.
    pub two: &'a Path,
    /// Positions on the line; the two ends are always measured too.
    pub coefficients: &'a [f64],
    /// Settings that say which images are used and how they are prepared.
    pub experiment: &'a Experiment,
    /// Where analyses are written if the first checkpoint lies in no run.
    pub base: &'a Path,
    /// The folder for the results, instead of one beside the first checkpoint.
    pub output: Option<&'a Path>,
}

/// `count` evenly spaced numbers from `first` to `last`, as NumPy's `linspace`.
pub fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / count.saturating_sub(1).max(1) as f64;
    let at =
        |number: usize| if number + 1 == count && count > 1 { last } else { first + number as f64 * step };
    (0..count).map(at).collect()
}

/// Measures test accuracy and loss along the line. Images are decoded once; each point is written as it comes, and points
/// that the folder has already are kept, and not measured again.
///
/// Returns the result and its folder.
///
/// # Errors
/// [`Error::Data`] for a checkpoint that is broken or of another architecture, [`Error::Interrupted`] with the points so
/// far written.
pub fn interpolate(request: &Request, job: &Job) -> Result<(Interpolation, PathBuf)> {
    let experiment = request.experiment;
    let dataset = Dataset::open(&experiment.data, Split::Test)?;
    let [one, two] =
        [request.one, request.two].map(|path| Subject::load(path, experiment, &dataset, &job.device));
    let (one, two) = (one?, two?);
    let mut result = Interpolation::new(experiment, &dataset, [&one.source, &two.source]);
    let folder = match request.output {
        Some(folder) => folder.to_owned(),
        None => one.analysis_folder(request.base).join("interpolation").join(result.name()),
    };
    let coefficients = with_ends(request.coefficients)?;
    result.take_known(&folder)?;

    let missing: Vec<f64> = coefficients.iter().copied().filter(|c| result.point(*c).is_none()).collect();
    let (known, total) = (coefficients.len() - missing.len(), coefficients.len());
    if !missing.is_empty() {
        let images = eval_images(experiment, &dataset, Split::Test, job)?;
        for (number, coefficient) in missing.into_iter().enumerate() {
            let evaluation = evaluate(&one.network.blend(&two.network, coefficient), &images, job)?;
            let (accuracy, loss) = (100.0 * evaluation.accuracy(), evaluation.loss());
            // A network that overflows has an endless loss, whether it computes as infinity or as no number.
            let loss = if loss.is_finite() { loss } else { f64::INFINITY };
            result.add(Point { coefficient, accuracy, loss });
            result.save(&folder)?;
            let done = known + number + 1;
            job.emit(Event::Point { coefficient, accuracy, loss, done, total });
        }
    }
    result.barrier = barrier(&result.points);
    result.save(&folder)?;
    for metric in [Metric::Accuracy, Metric::Loss] {
        chart(metric, &[("", &result)]).save(&folder.join(metric.name()))?;
    }
    Ok((result, folder))
}

/// Adds the coefficients 0 and 1, which the chord needs, and sorts; numbers that rounding has put beside an end become it.
fn with_ends(coefficients: &[f64]) -> Result<Vec<f64>> {
    if let Some(wrong) = coefficients.iter().find(|c| !c.is_finite()) {
        return Err(Error::usage(format!("a coefficient must be a number: {wrong}")));
    }
    let near_end = |c: &f64| (c.abs() < 1e-9) || (c - 1.0).abs() < 1e-9;
    let mut all: Vec<f64> = coefficients.iter().copied().filter(|c| !near_end(c)).chain([0.0, 1.0]).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_numpys_and_hold_both_ends() {
        assert_eq!(linspace(0.0, 1.0, 3), [0.0, 0.5, 1.0]);
        assert_eq!(linspace(0.25, 9.0, 1), [0.25]);
        // numpy.linspace(0, 1, 50)[[1, 29, 49]]
        let fifty = linspace(0.0, 1.0, 50);
        assert_eq!([fifty[1], fifty[29], fifty[49]], [0.02040816326530612, 0.5918367346938775, 1.0]);
        assert_eq!(with_ends(&linspace(-0.2, 1.2, 8)).unwrap().len(), 8);
        assert_eq!(with_ends(&[0.5, 2.0]).unwrap(), [0.0, 0.5, 1.0, 2.0]);
        assert!(with_ends(&[f64::NAN]).is_err());
    }
}
