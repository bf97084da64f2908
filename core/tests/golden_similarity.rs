//! CKA of given features: the numbers of Kornblith's own code (`metrics.json`), and what must hold of any.

use basin_core::analysis::similarity::{Estimator, linear_cka};
use basin_core::random::numpy::RandomState;
use serde_json::Value;

use crate::common;

const MINIBATCH: Estimator = Estimator::Minibatch { batch: 16 };

fn cka(one: &[f32], two: &[f32], samples: usize, estimator: Estimator) -> f64 {
    linear_cka(one, two, samples, estimator).unwrap().unwrap()
}

#[track_caller]
fn close(ours: f64, expected: f64, tolerance: f64) {
    assert!((ours - expected).abs() <= tolerance, "{ours} instead of {expected}");
}

#[test]
fn golden_similarities_hold() {
    for path in common::golden_files("metrics", ".json") {
        let golden = &common::json(&path)["cka"];
        let samples = common::list(&golden["X"]).len();
        // The golden batches are consecutive, ours are dealt.
        let dealt: Vec<usize> = (0..samples).map(|place| place % 4 * 16 + place / 4).collect();
        let features = |name: &str, order: &[usize]| -> Vec<f32> {
            let row = |sample: &usize| golden[name][*sample].as_array().unwrap().clone();
            order.iter().flat_map(row).map(|value: Value| value.as_f64().unwrap() as f32).collect()
        };
        let in_order: Vec<usize> = (0..samples).collect();
        for other in ["Y", "Z"] {
            let pair = format!("X{other}");
            for (name, estimator, order) in [
                ("linear", Estimator::Exact, &in_order),
                ("unbiased", Estimator::Unbiased, &in_order),
                ("minibatch16", MINIBATCH, &dealt),
            ] {
                let expected = golden[name][&pair].as_f64().unwrap();
                let ours = cka(&features("X", order), &features(other, order), samples, estimator);
                close(ours, expected, 1e-4 * expected.abs());
            }
        }
    }
}

#[test]
fn a_case_small_enough_to_follow() {
    let x = [1.0, 2.0, 3.0, -1.0, 0.0, 1.0, 2.0, 2.0, -1.0, 0.5];
    let y = [0.0, 1.0, 1.0, 2.0, -1.0, 0.0, 1.0, 1.0, 0.0, 1.5, 2.0, -1.0, -2.0, 0.0, 0.5];
    close(cka(&x, &y, 5, Estimator::Exact), 0.7194447349846896, 1e-7);
    close(cka(&x, &y, 5, Estimator::Unbiased), 0.12799127463138407, 1e-7);
}

#[test]
fn what_must_hold_of_any_features() {
    let mut random = RandomState::new(3);
    let (samples, width) = (40, 7);
    let mut draw =
        |count: usize| -> Vec<f32> { (0..count).map(|_| random.random_sample() as f32 - 0.3).collect() };
    let (x, y, mirror) = (draw(samples * width), draw(samples * 11), draw(width));
    // I - 2 v v^T / |v|^2 is orthogonal.
    let norm: f32 = mirror.iter().map(|v| v * v).sum();
    let turned: Vec<f32> = x
        .chunks_exact(width)
        .flat_map(|row| {
            let along: f32 = row.iter().zip(&mirror).map(|(x, v)| x * v).sum();
            row.iter()
                .zip(&mirror)
                .map(move |(x, v)| -3.5 * (x - 2.0 * along * v / norm) + 8.0)
                .collect::<Vec<_>>()
        })
        .collect();
    for estimator in [Estimator::Exact, Estimator::Unbiased, MINIBATCH] {
        close(cka(&x, &x, samples, estimator), 1.0, 1e-12);
        close(cka(&x, &turned, samples, estimator), 1.0, 1e-5);
        close(cka(&y, &turned, samples, estimator), cka(&x, &y, samples, estimator), 1e-5);
        assert_eq!(
            linear_cka(&x, &[0.1; 80], samples, estimator).unwrap(),
            None,
            "features that never differ"
        );
    }
    let biased = cka(&x, &y, samples, Estimator::Exact);
    assert!(biased > 0.1 && cka(&x, &y, samples, Estimator::Unbiased).abs() < 0.1, "unrelated features");
    assert_eq!(linear_cka(&[f32::NAN; 40], &y, samples, Estimator::Exact).unwrap(), None);
    for (samples, estimator) in
        [(3, Estimator::Exact), (41, Estimator::Exact), (40, Estimator::Minibatch { batch: 3 })]
    {
        assert!(linear_cka(&x, &y, samples, estimator).is_err());
    }
}
