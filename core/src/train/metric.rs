//! Area under the ROC curve.

/// Probability that a positive sample scores above a negative one, ties counting half, as scikit-learn's `roc_curve` and
/// `auc` have it; `None` if there are only positives or only negatives, or a score is not a number.
pub fn roc_auc(scores: &[f32], positive: &[bool]) -> Option<f64> {
    let positives = positive.iter().filter(|is| **is).count();
    let negatives = positive.len() - positives;
    if positives == 0 || negatives == 0 || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    // Twice the number of pairs in the right order, a tie being one.
    let (mut pairs, mut below) = (0_u64, 0_u64);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let up = tied.iter().filter(|sample| positive[**sample]).count() as u64;
        let down = tied.len() as u64 - up;
        pairs += up * (2 * below + down);
        below += down;
    }
    Some(pairs as f64 / (2.0 * positives as f64 * negatives as f64))
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
}
