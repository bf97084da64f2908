//! How far many runs are, as a table and for other programs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{RunState, Task};
use crate::config::Registry;
use crate::error::Result;
use crate::figure::Table;
use crate::number::{self, or_absent};
use crate::run::{Located, RunDir, Summary, epoch_times, score_in_digits, tag};

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its key.
    pub key: String,
    /// Which instance of it.
    pub replicate: u64,
    /// In one word: done, running, stopped, failed, refused or missing.
    pub state: &'static str,
    /// The last epoch that was evaluated.
    pub epoch: Option<usize>,
    /// Epochs that it should have.
    pub epochs: usize,
    /// The best value on the test images.
    pub best: Option<Best>,
    /// Seconds until the last epoch at the pace so far.
    pub seconds_left: Option<f64>,
    /// What is wrong, or what it waits for.
    pub note: Option<String>,
}

/// The value that the best checkpoint is chosen by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Best {
    /// [`tag::TEST_ACCURACY`] or [`tag::TEST_AUC`].
    pub tag: &'static str,
    /// Its epoch.
    pub epoch: usize,
    /// The value.
    pub value: f64,
}

/// All runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// In the order of the tasks.
    pub runs: Vec<Row>,
}

/// Reads how far each task is.
pub fn overview(tasks: &[Task], registry: &Registry) -> Overview {
    Overview { runs: tasks.iter().map(|task| row(task, tasks, registry)).collect() }
}

fn row(task: &Task, tasks: &[Task], registry: &Registry) -> Row {
    let request = &task.request;
    let mut row = Row {
        key: request.experiment.key.clone(),
        replicate: request.replicate,
        state: task.state.word(),
        epoch: None,
        epochs: request.experiment.train.epochs,
        best: None,
        seconds_left: None,
        note: task.state.why().map(str::to_owned).or_else(|| waits(task, tasks)),
    };
    // What is wrong with a folder of ours that is refused stands in the note already.
    let run = request.run_dir();
    let is_ours = run.record_path().is_file() && !matches!(task.state, RunState::Refused(_));
    if (is_ours || run.of_reference().is_some())
        && let Err(error) = row.measure(run, registry)
    {
        row.note = Some(error.to_string());
    }
    row
}

impl Row {
    /// Reads what a run's folder says of it.
    fn measure(&mut self, run: RunDir, registry: &Registry) -> Result<()> {
        let times = epoch_times(&run.events())?;
        let located = Located { key: self.key.clone(), replicate: self.replicate, run };
        let summary = Summary::read(&located, registry)?;
        self.epoch = summary.epoch();
        self.best = summary.best().map(|(tag, epoch, value)| Best { tag, epoch, value });
        let epochs_left = self.epoch.map_or(0, |epoch| self.epochs.saturating_sub(epoch));
        let pace = seconds_per_epoch(&times).filter(|_| epochs_left > 0);
        self.seconds_left = pace.map(|seconds| seconds * epochs_left as f64);
        Ok(())
    }
}

/// What a run that has not begun waits for.
fn waits(task: &Task, tasks: &[Task]) -> Option<String> {
    let need =
        task.need.as_ref().filter(|need| task.state != RunState::Done && !need.is_met(&task.request))?;
    Some(match need.task {
        Some(index) if tasks[index].state == RunState::Done => {
            format!("needs {}, which is not there", need.checkpoint.display())
        }
        Some(_) => format!("waits for {}", need.key),
        None if need.is_running() => format!("waits for {}, which another process works on", need.key),
        None => format!("needs {}, which is not among the keys; add it", need.key),
    })
}

/// The median over neighbouring epochs: neither a pause between two starts nor a clock that was set counts for much.
fn seconds_per_epoch(times: &BTreeMap<i64, f64>) -> Option<f64> {
    let seconds = times.iter().filter_map(|(epoch, time)| Some(time - times.get(&(epoch - 1))?));
    let mut seconds: Vec<f64> = seconds.filter(|seconds| *seconds > 0.0).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}

impl Overview {
    /// A line for each run, then how many there are of each kind and how long they take.
    pub fn text(&self) -> String {
        let cells = |row: &Row| {
            vec![
                row.key.clone(),
                row.replicate.to_string(),
                row.state.to_owned(),
                format!("{}/{}", or_absent(row.epoch, |epoch| epoch.to_string()), row.epochs),
                or_absent(row.best.as_ref(), Best::text),
                or_absent(row.seconds_left, number::duration),
                or_absent(row.note.clone(), |note| note),
            ]
        };
        let columns = ["key", "replicate", "state", "epoch", "best", "left", "note"].map(str::to_owned);
        let table = Table { columns: columns.to_vec(), rows: self.runs.iter().map(cells).collect() };
        format!("{}\n{}\n", table.text(), self.totals())
    }

    fn totals(&self) -> String {
        let words = ["done", "running", "stopped", "failed", "refused", "missing"];
        let count = |word: &&str| self.runs.iter().filter(|row| row.state == *word).count();
        let counts = words.iter().map(|word| (word, count(word))).filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts.map(|(word, count)| format!("{count} {word}")).collect();
        let runs = if self.runs.len() == 1 { "run" } else { "runs" };
        let left: f64 = self.runs.iter().filter_map(|row| row.seconds_left).sum();
        let left = if left > 0.0 {
            format!("; {} left for those that began", number::duration(left))
        } else {
            String::new()
        };
        format!("{} {runs}: {}{left}", self.runs.len(), counts.join(", "))
    }
}

impl Best {
    fn text(&self) -> String {
        let unit = if self.tag == tag::TEST_ACCURACY { " %" } else { "" };
        format!("{}{unit} at {}", score_in_digits(self.tag, self.value), self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_most_epochs_whatever_pauses_and_clocks_do() {
        let times = [(0, 100.0), (1, 110.0), (2, 120.0), (3, 9000.0), (4, 9010.0), (5, 50.0), (7, 70.0)];
        assert_eq!(seconds_per_epoch(&times.into()), Some(10.0));
        assert_eq!(seconds_per_epoch(&[(0, 3.0)].into()), None);
        assert_eq!(seconds_per_epoch(&[(0, 3.0), (1, 2.0)].into()), None, "a clock that was set back");
    }
}
