//! The straight line between two networks, and the barrier on it (paper section 3.3 and Figure 4).

mod barrier;
mod bootstrap;
mod chart;
mod pairs;
mod record;
mod samples;

use std::path::{Path, PathBuf};

use super::record::{Stored as _, Watch};
use super::selection::Selection;
use super::subject::Subject;
use crate::config::Experiment;
use crate::data::{Dataset, EvalImages};
use crate::error::{Error, Result};
use crate::evaluate::evaluate;
use crate::event::Event;
use crate::figure::Figure as _;
use crate::job::Job;

use self::samples::Samples;
pub use barrier::{Barrier, Height};
pub use chart::{barrier_table, bars, chart, point_table};
pub use pairs::{Line, Pairs, all_pairs};
pub use record::{Interpolation, Point};

/// Where to measure on lines, and on which images.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Positions on the line; the two ends are always measured too.
    pub coefficients: &'a [f64],
    /// Settings that say which images are used and how they are prepared.
    pub experiment: &'a Experiment,
    /// Which of them.
    pub selection: Selection,
    /// Where analyses are written if the first checkpoint lies in no run.
    pub base: &'a Path,
    /// The folder for the results, instead of one beside the first checkpoint.
    pub output: Option<&'a Path>,
    /// Shown the line after each point.
    pub watch: Watch<'a, Interpolation>,
}

/// `count` evenly spaced numbers from `first` to `last`, as NumPy's `linspace`.
pub fn linspace(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last - first) / count.saturating_sub(1).max(1) as f64;
    let at =
        |number: usize| if number + 1 == count && count > 1 { last } else { first + number as f64 * step };
    (0..count).map(at).collect()
}

/// Measures accuracy, loss and, of findings, AUC along the line from `one` at coefficient 0 to `two` at 1. Images are decoded
/// once; each point is written as it comes, and points that the folder has already are kept, and not measured again.
///
/// Returns the result and its folder.
///
/// # Errors
/// [`Error::Data`] for a checkpoint that is broken or of another architecture, [`Error::Diverged`] for one with values that
/// are not finite, [`Error::Interrupted`] with the points so far written.
pub fn interpolate(one: &Path, two: &Path, request: &Request, job: &Job) -> Result<(Interpolation, PathBuf)> {
    let mut images = Images::open(request)?;
    let [one, two] = [one, two].map(|path| Subject::load(path, request.experiment, &images.dataset, job));
    let (result, folder) = measure(&one?, &two?, request, &mut images, job)?;
    for metric in result.metrics() {
        chart(metric, &[("", &result)]).save(&folder.join(metric.name()))?;
    }
    Ok((result, folder))
}

/// The images of a request, decoded when the first point needs them.
struct Images {
    dataset: Dataset,
    decoded: Option<EvalImages>,
}

impl Images {
    fn open(request: &Request) -> Result<Self> {
        Ok(Self { dataset: request.selection.open(request.experiment)?, decoded: None })
    }

    fn decoded(&mut self, request: &Request, job: &Job) -> Result<&EvalImages> {
        Ok(match &mut self.decoded {
            Some(images) => images,
            none => none.insert(request.selection.decode(&self.dataset, request.experiment, job)?),
        })
    }
}

/// One line, without its charts.
fn measure(
    one: &Subject,
    two: &Subject,
    request: &Request,
    images: &mut Images,
    job: &Job,
) -> Result<(Interpolation, PathBuf)> {
    let coefficients = with_ends(request.coefficients)?;
    let mut result = Interpolation::new(request, &images.dataset, [&one.source, &two.source]);
    let folder = one.source.result_folder("interpolation", &result.name(), request.base, request.output);
    let earlier = result.known(&folder)?;
    let labels: Vec<usize> = (0..images.dataset.len()).map(|sample| images.dataset.label(sample)).collect();
    let labelling = images.dataset.labelling();
    let mut line = samples::known(&folder, &result.name());
    result.points =
        line.iter().map(|(coefficient, samples)| samples.point(*coefficient, &labels, labelling)).collect();

    let show = |line: &Interpolation| request.watch.into_iter().for_each(|watch| watch(line));
    show(&result);
    let missing: Vec<f64> = coefficients.iter().copied().filter(|c| result.point(*c).is_none()).collect();
    let (known, total) = (coefficients.len() - missing.len(), coefficients.len());
    for (number, coefficient) in missing.into_iter().enumerate() {
        let network = one.network.blend(&two.network, coefficient);
        let evaluation = evaluate(&network, images.decoded(request, job)?, job)?;
        let summary = evaluation.summary(request.selection.split.title());
        let samples = Samples::of(evaluation);
        samples.save(&folder, &result.name(), coefficient)?;
        result.add(samples.point(coefficient, &labels, labelling));
        result.write(&folder)?;
        line.push((coefficient, samples));
        show(&result);
        job.emit(Event::Point { coefficient, summary, done: known + number + 1, total });
    }
    result.barrier = match earlier {
        Some(earlier) if earlier.points == result.points && earlier.barrier.is_some() => earlier.barrier,
        _ => barrier::barrier(line, &labels, labelling, job)?,
    };
    result.write(&folder)?;
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
