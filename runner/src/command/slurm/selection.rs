//! Which runs a cluster can be given.

use std::collections::BTreeSet;

use basin_core::error::{Error, Result};
use basin_core::sweep::{Need, RunState, Task};

use crate::progress::say;

/// What a run waits for that is not there.
pub fn unmet(task: &Task) -> Option<&Need> {
    task.need.as_ref().filter(|need| !need.is_met(&task.request))
}

/// The tasks that are to do, in order. Those on which another process works, and all that wait for them, are left out with a
/// line that says so: their jobs are unknown here.
///
/// # Errors
/// [`Error::Usage`] for a folder that holds another run, or a need that is not among the keys; [`Error::Data`] for a checkpoint
/// that its run has not kept.
pub fn submittable(tasks: &[Task]) -> Result<Vec<usize>> {
    let mut chosen = BTreeSet::new();
    for (index, task) in tasks.iter().enumerate() {
        match &task.state {
            RunState::Done => {}
            RunState::Running => say(&format!("{} is left out: another process works on it", task.name())),
            RunState::Refused(why) => return Err(Error::usage(format!("{}: {why}", task.name()))),
            RunState::Stopped | RunState::Failed(_) | RunState::Missing => {
                chosen.insert(index);
            }
        }
    }
    let waits_in_vain = |index: &usize, chosen: &BTreeSet<usize>| {
        unmet(&tasks[*index]).filter(|need| !need.task.is_some_and(|task| chosen.contains(&task)))
    };
    while let Some((index, need)) =
        chosen.iter().find_map(|index| Some((*index, waits_in_vain(index, &chosen)?)))
    {
        let (name, key) = (tasks[index].name(), &need.key);
        match need.task.map(|task| &tasks[task].state) {
            None if !need.is_running() => {
                return Err(Error::usage(format!(
                    "{name} needs {key}, which is not among the keys; add it, or train it first"
                )));
            }
            Some(RunState::Done) => {
                return Err(Error::data(format!(
                    "{name} needs {}, which its run has not kept; set train.finetune_from to another",
                    need.checkpoint.display()
                )));
            }
            _ => say(&format!("{name} is left out: it needs {key}, which another process works on")),
        }
        chosen.remove(&index);
    }
    Ok(chosen.into_iter().collect())
}
