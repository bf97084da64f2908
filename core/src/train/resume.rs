//! Everything that a training run needs to go on exactly where it stopped, in one file.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;

use crate::checkpoint::{Checkpoint, NamedTensor, Reader, StateDict};
use crate::error::{Error, Result};
use crate::model::{Arch, Network, layout};
use crate::optim::{Memory, Optimizer, UpdateRule};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Epochs that are trained, evaluated and written; the next one is `epoch + 1`.
    pub epoch: usize,
    /// Steps of the next epoch that are done.
    pub step: usize,
    /// Sums over the images of the next epoch so far.
    pub sums: Sums,
    /// Best test accuracy or AUC so far, as a fraction, and its epoch.
    pub best: (f64, usize),
}

impl Default for Position {
    /// Before the first epoch; any score is better than none.
    fn default() -> Self {
        Self { epoch: 0, step: 0, sums: Sums::default(), best: (-1.0, 0) }
    }
}

/// Sums over the images of an epoch that were trained on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Images.
    pub images: usize,
    /// Decisions that agree with the unmixed labels.
    pub correct: usize,
    /// Loss of each batch times its images, the penalty on weights included.
    pub loss: f64,
    /// The penalty alone, times the images too.
    pub penalty: f64,
    /// Seconds spent on them.
    pub seconds: f64,
}

/// What the averaged weights are called in a resume state: this, a full stop, and the tensor's name.
const AVERAGE: &str = "ema";

/// Writes network, position, what the optimizer remembers, `<moment>.<parameter>`, and averaged weights, `ema.<tensor>`.
pub fn save(
    path: &Path,
    network: &Network,
    average: Option<&Network>,
    optimizer: &Optimizer,
    position: &Position,
) -> Result<()> {
    let mut state = network.state();
    for (moment, values) in optimizer.moments().iter().zip(&optimizer.memory.moments) {
        state.tensors.extend(called(moment, layout::state(network.arch.trained(), values)));
    }
    state.tensors.extend(average.into_iter().flat_map(|average| called(AVERAGE, average.state())));
    let metadata = metadata(position, optimizer.memory.steps);
    Checkpoint { state, metadata }.save(path)
}

/// The tensors under a name of its own for each kind.
fn called(kind: &str, state: StateDict) -> impl Iterator<Item = NamedTensor> {
    let named = move |tensor: NamedTensor| NamedTensor { name: format!("{kind}.{}", tensor.name), ..tensor };
    state.tensors.into_iter().map(named)
}

/// Takes the tensors of a kind out of a state, and gives them their own names back.
fn take(kind: &str, state: &mut StateDict) -> StateDict {
    let prefix = format!("{kind}.");
    let is_of_kind = |tensor: &NamedTensor| tensor.name.starts_with(&prefix);
    let (found, others): (Vec<NamedTensor>, Vec<NamedTensor>) =
        std::mem::take(&mut state.tensors).into_iter().partition(is_of_kind);
    state.tensors = others;
    let unnamed =
        |tensor: NamedTensor| NamedTensor { name: tensor.name[prefix.len()..].to_owned(), ..tensor };
    StateDict { tensors: found.into_iter().map(unnamed).collect() }
}

/// Averaged weights that begin with those of a network, as a resume state holds them.
pub fn first_average(network: &StateDict) -> Vec<NamedTensor> {
    called(AVERAGE, network.clone()).collect()
}

/// What a run goes on with.
pub struct Resumed {
    pub network: Network,
    /// What the update rule remembers.
    pub memory: Memory,
    /// The network with averaged weights, where training keeps them.
    pub average: Option<Network>,
    pub position: Position,
}

/// The position as the file has it: floats by their bits.
fn metadata(position: &Position, steps: u64) -> BTreeMap<String, String> {
    let Position { epoch, step, sums, best } = position;
    let numbers = [
        ("epoch", *epoch as u64),
        ("step", *step as u64),
        ("images", sums.images as u64),
        ("correct", sums.correct as u64),
        ("loss_bits", sums.loss.to_bits()),
        ("penalty_bits", sums.penalty.to_bits()),
        ("seconds_bits", sums.seconds.to_bits()),
        ("best_bits", best.0.to_bits()),
        ("best_epoch", best.1 as u64),
        ("optimizer_steps", steps),
    ];
    numbers.iter().map(|(name, number)| ((*name).to_owned(), number.to_string())).collect()
}

/// The numbers of a state that another program left after an epoch: the best score with its epoch, and the steps so far.
pub fn numbers(epoch: usize, best: (f64, usize), steps: u64) -> BTreeMap<String, String> {
    metadata(&Position { epoch, best, ..Position::default() }, steps)
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// [`Error::Data`] if the file is broken; the run can then only start over.
pub fn load(
    path: &Path,
    arch: &Arch,
    rule: UpdateRule,
    has_average: bool,
    device: &Device,
) -> Result<Resumed> {
    let broken = |what: String| broken(path, &what);
    let checkpoint = Checkpoint::load(path).map_err(|error| broken(error.to_string()))?;
    let number = |name: &str| -> Result<u64> {
        let text = checkpoint.metadata.get(name).ok_or_else(|| broken(format!("no {name}")))?;
        text.parse().map_err(|_| broken(format!("{name} is {text}")))
    };
    // Earlier versions had neither penalties nor a rule for which the number of steps counts.
    let later = |name: &str| if checkpoint.metadata.contains_key(name) { number(name) } else { Ok(0) };
    let position = Position {
        epoch: number("epoch")? as usize,
        step: number("step")? as usize,
        sums: Sums {
            images: number("images")? as usize,
            correct: number("correct")? as usize,
            loss: f64::from_bits(number("loss_bits")?),
            penalty: f64::from_bits(later("penalty_bits")?),
            seconds: f64::from_bits(number("seconds_bits")?),
        },
        best: (f64::from_bits(number("best_bits")?), number("best_epoch")? as usize),
    };
    let steps = later("optimizer_steps")?;
    let mut state = checkpoint.state;
    let network_of = |state: &StateDict| {
        Network::new(arch.clone(), state, device).map_err(|error| broken(error.to_string()))
    };
    let average = has_average.then(|| network_of(&take(AVERAGE, &mut state))).transpose()?;
    let moments = rule
        .moments()
        .iter()
        .map(|moment| layout::values(arch.trained(), &take(moment, &mut state), device).map_err(broken));
    let memory = Memory { moments: moments.collect::<Result<_>>()?, steps };
    Ok(Resumed { network: network_of(&state)?, memory, average, position })
}

/// Whether a resume state stands at the end of that many epochs.
///
/// # Errors
/// [`Error::Data`] if the file is not whole.
pub fn is_finished(path: &Path, epochs: usize) -> Result<bool> {
    let metadata = Reader::open(path).map_err(|error| broken(path, &error.to_string()))?.metadata;
    Ok(metadata
        .get("epoch")
        .and_then(|epoch| epoch.parse::<usize>().ok())
        .is_some_and(|epoch| epoch >= epochs))
}

pub fn broken(path: &Path, what: &str) -> Error {
    Error::data(format!(
        "the resume state {} is broken ({what}); start over with --force, which keeps the old folder aside",
        path.display()
    ))
}
