//! Area under the ROC curve.

/// Samples in the order of their scores, for the area over any choice of them.
#[derive(Debug)]
pub struct Ranking(Vec<(u32, bool)>);

impl Ranking {
    /// Sorts the samples; `None` if a score is not a number.
    pub fn new(scores: &[f32]) -> Option<Self> {
        if scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
        let is_last = |at: usize| order.get(at + 1).is_none_or(|next| scores[*next] != scores[order[at]]);
        Some(Self(order.iter().enumerate().map(|(at, sample)| (*sample as u32, is_last(at))).collect()))
    }

    /// The area where every sample is taken as often as `times` says; `None` if only positives are taken, or only negatives.
    pub fn auc(&self, positive: &[bool], times: &[u32]) -> Option<f64> {
        // Twice the number of pairs in the right order, a tie being one.
        let (mut pairs, mut above, mut below) = (0_u64, 0_u64, 0_u64);
        let (mut up, mut down) = (0_u64, 0_u64);
        for (sample, is_last_of_score) in &self.0 {
            let count = if positive[*sample as usize] { &mut up } else { &mut down };
            *count += u64::from(times[*sample as usize]);
            if *is_last_of_score {
                pairs += up * (2 * below + down);
                (above, below) = (above + up, below + down);
                (up, down) = (0, 0);
            }
        }
        (above > 0 && below > 0).then(|| pairs as f64 / (2.0 * above as f64 * below as f64))
    }
}

/// Probability that a positive sample scores above a negative one, ties counting half, as scikit-learn's `roc_curve` and
/// `auc` have it; `None` if there are only positives or only negatives, or a score is not a number.
pub fn roc_auc(scores: &[f32], positive: &[bool]) -> Option<f64> {
    Ranking::new(scores)?.auc(positive, &vec![1; scores.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half_and_one_class_has_no_curve() {
        let check = |scores: &[f32], positive: &[bool], auc| assert_eq!(roc_auc(scores, positive), auc);
        check(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true], Some(0.75));
        check(&[0.5, 0.5, 0.5], &[true, false, false], Some(0.5));
        check(&[1.0, 2.0], &[true, true], None);
        check(&[], &[], None);
        check(&[-0.0, 0.0], &[true, false], Some(0.5));
        check(&[f32::NAN, 0.0], &[true, false], None);
    }

    #[test]
    fn a_sample_that_is_taken_twice_counts_as_two() {
        let (scores, positive) = ([0.5, 0.1, 0.5, 0.9, 0.3], [true, true, false, true, false]);
        let times = [2, 0, 1, 3, 2];
        let taken = |values: &[f32]| -> Vec<f32> {
            values.iter().zip(times).flat_map(|(value, times)| vec![*value; times as usize]).collect()
        };
        let is_there: Vec<bool> =
            taken(&positive.map(|is| f32::from(u8::from(is)))).iter().map(|is| *is > 0.0).collect();
        let expected = roc_auc(&taken(&scores), &is_there);
        assert!(expected.is_some());
        assert_eq!(Ranking::new(&scores).unwrap().auc(&positive, &times), expected);
        assert_eq!(Ranking::new(&scores).unwrap().auc(&positive, &[1, 1, 0, 1, 0]), None);
    }
}
