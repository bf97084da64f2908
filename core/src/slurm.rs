//! Sweeps as Slurm's job arrays: which tasks form an array, which array waits for which, and their batch scripts.

mod limits;
mod script;

use std::collections::BTreeMap;

pub use limits::array_size;
pub use script::{Options, script};

/// A task as Slurm sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What is typed to run it.
    pub command: String,
    /// What it takes of a node.
    pub resources: Resources,
    /// The line that must be done before, by its place in the list.
    pub need: Option<usize>,
}

/// What a task takes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resources {
    /// GPUs.
    pub gpus: usize,
    /// Threads of the CPU.
    pub cpus: usize,
}

/// A job array: tasks that take the same and wait for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// Its lines, by their place in the list; the task with index `i` runs the `i`-th.
    pub lines: Vec<usize>,
    /// What each of its tasks takes.
    pub resources: Resources,
    /// What it waits for.
    pub after: Option<After>,
}

/// What an array waits for; arrays by their place in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum After {
    /// All of it for one task of another array: Slurm's `afterok`.
    Task {
        /// The array.
        array: usize,
        /// The task's index in it.
        index: usize,
    },
    /// Each task for the one of the same index in another array: Slurm's `aftercorr`.
    Each {
        /// The array.
        array: usize,
    },
}

impl After {
    /// As `sbatch --dependency` takes it, for the array's job ID.
    pub fn dependency(&self, id: impl Fn(usize) -> String) -> String {
        match self {
            Self::Task { array, index } => format!("afterok:{}_{index}", id(*array)),
            Self::Each { array } => format!("aftercorr:{}", id(*array)),
        }
    }
}

/// The arrays of some lines in an order of submission, none with an index of `array_size` or above. Lines that wait for one
/// another in a circle are in none.
pub fn arrays(lines: &[Line], array_size: usize) -> Vec<Array> {
    let mut arrays: Vec<Array> = Vec::new();
    // Where lines ended up: array and index.
    let mut places: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    loop {
        let mut groups: BTreeMap<(Option<After>, Resources), Vec<usize>> = BTreeMap::new();
        for (number, line) in lines.iter().enumerate().filter(|(number, _)| !places.contains_key(number)) {
            let after = match line.need.map(|need| places.get(&need)) {
                None => None,
                Some(Some(&(array, index))) => Some(After::Task { array, index }),
                Some(None) => continue,
            };
            groups.entry((after, line.resources)).or_default().push(number);
        }
        if groups.is_empty() {
            return arrays;
        }
        pair_up(&mut groups, &arrays);
        for ((after, resources), members) in groups {
            for lines in members.chunks(array_size.max(1)) {
                places.extend(lines.iter().enumerate().map(|(index, line)| (*line, (arrays.len(), index))));
                arrays.push(Array { lines: lines.to_vec(), resources, after });
            }
        }
    }
}

/// Where exactly one line waits for each task of an array of several, they become one array that waits task by task.
fn pair_up(groups: &mut BTreeMap<(Option<After>, Resources), Vec<usize>>, arrays: &[Array]) {
    for (array, parent) in arrays.iter().enumerate().filter(|(_, array)| array.lines.len() > 1) {
        let resources: Vec<Resources> = groups.keys().map(|(_, resources)| *resources).collect();
        for resources in resources {
            let key = |index: usize| (Some(After::Task { array, index }), resources);
            let indices = 0..parent.lines.len();
            if indices.clone().all(|index| groups.get(&key(index)).is_some_and(|lines| lines.len() == 1)) {
                let lines =
                    indices.flat_map(|index| groups.remove(&key(index)).unwrap_or_default()).collect();
                groups.insert((Some(After::Each { array }), resources), lines);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(needs: &[Option<usize>]) -> Vec<Line> {
        let resources = Resources { gpus: 1, cpus: 8 };
        needs.iter().map(|need| Line { command: String::new(), resources, need: *need }).collect()
    }

    fn shape(arrays: &[Array]) -> Vec<(Vec<usize>, Option<After>)> {
        arrays.iter().map(|array| (array.lines.clone(), array.after)).collect()
    }

    #[test]
    fn no_index_reaches_the_limit_and_no_line_is_lost() {
        for (count, expected) in [(1, vec![1]), (1001, vec![1001]), (1002, vec![1001, 1]), (538, vec![538])] {
            let arrays = arrays(&lines(&vec![None; count]), 1001);
            assert_eq!(arrays.iter().map(|array| array.lines.len()).collect::<Vec<_>>(), expected);
            let all: Vec<usize> = arrays.iter().flat_map(|array| array.lines.clone()).collect();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn tuned_runs_wait_for_the_task_that_they_start_from() {
        // 0 and 3 are pre-trained; three start from 3, one from 0, and one from a tuned run.
        let after = |array, index| Some(After::Task { array, index });
        let needs = [None, Some(3), Some(3), None, Some(0), Some(3), Some(4)];
        let found = arrays(&lines(&needs), 2);
        assert_eq!(
            shape(&found),
            [
                (vec![0, 3], None),
                (vec![4], after(0, 0)),
                (vec![1, 2], after(0, 1)),
                (vec![5], after(0, 1)),
                (vec![6], after(1, 0)),
            ]
        );
        assert_eq!(found[2].after.unwrap().dependency(|array| format!("7{array}")), "afterok:70_1");
    }

    #[test]
    fn one_for_each_is_one_array_that_waits_task_by_task() {
        let found = arrays(&lines(&[None, None, None, Some(2), Some(0), Some(1)]), 1001);
        assert_eq!(shape(&found), [(vec![0, 1, 2], None), (vec![4, 5, 3], Some(After::Each { array: 0 }))]);
        assert_eq!(found[1].after.unwrap().dependency(|_| "12".to_owned()), "aftercorr:12");
    }

    #[test]
    fn what_takes_more_has_an_array_of_its_own_and_circles_have_none() {
        let mut some = lines(&[None, None, Some(3), Some(2)]);
        some[1].resources.gpus = 2;
        assert_eq!(shape(&arrays(&some, 1001)), [(vec![0], None), (vec![1], None)]);
    }
}
