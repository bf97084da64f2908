//! Training, top to bottom: one run from its start, or from where it stopped, to its end.

pub mod evaluate;
pub mod loss;
pub mod mixup;
pub mod optimizer;
pub mod predictions;
mod report;
mod resume;
mod schedule;
pub mod sgd;
pub mod start;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};

use crate::checkpoint::Checkpoint;
use crate::config::Experiment;
use crate::data::{Augment, Batch, Dataset, EvalImages, Loader, Pipeline, Split, epoch_batches};
use crate::error::{Error, Result};
use crate::event::{Emit, Event};
use crate::model::{Arch, Network, initial_state};
use crate::random::{Keyed, Purpose, mixup_coefficient};
use crate::run::RunDir;

use self::evaluate::{Evaluation, evaluate, largest};
use self::loss::{Targets, cross_entropy};
use self::optimizer::{Optimizer, group_rates};
use self::report::Reporter;
use self::resume::{Position, Sums};
use self::schedule::learning_rate;

/// Time between two resume states within an epoch.
const SAVE_EVERY: Duration = Duration::from_secs(300);

/// What surrounds a run: where it writes, what it computes on, whom it tells, and who may stop it.
pub struct Surroundings<'a> {
    /// The run's folder, locked by the caller.
    pub run: &'a RunDir,
    /// The base folder, where other runs' checkpoints are found.
    pub base: &'a Path,
    /// Where tensors live.
    pub device: &'a Device,
    /// Told everything as it happens.
    pub emit: &'a Emit<'a>,
    /// Number of a signal that asked to stop, 0 for none.
    pub signal: &'a AtomicI32,
}

/// Trains an experiment to its last epoch. The same settings give the same bytes, however often the run was stopped.
///
/// # Errors
/// [`Error::Interrupted`] after a signal, with everything saved; [`Error::Diverged`] when a loss is not finite;
/// [`Error::Data`] for what is wrong with data or checkpoints.
pub fn train(experiment: &Experiment, data: &Splits, around: Surroundings) -> Result<()> {
    let Surroundings { run, base, device, emit, signal } = around;
    let settings = &experiment.train;

    // 1. The network and the optimizer, new or as they were.
    let arch = Arch::new(&experiment.model.arch, data.train.classes())?;
    let resumed = run.resume().is_file();
    let started = if resumed {
        initial_state(&arch, false, experiment.seed.init)
    } else {
        start::start_state(experiment, &arch, base)?
    };
    let mut network = Network::new(arch, &started, device)?;
    let (momentum, weight_decay) = (experiment.optimizer.kwargs.momentum, experiment.optimizer.weight_decay);
    let mut optimizer = Optimizer::new(&network, momentum, weight_decay);
    let mut position = Position { epoch: 0, step: 0, sums: Sums::default(), best: (-1.0, 0) };
    if resumed {
        position = resume::load(&run.resume(), &mut network, &mut optimizer)?;
        emit(Event::Note(format!("resuming in epoch {} after step {}", position.epoch + 1, position.step)));
    }

    // 2. The images: training batches are prepared anew each epoch, evaluation crops once.
    let train_images = Arc::new(Pipeline::new(&experiment.data.configs, Augment::Train { seed: experiment.seed.order })?);
    let eval_images = data.eval_images(experiment, emit)?;
    let mut reporter = Reporter::open(run, if resumed { position.epoch + 1 } else { 0 })?;
    let stop = || match signal.load(Ordering::Relaxed) {
        0 => Ok(()),
        signal => Err(Error::Interrupted { signal }),
    };

    // 3. Epoch 0: what the network is worth before training.
    if !resumed {
        let evaluations = eval_images.evaluate(&network, device, &stop)?;
        finish_epoch(experiment, run, &network, &evaluations, &mut position, 0, &mut reporter, emit, data)?;
        resume::save(&run.resume(), &network, &optimizer, &position)?;
    }

    // 4. The epochs.
    while position.epoch < settings.epochs {
        let epoch = position.epoch + 1;
        let lr = learning_rate(&experiment.optimizer, experiment.lr_scheduler.as_ref(), epoch);
        let batches = epoch_batches(data.train.len(), settings.batch_size, experiment.seed.order, epoch as u64);
        let remaining = batches[position.step..].to_vec();
        let loader =
            Loader::new(data.train.clone(), train_images.clone(), remaining, epoch as u64, settings.data_workers);
        let mut clock = Clock::start(position.sums.images);
        let mut saved = Instant::now();
        for batch in loader {
            if signal.load(Ordering::Relaxed) != 0 || saved.elapsed() > SAVE_EVERY {
                resume::save(&run.resume(), &network, &optimizer, &position)?;
                saved = Instant::now();
                stop()?;
            }
            step(experiment, &mut network, &mut optimizer, &mut position, batch?, device, lr)?;
            emit(clock.event(&position, epoch, settings.epochs, data.train.len()));
        }
        let speed = clock.images_per_second(position.sums.images);
        reporter.trained(epoch, group_rates(lr), position.sums, speed)?;

        // 5. After each epoch: evaluate, write, and only then move on. A stop in between repeats the evaluation.
        let evaluations = match eval_images.evaluate(&network, device, &stop) {
            Ok(evaluations) => evaluations,
            Err(error) => {
                resume::save(&run.resume(), &network, &optimizer, &position)?;
                return Err(error);
            }
        };
        finish_epoch(experiment, run, &network, &evaluations, &mut position, epoch, &mut reporter, emit, data)?;
        position = Position { epoch, step: 0, sums: Sums::default(), ..position };
        resume::save(&run.resume(), &network, &optimizer, &position)?;
        stop()?;
    }
    Ok(())
}

/// One step of gradient descent on one batch.
fn step(
    experiment: &Experiment,
    network: &mut Network,
    optimizer: &mut Optimizer,
    position: &mut Position,
    batch: Batch,
    device: &Device,
    lr: f64,
) -> Result<()> {
    let epoch = position.epoch + 1;
    let count = batch.labels.len();
    let images = Tensor::<4>::from_data(
        TensorData::new(batch.images, [count, 3, batch.size, batch.size]),
        &device.clone().autodiff(),
    );
    let alpha = experiment.train.mixup_alpha;
    let (images, targets) = if alpha > 0.0 {
        let (seed, epoch, step) = (experiment.seed.order, epoch as u64, position.step as u64);
        let coefficient = mixup_coefficient(seed, epoch, step, alpha);
        let mut random = Keyed::new(seed, Purpose::Mixup, epoch, step);
        // The first draw is the seed of the coefficient.
        random.next_u32();
        let index = random.permutation(count);
        let second = index.iter().map(|i| batch.labels[*i]).collect();
        (
            mixup::mix(images, &index, coefficient),
            Targets { first: batch.labels.clone(), second: Some((second, coefficient)) },
        )
    } else {
        (images, Targets { first: batch.labels.clone(), second: None })
    };

    let tracked = network.tracked();
    let logits = tracked.forward(images);
    let loss = cross_entropy(logits.clone(), &targets);
    let mut gradients = loss.backward();
    let loss = f64::from(loss.into_scalar::<f32>());
    if !loss.is_finite() {
        return Err(Error::Diverged(format!(
            "the loss is {loss} in epoch {epoch}, step {}; lower optimizer.base_lr (now {lr}) and start over with --force",
            position.step + 1
        )));
    }
    optimizer.step(network, tracked, &mut gradients, lr);

    // Training accuracy is against the unmixed label, as in the reference.
    let logits: Vec<f32> = logits.into_data().iter::<f32>().collect();
    let rows = logits.chunks_exact(logits.len() / count).zip(&batch.labels);
    position.sums.correct += rows.filter(|(row, label)| largest(row) == **label).count();
    position.sums.images += count;
    position.sums.loss += loss * count as f64;
    position.step += 1;
    Ok(())
}

/// Writes an epoch's checkpoint, predictions and metrics, in an order that a kill at any moment leaves readable.
#[expect(clippy::too_many_arguments, reason = "called twice, from the loop above")]
fn finish_epoch(
    experiment: &Experiment,
    run: &RunDir,
    network: &Network,
    evaluations: &Evaluations,
    position: &mut Position,
    epoch: usize,
    reporter: &mut Reporter,
    emit: &Emit,
    data: &Splits,
) -> Result<()> {
    let accuracy = evaluations.test.accuracy();
    let is_best = accuracy > position.best.0;
    if is_best {
        position.best = (accuracy, epoch);
    }
    let metadata = [
        ("key", experiment.key.clone()),
        ("epoch", epoch.to_string()),
        ("arch", experiment.model.arch.clone()),
        ("metric", format!("{:.4}", 100.0 * accuracy)),
    ];
    let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let path = run.checkpoint(epoch);
    Checkpoint { state: network.state(), metadata }.save(&path)?;
    predictions::save(&run.predictions("last"), &data.test, &evaluations.test, epoch)?;
    if is_best {
        predictions::save(&run.predictions("best"), &data.test, &evaluations.test, epoch)?;
        replace_link(&path, &run.best())?;
    }
    if epoch > 0 && !keeps(experiment, epoch - 1) {
        let previous = run.checkpoint(epoch - 1);
        std::fs::remove_file(&previous).or_else(not_there).map_err(Error::io("remove", &previous))?;
    }
    reporter.evaluated(epoch, evaluations)?;
    emit(Event::Epoch {
        epoch,
        epochs: experiment.train.epochs,
        test_accuracy: 100.0 * accuracy,
        test_loss: evaluations.test.loss(),
        train_accuracy: 100.0 * evaluations.train.accuracy(),
    });
    Ok(())
}

/// Whether the checkpoint of an epoch before the last is kept.
fn keeps(experiment: &Experiment, epoch: usize) -> bool {
    let every = experiment.train.keep_every;
    epoch == 0 || (every > 0 && epoch.is_multiple_of(every))
}

/// Makes `link` another name of `file`, replacing what it named before in one step.
fn replace_link(file: &Path, link: &Path) -> Result<()> {
    let fresh = link.with_extension("new");
    std::fs::remove_file(&fresh).or_else(not_there).map_err(Error::io("remove", &fresh))?;
    std::fs::hard_link(file, &fresh).map_err(Error::io("link", &fresh))?;
    std::fs::rename(&fresh, link).map_err(Error::io("rename", link))
}

fn not_there(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// The two splits of an experiment's data.
#[derive(Debug, Clone)]
pub struct Splits {
    /// What the network learns from.
    pub train: Arc<Dataset>,
    /// What it is measured on.
    pub test: Arc<Dataset>,
}

impl Splits {
    /// Opens both.
    pub fn open(experiment: &Experiment) -> Result<Self> {
        let open = |split| Dataset::open(&experiment.data, split).map(Arc::new);
        Ok(Self { train: open(Split::Train)?, test: open(Split::Test)? })
    }

    /// Decodes the evaluation crops of both.
    fn eval_images(&self, experiment: &Experiment, emit: &Emit) -> Result<EvalSplits> {
        Ok(EvalSplits {
            train: eval_images(experiment, &self.train, "train", emit)?,
            test: eval_images(experiment, &self.test, "test", emit)?,
        })
    }
}

/// Decodes the evaluation crops of one split, once for all passes over it.
pub fn eval_images(
    experiment: &Experiment,
    dataset: &Dataset,
    split: &'static str,
    emit: &Emit,
) -> Result<EvalImages> {
    let pipeline = Pipeline::new(&experiment.data.configs, Augment::Eval)?;
    let total = dataset.len();
    EvalImages::new(dataset, &pipeline, |done| emit(Event::Decoding { split, done, total }))
}

/// The evaluation crops of both splits.
struct EvalSplits {
    train: EvalImages,
    test: EvalImages,
}

/// A network measured on both splits, in evaluation mode.
struct Evaluations {
    train: Evaluation,
    test: Evaluation,
}

impl EvalSplits {
    fn evaluate(&self, network: &Network, device: &Device, stop: &dyn Fn() -> Result<()>) -> Result<Evaluations> {
        Ok(Evaluations {
            test: evaluate(network, &self.test, device, stop)?,
            train: evaluate(network, &self.train, device, stop)?,
        })
    }
}

/// Measures the speed of an epoch.
struct Clock {
    since: Instant,
    images_before: usize,
}

impl Clock {
    fn start(images_before: usize) -> Self {
        Self { since: Instant::now(), images_before }
    }

    fn images_per_second(&self, images: usize) -> f64 {
        (images - self.images_before) as f64 / self.since.elapsed().as_secs_f64().max(1e-9)
    }

    fn event(&self, position: &Position, epoch: usize, epochs: usize, total: usize) -> Event {
        let Sums { images, correct, loss } = position.sums;
        let images_per_second = self.images_per_second(images);
        Event::Step {
            epoch,
            epochs,
            done: images,
            total,
            loss: loss / images as f64,
            accuracy: 100.0 * correct as f64 / images as f64,
            images_per_second,
            seconds_left: ((epochs - epoch) * total + total - images) as f64 / images_per_second.max(1e-9),
        }
    }
}
