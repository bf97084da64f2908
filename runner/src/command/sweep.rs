//! `runner sweep`: many runs on one machine, each in a process of its own.

mod child;

use std::num::NonZeroUsize;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use basin_core::device::{Choice, Kind, list};
use basin_core::error::Error;
use basin_core::figure::Table;
use basin_core::number::{ABSENT, or_absent};
use basin_core::sweep::{Ending, Schedule, Task, overview};
use signal_hook::consts::SIGTERM;

use self::child::Child;
use super::print;
use crate::args::{Processor, Runs};
use crate::progress::say;
use crate::signals;

/// How often processes and signals are looked at.
const POLL: Duration = Duration::from_millis(50);

#[derive(Debug, clap::Args)]
pub struct Sweep {
    #[command(flatten)]
    runs: Runs,
    /// Runs at once; unless set, as many as there are devices.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Devices with commas, such as cuda:0,cuda:1, one for each process; auto is every GPU there is, or else the CPU.
    #[arg(long, value_delimiter = ',', default_value = "auto", value_name = "DEVICES")]
    device: Vec<Choice>,
    #[command(flatten)]
    processor: Processor,
    /// Stops all runs when one fails.
    #[arg(long)]
    fail_fast: bool,
    /// Shows the runs and their states, and trains none.
    #[arg(long)]
    dry_run: bool,
}

impl Sweep {
    /// Trains what is missing, and prints how each run ended.
    pub fn run(&self) -> Result<()> {
        let registry = self.runs.settings.families.registry()?;
        let tasks = self.runs.tasks(&registry)?;
        let devices = devices(&self.device);
        let jobs = self.jobs.map_or(devices.len(), NonZeroUsize::get);
        if self.dry_run {
            let names: Vec<String> = devices.iter().map(Choice::to_string).collect();
            let text = overview(&tasks, &registry).text();
            return print(&format!("{text}at most {jobs} at once on {}\n", names.join(", ")));
        }
        let listening = signals::listen()?;
        let stop = &listening.stop;
        let mut crew = Crew {
            tasks: &tasks,
            runs: &self.runs,
            devices: &devices,
            processor: &self.processor,
            schedule: Schedule::new(&tasks),
            children: (0..jobs).map(|_| None).collect(),
            told: 0,
        };
        loop {
            let failed = crew.collect();
            if let Some(name) = failed.filter(|_| self.fail_fast) {
                crew.stop(SIGTERM, &format!("{name} failed"));
            }
            if stop.signal() != 0 {
                crew.stop(stop.signal() as i32, "not started");
            }
            crew.start();
            if crew.schedule.is_over() {
                break;
            }
            sleep(POLL);
        }
        let endings: Vec<&Ending> = crew.schedule.endings().flatten().collect();
        print(&table(&tasks, &endings).text())?;
        match stop.signal() {
            0 => Ok(verdict(&endings)?),
            signal => Err(Error::Interrupted { signal }.into()),
        }
    }
}

/// The processes of a sweep.
struct Crew<'a> {
    tasks: &'a [Task],
    runs: &'a Runs,
    devices: &'a [Choice],
    processor: &'a Processor,
    schedule: Schedule<'a>,
    /// One place for each process that may run at once.
    children: Vec<Option<Child>>,
    /// The signal that they have been sent, 0 for none.
    told: i32,
}

impl Crew<'_> {
    /// Takes note of those that ended; the name of one that failed.
    fn collect(&mut self) -> Option<String> {
        let mut failed = None;
        for place in &mut self.children {
            let Some(child) = place else { continue };
            let Some(ending) = child.ending(self.told) else { continue };
            let task = &self.tasks[child.task];
            say(&news(task, &ending));
            if let Ending::Failed { .. } = ending {
                failed = Some(task.name());
            }
            self.schedule.end(child.task, ending);
            *place = None;
        }
        failed
    }

    /// Starts nothing more, and sends all that run a signal, once.
    fn stop(&mut self, signal: i32, why: &str) {
        self.schedule.skip_rest(why);
        if self.told != signal {
            self.told = signal;
            self.children.iter().flatten().for_each(|child| child.tell(signal));
        }
    }

    /// Starts what can start, as far as there are places.
    fn start(&mut self) {
        let jobs = self.children.len();
        for number in 0..jobs {
            while self.children[number].is_none() {
                let Some(index) = self.schedule.start() else { return };
                let (task, device) = (&self.tasks[index], self.devices[number % self.devices.len()]);
                match Child::start(index, task, self.runs, device, self.processor, jobs) {
                    Ok(child) => self.children[number] = Some(child),
                    Err(ending) => {
                        say(&news(task, &ending));
                        self.schedule.end(index, ending);
                    }
                }
            }
        }
    }
}

/// The devices that were typed, with every GPU of one interface, or else the CPU, for `auto`.
fn devices(typed: &[Choice]) -> Vec<Choice> {
    if typed != [Choice::Auto] {
        return typed.to_vec();
    }
    let gpus = list().into_iter().filter(|found| !matches!(found.kind, Kind::Cpu | Kind::Software));
    let gpus: Vec<Choice> = gpus.map(|gpu| gpu.choice).collect();
    let Some(first) = gpus.first().copied() else { return vec![Choice::Cpu] };
    // The same GPU may be there through CUDA and through Vulkan.
    let interface = std::mem::discriminant(&first);
    gpus.into_iter().filter(|gpu| std::mem::discriminant(gpu) == interface).collect()
}

/// What is said when a task ended.
fn news(task: &Task, ending: &Ending) -> String {
    let [word, code, note] = words(ending);
    let code =
        if ["-", "0"].contains(&code.as_str()) { String::new() } else { format!(" with exit code {code}") };
    format!("{}: {word}{code}{}{note}", task.name(), if note.is_empty() { "" } else { ": " })
}

/// How a task ended: in a word, its exit code, and why.
fn words(ending: &Ending) -> [String; 3] {
    let (word, code, note) = match ending {
        Ending::DoneBefore => ("done before", None, ""),
        Ending::Done => ("done", Some(0), ""),
        Ending::Failed { code, why } => ("failed", Some(*code), why.as_str()),
        Ending::Elsewhere => ("running elsewhere", None, "another process works on it"),
        Ending::Stopped { code } => ("stopped", Some(*code), "saved; goes on next time"),
        Ending::Skipped(why) => ("skipped", None, why.as_str()),
    };
    [word.to_owned(), or_absent(code, |code| code.to_string()), note.to_owned()]
}

fn table(tasks: &[Task], endings: &[&Ending]) -> Table {
    let rows = tasks.iter().zip(endings).map(|(task, ending)| {
        let [word, code, note] = words(ending);
        vec![task.name(), word, code, if note.is_empty() { ABSENT.to_owned() } else { note }]
    });
    let columns = ["run", "result", "exit code", "note"].map(str::to_owned).to_vec();
    Table { columns, rows: rows.collect() }
}

/// Fails if anything is not done.
fn verdict(endings: &[&Ending]) -> Result<(), Error> {
    let missing = endings.iter().filter(|ending| !ending.is_done()).count();
    if missing == 0 {
        return Ok(());
    }
    let count = |word: &str| endings.iter().filter(|ending| words(ending)[0] == word).count();
    let kinds = ["failed", "skipped", "stopped", "running elsewhere"].map(|word| (word, count(word)));
    let kinds = kinds.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}"));
    Err(Error::run(format!(
        "{missing} of {} runs are not done ({}); see to what the table says and run the same command again",
        endings.len(),
        kinds.collect::<Vec<String>>().join(", ")
    )))
}
