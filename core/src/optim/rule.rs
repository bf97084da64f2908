//! Update rules, as PyTorch has them: a file for each.

mod adam;
mod sgd;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::setting::{Kind, Section, Setting, settings};

/// How one parameter is updated by its gradient. The fields of a rule are PyTorch's arguments.
pub trait Rule {
    /// PyTorch's names of the tensors that the rule keeps for each parameter from step to step; all start at zero.
    fn moments(&self) -> &'static [&'static str];

    /// The parameter after a step, and its moments in the order of [`Self::moments`]. All tensors: `[size]`.
    fn step(
        &self,
        update: Update,
        parameter: Tensor<1>,
        gradient: Tensor<1>,
        moments: Vec<Tensor<1>>,
    ) -> (Tensor<1>, Vec<Tensor<1>>);

    /// Checks the arguments.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] naming the argument that is out of its range.
    fn check(&self, section: Section) -> Result<()>;
}

/// What all rules need to know of a step.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    /// Learning rate of the parameter's group.
    pub lr: f64,
    /// PyTorch's `weight_decay`.
    pub weight_decay: f64,
    /// Number of the step, from 1.
    pub step: u64,
}

/// An optimizer as it is written: the name decides which `kwargs` there are. Serde's `flatten` would say the same, but accept
/// unknown fields.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fields<K> {
    base_lr: f64,
    weight_decay: f64,
    // Runs of earlier versions have none.
    #[serde(default)]
    custom_lrs: Vec<(String, f64)>,
    #[serde(default = "no_decay")]
    layer_decay: f64,
    #[serde(default)]
    kwargs: K,
}

/// A layer decay that changes nothing.
fn no_decay() -> f64 {
    1.0
}

/// The optimizer, as `optimizer.name`, `optimizer.base_lr`, `optimizer.kwargs` and so on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Named", into = "Named")]
pub struct OptimizerSettings {
    /// Learning rate of the default group; names with `bias` or `scale` take a tenth.
    pub base_lr: f64,
    /// PyTorch's `weight_decay`, for all groups.
    pub weight_decay: f64,
    /// Regular expressions over parameters' names with absolute learning rates; the first that is found in a name wins. Names
    /// with `bias` or `scale` are never reached.
    pub custom_lrs: Vec<(String, f64)>,
    /// Layer-wise learning-rate decay, timm's `layer_decay`: each layer's rate is this times that of the layer above it; 1 for
    /// none.
    pub layer_decay: f64,
    /// `optimizer.name` and `optimizer.kwargs`.
    pub rule: UpdateRule,
}

impl OptimizerSettings {
    /// Checks every setting that has a range.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] naming the setting that is out of its range.
    pub fn check(&self) -> Result<()> {
        let section = Section("optimizer");
        section.above_zero("base_lr", self.base_lr)?;
        section.not_negative("weight_decay", self.weight_decay)?;
        let decays = self.layer_decay > 0.0 && self.layer_decay <= 1.0;
        section.require(decays, "layer_decay", self.layer_decay, "above 0 and at most 1")?;
        self.rule.rule().check(Section("optimizer.kwargs"))?;
        self.custom_lrs
            .iter()
            .try_for_each(|(pattern, rate)| section.not_negative(&format!("custom_lrs of {pattern}"), *rate))
    }
}

macro_rules! update_rules {
    ($($name:literal is $file:ident::$rule:ident),* $(,)?) => {
        $(pub use $file::$rule;)*

        /// A rule, chosen as `optimizer.name` with its arguments in `optimizer.kwargs`.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum UpdateRule {
            $(#[doc = concat!("See [`", stringify!($rule), "`].")] $rule($rule)),*
        }

        impl UpdateRule {
            /// The rule behind the name.
            pub(super) fn rule(&self) -> &dyn Rule {
                match self { $(Self::$rule(rule) => rule),* }
            }

            /// PyTorch's names of the tensors that the rule keeps for each parameter from step to step.
            pub fn moments(&self) -> &'static [&'static str] {
                self.rule().moments()
            }

            /// The settings of an optimizer with any of the rules.
            pub fn settings() -> Vec<Setting> {
                let name = Setting { path: "optimizer.name".to_owned(), kind: Kind::Text };
                [vec![name], $(settings::<Fields<$rule>>("optimizer")),*].concat()
            }
        }

        #[derive(Clone, Serialize, Deserialize)]
        #[serde(tag = "name")]
        pub(super) enum Named {
            $(#[serde(rename = $name)] $rule(Fields<$rule>)),*
        }

        impl From<Named> for OptimizerSettings {
            fn from(named: Named) -> Self {
                match named {
                    $(Named::$rule(Fields { base_lr, weight_decay, custom_lrs, layer_decay, kwargs }) => {
                        Self { base_lr, weight_decay, custom_lrs, layer_decay, rule: UpdateRule::$rule(kwargs) }
                    })*
                }
            }
        }

        impl From<OptimizerSettings> for Named {
            fn from(settings: OptimizerSettings) -> Self {
                let OptimizerSettings { base_lr, weight_decay, custom_lrs, layer_decay, rule } = settings;
                match rule {
                    $(UpdateRule::$rule(kwargs) => {
                        Self::$rule(Fields { base_lr, weight_decay, custom_lrs, layer_decay, kwargs })
                    })*
                }
            }
        }
    };
}

update_rules! {
    "SGD" is sgd::Sgd,
    "Adam" is adam::Adam,
    "AdamW" is adam::AdamW,
}
