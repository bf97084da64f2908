//! A head that starts as a linear probe (linear probing, then fine-tuning: Kumar et al. 2022).

use crate::checkpoint::StateDict;
use crate::config::Experiment;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::evaluate::features::{Pooling, pooled_features};
use crate::evaluate::splits::eval_images;
use crate::event::Event;
use crate::job::Job;
use crate::logistic::{Classifier, HeldOut, Samples, Scaling, choose, default_strengths, without_sample};
use crate::model::{Arch, Network};
use crate::number;

/// Share of the training images that is held out to choose the strength of the regression.
const HELD_OUT: f64 = 0.2;

/// The weights with a head that is a logistic regression on the features of the training images, in evaluation mode. Its strength is
/// the best of [`default_strengths`] on held-out training images.
///
/// # Errors
/// [`Error::Usage`] for a class without a training image, and those of [`HeldOut::new`]; [`Error::Diverged`] for features that are not
/// finite; those of [`eval_images`].
pub(super) fn probed_head(
    state: StateDict,
    arch: &Arch,
    experiment: &Experiment,
    job: &Job,
) -> Result<StateDict> {
    let dataset = Dataset::open(&experiment.data, Split::EvalTrain)?;
    let labels: Vec<usize> = (0..dataset.len()).map(|sample| dataset.label(sample)).collect();
    if let Some(class) = without_sample(&labels, arch.classes) {
        return Err(Error::usage(format!(
            "class {class} has no training image, and a head that is probed needs one of each; set train.head to drawn, or choose data \
             with all classes"
        )));
    }
    HeldOut::new(&labels, arch.classes, HELD_OUT)?;
    let images = eval_images(experiment, &dataset, Split::EvalTrain, job)?;
    let network = Network::new(arch.clone(), &state, &job.device)?;
    let mut features = Vec::new();
    pooled_features(&network, &[arch.head_input()], Pooling::of_head(arch), &images, job, |_, values, _| {
        features.extend(values);
        Ok(())
    })?;
    if features.iter().any(|value| !value.is_finite()) {
        return Err(Error::Diverged(
            "features of the training images are not finite; set train.finetune_from to a checkpoint that has not diverged".to_owned(),
        ));
    }
    let samples = Samples { features: &features, labels: &labels, classes: arch.classes };
    let choice = choose(samples, &default_strengths(), HELD_OUT, Scaling::None, job)?;
    let right = choice.tried.iter().map(|tried| tried.right).max().unwrap_or(0);
    job.emit(Event::Note(format!(
        "the head starts as a linear probe of {} training images: C {:e}, accuracy {} % on {} that were held out",
        labels.len(),
        choice.strength,
        number::percent(100.0 * right as f64 / choice.held_out as f64),
        choice.held_out
    )));
    Ok(with_head(state, arch, choice.problem.classifier(&choice.solution)))
}

/// The weights with this classifier for their head. What an architecture adds to the features before its head is taken off its
/// biases.
fn with_head(mut state: StateDict, arch: &Arch, classifier: Classifier) -> StateDict {
    let Classifier { weights, mut biases } = classifier;
    let stage = arch.stages.last().map_or(&[][..], |stage| &stage.parameters);
    let names = stage.iter().map(|index| arch.parameters[*index].name.as_str());
    let before =
        names.filter(|name| !arch.is_head(name)).find_map(|name| state.get(name)?.data.first().copied());
    if let Some(before) = before {
        let width = weights.len() / biases.len();
        for (bias, row) in biases.iter_mut().zip(weights.chunks_exact(width)) {
            *bias -= f64::from(before) * row.iter().sum::<f64>();
        }
    }
    let (weight, bias) = (format!("{}.weight", arch.head()), format!("{}.bias", arch.head()));
    for tensor in &mut state.tensors {
        let values = if tensor.name == weight {
            &weights
        } else if tensor.name == bias {
            &biases
        } else {
            continue;
        };
        tensor.data = values.iter().map(|value| *value as f32).collect();
    }
    state
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::*;
    use crate::evaluate::values;
    use crate::model::initial_state;

    #[test]
    fn a_head_says_what_its_probe_says_whatever_the_architecture_adds_before_it() {
        for name in ["fixup_resnet18", "torchvision/resnet18", "vit_tiny_patch16_224", "convnext_atto"] {
            let arch = Arch::for_images(name, 3, 32).unwrap();
            let mut state = initial_state(&arch, 1);
            let moved = state.tensors.iter_mut().find(|tensor| tensor.name == "bias2");
            moved.into_iter().for_each(|tensor| tensor.data[0] = 0.7);
            let width = state.get(&format!("{}.weight", arch.head())).unwrap().shape[1];
            let wave = |i: usize, speed: f64| (i as f64 * speed).sin();
            let weights = (0..3 * width).map(|i| wave(i, 0.37)).collect();
            let classifier = Classifier { weights, biases: vec![0.5, -1.0, 0.5] };
            let features: Vec<f32> = (0..2 * width).map(|i| wave(i, 0.11) as f32).collect();
            let expected = classifier.logits(&features);
            let network =
                Network::new(arch.clone(), &with_head(state, &arch, classifier), &Device::flex()).unwrap();
            let x = Tensor::from_data(TensorData::new(features, [2, 1, 1, width]), &Device::flex());
            let last = arch.stages.len() - 1;
            let logits = values(network.forward_stages(last..last + 1, x)).unwrap();
            for (logit, expected) in logits.iter().zip(expected) {
                assert!((f64::from(*logit) - expected).abs() < 1e-3, "{name}: {logit} instead of {expected}");
            }
        }
    }
}
