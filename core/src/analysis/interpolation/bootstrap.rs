//! How far chance in the choice of the images moves a barrier: the bootstrap (Efron 1979) over samples.

use rayon::prelude::*;

use super::record::Height;
use crate::error::Result;
use crate::evaluate::metric::Ranking;
use crate::event::Event;
use crate::job::Job;
use crate::random::{Keyed, Purpose};

/// Resamples.
const RESAMPLES: usize = 1000;
/// Of these, how many lie on each side of the interval: 2.5 %.
const OUTSIDE: usize = RESAMPLES / 40;
/// Resamples between two questions whether to stop.
const CHUNK: usize = 50;

/// A metric at every coefficient of a line, over any choice of the samples; larger is better.
pub(super) enum Measure {
    /// `scale` times the mean of `[samples, coefficients]`.
    Mean { rows: Vec<f32>, coefficients: usize, scale: f64 },
    /// The mean AUC: for each coefficient and finding the samples' order, and for each finding who has it.
    Auc { rankings: Vec<Vec<Option<Ranking>>>, positive: Vec<Vec<bool>> },
}

impl Measure {
    /// From the samples' numbers at each coefficient.
    pub fn mean(columns: Vec<&[f32]>, scale: f64) -> Self {
        let samples = columns.first().map_or(0, |column| column.len());
        let rows = (0..samples).flat_map(|sample| columns.iter().map(move |column| column[sample])).collect();
        Self::Mean { rows, coefficients: columns.len(), scale }
    }

    /// From the logits `[samples, findings]` at each coefficient, and labels with a bit for each finding.
    pub fn auc(columns: Vec<&[f32]>, labels: &[usize], findings: usize) -> Self {
        let ranking = |logits: &[f32], finding: usize| {
            Ranking::new(&logits.iter().skip(finding).step_by(findings).copied().collect::<Vec<f32>>())
        };
        let rankings = |logits: &&[f32]| (0..findings).map(|finding| ranking(logits, finding)).collect();
        let has = |finding: usize| labels.iter().map(|label| label >> finding & 1 == 1).collect();
        Self::Auc {
            rankings: columns.par_iter().map(rankings).collect(),
            positive: (0..findings).map(has).collect(),
        }
    }

    /// Its value at each coefficient where every sample is taken as often as `times` says; NaN where it is undefined.
    fn values(&self, times: &[u32]) -> Vec<f64> {
        match self {
            Self::Mean { rows, coefficients, scale } => {
                let mut sums = vec![0.0; *coefficients];
                for (row, times) in
                    rows.chunks_exact(*coefficients).zip(times).filter(|(_, times)| **times > 0)
                {
                    for (sum, value) in sums.iter_mut().zip(row) {
                        *sum += f64::from(*times) * f64::from(*value);
                    }
                }
                let mean = |sum: f64| scale * (sum / times.len() as f64);
                // A loss that overflows is endless, whether it computes as infinity or as no number.
                sums.into_iter().map(|sum| if sum.is_nan() { f64::NEG_INFINITY } else { mean(sum) }).collect()
            }
            Self::Auc { rankings, positive } => {
                let mean = |rankings: &Vec<Option<Ranking>>| {
                    let areas = rankings.iter().zip(positive);
                    let areas =
                        areas.filter_map(|(ranking, positive)| ranking.as_ref()?.auc(positive, times));
                    let (sum, count) = areas.fold((0.0, 0.0), |(sum, count), area| (sum + area, count + 1.0));
                    sum / count
                };
                rankings.iter().map(mean).collect()
            }
        }
    }
}

/// The height of the barrier in each metric, with its interval; `None` where [`largest_drop`] has none.
pub(super) fn heights(
    coefficients: &[f64],
    measures: &[Measure],
    samples: usize,
    job: &Job,
) -> Result<Vec<Option<Height>>> {
    let drops = |times: &[u32]| -> Vec<Option<(f64, f64)>> {
        measures.iter().map(|measure| largest_drop(coefficients, &measure.values(times))).collect()
    };
    let mut resampled = Vec::with_capacity(RESAMPLES);
    for first in (0..RESAMPLES).step_by(CHUNK) {
        job.check()?;
        let (what, done, total) = ("resampling".to_owned(), first as u64, RESAMPLES as u64);
        job.emit(Event::Progress { what, done, total, unit: "resamples" });
        let chunk = (first..RESAMPLES.min(first + CHUNK)).into_par_iter();
        resampled.par_extend(chunk.map(|number| drops(&resample(number as u64, samples))));
    }
    let height = |(measure, drop): (usize, Option<(f64, f64)>)| {
        let (value, at) = drop?;
        let drops = resampled.iter().filter_map(|drops| Some(drops[measure]?.0)).collect();
        Some(Height { value, at, interval: Some(interval(drops)?) })
    };
    Ok(drops(&vec![1; samples]).into_iter().enumerate().map(height).collect())
}

/// How often each sample is taken when as many as there are, are drawn with replacement.
fn resample(number: u64, samples: usize) -> Vec<u32> {
    let mut random = Keyed::new(0, Purpose::Bootstrap, 0, number);
    let mut times = vec![0; samples];
    (0..samples).for_each(|_| times[random.below(samples)] += 1);
    times
}

/// What is left of the values without [`OUTSIDE`] on each side; fewer values, where some are undefined, lose as large a part.
fn interval(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.sort_by(f64::total_cmp);
    let outside = values.len() * OUTSIDE / RESAMPLES;
    Some([*values.get(outside)?, *values.get(values.len().checked_sub(outside + 1)?)?])
}

/// The largest drop of a metric below its chord and the coefficient of that drop; values by coefficient, from 0 to 1. `None` if a
/// value is no number, or one of the ends not finite.
pub(super) fn largest_drop(coefficients: &[f64], values: &[f64]) -> Option<(f64, f64)> {
    let (first, last) = (*values.first()?, *values.last()?);
    if !first.is_finite() || !last.is_finite() || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let below = coefficients.iter().zip(values).map(|(c, value)| ((1.0 - c) * first + c * last - value, *c));
    Some(below.fold((0.0, 0.0), |best, drop| if drop.0 > best.0 { drop } else { best }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Stop;

    fn in_job<T>(work: impl FnOnce(&Job) -> T) -> T {
        let job = Job { device: Default::default(), others: &[], emit: &|_| {}, stop: &Stop::default() };
        work(&job)
    }

    /// Of two samples, one is right everywhere, the other only at the ends.
    #[test]
    fn two_samples_have_the_interval_that_one_counts_by_hand() {
        let right: [&[f32]; 3] = [&[1.0, 1.0], &[1.0, 0.0], &[1.0, 1.0]];
        let measure = Measure::mean(right.to_vec(), 100.0);
        // The second is drawn never, once or twice, with probabilities 1/4, 1/2 and 1/4: drops of 0, 50 and 100.
        let heights = in_job(|job| heights(&[0.0, 0.5, 1.0], &[measure], 2, job)).unwrap();
        assert_eq!(heights, [Some(Height { value: 50.0, at: 0.5, interval: Some([0.0, 100.0]) })]);
        let twice = (0..1000).filter(|number| resample(*number, 2)[1] == 2).count();
        assert!((210..290).contains(&twice), "{twice}");
    }

    #[test]
    fn an_interval_holds_its_barrier_and_shrinks_with_the_samples() {
        // Right with probability 0.9 at the ends and 0.5 between.
        let width = |samples: usize| {
            let mut random = Keyed::new(1, Purpose::Draw, 0, 0);
            let mut column = |share: f64| -> Vec<f32> {
                (0..samples).map(|_| f32::from(u8::from(random.uniform() < share))).collect()
            };
            let columns = [0.9, 0.5, 0.9].map(&mut column);
            let measure = Measure::mean(columns.iter().map(Vec::as_slice).collect(), 100.0);
            let heights = in_job(|job| heights(&[0.0, 0.5, 1.0], &[measure], samples, job)).unwrap();
            let Some(Height { value, at: 0.5, interval: Some([low, high]) }) = heights[0] else {
                panic!("{heights:?}")
            };
            assert!(low < value && value < high && low < 40.0 && 40.0 < high, "{low} {value} {high}");
            (high - low) / (2.0 * 1.96)
        };
        // Variance of one sample: that of the middle, 0.25, and of the mean of the ends, 0.09 / 2.
        for samples in [200, 3200] {
            let expected = 100.0 * (0.295 / samples as f64).sqrt();
            let ratio = width(samples) / expected;
            assert!((0.85..1.15).contains(&ratio), "{samples} samples: {ratio} of the standard error");
        }
    }

    #[test]
    fn the_auc_of_all_samples_taken_once_is_the_evaluations() {
        let logits: [f32; 8] = [0.3, -1.0, 0.1, 2.0, 0.3, 0.5, -0.2, f32::NAN];
        let labels = [0b01, 0b10, 0b00, 0b01];
        let (losses, labelling) = (Vec::new(), crate::data::Labelling::Findings(&["a", "b"]));
        let evaluation = crate::evaluate::Evaluation {
            logits: logits.to_vec(),
            losses,
            labels: labels.to_vec(),
            labelling,
        };
        let measure = Measure::auc(vec![&logits], &labels, 2);
        assert_eq!(measure.values(&[1; 4]), [evaluation.auc().unwrap()]);
        assert!(
            measure.values(&[0, 1, 3, 0])[0].is_nan(),
            "nobody has the first finding, the second is not told"
        );
    }

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
        for unknown in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(largest_drop(&[0.0, 0.5, 1.0], &[60.0, 90.0, unknown]), None);
        }
        assert_eq!(largest_drop(&[0.0, 0.5, 1.0], &[60.0, f64::NAN, 80.0]), None);
    }
}
