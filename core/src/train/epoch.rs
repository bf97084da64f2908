//! The end of an epoch: its checkpoint, predictions and metrics on disk.

use std::collections::BTreeMap;
use std::path::Path;

use super::report::Reporter;
use super::resume::Position;
use super::step::Learner;
use crate::checkpoint::Checkpoint;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::evaluate::predictions;
use crate::evaluate::splits::{Evaluations, Splits};
use crate::event::Event;
use crate::file::{folder_of, open, remove_if_there, sync_folder, write_atomically};
use crate::run::RunDir;

/// Writes what is kept of an epoch.
pub(super) struct Recorder<'a> {
    pub experiment: &'a Experiment,
    pub data: &'a Splits,
    pub run: &'a RunDir,
    pub reporter: Reporter,
}

impl Recorder<'_> {
    /// Writes everything about an epoch, in an order that a kill at any moment leaves readable, and says what to tell.
    pub fn finish(
        &mut self,
        epoch: usize,
        learner: &Learner,
        evaluations: &Evaluations,
        position: &mut Position,
    ) -> Result<Event> {
        let Self { experiment, data, run, reporter } = self;
        let test = &evaluations.test;
        if !test.loss().is_finite() {
            return Err(Error::Diverged(format!(
                "the loss is {} on the test images after epoch {epoch}; lower optimizer.base_lr (now {}) and start over with --force",
                test.loss(),
                experiment.optimizer.base_lr
            )));
        }
        let score = test.score();
        let is_best = score > position.best.0;
        if is_best {
            position.best = (score, epoch);
        }
        let metadata = [
            ("key", experiment.key.clone()),
            ("epoch", epoch.to_string()),
            ("arch", experiment.model.arch.clone()),
            ("metric", format!("{:.4}", 100.0 * score)),
        ];
        let metadata: BTreeMap<String, String> =
            metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let path = run.checkpoint(epoch);
        if let Some(average) = &learner.average {
            Checkpoint { state: average.state(), metadata: metadata.clone() }.save(&run.average())?;
        }
        Checkpoint { state: learner.network.state(), metadata }.save(&path)?;
        let number = epoch.to_string();
        let about = [("data", experiment.data.name.as_str()), ("split", "test"), ("epoch", &number)];
        predictions::save(&run.predictions("last"), &data.test, test, &about)?;
        if is_best {
            predictions::save(&run.predictions("best"), &data.test, test, &about)?;
            replace_link(&path, &run.best())?;
        }
        if epoch > 0 && !experiment.train.keeps(epoch - 1) {
            let previous = run.checkpoint(epoch - 1);
            remove_if_there(&previous)?;
        }
        reporter.evaluated(epoch, evaluations)?;
        reporter.sync()?;
        Ok(Event::Epoch { epoch, epochs: experiment.train.epochs, summary: evaluations.summary() })
    }
}

/// Makes `link` another name of `file`, replacing what it named before in one step.
fn replace_link(file: &Path, link: &Path) -> Result<()> {
    let fresh = link.with_extension("new");
    remove_if_there(&fresh)?;
    if std::fs::hard_link(file, &fresh).is_err() {
        // Some file systems have no links.
        let mut from = open(file)?;
        return write_atomically(link, |to| std::io::copy(&mut from, to).map(drop));
    }
    std::fs::rename(&fresh, link).map_err(Error::io("rename", link))?;
    let folder = folder_of(link);
    sync_folder(folder).map_err(Error::io("write", folder))
}
