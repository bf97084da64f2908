//! One number for a surface.

use super::record::Point;
use super::rule::{Objective, Score};

/// `mu = min (distance / sigma)^2` over the points with noise whose objective is at most `threshold`. On the direct path the
/// distance from the start is `alpha ||theta_F - theta_0||`, which makes this the definition of the paper; on the optimisation
/// path, where there is no alpha, it is `||theta_t - theta_0||`. It is 0, not critical at all, if the start itself bears noise.
pub fn score(points: &[Point], objective: Objective, threshold: f64) -> Score {
    let feasible = points.iter().filter(|point| point.sigma > 0.0 && objective.of(&point.mean) <= threshold);
    let scored =
        feasible.map(|point| ((point.distance / point.sigma).powi(2), Some((point.position, point.sigma))));
    let (mu, at) = scored.min_by(|one, two| one.0.total_cmp(&two.0)).unwrap_or((f64::INFINITY, None));
    Score { mu, at }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Rule;
    use super::*;
    use crate::analysis::measures::Measures;

    fn point(position: f64, distance: f64, sigma: f64, loss: f64) -> Point {
        let mean = Measures { accuracy: 100.0 * (1.0 - loss / 10.0), loss, auc: None };
        Point { position, distance, sigma, mean, deviation: None }
    }

    /// By hand: the end is 6 away, its loss 1.
    #[test]
    fn the_score_is_the_least_of_the_feasible_points_with_noise() {
        let mut points = vec![
            point(0.0, 0.0, 0.0, 1.0),
            point(0.0, 0.0, 0.5, 1.011),
            point(0.5, 3.0, 0.0, 1.0),
            point(0.5, 3.0, 0.5, 1.01),
            point(0.5, 3.0, 1.0, 2.0),
            point(1.0, 6.0, 0.0, 1.0),
            point(1.0, 6.0, 0.5, 1.0),
            point(1.0, 6.0, 1.0, 1.005),
        ];
        let rule = Rule::default();
        let threshold = rule.threshold(&points[5].mean);
        assert_eq!(threshold, 1.01);
        let scored = |points: &[Point]| score(points, rule.objective, threshold);
        // (3 / 0.5)^2 and (6 / 1)^2 are both 36, and the first counts.
        assert_eq!(scored(&points), Score { mu: 36.0, at: Some((0.5, 0.5)) });
        assert_eq!(scored(&points[4..]), Score { mu: 36.0, at: Some((1.0, 1.0)) });
        assert_eq!(scored(&points[..3]), Score { mu: f64::INFINITY, at: None }, "only without noise");
        points[1].mean.loss = 1.01;
        assert_eq!(scored(&points), Score { mu: 0.0, at: Some((0.0, 0.5)) });
        points.iter_mut().for_each(|point| point.mean.loss = f64::INFINITY);
        assert_eq!(scored(&points).mu, f64::INFINITY);
    }
}
