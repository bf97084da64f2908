//! Which run can start next, and what becomes of those that wait for one that fails.

use super::{RunState, Task};

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was done before.
    DoneBefore,
    /// It is done.
    Done,
    /// Its process ended in an error.
    Failed {
        /// The exit code, or 128 and the number of the signal that killed it.
        code: i32,
        /// What the process said last.
        why: String,
    },
    /// Another process works on it.
    Elsewhere,
    /// It was told to stop, and goes on next time.
    Stopped {
        /// The exit code.
        code: i32,
    },
    /// It was not started.
    Skipped(String),
}

impl Ending {
    /// Whether the run is done.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::DoneBefore)
    }
}

/// Where a task is in a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Ended(Ending),
}

/// The order of a sweep, as it comes about.
#[derive(Debug)]
pub struct Schedule<'a> {
    tasks: &'a [Task],
    phases: Vec<Phase>,
}

/// Whether a task can start.
enum Readiness {
    Now,
    Later,
    Never(String),
}

impl<'a> Schedule<'a> {
    /// All that is not done and runs nowhere else is to do.
    pub fn new(tasks: &'a [Task]) -> Self {
        let phase = |task: &Task| match task.state {
            RunState::Done => Phase::Ended(Ending::DoneBefore),
            RunState::Running => Phase::Ended(Ending::Elsewhere),
            _ => Phase::Waiting,
        };
        Self { tasks, phases: tasks.iter().map(phase).collect() }
    }

    /// The next task that can start; it counts as running from now on. What can never start is skipped.
    pub fn start(&mut self) -> Option<usize> {
        loop {
            let mut skipped = false;
            for index in 0..self.tasks.len() {
                if self.phases[index] != Phase::Waiting {
                    continue;
                }
                match self.readiness(index) {
                    Readiness::Now => {
                        self.phases[index] = Phase::Running;
                        return Some(index);
                    }
                    Readiness::Later => {}
                    Readiness::Never(why) => {
                        self.end(index, Ending::Skipped(why));
                        skipped = true;
                    }
                }
            }
            if !skipped {
                break;
            }
        }
        if !self.phases.contains(&Phase::Running) {
            self.skip_rest("its start and that of another run wait for each other");
        }
        None
    }

    /// A task ended.
    pub fn end(&mut self, index: usize, ending: Ending) {
        self.phases[index] = Phase::Ended(ending);
    }

    /// Starts nothing more.
    pub fn skip_rest(&mut self, why: &str) {
        for phase in self.phases.iter_mut().filter(|phase| **phase == Phase::Waiting) {
            *phase = Phase::Ended(Ending::Skipped(why.to_owned()));
        }
    }

    /// How each task ended; `None` for those that have not.
    pub fn endings(&self) -> impl Iterator<Item = Option<&Ending>> {
        self.phases.iter().map(|phase| match phase {
            Phase::Ended(ending) => Some(ending),
            _ => None,
        })
    }

    /// Whether everything ended.
    pub fn is_over(&self) -> bool {
        self.endings().all(|ending| ending.is_some())
    }

    fn readiness(&self, index: usize) -> Readiness {
        let task = &self.tasks[index];
        let Some(need) = &task.need else { return Readiness::Now };
        if need.is_met(&task.request) {
            return Readiness::Now;
        }
        let key = &need.key;
        let elsewhere = || Readiness::Never(format!("needs {key}, which another process works on"));
        match need.task.map(|task| &self.phases[task]) {
            None if need.is_running() => elsewhere(),
            None => Readiness::Never(format!("needs {key}, which is not among the keys; add it")),
            Some(Phase::Waiting | Phase::Running) => Readiness::Later,
            Some(Phase::Ended(Ending::Elsewhere)) => elsewhere(),
            Some(Phase::Ended(ending)) if ending.is_done() => {
                Readiness::Never(format!("needs {}, which is not there", need.checkpoint.display()))
            }
            Some(Phase::Ended(_)) => Readiness::Never(format!("needs {key}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Registry;
    use crate::error::{Error, Result};
    use crate::sweep::{Wanted, tasks};

    const FIRST: &str = "demo/Shapes_photo/fixup_resnet18/pretrain";

    fn demo(base: &Path, pattern: &str) -> Result<Vec<Task>> {
        tasks(&Wanted { pattern, replicates: &[0], base, set: &[] }, &Registry::load()?)
    }

    fn key(tasks: &[Task], index: Option<usize>) -> Option<&str> {
        index.map(|index| tasks[index].request.experiment.key.as_str())
    }

    #[test]
    fn a_checkpoint_is_enough_and_its_run_need_not_be_over() -> Result<()> {
        let folder = tempfile::tempdir().map_err(Error::io("create", Path::new("a temporary folder")))?;
        let tasks = demo(folder.path(), "^demo/Shapes_(photo|clipart)/.*(pretrain|finetune)")?;
        assert_eq!(tasks.len(), 4);
        let mut schedule = Schedule::new(&tasks);
        let first = schedule.start();
        assert_eq!(key(&tasks, first), Some(FIRST));
        assert_eq!(schedule.start(), None, "all others wait");
        assert!(!schedule.is_over());
        let checkpoint = tasks[first.unwrap()].request.run_dir().checkpoint(2);
        std::fs::create_dir_all(checkpoint.parent().unwrap()).map_err(Error::io("create", &checkpoint))?;
        std::fs::write(&checkpoint, "").map_err(Error::io("write", &checkpoint))?;
        let second = schedule.start();
        assert_eq!(key(&tasks, second), Some("demo/Shapes_clipart/fixup_resnet18/finetune-ckpt002"));
        // It ends without the epochs that the others need.
        schedule.end(first.unwrap(), Ending::Done);
        schedule.end(second.unwrap(), Ending::Done);
        assert_eq!(schedule.start(), None);
        let skipped = |ending: &Option<&Ending>| matches!(ending, Some(Ending::Skipped(why)) if why.contains("not there"));
        assert_eq!(schedule.endings().filter(skipped).count(), 2);
        assert!(schedule.is_over());
        Ok(())
    }

    #[test]
    fn the_references_keys_need_our_run_on_imagenet() -> Result<()> {
        let pattern = "^(pretrain/imagenet|[^d].*/finetune)";
        let tasks = demo(Path::new("nowhere"), pattern)?;
        assert!(tasks.len() > 250);
        let first = tasks.iter().position(|task| task.need.is_none());
        assert_eq!(key(&tasks, first), Some("pretrain/imagenet/fixup_resnet50/lr0.1"));
        let needs = tasks.iter().filter_map(|task| task.need.as_ref());
        assert!(needs.clone().count() == tasks.len() - 1 && needs.clone().all(|need| need.task == first));
        let mut schedule = Schedule::new(&tasks);
        assert_eq!(schedule.start(), first);
        schedule.end(first.unwrap(), Ending::Failed { code: 4, why: String::new() });
        assert_eq!(schedule.start(), None);
        assert!(schedule.is_over());
        Ok(())
    }
}
