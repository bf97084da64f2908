//! The numbers of one comparison, with standard errors over the samples.

use serde::{Deserialize, Serialize};

use super::counts::{Counts, Quadrant, kappa};

/// A number that was estimated from samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its standard error by the jackknife over samples; undefined if a single sample decides whether there is a value.
    pub error: Option<f64>,
}

/// Two networks on the same decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Whose decisions: `all`, a class or a finding.
    pub name: String,
    /// The contingency.
    pub counts: Counts,
    /// Share of decisions in which only the first network is wrong.
    pub only_one_wrong: Option<Estimate>,
    /// Share of decisions in which only the second is wrong.
    pub only_two_wrong: Option<Estimate>,
    /// Share of decisions in which both are wrong.
    pub both_wrong: Option<Estimate>,
    /// Share of uncommon mistakes among all mistakes.
    pub uncommon: Option<Estimate>,
    /// Share of common mistakes in which both give the same wrong answer.
    pub alike: Option<Estimate>,
    /// Share of decisions in which both give the same answer.
    pub agreement: Option<Estimate>,
    /// Cohen's kappa of the correctness.
    pub kappa_of_correctness: Option<Estimate>,
    /// Cohen's kappa of the answers; undefined where answers to different questions are put together.
    pub kappa_of_answers: Option<Estimate>,
}

impl Comparison {
    /// Sums up what each sample adds to the contingency.
    pub fn new(name: &str, samples: &[Counts]) -> Self {
        let total = samples.iter().fold(Counts::default(), |sum, sample| sum.plus(*sample));
        let estimate = |statistic: &dyn Fn(&Counts) -> Option<f64>| {
            estimate(statistic(&total), samples.iter().map(|sample| statistic(&total.without(*sample))))
        };
        let share = |quadrant: Quadrant| estimate(&|counts: &Counts| counts.share(quadrant));
        Self {
            name: name.to_owned(),
            counts: total,
            only_one_wrong: share(Quadrant::OnlyOneWrong),
            only_two_wrong: share(Quadrant::OnlyTwoWrong),
            both_wrong: share(Quadrant::BothWrong),
            uncommon: estimate(&Counts::uncommon),
            alike: estimate(&Counts::alike),
            agreement: estimate(&Counts::agreement),
            kappa_of_correctness: estimate(&Counts::kappa),
            kappa_of_answers: None,
        }
    }

    /// With Cohen's kappa of the answers that the two gave, numbers below `kinds`.
    #[must_use]
    pub fn with_answers(self, answers: &[[usize; 2]], kinds: usize) -> Self {
        Self { kappa_of_answers: kappa_of_answers(answers, kinds), ..self }
    }
}

/// The value with its jackknife standard error, from the values without each of the n samples:
/// sqrt((n - 1) / n * sum of their squared deviations from their mean) (Efron and Stein, 1981).
fn estimate(value: Option<f64>, without_each: impl Iterator<Item = Option<f64>>) -> Option<Estimate> {
    let error = without_each.collect::<Option<Vec<f64>>>().filter(|values| values.len() > 1).map(|values| {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        ((count - 1.0) / count * squares).sqrt()
    });
    Some(Estimate { value: value?, error })
}

fn kappa_of_answers(answers: &[[usize; 2]], kinds: usize) -> Option<Estimate> {
    let mut frequency = vec![[0_usize; 2]; kinds];
    for [one, two] in answers {
        frequency[*one][0] += 1;
        frequency[*two][1] += 1;
    }
    let same = answers.iter().filter(|[one, two]| one == two).count();
    let chance: usize = frequency.iter().map(|[one, two]| one * two).sum();
    let without = answers.iter().map(|[one, two]| {
        let is_same = usize::from(one == two);
        let lost = frequency[*one][1] + frequency[*two][0] - is_same;
        kappa(same - is_same, chance - lost, answers.len() - 1)
    });
    estimate(kappa(same, chance, answers.len()), without)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten samples with answers of two networks, among three classes.
    const LABELS: [usize; 10] = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2];
    const ANSWERS: [[usize; 2]; 10] =
        [[0, 0], [0, 1], [1, 1], [2, 1], [1, 1], [0, 1], [1, 2], [2, 2], [2, 2], [0, 0]];

    fn close(estimate: Option<Estimate>, value: f64, error: f64) {
        let estimate = estimate.unwrap();
        let (dv, de) = (estimate.value - value, estimate.error.unwrap() - error);
        assert!(dv.abs() < 1e-12 && de.abs() < 1e-12, "{estimate:?} instead of {value} and {error}");
    }

    #[test]
    fn numbers_are_scikit_learns_and_errors_those_of_leaving_one_out() {
        let samples: Vec<Counts> = LABELS.iter().zip(ANSWERS).map(|(l, a)| Counts::of(*l, a)).collect();
        let result = Comparison::new("all", &samples).with_answers(&ANSWERS, 3);
        assert_eq!(
            result.counts,
            Counts { both_right: 4, only_one_wrong: 1, only_two_wrong: 2, both_wrong: 3, same_answer: 2 }
        );
        // sklearn.metrics.cohen_kappa_score, over all samples and with each left out.
        close(result.kappa_of_answers, 0.411_764_705_882_353, 0.248_508_716_841_714);
        close(result.kappa_of_correctness, 0.4, 0.319_607_549_377_325);
        close(result.uncommon, 0.5, 0.232_379_000_772_449);
        // The jackknife of a share is sqrt(p (1 - p) / (n - 1)).
        close(result.both_wrong, 0.3, (0.3_f64 * 0.7 / 9.0).sqrt());
        close(result.agreement, 0.6, (0.6_f64 * 0.4 / 9.0).sqrt());
        close(result.alike, 2.0 / 3.0, 0.387_298_334_620_742);
    }

    #[test]
    fn a_value_that_hangs_on_one_sample_has_no_error() {
        let samples = [Counts::of(0, [1, 0]), Counts::of(0, [0, 0]), Counts::of(0, [0, 0])];
        let result = Comparison::new("all", &samples);
        assert_eq!(result.uncommon, Some(Estimate { value: 1.0, error: None }));
        assert_eq!(result.alike, None);
    }
}
