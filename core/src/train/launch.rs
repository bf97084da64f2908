//! From a request to a finished run: opens or creates the run's folder, checks that nothing changed, trains.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::AtomicI32;

use super::{Splits, Surroundings, resume, train};
use crate::config::Experiment;
use crate::device::Choice;
use crate::error::{Error, Result};
use crate::event::{Emit, Event};
use crate::run::{RunDir, RunRecord, replicate_base};

/// A run that somebody wants.
#[derive(Debug, Clone)]
pub struct Request {
    /// The settings, valid and with the seeds of the replicate.
    pub experiment: Experiment,
    /// The base folder.
    pub base: PathBuf,
    /// The run's folder, instead of the one that base, replicate and key name.
    pub work_dir: Option<PathBuf>,
    /// Which instance of the key.
    pub replicate: u64,
    /// What to compute on.
    pub device: Choice,
    /// Start over, keeping an existing folder aside.
    pub force: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    AlreadyDone,
    /// The run was trained to its end.
    Trained,
}

impl Request {
    /// The run's folder.
    pub fn run_dir(&self) -> RunDir {
        match &self.work_dir {
            Some(folder) => RunDir::at(folder.clone()),
            None => RunDir::new(&replicate_base(&self.base, self.replicate), &self.experiment.key),
        }
    }
}

/// Trains what is asked for, or what is left of it.
///
/// # Errors
/// [`Error::Usage`] showing the difference if the folder holds a run with other settings; else as [`train`].
pub fn launch(request: &Request, emit: &Emit, signal: &AtomicI32) -> Result<Outcome> {
    let experiment = &request.experiment;
    experiment.validate()?;
    let device = request.device.open();
    let run = request.run_dir();
    if let (Some(old), false) = (run.read_record()?, request.force) {
        refuse_changes(&run, &old, experiment)?;
        if resume::is_finished(&run.resume(), experiment.train.epochs) {
            return Ok(Outcome::AlreadyDone);
        }
    }

    // Everything that can be wrong with the request shows before the first file is written.
    let data = Splits::open(experiment)?;
    let digests: BTreeMap<String, String> =
        [&data.train, &data.test].iter().zip(["train", "test"]).map(|(d, s)| (s.to_owned(), d.digest())).collect();
    super::start::check(experiment, &data, &request.base, &run)?;
    if request.force {
        set_aside(&run)?;
    }
    let _lock = run.lock()?;
    if let Some(old) = run.read_record()? && old.data_digests != digests {
        return Err(Error::data(format!(
            "the images or labels in {} are not those that {} was trained on; restore them, or start over with --force",
            experiment.data.configs.data_dir,
            run.root().display()
        )));
    }
    run.write_record(&RunRecord {
        experiment: experiment.clone(),
        replicate: request.replicate,
        device: request.device.to_string(),
        versions: BTreeMap::from([("basin".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        data_digests: digests,
    })?;

    let log = Log::open(&run.log())?;
    let emit = |event: Event| {
        log.write(&event);
        emit(event);
    };
    let around = Surroundings { run: &run, base: &request.base, device: &device, emit: &emit, signal };
    let result = train(experiment, &data, around);
    if let Err(error) = &result {
        log.line(&error.to_string());
    }
    result.map(|()| Outcome::Trained)
}

fn refuse_changes(run: &RunDir, old: &RunRecord, experiment: &Experiment) -> Result<()> {
    let difference = old.experiment.difference(experiment);
    if difference.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{} holds a run with other settings ({}); use its settings, another folder, or --force to start over",
        run.root().display(),
        difference.join(", ")
    )))
}

/// Renames an existing folder to the first free `<folder>.old-N`.
fn set_aside(run: &RunDir) -> Result<()> {
    let root = run.root();
    if !root.exists() {
        return Ok(());
    }
    let _lock = run.lock()?;
    let name = |n: usize| PathBuf::from(format!("{}.old-{n}", root.display()));
    let free = (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
    std::fs::rename(root, &free).map_err(Error::io("rename", root))
}

/// `run.log`: a line for each event that a reader would want to find later.
struct Log(Mutex<std::fs::File>);

impl Log {
    fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(Error::io("write", path))?;
        Ok(Self(Mutex::new(file)))
    }

    fn write(&self, event: &Event) {
        match event {
            Event::Note(note) => self.line(note),
            Event::Epoch { epoch, epochs, test_accuracy, test_loss, train_accuracy } => self.line(&format!(
                "epoch {epoch}/{epochs}: test accuracy {test_accuracy:.2} %, test loss {test_loss:.4}, \
                 train accuracy {train_accuracy:.2} %"
            )),
            _ => {}
        }
    }

    /// A log that cannot be written must not end a run whose results can.
    fn line(&self, text: &str) {
        if let Ok(mut file) = self.0.lock() {
            writeln!(file, "{text}").ok();
        }
    }
}
