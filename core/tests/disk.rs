//! Which checkpoints are kept: those that others read, and not much else.

use basin_core::checkpoint::Location;
use basin_core::config::{Experiment, Registry};
use basin_core::model::Arch;
use basin_core::run::RunDir;
use basin_core::train::start::find_pretrained;

fn experiments() -> Vec<Experiment> {
    let registry = Registry::load().unwrap();
    registry.keys().map(|key| registry.get(key).unwrap()).collect()
}

/// The epochs whose checkpoints are there in the end, whichever is the best.
fn kept(experiment: &Experiment) -> impl Iterator<Item = usize> {
    let train = &experiment.train;
    (0..=train.epochs).filter(|epoch| train.keeps(*epoch) || *epoch == train.epochs)
}

#[test]
fn every_key_keeps_the_epochs_that_others_start_from() {
    let base = tempfile::tempdir().unwrap();
    let experiments = experiments();
    for experiment in &experiments {
        let run = RunDir::new(base.path(), &experiment.key);
        std::fs::create_dir_all(run.checkpoint(0).parent().unwrap()).unwrap();
        kept(experiment).for_each(|epoch| std::fs::write(run.checkpoint(epoch), "").unwrap());
    }
    let sources = experiments.iter().filter_map(|experiment| experiment.train.finetune_from.as_deref());
    let found: Vec<Location> = sources.map(|source| find_pretrained(source, base.path()).unwrap()).collect();
    assert_eq!(found.len(), 318);
    let mut files = found.iter().map(|location| location.file().unwrap());
    assert!(files.all(|path| path.starts_with(base.path()) || path.starts_with("/mnt/data")));
}

/// In TB: every epoch of every key, and what is there in the end, the best epoch and the state to resume from included.
#[test]
fn the_registry_needs_a_twentieth_of_what_all_its_epochs_would() {
    let (mut all, mut left) = (0, 0);
    for experiment in experiments() {
        let outputs = match experiment.data.name.as_str() {
            "CheXpert" => 5,
            "ImageNet" => 1000,
            name if name.starts_with("DomainNet") => 345,
            _ => 10,
        };
        let arch = Arch::new(&experiment.model.arch, outputs).unwrap();
        let values: usize = arch.parameters.iter().map(|spec| spec.shape.iter().product::<usize>()).sum();
        let bytes = 4 * values;
        all += bytes * (experiment.train.epochs + 1);
        // The resume state holds the momentum too.
        left += bytes * (kept(&experiment).count() + 1 + 2);
    }
    let tb = |bytes: usize| bytes as f64 / 1e12;
    assert!((tb(all) - 5.38).abs() < 0.01, "{} TB", tb(all));
    assert!((tb(left) - 0.28).abs() < 0.01, "{} TB", tb(left));
}
