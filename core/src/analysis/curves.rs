//! What finished runs said while they trained: learning curves (paper, Figure 2), the sweep over shuffled blocks (Figure 3)
//! and the sweep over pre-trained checkpoints (Figure 7). Repetitions are summed up as mean and deviation.

mod choice;
mod finished;
mod learning;
mod pretraining;
mod shuffle;
mod statistic;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::figure::{Figure, Table};
use crate::file::{digest, write_atomically};

pub use choice::{Choice, Instance, Measured};
pub use finished::{Finished, Found, find};
pub use learning::{LearningCurve, LearningCurves, key_labels, learning_curves, without_seed};
pub use pretraining::{KEYS as TUNED_KEYS, Pretraining, PretrainingPoint, pretraining};
pub use shuffle::{Block, KEYS as SHUFFLE_KEYS, ShufflePoint, Shuffles, relative_drop, shuffles};
pub use statistic::Statistic;

/// What is found over many runs.
pub trait Summary: Serialize {
    /// What tells it from other summaries of the same runs; names its folder.
    fn name(&self) -> String;

    /// The numbers.
    fn table(&self) -> Table;

    /// Figures and the names of their files.
    fn figures(&self) -> Vec<(String, Box<dyn Figure>)>;

    /// How the numbers are made, what to know about them, and which runs are missing.
    fn notes(&self) -> Vec<String>;

    /// `<base>/analysis/curves/<name>`.
    fn folder(&self, base: &Path) -> PathBuf {
        base.join("analysis/curves").join(self.name())
    }

    /// Writes `result.json`, `table.csv`, and each figure as SVG, PNG and CSV.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file.
    fn save(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(Error::run)?;
        write_atomically(&folder.join("result.json"), |file| file.write_all(&json))?;
        let table = self.table().csv();
        write_atomically(&folder.join("table.csv"), |file| file.write_all(table.as_bytes()))?;
        self.figures().into_iter().try_for_each(|(name, figure)| figure.save(&folder.join(name)))
    }
}

/// A name that holds what was asked for, short.
fn name(kind: &str, settings: &impl std::fmt::Debug) -> String {
    format!("{kind}-{}", &digest(format!("{settings:?}"))[..8])
}

/// The runs that are not there, a line each.
fn missing_note(missing: &[String]) -> Option<String> {
    const SHOWN: usize = 8;
    let shown: String = missing.iter().take(SHOWN).map(|key| format!("\n  {key}")).collect();
    let rest = match missing.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n  and {more} more (--json lists all)"),
    };
    (!missing.is_empty()).then(|| format!("missing runs: {}{shown}{rest}", missing.len()))
}
