//! Going on with a run that the reference began: its weights, momentum and epoch become a state to resume from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::resume;
use crate::checkpoint::{Checkpoint, NamedTensor, Selection, StateDict};
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::model::Arch;
use crate::optim::UpdateRule;
use crate::run::{Curves, MetricsLog, ReferenceRun, RunDir, Summary, read_events, tag};

/// What the reference calls the optimizer's part of a checkpoint.
const OPTIMIZER: &str = "optimizer";
/// What the optimizer remembers, by our name of it.
const MOMENTUM: &str = "momentum";

/// What is taken over from a run of the reference.
pub(super) struct Adopted {
    epoch: usize,
    resume: Checkpoint,
    /// Trained parameters whose momentum the checkpoint lacks.
    without_momentum: Vec<String>,
    /// The network before training, and the best.
    first: Option<Checkpoint>,
    best: Option<(usize, Checkpoint)>,
    /// Numbers of each epoch.
    numbers: BTreeMap<usize, Vec<(String, f64)>>,
}

impl Adopted {
    /// Reads everything, and writes nothing.
    ///
    /// # Errors
    /// [`Error::Data`] naming the checkpoint that does not fit the settings; [`Error::Usage`] if there is none, or for an optimizer
    /// that the reference has not.
    pub fn read(
        run: &RunDir,
        reference: &ReferenceRun,
        experiment: &Experiment,
        arch: &Arch,
        samples: usize,
    ) -> Result<Self> {
        let Some(epoch) = reference.last else {
            return Err(Error::usage(format!(
                "{} has no checkpoint to go on from; start over with --force, which keeps the folder aside",
                run.root().display()
            )));
        };
        let path = &reference.checkpoint(epoch);
        let moments = experiment.optimizer.rule.moments();
        if moments.iter().any(|moment| *moment != MOMENTUM) {
            return Err(Error::usage(
                "only the momentum of SGD is taken over from the reference; set optimizer.name=SGD",
            ));
        }
        let unfit = |problems: String| {
            Error::data(format!(
                "{} does not fit the settings: {problems}; set model.arch to its own",
                path.display()
            ))
        };
        let mut network = Checkpoint::load(path).map_err(|error| {
            Error::data(format!("{error}; without this file, the run goes on from the epoch before"))
        })?;
        let expected = arch.parameters.iter().map(|spec| (spec.name.as_str(), spec.shape.as_slice()));
        network.state = arch.with_counters(network.state);
        if let Some(problems) = network.state.mismatch(expected) {
            return Err(unfit(problems));
        }
        network.state.check_finite(&path.as_path().into())?;
        let average = (experiment.train.ema_decay > 0.0).then(|| resume::first_average(&network.state));
        let mut without_momentum = Vec::new();
        if !moments.is_empty() {
            let momentum = momentum(path, epoch, experiment, arch)?;
            if epoch > 0 && !has_no_momentum(experiment) {
                without_momentum = momentum.missing;
            }
            network.state.tensors.extend(momentum.tensors);
        }
        network.state.tensors.extend(average.into_iter().flatten());

        let mut numbers: BTreeMap<usize, Vec<(String, f64)>> = BTreeMap::new();
        let mut curves = Curves::new();
        for scalar in read_events(&run.events())? {
            if let Some(of) = usize::try_from(scalar.step).ok().filter(|of| *of <= epoch) {
                if scalar.value.is_finite() {
                    curves.entry(scalar.tag.clone()).or_default().insert(of, scalar.value);
                }
                numbers.entry(of).or_default().push((scalar.tag, scalar.value));
            }
        }
        let summary = Summary { experiment: Some(experiment.clone()), curves, is_locked: false };
        let best = summary.best().map(|(tag, epoch, value)| {
            let scale = if tag == tag::TEST_ACCURACY { 100.0 } else { 1.0 };
            (value / scale, epoch)
        });
        let steps = epoch * samples.div_ceil(experiment.train.batch_size);
        network.metadata = resume::numbers(epoch, best.unwrap_or((-1.0, 0)), steps as u64);

        let load = |path: PathBuf| path.is_file().then(|| Checkpoint::load(&path)).transpose();
        Ok(Self {
            epoch,
            resume: network,
            without_momentum,
            first: load(reference.checkpoint(0))?,
            best: match (load(reference.best())?, best) {
                (Some(checkpoint), Some((_, epoch))) => Some((epoch, checkpoint)),
                (None, Some((_, epoch))) => {
                    load(reference.checkpoint(epoch))?.map(|checkpoint| (epoch, checkpoint))
                }
                (_, None) => None,
            },
            numbers,
        })
    }

    /// Writes our own files beside those of the reference, the state to resume from last.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    pub fn write(self, run: &RunDir, job: &Job) -> Result<()> {
        let mut log = MetricsLog::open(&run.metrics(), 0)?;
        for (epoch, values) in self.numbers {
            log.append(epoch, &values)?;
        }
        let epoch = self.epoch;
        for (path, found) in
            [(run.checkpoint(0), self.first.map(|first| (0, first))), (run.best(), self.best)]
        {
            if let Some((epoch, mut checkpoint)) = found {
                checkpoint.metadata = BTreeMap::from([("epoch".to_owned(), epoch.to_string())]);
                checkpoint.save(&path)?;
            }
        }
        self.resume.save(&run.resume())?;
        if let Some(first) = self.without_momentum.first() {
            job.emit(Event::Note(format!(
                "the reference's checkpoint has no momentum for {} of the trained parameters, as {first}; theirs begins with zero, as \
                 in PyTorch",
                self.without_momentum.len()
            )));
        }
        job.emit(Event::Note(format!(
            "{} goes on after epoch {epoch} of the reference: weights, momentum and learning rates are its own; the order of images, \
             augmentation and mixup's partners are drawn anew",
            run.root().display()
        )));
        Ok(())
    }
}

/// Whether the settings leave the optimizer nothing to remember.
fn has_no_momentum(experiment: &Experiment) -> bool {
    matches!(experiment.optimizer.rule, UpdateRule::Sgd(sgd) if sgd.momentum == 0.0)
}

/// The optimizer's momentum.
struct Momentum {
    /// That of each trained parameter.
    tensors: Vec<NamedTensor>,
    /// Names of those parameters of which PyTorch has none yet: theirs is zero.
    missing: Vec<String>,
}

/// The momentum that a checkpoint has. PyTorch numbers parameters group by group.
fn momentum(path: &Path, epoch: usize, experiment: &Experiment, arch: &Arch) -> Result<Momentum> {
    let selection = Selection { part: Some(OPTIMIZER), strip: Some("state.") };
    let found: StateDict = match Checkpoint::load_selection(path, selection) {
        Ok(checkpoint) => checkpoint.state,
        // Before the first step there is nothing to remember.
        Err(Error::Remediable { .. }) if epoch == 0 || has_no_momentum(experiment) => StateDict::default(),
        Err(error) => return Err(error),
    };
    let trained: Vec<_> = arch.trained().collect();
    let groups = experiment.optimizer.groups(trained.iter().map(|spec| spec.name.as_str()))?;
    let mut order: Vec<usize> = (0..trained.len()).collect();
    order.sort_by_key(|index| groups[*index]);
    let mut momentum: Vec<Option<NamedTensor>> = vec![None; trained.len()];
    let mut missing = Vec::new();
    for (number, index) in order.into_iter().enumerate() {
        let spec = trained[index];
        let length = spec.shape.iter().product();
        let buffer = found.get(&format!("{number}.momentum_buffer"));
        if let Some(buffer) = buffer.filter(|buffer| buffer.shape != spec.shape) {
            return Err(Error::data(format!(
                "{} has a momentum of shape {:?} for {}, whose shape is {:?}: its groups of parameters are others; set \
                 optimizer.custom_lrs to its own",
                path.display(),
                buffer.shape,
                spec.name,
                spec.shape
            )));
        }
        if buffer.is_none() {
            missing.push(spec.name.clone());
        }
        let data = buffer.map_or_else(|| vec![0.0; length], |buffer| buffer.data.clone());
        momentum[index] =
            Some(NamedTensor { name: format!("{MOMENTUM}.{}", spec.name), shape: spec.shape.clone(), data });
    }
    Ok(Momentum { tensors: momentum.into_iter().flatten().collect(), missing })
}
