//! Choosing the strength C on a part of the training samples that is held out.

use super::{Problem, Samples, Scaling, Solution};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;

/// Numbers from `first` to `last`, both positive, each the same multiple of the one before; to twelve digits.
pub fn log_spaced(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = (last / first).log10() / count.saturating_sub(1).max(1) as f64;
    let at = |number: usize| {
        let value = 10.0_f64.powf(first.log10() + step * number as f64);
        format!("{value:.11e}").parse().unwrap_or(value)
    };
    (0..count).map(at).collect()
}

/// The powers of ten from 1e-6 to 1e6: what is tried unless other strengths are named.
pub fn default_strengths() -> Vec<f64> {
    log_spaced(1e-6, 1e6, 13)
}

/// Training samples in two parts, by their positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldOut {
    /// Those that are fitted to.
    pub fitted: Vec<usize>,
    /// Those that are held out.
    pub held_out: Vec<usize>,
}

impl HeldOut {
    /// Holds out a share of the samples of each class, evenly spaced among them and never its first.
    ///
    /// # Errors
    /// [`Error::Usage`] for a share that is not between 0 and 1, or where no class has enough samples to hold one out.
    pub fn new(labels: &[usize], classes: usize, share: f64) -> Result<Self> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::usage(format!(
                "the share of training images that is held out is {share}; choose one between 0 and 1"
            )));
        }
        let mut seen = vec![0_u32; classes];
        let is_held_out = |sample: &usize| {
            let seen = &mut seen[labels[*sample]];
            *seen += 1;
            (f64::from(*seen) * share).floor() > (f64::from(*seen - 1) * share).floor()
        };
        let (held_out, fitted): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(is_held_out);
        if held_out.is_empty() {
            return Err(Error::usage(format!(
                "a share of {share} holds out none of {} training images, since no class has enough of them; hold out a larger share, or \
                 take more training images",
                labels.len()
            )));
        }
        Ok(Self { fitted, held_out })
    }
}

/// The first class without a sample.
pub fn without_sample(labels: &[usize], classes: usize) -> Option<usize> {
    let mut has_sample = vec![false; classes];
    labels.iter().for_each(|label| has_sample[*label] = true);
    has_sample.iter().position(|has| !has)
}

/// What a strength gives on the samples that are held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tried {
    /// C.
    pub strength: f64,
    /// Right answers on samples that are held out.
    pub right: usize,
    /// Whether the fit converged.
    pub is_converged: bool,
}

/// The strength that was chosen, and the classifier of all samples for it.
pub struct Choice<'a> {
    /// All strengths, from the smallest.
    pub tried: Vec<Tried>,
    /// How many samples were held out.
    pub held_out: usize,
    /// The strength with most right answers; the smallest of equals.
    pub strength: f64,
    /// The regression on all samples.
    pub problem: Problem<'a>,
    /// Its solution for the strength.
    pub solution: Solution,
}

/// Fits a part of the samples for each strength, takes the one that is best on the rest, and fits all samples for it.
///
/// # Errors
/// Those of [`HeldOut::new`]; [`Error::Usage`] for no strength, or one that is not positive; [`Error::Interrupted`].
pub fn choose<'a>(
    samples: Samples<'a>,
    strengths: &[f64],
    share: f64,
    scaling: Scaling,
    job: &Job,
) -> Result<Choice<'a>> {
    let mut strengths = strengths.to_vec();
    strengths.sort_by(f64::total_cmp);
    if strengths.iter().any(|strength| !strength.is_finite() || *strength <= 0.0) {
        return Err(no_strength());
    }
    let HeldOut { fitted, held_out } = HeldOut::new(samples.labels, samples.classes, share)?;
    let width = samples.width();
    let rest: Vec<f32> =
        held_out.iter().flat_map(|row| &samples.features[row * width..(row + 1) * width]).copied().collect();
    let total = strengths.len() as u64 + 1;
    let progress = |done: usize| {
        let (what, done) = ("fitting".to_owned(), done as u64);
        job.emit(Event::Progress { what, done, total, unit: "regressions" });
    };
    let part = Problem::new(samples, fitted, scaling);
    let mut tried: Vec<Tried> = Vec::new();
    let (mut last, mut best): (Option<Solution>, Option<(Tried, Solution)>) = (None, None);
    for (number, strength) in strengths.iter().enumerate() {
        progress(number);
        let solution = part.solve(*strength, last.as_ref(), &|| job.check())?;
        let answers = part.classifier(&solution).answers(&rest);
        let right =
            answers.iter().zip(&held_out).filter(|(answer, row)| **answer == samples.labels[**row]).count();
        let this = Tried { strength: *strength, right, is_converged: solution.is_converged };
        tried.push(this);
        if best.as_ref().is_none_or(|(best, _)| right > best.right) {
            best = Some((this, solution.clone()));
        }
        last = Some(solution);
    }
    progress(strengths.len());
    let Some((Tried { strength, .. }, start)) = best else { return Err(no_strength()) };
    let problem = Problem::new(samples, (0..samples.labels.len()).collect(), scaling);
    let solution = problem.solve(strength, Some(&start), &|| job.check())?;
    Ok(Choice { held_out: held_out.len(), strength, tried, problem, solution })
}

fn no_strength() -> Error {
    Error::usage("a regression needs strengths C that are greater than 0, such as 0.01,1,100")
}
