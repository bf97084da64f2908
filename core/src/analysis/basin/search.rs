//! The search itself, over any function of a point: no networks here.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::analysis::measures::infinity_or_number;
use crate::error::Result;
use crate::number;
use crate::random::{Keyed, Purpose};

/// Steps of the grid from one network to the other.
const STEPS: i64 = 20;
/// How far each end is moved beyond its network at most, in distances between the networks.
const REACH: i64 = 2;
/// Standard deviation of the weakest noise, and between two strengths.
const DEVIATION: f64 = 0.01;
/// Strengths of noise.
const STRENGTHS: usize = 20;

/// What the search does, for its readers.
pub const STATEMENT: &str = "\
Definition 3.1 of the paper for the segment S through both networks, on a grid of 20 steps from one (0) to the other (1).
S begins as [0, 1] and grows a step at a time, at its upper and its lower end in turn, to at most [-2, 3], while the loss l at
each of its points stays within the tolerance of its mean mu over S. If it does not on [0, 1], there is no basin.
epsilon is the mean of |l - mu| over S.
delta is the smallest k * 0.01 * sqrt(n), k = 1 to 20 and n the number of trained parameters, for which the loss rises above mu
by at least 2 epsilon, on average over both ends of S and all draws, under noise of deviation delta / sqrt(n) in each trained
parameter (condition 2), and past the ends by steps of |N(0, delta^2)| (condition 3). If none does, there is no basin.
The draws are the same for every k and every call.";

/// How a basin is searched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How far the loss of a point of the segment may lie from the mean over the segment.
    pub tolerance: f64,
    /// Draws of noise, and of steps past an end, for each end and strength.
    pub draws: usize,
}

/// A point of parameter space, by how it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Position on the line: 0 is the first network, 1 the second.
    pub coefficient: f64,
    /// What is added there.
    pub noise: Option<Noise>,
}

/// Normal noise in each trained parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// Its standard deviation in hundredths.
    pub strength: usize,
    /// Which draw.
    pub draw: usize,
}

impl Noise {
    /// Its standard deviation.
    pub fn deviation(self) -> f64 {
        DEVIATION * self.strength as f64
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "coefficient {:.3}", self.coefficient)?;
        match self.noise {
            Some(noise) => write!(f, ", noise {:.2}, draw {}", noise.deviation(), noise.draw + 1),
            None => Ok(()),
        }
    }
}

/// The line through two networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Euclidean distance between the two.
    pub distance: f64,
    /// Number of parameters.
    pub parameters: usize,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The first and the last coefficient of the segment.
    pub segment: [f64; 2],
    /// The mean loss mu over it.
    #[serde(deserialize_with = "infinity_or_number")]
    pub mean: f64,
    /// The mean deviation of the loss from it.
    #[serde(deserialize_with = "infinity_or_number")]
    pub epsilon: f64,
    /// What was tried around the segment, up to the delta that fulfils both conditions.
    pub rises: Vec<Rise>,
    /// The smallest delta that does; none if there is no basin.
    pub delta: Option<f64>,
    /// Why there is no basin.
    pub no_basin: Option<String>,
}

/// How the loss rises at a distance from the segment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rise {
    /// Noise in each parameter, its standard deviation: delta / sqrt(n).
    pub deviation: f64,
    /// The distance.
    pub delta: f64,
    /// Mean rise above mu under noise at the ends (condition 2).
    #[serde(deserialize_with = "infinity_or_number")]
    pub noise: f64,
    /// Mean rise above mu past the ends (condition 3); absent where condition 2 fails. JSON also has null where it is infinite.
    pub beyond: Option<f64>,
}

/// Searches where `loss` gives the loss of a place.
///
/// # Errors
/// Those of `loss`.
pub(super) fn search(
    line: Line,
    settings: Settings,
    mut loss: impl FnMut(Place) -> Result<f64>,
) -> Result<Found> {
    let Settings { tolerance, draws } = settings;
    let on_line = |coefficient: f64| Place { coefficient, noise: None };
    let at = |step: i64| step as f64 / STEPS as f64;

    // 1. The segment, at first from one network to the other.
    let (mut first, mut last) = (0, STEPS);
    let mut losses: VecDeque<f64> =
        (first..=last).map(|step| loss(on_line(at(step)))).collect::<Result<_>>()?;
    let outlier = farthest(&losses);
    let mut found = Found {
        segment: [0.0, 1.0],
        mean: mean(&losses),
        epsilon: deviation(&losses),
        rises: Vec::new(),
        delta: None,
        no_basin: None,
    };
    if outlier.1 > tolerance {
        found.no_basin = Some(format!(
            "the loss at coefficient {:.2} lies {} from the mean over the segment between the networks, and the \
             tolerance is {tolerance}: a barrier is between them",
            at(outlier.0 as i64),
            number::loss(outlier.1)
        ));
        return Ok(found);
    }
    let (mut grows_up, mut grows_down) = (true, true);
    while grows_up || grows_down {
        for (grows, is_up) in [(&mut grows_up, true), (&mut grows_down, false)] {
            let step = if is_up { last + 1 } else { first - 1 };
            *grows = *grows && (-REACH * STEPS..=(1 + REACH) * STEPS).contains(&step);
            if !*grows {
                continue;
            }
            let (mut longer, next) = (losses.clone(), loss(on_line(at(step)))?);
            if is_up {
                longer.push_back(next)
            } else {
                longer.push_front(next)
            }
            *grows = farthest(&longer).1 <= tolerance;
            if *grows {
                (first, last) = (first.min(step), last.max(step));
                losses = longer;
            }
        }
    }
    let (ends, mu, epsilon) = ([at(first), at(last)], mean(&losses), deviation(&losses));
    (found.segment, found.mean, found.epsilon) = (ends, mu, epsilon);

    // 2. The smallest distance at which the loss has risen.
    let is_risen = |rise: f64| rise >= 2.0 * epsilon;
    for strength in 1..=STRENGTHS {
        let delta = DEVIATION * strength as f64 * (line.parameters as f64).sqrt();
        let mut rise = |place: &dyn Fn(f64, f64, usize) -> Place| -> Result<f64> {
            let mut sum = 0.0;
            for draw in 0..draws {
                for (end, outwards) in ends.into_iter().zip([-1.0, 1.0]) {
                    sum += loss(place(end, outwards, draw))?;
                }
            }
            Ok(sum / (2 * draws) as f64 - mu)
        };
        let noise =
            rise(&|coefficient, _, draw| Place { coefficient, noise: Some(Noise { strength, draw }) })?;
        let past = |end: f64, outwards: f64, draw: usize| {
            on_line(end + outwards * step_length(draw) * delta / line.distance)
        };
        let beyond = if is_risen(noise) { Some(rise(&past)?) } else { None };
        found.rises.push(Rise { deviation: DEVIATION * strength as f64, delta, noise, beyond });
        if beyond.is_some_and(is_risen) {
            found.delta = Some(delta);
            return Ok(found);
        }
    }
    found.no_basin = Some(format!(
        "the loss does not rise by 2 epsilon, {}, around the segment up to delta {:.2}, noise of deviation {:.2} in each \
         parameter",
        number::loss(2.0 * epsilon),
        DEVIATION * STRENGTHS as f64 * (line.parameters as f64).sqrt(),
        DEVIATION * STRENGTHS as f64
    ));
    Ok(found)
}

/// `|N(0, 1)|` of a draw.
fn step_length(draw: usize) -> f64 {
    Keyed::new(0, Purpose::Basin, draw as u64, 0).normal().abs()
}

fn mean(values: &VecDeque<f64>) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Mean absolute deviation from the mean.
fn deviation(values: &VecDeque<f64>) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).abs()).sum::<f64>() / values.len() as f64
}

/// Position and distance of the value that lies farthest from the mean; of an infinite mean all are infinitely far.
fn farthest(values: &VecDeque<f64>) -> (usize, f64) {
    let mean = mean(values);
    let distance = |value: &f64| if mean.is_finite() { (value - mean).abs() } else { f64::INFINITY };
    let distances = values.iter().map(distance).enumerate();
    distances.fold((0, 0.0), |most, next| if next.1 > most.1 { next } else { most })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Line = Line { distance: 4.0, parameters: 10_000 };

    fn found(tolerance: f64, loss: impl Fn(Place) -> f64) -> Found {
        search(LINE, Settings { tolerance, draws: 3 }, |place| Ok(loss(place))).unwrap()
    }

    /// A valley with a slightly tilted floor between two cliffs, in which noise costs a tenth of its variance in hundredths.
    #[test]
    fn a_valley_is_found_from_cliff_to_cliff() {
        let valley = |Place { coefficient, noise }: Place| {
            let is_floor = (-0.3 - 1e-9..=1.2 + 1e-9).contains(&coefficient);
            let floor = 0.1 + 0.004 * coefficient + if is_floor { 0.0 } else { 0.5 };
            floor + noise.map_or(0.0, |noise| 0.001 * (noise.strength * noise.strength) as f64)
        };
        let found = found(0.01, valley);
        assert_eq!((found.segment, &found.no_basin), ([-0.3, 1.2], &None));
        assert!((found.mean - (0.1 + 0.004 * 0.45)).abs() < 1e-12);
        // Deviations of 0.004 * 0.05 times 15, 14, ... 0, ... 15.
        let epsilon = 0.0002 * 240.0 / 31.0;
        assert!((found.epsilon - epsilon).abs() < 1e-12);
        // 2 epsilon is 0.0031; noise of 0.01 costs 0.001, of 0.02 costs 0.004, and past the cliffs it is 0.5.
        assert!((found.delta.unwrap() - 0.02 * 100.0).abs() < 1e-12);
        let [first, second] = found.rises[..] else { panic!("{found:?}") };
        assert!((first.noise - 0.001).abs() < 1e-12 && first.beyond.is_none());
        assert!((second.noise - 0.004).abs() < 1e-12 && (second.beyond.unwrap() - 0.5).abs() < 1e-12);
    }

    /// A parabola along the line: the steps past its ends are those of the keyed draws.
    #[test]
    fn steps_past_the_ends_are_half_normal_in_units_of_delta() {
        let loss = |coefficient: f64| (coefficient - 0.5).powi(2);
        let found = found(0.5, |place| loss(place.coefficient) + place.noise.map_or(0.0, |_| 9.0));
        let [low, high] = found.segment;
        assert!((low + high - 1.0).abs() < 0.051 && high > 1.0, "{found:?}");
        let first = found.rises[0];
        assert_eq!(first.delta, 1.0);
        let steps = (0..3).flat_map(|draw| {
            let step = step_length(draw) / 4.0;
            [loss(low - step), loss(high + step)]
        });
        let expected = steps.sum::<f64>() / 6.0 - found.mean;
        assert!((first.beyond.unwrap() - expected).abs() < 1e-12);
        let lengths: f64 = (0..4000).map(step_length).sum::<f64>() / 4000.0;
        assert!((lengths - (2.0 / std::f64::consts::PI).sqrt()).abs() < 0.03, "{lengths}");
    }

    #[test]
    fn no_basin_has_a_reason() {
        let barrier = found(0.01, |place| if place.coefficient == 0.5 { 0.9 } else { 0.1 });
        let reason = barrier.no_basin.unwrap();
        assert!(reason.contains("coefficient 0.50") && reason.contains("0.7619"), "{reason}");
        assert_eq!((barrier.delta, barrier.rises.len()), (None, 0));

        let broken = found(0.01, |place| if place.coefficient == 0.25 { f64::INFINITY } else { 0.1 });
        assert!(broken.no_basin.is_some());

        let plain = found(0.01, |place| 0.1 + 0.0001 * place.coefficient);
        assert_eq!(plain.segment, [-2.0, 3.0]);
        let reason = plain.no_basin.unwrap();
        assert!(reason.contains("delta 20.00"), "{reason}");
        assert_eq!(plain.rises.len(), 20);
    }
}
