//! A probe on disk: `result.json` with all that it came from.

use serde::{Deserialize, Serialize};

use super::ProbeSettings;
use crate::analysis::measures::Accuracy;
use crate::analysis::record::{Inputs, Stored};
use crate::data::Dataset;
use crate::evaluate::features::Pooling;
use crate::logistic::{Choice, Scaling, Tried};

/// What the numbers are.
pub(super) const DEFINITIONS: &str = "Top-1 accuracy with its 95 % Wilson interval. The linear probe is a multinomial logistic regression \
    that minimises |W|^2 / 2 + C (sum of the cross-entropies of all training images), as scikit-learn's LogisticRegression does. C is \
    chosen on training images that are held out, never on test images. kNN: the nearest training images by cosine similarity vote with \
    the weights exp(similarity / T).";

/// The probes of a network's modules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Version of this form.
    pub schema: u32,
    /// The network, and the images that accuracy is measured on.
    pub inputs: Inputs,
    /// SHA-256 of the ids and labels of the training images.
    pub train_digest: String,
    /// How many training images.
    pub train_samples: usize,
    /// Number of classes.
    pub classes: usize,
    /// Which tokens stand for an image: `class` or `mean`.
    pub tokens: String,
    /// What was done to features before the regression.
    pub scaling: Scaling,
    /// The strengths C that were tried.
    pub strengths: Vec<f64>,
    /// Share of the training images that was held out to choose C.
    pub held_out: f64,
    /// k of nearest neighbours.
    pub neighbours: usize,
    /// Temperature of their votes.
    pub temperature: f64,
    /// The modules so far.
    pub modules: Vec<ModuleProbe>,
    /// What the numbers are.
    pub definitions: String,
}

/// The probes of a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleProbe {
    /// Its name, as it was typed.
    pub module: String,
    /// Features of an image.
    pub width: usize,
    /// The strength C that was chosen.
    pub strength: f64,
    /// Accuracy on held-out training images for each strength, from the smallest.
    pub tried: Vec<TriedStrength>,
    /// The linear probe on the test images.
    pub linear: Accuracy,
    /// The linear probe on the training images that it was fitted to.
    pub linear_on_train: Accuracy,
    /// Its mean cross-entropy on them, nats.
    pub train_loss: f64,
    /// Whether all regressions converged.
    pub is_converged: bool,
    /// Nearest neighbours on the test images.
    pub neighbours: Accuracy,
}

/// A strength that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriedStrength {
    /// C.
    pub strength: f64,
    /// On held-out training images.
    pub held_out: Accuracy,
}

/// All strengths that were tried, and the one that was chosen.
pub(super) struct Tries {
    pub strength: f64,
    pub tried: Vec<TriedStrength>,
    pub is_converged: bool,
}

impl Tries {
    pub fn of(choice: &Choice) -> Self {
        let tried = |tried: &Tried| TriedStrength {
            strength: tried.strength,
            held_out: Accuracy::new(tried.right, choice.held_out),
        };
        Self {
            strength: choice.strength,
            tried: choice.tried.iter().map(tried).collect(),
            is_converged: choice.solution.is_converged && choice.tried.iter().all(|tried| tried.is_converged),
        }
    }
}

impl Probe {
    /// Without modules.
    pub(super) fn new(inputs: Inputs, train: &Dataset, pooling: Pooling, settings: &ProbeSettings) -> Self {
        Self {
            schema: 1,
            inputs,
            train_digest: train.digest(),
            train_samples: train.len(),
            classes: train.outputs(),
            tokens: pooling.to_string(),
            scaling: settings.scaling,
            strengths: settings.strengths.0.clone(),
            held_out: settings.held_out,
            neighbours: settings.neighbours,
            temperature: settings.temperature,
            modules: Vec::new(),
            definitions: DEFINITIONS.to_owned(),
        }
    }

    /// The module of that name.
    pub fn module(&self, name: &str) -> Option<&ModuleProbe> {
        self.modules.iter().find(|module| module.module == name)
    }

    /// Sentences about what is doubtful; `name` is the network's.
    pub(super) fn warnings(&self, name: &str) -> Vec<String> {
        let warning = |module: &ModuleProbe| {
            let (first, last) = (module.tried.first()?, module.tried.last()?);
            let of = format!("{} of {name}", module.module);
            if !module.is_converged {
                return Some(format!("{of}: a regression did not converge; set --scaling standard"));
            }
            let is_at_end = [first, last].iter().any(|end| end.strength == module.strength);
            (is_at_end && module.tried.len() > 1).then(|| {
                format!("{of}: the best C is {:e}, at the end of those that were tried; try others with --strengths", module.strength)
            })
        };
        self.modules.iter().filter_map(warning).collect()
    }
}

impl Stored for Probe {
    fn name(&self) -> String {
        let Self {
            schema, train_digest, tokens, scaling, strengths, held_out, neighbours, temperature, ..
        } = self;
        let settings = format!("{tokens} {scaling} {strengths:?} {held_out} {neighbours} {temperature}");
        self.inputs.name(&format!("probe {schema} {train_digest} {settings}"))
    }

    fn misfit(&self) -> Option<String> {
        (self.inputs.networks.len() != 1).then(|| "does not name one network".to_owned())
    }
}
