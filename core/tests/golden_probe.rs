//! Logistic regressions beside scikit-learn's, and votes of nearest neighbours beside NumPy's (`golden/probes.json`, which
//! `golden/make_probes.py` writes).

use basin_core::analysis::probe::{Neighbours, normalise};
use basin_core::logistic::{HeldOut, Problem, Samples, Scaling, without_sample};
use serde_json::Value;

use crate::common::list;

fn cases() -> Vec<Value> {
    let golden: Value = serde_json::from_str(include_str!("golden/probes.json")).unwrap();
    list(&golden["cases"]).to_vec()
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(|number| number.as_f64().unwrap()).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|number| number as f32).collect()
}

fn whole(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|number| number as usize).collect()
}

#[track_caller]
fn assert_close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let scale = theirs.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() <= tolerance * scale, "{what}: {ours} instead of {theirs}");
    }
}

fn probabilities(logits: &[f64], classes: usize) -> Vec<f64> {
    let of_row = |logits: &[f64]| {
        let exponentials: Vec<f64> = logits.iter().map(|logit| logit.exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials.into_iter().map(move |value| value / sum).collect::<Vec<f64>>()
    };
    logits.chunks_exact(classes).flat_map(of_row).collect()
}

#[test]
fn regressions_are_scikit_learns() {
    for case in cases() {
        let classes = case["classes"].as_u64().unwrap() as usize;
        let (train, test, labels) = (floats(&case["train"]), floats(&case["test"]), whole(&case["labels"]));
        let samples = Samples { features: &train, labels: &labels, classes };
        let mut last = None;
        for expected in list(&case["regressions"]) {
            let strength = expected["strength"].as_f64().unwrap();
            let scaling = if expected["standard"] == true { Scaling::Standard } else { Scaling::None };
            let problem = Problem::new(samples, (0..labels.len()).collect(), scaling);
            // From zero, and from another minimum.
            for start in [None, last.take()] {
                let solution = problem.solve(strength, start.as_ref(), &|| Ok(())).unwrap();
                let what = format!("{classes} classes, C {strength}, {scaling}");
                assert!(solution.is_converged, "{what}");
                assert_close(
                    &[solution.loss],
                    &numbers(&Value::from(vec![expected["loss"].clone()])),
                    1e-6,
                    &what,
                );
                let ours = problem.classifier(&solution);
                let width = ours.weights.len() / classes;
                let (mut weights, mut biases) = (ours.weights.clone(), ours.biases.clone());
                if classes == 2 {
                    let (one, two) = ours.weights.split_at(width);
                    weights = two.iter().zip(one).map(|(two, one)| two - one).collect();
                    biases = vec![ours.biases[1] - ours.biases[0]];
                }
                assert_close(&weights, &numbers(&expected["weights"]), 1e-5, &what);
                assert_close(&biases, &numbers(&expected["biases"]), 1e-5, &what);
                assert_eq!(ours.answers(&test), whole(&expected["predictions"]), "{what}");
                let found = probabilities(&ours.logits(&test), classes);
                assert_close(&found, &numbers(&expected["probabilities"]), 1e-5, &what);
                last = Some(solution);
            }
        }
    }
}

#[test]
fn votes_of_neighbours_are_numpys() {
    for case in cases() {
        let classes = case["classes"].as_u64().unwrap() as usize;
        let width = case["width"].as_u64().unwrap() as usize;
        let (mut train, mut test) = (floats(&case["train"]), floats(&case["test"]));
        normalise(&mut train, width);
        normalise(&mut test, width);
        for expected in list(&case["neighbours"]) {
            let count = expected["neighbours"].as_u64().unwrap() as usize;
            let neighbours = Neighbours { count, temperature: expected["temperature"].as_f64().unwrap() };
            let votes = neighbours.votes(&train, &whole(&case["labels"]), &test, classes);
            assert_close(
                &votes,
                &numbers(&expected["votes"]),
                1e-5,
                &format!("{classes} classes, {neighbours:?}"),
            );
        }
    }
}

#[test]
fn a_share_of_each_class_is_held_out() {
    let labels: Vec<usize> = (0..40).map(|sample| sample % 4).collect();
    let HeldOut { fitted, held_out } = HeldOut::new(&labels, 4, 0.2).unwrap();
    assert_eq!((fitted.len(), held_out.len()), (32, 8));
    for class in 0..4 {
        assert_eq!(held_out.iter().filter(|sample| labels[**sample] == class).count(), 2);
    }
    // Whatever the order of the classes.
    let mut sorted = labels.clone();
    sorted.sort_unstable();
    assert_eq!(HeldOut::new(&sorted, 4, 0.2).unwrap().held_out.len(), 8);
    let fails = |labels: &[usize], share: f64| HeldOut::new(labels, 4, share).unwrap_err().to_string();
    assert!(fails(&labels[..16], 0.2).contains("holds out none of 16 training images"));
    assert!(fails(&labels, 1.0).contains("between 0 and 1"));
    assert_eq!((without_sample(&labels, 4), without_sample(&labels, 5)), (None, Some(4)));
}
