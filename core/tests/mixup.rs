//! Mixup with one coefficient for a batch, and with one for each image.

use basin_core::data::Labelling;
use basin_core::evaluate::loss::{Targets, loss, sample_losses};
use basin_core::random::mixup_coefficients;
use basin_core::train::mixup::{ReferenceDraws, mix};
use burn::tensor::{Device, Tensor};

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

#[test]
fn each_image_and_its_loss_are_mixed_by_its_own_coefficient() {
    let device = Device::flex();
    let images = [1.0, 2.0, 10.0, 20.0, 100.0, 200.0];
    let (index, coefficients) = ([2, 0, 1], [0.25, 0.5, 1.0]);
    assert_eq!(mix(&images, &index, &coefficients), [75.25, 150.5, 5.5, 11.0, 100.0, 200.0]);
    assert_eq!(mix(&images, &index, &[0.5]), [50.5, 101.0, 5.5, 11.0, 55.0, 110.0]);

    let logits = Tensor::<2>::from_floats([[1.0, -0.5], [0.25, 2.0], [3.0, 0.0]], &device);
    let (first, second) = (vec![0, 1, 1], vec![1, 0, 1]);
    let [one, two] =
        [&first, &second].map(|labels| values(sample_losses(logits.clone(), labels, Labelling::Class)));
    let expected: f64 = (0..3)
        .map(|i| coefficients[i] * f64::from(one[i]) + (1.0 - coefficients[i]) * f64::from(two[i]))
        .sum::<f64>()
        / 3.0;
    let loss = |weights: &[f64]| {
        let targets = Targets { first: first.clone(), second: Some((second.clone(), weights.to_vec())) };
        f64::from(loss(logits.clone(), &targets, Labelling::Class).into_scalar::<f32>())
    };
    assert!((loss(&coefficients) - expected).abs() < 1e-6, "{} {expected}", loss(&coefficients));
    assert!((loss(&[0.3]) - loss(&[0.3; 3])).abs() < 1e-6);
}

#[test]
fn coefficients_are_draws_of_their_step_alone() {
    let draws = mixup_coefficients(3, 2, 5, 0.7, 8);
    assert_eq!(draws[..1], mixup_coefficients(3, 2, 5, 0.7, 1));
    assert!(draws.iter().all(|draw| (0.0..=1.0).contains(draw)) && draws[0] != draws[1], "{draws:?}");
    assert_ne!(draws, mixup_coefficients(3, 2, 6, 0.7, 8));
}

/// `numpy.random.seed(0)`, then `numpy.random.beta(0.2, 0.2)` again and again.
#[test]
fn reference_draws_are_numpys_in_order_also_after_a_stop() {
    let expected = [
        0.2101629681939601,
        0.6235787973456928,
        0.10826539004031885,
        0.027661082737010387,
        0.9901244772137581,
        0.8825830817661642,
    ];
    let mut draws = ReferenceDraws::new(0.2);
    for (step, expected) in expected.iter().enumerate() {
        assert_eq!(draws.at(step as u64), *expected, "step {step}");
    }
    assert_eq!(ReferenceDraws::new(0.2).at(4), expected[4]);
    assert_eq!(draws.at(1), expected[1]);
}
