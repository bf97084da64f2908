//! Rewinding on disk: `result.json` with all that it came from.

use serde::{Deserialize, Serialize};

use crate::analysis::measures::Measures;
use crate::analysis::record::{Inputs, Stored};
use crate::analysis::source::Source;

/// A network, and what it is worth when one of its modules is set back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewinding {
    /// Version of this form.
    pub schema: u32,
    /// The network, and the images.
    pub inputs: Inputs,
    /// Its architecture.
    pub arch: String,
    /// The modules that were set back, bottom to top.
    pub modules: Vec<String>,
    /// The network itself.
    pub none: Measures,
    /// For each origin, the network with one module set to it.
    pub rewound: Vec<Rewound>,
}

/// What modules were set to, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewound {
    /// What they were set to.
    pub origin: Origin,
    /// One for each module.
    pub measures: Vec<Measures>,
}

/// Where the values of a module come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Origin {
    /// A checkpoint.
    Checkpoint(Source),
    /// The initialisation, drawn afresh.
    Drawn {
        /// The seed of the draw.
        seed: u64,
    },
}

impl Origin {
    /// In a legend.
    pub fn label(&self) -> String {
        match self {
            Self::Checkpoint(source) => match source.metadata.get("epoch") {
                Some(epoch) => format!("epoch {epoch}"),
                None => source.stem(),
            },
            Self::Drawn { seed } => format!("fresh draw {seed}"),
        }
    }

    fn identity(&self) -> String {
        match self {
            Self::Checkpoint(source) => source.sha256.clone(),
            Self::Drawn { seed } => format!("seed {seed}"),
        }
    }
}

/// The folder's name.
pub(super) fn name<'a>(inputs: &Inputs, origins: impl IntoIterator<Item = &'a Origin>) -> String {
    let origins: Vec<String> = origins.into_iter().map(Origin::identity).collect();
    inputs.name(&origins.join("\n"))
}

impl Stored for Rewinding {
    fn name(&self) -> String {
        name(&self.inputs, self.rewound.iter().map(|rewound| &rewound.origin))
    }

    fn misfit(&self) -> Option<String> {
        let is_whole = self.rewound.iter().all(|rewound| rewound.measures.len() == self.modules.len());
        (!is_whole || self.inputs.networks.is_empty())
            .then(|| "lacks numbers of modules, or the network".to_owned())
    }
}
