//! Newton's method with conjugate gradients (truncated Newton): few steps, each as exact as it has to be.

use super::Solution;
use super::objective::{Objective, Point, add, dot};
use crate::error::Result;

/// A step is the last if it promises to lower the objective by no more, nats for a sample.
const PROMISE: f64 = 1e-12;
/// Steps at most.
const MOST_STEPS: usize = 200;
/// Products with the Hessian in one step at most.
const MOST_PRODUCTS: usize = 500;
/// Halvings of a step at most.
const MOST_HALVINGS: usize = 40;
/// The part of a promise that a step must keep (Armijo).
const KEPT: f64 = 1e-4;

/// The minimum for a strength, from `start`. The objective is strictly convex in all but what the biases of all classes share.
pub(super) fn minimise(
    objective: &Objective,
    strength: f64,
    start: Vec<f64>,
    check: &dyn Fn() -> Result<()>,
) -> Result<Solution> {
    let decay = objective.decay(strength);
    let mut point = objective.at(start, decay);
    let mut first = None;
    for _ in 0..MOST_STEPS {
        let diagonal = objective.diagonal(&point, decay);
        let size = preconditioned(&point.gradient, &diagonal).1.sqrt();
        let accuracy = (size / *first.get_or_insert(size)).sqrt().min(0.1);
        let step = direction(objective, &point, &diagonal, decay, accuracy, check)?;
        let slope = dot(&point.gradient, &step);
        // A step of Newton's promises half of its slope.
        if -slope <= 2.0 * PROMISE {
            // So near the minimum, what a whole step leaves is the square of what was left.
            let mut parameters = point.parameters;
            add(&mut parameters, 1.0, &step);
            return Ok(solution(objective.at(parameters, decay), true));
        }
        match search(objective, &point, &step, slope, decay) {
            Some(next) => point = next,
            // Nothing is lower, within rounding.
            None => return Ok(solution(point, true)),
        }
    }
    Ok(solution(point, false))
}

fn solution(point: Point, is_converged: bool) -> Solution {
    Solution { parameters: point.parameters, loss: point.loss, is_converged }
}

/// The first lower point on the way of a step and its halves.
fn search(objective: &Objective, from: &Point, step: &[f64], slope: f64, decay: f64) -> Option<Point> {
    let mut length = 1.0;
    for _ in 0..MOST_HALVINGS {
        let mut parameters = from.parameters.clone();
        add(&mut parameters, length, step);
        let next = objective.at(parameters, decay);
        if next.value < from.value && next.value <= from.value + KEPT * length * slope {
            return Some(next);
        }
        length *= 0.5;
    }
    None
}

/// Solves `H step = -gradient` by preconditioned conjugate gradients until what is left is `accuracy` of the gradient.
fn direction(
    objective: &Objective,
    point: &Point,
    diagonal: &[f64],
    decay: f64,
    accuracy: f64,
    check: &dyn Fn() -> Result<()>,
) -> Result<Vec<f64>> {
    let mut step = vec![0.0; point.gradient.len()];
    let mut left: Vec<f64> = point.gradient.iter().map(|value| -value).collect();
    let (mut along, mut size) = preconditioned(&left, diagonal);
    let enough = size * accuracy * accuracy;
    for _ in 0..MOST_PRODUCTS {
        if size <= enough {
            break;
        }
        check()?;
        let product = objective.hessian_product(point, &along, decay);
        let curvature = dot(&along, &product);
        if curvature <= 0.0 {
            break;
        }
        let length = size / curvature;
        add(&mut step, length, &along);
        add(&mut left, -length, &product);
        let (next, next_size) = preconditioned(&left, diagonal);
        let share = next_size / size;
        along.iter_mut().zip(next).for_each(|(along, next)| *along = next + share * *along);
        size = next_size;
    }
    Ok(step)
}

/// A vector over the diagonal, and the square of its size measured so.
fn preconditioned(vector: &[f64], diagonal: &[f64]) -> (Vec<f64>, f64) {
    let over: Vec<f64> = vector.iter().zip(diagonal).map(|(value, diagonal)| value / diagonal).collect();
    let size = dot(vector, &over);
    (over, size)
}
