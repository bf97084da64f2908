//! From a request to a finished run: opens or creates the run's folder, checks that nothing changed, trains.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::{Splits, resume, start, train};
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;
use crate::model::Arch;
use crate::run::{RunDir, RunRecord, replicate_base};

/// A run that somebody wants.
#[derive(Debug, Clone)]
pub struct Request {
    /// The settings, with the seeds of the replicate.
    pub experiment: Experiment,
    /// The base folder.
    pub base: PathBuf,
    /// The run's folder, instead of the one that base, replicate and key name.
    pub work_dir: Option<PathBuf>,
    /// Which instance of the key.
    pub replicate: u64,
    /// What to do with a folder that holds a run already.
    pub existing: Existing,
}

/// What to do with a folder that holds a run already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Go on with the run, if its settings are the same.
    Resume,
    /// Rename the folder, and start over.
    SetAside,
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

    /// Is the run trained to its end, with these settings?
    ///
    /// # Errors
    /// [`Error::Usage`] showing the difference if the folder holds a run with other settings.
    pub fn is_done(&self) -> Result<bool> {
        let run = self.run_dir();
        let Some(old) = run.read_record()? else { return Ok(false) };
        refuse_changes(&run, &old, &self.experiment)?;
        Ok(resume::is_finished(&run.resume(), self.experiment.train.epochs))
    }
}

/// Trains what is asked for, or what is left of it.
///
/// # Errors
/// [`Error::Usage`] showing the difference if the folder holds a run with other settings; else as [`train`].
pub fn launch(request: &Request, job: &Job) -> Result<Outcome> {
    let experiment = &request.experiment;
    experiment.validate()?;
    let run = request.run_dir();
    let start_over = request.existing == Existing::SetAside;
    if !start_over && request.is_done()? {
        return Ok(Outcome::AlreadyDone);
    }

    // Everything that can be wrong with the request shows before the first file is written.
    let data = Splits::open(experiment)?;
    if start_over || !run.resume().is_file() {
        let arch = Arch::new(&experiment.model.arch, data.train.classes())?;
        start::start_state(experiment, &arch, &request.base)?;
    }
    if start_over {
        set_aside(&run)?;
    }
    let is_new = !run.root().exists();
    let _lock = run.lock()?;
    let data_digests = data.digests();
    if let Some(old) = run.read_record()?
        && old.data_digests != data_digests
    {
        return Err(Error::data(format!(
            "the images or labels in {} are not those that {} was trained on; restore them, or start over with --force",
            experiment.data.configs.data_dir,
            run.root().display()
        )));
    }
    run.write_record(&RunRecord {
        experiment: experiment.clone(),
        replicate: request.replicate,
        device: format!("{:?}", job.device),
        versions: BTreeMap::from([("basin".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        data_digests,
    })?;

    let log = Log::open(&run.log())?;
    let emit = |event: Event| {
        log.write(&event);
        job.emit(event);
    };
    let logged = Job { device: job.device.clone(), emit: &emit, stop: job.stop };
    let result = train(experiment, &data, &run, &request.base, &logged);
    if let Err(error) = &result {
        log.line(&error.to_string());
        if is_new && !run.resume().is_file() {
            // Nothing to go on with: a broken image, or a stop before the first evaluation was over.
            std::fs::remove_dir_all(run.root()).map_err(Error::io("remove", run.root()))?;
        }
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
        let file =
            OpenOptions::new().create(true).append(true).open(path).map_err(Error::io("write", path))?;
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
