//! The optimizer's settings: PyTorch's update rules, and a learning rate for each group of parameters.

use serde::{Deserialize, Serialize};

/// The optimizer, as `optimizer.name`, `optimizer.base_lr`, `optimizer.kwargs` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Named", into = "Named")]
pub struct Optimizer {
    /// Learning rate of the default group; names with `bias` or `scale` take a tenth.
    pub base_lr: f64,
    /// PyTorch's `weight_decay`, for all groups.
    pub weight_decay: f64,
    /// Regular expressions over parameters' names with absolute learning rates; the first that is found in a name wins. Names
    /// with `bias` or `scale` are never reached.
    pub custom_lrs: Vec<(String, f64)>,
    /// `optimizer.name` and `optimizer.kwargs`.
    pub rule: UpdateRule,
}

/// PyTorch's rules, with its arguments and defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum UpdateRule {
    /// Stochastic gradient descent; weight decay is added to the gradient.
    Sgd(Sgd),
    /// Adam (Kingma and Ba 2015); weight decay is added to the gradient.
    Adam(Adam),
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW(Adam),
}

/// Arguments of `SGD`.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sgd {
    /// Share of the velocity that stays.
    pub momentum: f64,
    /// Share of the gradient that does not enter the velocity, from the second step on; nothing without momentum.
    pub dampening: f64,
    /// Step along the velocity that the next step would have (Nesterov).
    pub nesterov: bool,
}

/// Arguments of `Adam` and `AdamW`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Shares of the running means of the gradient and of its square that stay.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    pub eps: f64,
}

impl Default for Adam {
    fn default() -> Self {
        Self { betas: [0.9, 0.999], eps: 1e-8 }
    }
}

/// How an [`Optimizer`] is written: the name decides which `kwargs` there are. Serde's `flatten` would say the same, but
/// accept unknown fields.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "name")]
enum Named {
    #[serde(rename = "SGD")]
    Sgd(Fields<Sgd>),
    Adam(Fields<Adam>),
    AdamW(Fields<Adam>),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<K> {
    base_lr: f64,
    weight_decay: f64,
    // Runs of earlier versions have none.
    #[serde(default)]
    custom_lrs: Vec<(String, f64)>,
    #[serde(default)]
    kwargs: K,
}

impl<K> Fields<K> {
    fn with(self, rule: impl FnOnce(K) -> UpdateRule) -> Optimizer {
        let Self { base_lr, weight_decay, custom_lrs, kwargs } = self;
        Optimizer { base_lr, weight_decay, custom_lrs, rule: rule(kwargs) }
    }
}

impl From<Named> for Optimizer {
    fn from(named: Named) -> Self {
        match named {
            Named::Sgd(fields) => fields.with(UpdateRule::Sgd),
            Named::Adam(fields) => fields.with(UpdateRule::Adam),
            Named::AdamW(fields) => fields.with(UpdateRule::AdamW),
        }
    }
}

impl From<Optimizer> for Named {
    fn from(optimizer: Optimizer) -> Self {
        let Optimizer { base_lr, weight_decay, custom_lrs, rule } = optimizer;
        match rule {
            UpdateRule::Sgd(kwargs) => Self::Sgd(Fields { base_lr, weight_decay, custom_lrs, kwargs }),
            UpdateRule::Adam(kwargs) => Self::Adam(Fields { base_lr, weight_decay, custom_lrs, kwargs }),
            UpdateRule::AdamW(kwargs) => Self::AdamW(Fields { base_lr, weight_decay, custom_lrs, kwargs }),
        }
    }
}
