//! Training, top to bottom: one run from its start, or from where it stopped, to its end.

pub mod launch;
pub mod start;

pub mod gradients;
pub mod mixup;

mod adopt;
mod check;
mod clock;
mod epoch;
mod head;
mod memory;
mod report;
mod resume;
mod step;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::checkpoint::{Checkpoint, StateDict};
use crate::config::Experiment;
use crate::data::{Augment, Labelling, Loader, Pipeline, epoch_batches};
use crate::error::{Error, Result};
use crate::evaluate::splits::Splits;
use crate::event::Event;
use crate::job::Job;
use crate::model::Network;
use crate::optim::{Optimizer, Regularizers, learning_rate};
use crate::run::RunDir;

use self::check::{architecture, check_normalisation};
use self::clock::Clock;
use self::epoch::Recorder;
use self::mixup::Mixup;
use self::report::Reporter;
use self::resume::{Position, Resumed, Sums};
use self::step::Learner;

pub use self::check::check;

/// Time between two resume states within an epoch.
const SAVE_EVERY: Duration = Duration::from_secs(300);

/// Trains an experiment to its last epoch in a run's folder, locked by the caller: from the weights `start`, or from where
/// the run stopped. The same settings give the same bytes, however often the run was stopped.
///
/// # Errors
/// [`Error::Interrupted`] after a signal, with everything saved; [`Error::Diverged`] when a loss is not finite;
/// [`Error::Data`] for what is wrong with data or checkpoints.
pub fn train(
    experiment: &Experiment,
    data: &Splits,
    run: &RunDir,
    start: Option<StateDict>,
    job: &Job,
) -> Result<()> {
    let (settings, labelling) = (&experiment.train, data.train.labelling());

    // 1. The network and the optimizer, new or as they were.
    let arch = architecture(experiment, data.train.outputs())?;
    let is_new = start.is_some();
    let has_average = settings.ema_decay > 0.0;
    let (network, memory, average, mut position) = match start {
        Some(state) => {
            let network = Network::new(arch, &state, &job.device)?;
            let average = has_average.then(|| network.clone());
            (network, None, average, Position::default())
        }
        None => {
            let rule = experiment.optimizer.rule;
            let Resumed { network, memory, average, position } =
                resume::load(&run.resume(), &arch, rule, has_average, &job.device)?;
            let (epoch, step) = (position.epoch + 1, position.step);
            job.emit(Event::Note(format!("resuming in epoch {epoch} after step {step}")));
            (network, Some(memory), average, position)
        }
    };
    let arch = network.arch.clone();
    let mut optimizer = Optimizer::new(&experiment.optimizer, network.trained())?;
    optimizer.factors = arch.layer_rates(experiment.optimizer.layer_decay);
    if let Some(memory) = memory {
        optimizer.memory = memory;
    }
    let before_training = || {
        let first = match is_new {
            true => network.clone(),
            false => Network::new(arch.clone(), &Checkpoint::load(&run.checkpoint(0))?.state, &job.device)?,
        };
        Ok(first.trained().map(|(_, values)| values.clone()).collect())
    };
    let names = arch.trained().map(|spec| spec.name.as_str());
    let regularizers = Regularizers::new(&settings.weight_regularizers, names, before_training)?;
    let mixup = Mixup::new(experiment);
    let mut learner =
        Learner { experiment, network, average, optimizer, regularizers, mixup, unread: Vec::new() };

    // 2. The images: training batches are prepared anew each epoch, evaluation crops once.
    let train_images = Pipeline::new(&experiment.data, Augment::Train { seed: experiment.order_seed() })?;
    let train_images = Arc::new(train_images);
    let eval_images = data.eval_images(experiment, job)?;
    let reporter = Reporter::open(run, if is_new { 0 } else { position.epoch + 1 })?;
    let mut recorder = Recorder { experiment, data, run, reporter };
    let mut clock = Clock::start();

    // 3. Epoch 0: what the network is worth before training.
    if is_new {
        let evaluations = eval_images.evaluate(&learner.network, learner.average.as_ref(), job)?;
        clock.evaluated();
        job.emit(recorder.finish(0, &learner, &evaluations, &mut position)?);
        learner.save(&run.resume(), &position)?;
    }

    // 4. The epochs.
    while position.epoch < settings.epochs {
        let epoch = position.epoch + 1;
        let scheduler = experiment.lr_scheduler.as_ref();
        let bases = experiment.optimizer.group_rates().into_iter();
        let warm_up = experiment.warm_up();
        learner.optimizer.rates = bases.map(|base| learning_rate(base, warm_up, scheduler, epoch)).collect();
        let batches =
            epoch_batches(data.train.len(), settings.batch_size, experiment.order_seed(), epoch as u64);
        let remaining = batches.get(position.step..).map(<[_]>::to_vec).ok_or_else(|| {
            resume::broken(
                &run.resume(),
                &format!("step {} of an epoch of {} steps", position.step, batches.len()),
            )
        })?;
        let workers = settings.data_workers;
        let loader = Loader::new(data.train.clone(), train_images.clone(), remaining, epoch as u64, workers)?;
        let mut saved = Instant::now();
        clock.lap();
        let mut catch_up = |learner: &mut Learner, position: &mut Position| -> Result<()> {
            if learner.unread.is_empty() {
                return Ok(());
            }
            learner.read(position, job)?;
            position.sums.seconds += clock.lap();
            job.emit(clock.event(position, settings.epochs, data.train.len(), labelling));
            Ok(())
        };
        for batch in loader {
            if job.stop.signal() != 0 || saved.elapsed() > SAVE_EVERY {
                catch_up(&mut learner, &mut position)?;
                learner.save(&run.resume(), &position)?;
                saved = Instant::now();
                job.check()?;
            }
            learner.step(batch?, &mut position, job)?;
            if learner.is_full(&job.device) {
                catch_up(&mut learner, &mut position)?;
            }
        }
        catch_up(&mut learner, &mut position)?;

        // 5. After each epoch: evaluate, write, and only then move on. A stop in between repeats the evaluation.
        let evaluations = match eval_images.evaluate(&learner.network, learner.average.as_ref(), job) {
            Err(stopped @ Error::Interrupted { .. }) => {
                learner.save(&run.resume(), &position)?;
                return Err(stopped);
            }
            evaluations => evaluations?,
        };
        clock.evaluated();
        let always = labelling != Labelling::Class;
        let penalized = always || !settings.weight_regularizers.is_empty();
        recorder.reporter.trained(epoch, &learner.optimizer.rates, position.sums, labelling, penalized)?;
        job.emit(recorder.finish(epoch, &learner, &evaluations, &mut position)?);
        position = Position { epoch, step: 0, sums: Sums::default(), ..position };
        learner.save(&run.resume(), &position)?;
        job.check()?;
    }
    Ok(())
}
