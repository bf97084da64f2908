//! A data set that the library does not know is added by one call, and is then like any other; a name that nobody registered
//! is an error wherever one is taken.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod three_images;

use std::collections::BTreeMap;
use std::path::Path;

use basin_core::checkpoint::{Checkpoint, NamedTensor, StateDict};
use basin_core::config::{Experiment, Registry};
use basin_core::data::{Augment, Dataset, Pipeline, Split, register, source};
use basin_core::device::Choice;
use basin_core::error::Result;
use basin_core::evaluate::predictions;
use basin_core::evaluate::splits::Splits;
use basin_core::job::{Job, Stop};
use basin_core::prepare;
use basin_core::run::{RunDir, read_metrics};
use basin_core::train::launch::{Existing, Outcome, TrainRequest, launch};
use three_images::{IMAGES, ThreeImages};

/// One epoch of a small network on a data set.
fn experiment(name: &str) -> Experiment {
    let mut experiment = Registry::load().unwrap().get("demo/Shapes_line/fixup_resnet18/scratch").unwrap();
    experiment.data.name = name.to_owned();
    let configs = &mut experiment.data.configs;
    (configs.image_size, configs.pre_crop_size) = (16, 20);
    (experiment.train.epochs, experiment.train.batch_size) = (1, 3);
    experiment
}

fn train(experiment: &Experiment, base: &Path) -> Result<Outcome> {
    let request = TrainRequest {
        experiment: experiment.clone(),
        base: base.to_owned(),
        work_dir: None,
        replicate: 0,
        existing: Existing::Resume,
    };
    with_job(|job| launch(&request, job))
}

fn with_job<T>(work: impl FnOnce(&Job) -> T) -> T {
    work(&Job { device: Choice::Cpu.open().unwrap(), others: &[], emit: &|_| {}, stop: &Stop::default() })
}

#[test]
fn a_data_set_from_outside_is_trained_on_and_evaluated() {
    register(&ThreeImages).unwrap();
    let experiment = experiment("ThreeImages");
    let dataset = Dataset::open(&experiment.data, Split::Train).unwrap();
    assert_eq!((dataset.len(), dataset.outputs(), dataset.id(2)), (3, 3, "blue"));

    // Its own statistics: full brightness is (1 - 0.5) / 0.25.
    let pipeline = Pipeline::new(&experiment.data, Augment::Eval).unwrap();
    let mut values = vec![0.0; pipeline.values()];
    pipeline.apply(&dataset.image(0).unwrap(), 0, 0, &mut values).unwrap();
    assert!(values[..256].iter().all(|red| *red == 2.0) && values[256..].iter().all(|other| *other == -2.0));
    assert_eq!(pipeline.pixels(&values).get_pixel(7, 7).0, IMAGES[0].1);

    let folder = tempfile::tempdir().unwrap();
    assert_eq!(train(&experiment, folder.path()).unwrap(), Outcome::Trained);
    let run = RunDir::new(folder.path(), &experiment.key);
    let last = read_metrics(&run.metrics()).unwrap().pop().unwrap();
    let predictions = predictions::load(&run.predictions("last")).unwrap();
    assert_eq!((last.epoch, predictions.ids), (1, IMAGES.map(|(name, _)| name.to_owned()).to_vec()));
    assert_eq!(last.value("eval/test_acc"), Some(100.0 * predictions.evaluation.accuracy()));
    assert!(last.value("eval/train_loss").unwrap().is_finite());
    assert_eq!(with_job(|job| prepare::verify(&experiment.data, job)).unwrap().images, 3);
    assert_eq!(train(&experiment, folder.path()).unwrap(), Outcome::AlreadyDone);

    let again = register(&ThreeImages).unwrap_err();
    assert!(again.to_string().contains("ThreeImages already"), "{again}");
}

#[test]
fn a_name_that_nobody_registered_is_an_error_wherever_one_is_taken() {
    let experiment = experiment("DomainNet_reel");
    let data = &experiment.data;
    let folder = tempfile::tempdir().unwrap();
    let stored = folder.path().join("stored.safetensors");
    let tensor = |name: &str| NamedTensor {
        name: name.to_owned(),
        shape: if name == "logits" { vec![1, 1] } else { vec![1] },
        data: vec![0.0],
    };
    let state = StateDict { tensors: ["logits", "loss", "label"].map(tensor).to_vec() };
    let metadata = BTreeMap::from([("data".to_owned(), data.name.clone())]);
    Checkpoint { state, metadata }.save(&stored).unwrap();

    let check = |error: Result<()>, exit_code: u8| {
        let error = error.unwrap_err();
        assert_eq!(error.exit_code(), exit_code, "{error}");
        let message = error.to_string();
        assert!(
            message.contains("unknown data set DomainNet_reel; the nearest are DomainNet_real"),
            "{message}"
        );
        assert!(message.contains("CheXpert, CIFAR10, ImageNet, ImageFolder, Shapes_photo"), "{message}");
    };
    check(source(&data.name).map(drop), 2);
    check(basin_core::train::check(&experiment), 2);
    check(Dataset::open(data, Split::Train).map(drop), 2);
    check(Dataset::list(data, Split::Test).map(drop), 2);
    check(Pipeline::new(data, Augment::Eval).map(drop), 2);
    check(Splits::open(&experiment).map(drop), 2);
    check(with_job(|job| prepare::verify(data, job)).map(drop), 2);
    check(train(&experiment, folder.path()).map(drop), 2);
    check(predictions::load(&stored).map(drop), 3);
    assert!(!folder.path().join(&experiment.key).exists(), "a run's folder was left behind");
    assert_eq!(source("CheXpert").unwrap().name(), "CheXpert");
}
