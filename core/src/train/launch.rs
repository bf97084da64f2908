//! From a request to a finished run: opens or creates the run's folder, checks that nothing changed, trains.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::adopt::Adopted;
use super::{architecture, check, check_normalisation, resume, start, train};
use crate::checkpoint::{Location, Reader};
use crate::config::{Experiment, SET_ASIDE};
use crate::data::source;
use crate::device::{check_precision, describe, guarded};
use crate::error::{Error, Remedy, Result};
use crate::evaluate::splits::Splits;
use crate::event::Event;
use crate::file::open_to_append;
use crate::job::Job;
use crate::remote;
use crate::run::{ReferenceRun, RunDir, RunRecord, absolute, replicate_base, replicate_on_the_way};

/// A training run that is asked for.
#[derive(Debug, Clone)]
pub struct TrainRequest {
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
    /// The same, also with a run that the reference began.
    Adopt,
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

impl TrainRequest {
    /// The run's folder.
    pub fn run_dir(&self) -> RunDir {
        match &self.work_dir {
            Some(folder) => RunDir::at(folder.clone()),
            None => {
                let key = &self.experiment.key;
                let ours = RunDir::new(&replicate_base(&self.base, self.replicate), key);
                let theirs = || replicate_on_the_way(&self.base, key, self.replicate);
                if ours.root().exists() { ours } else { theirs().unwrap_or(ours) }
            }
        }
    }

    /// Is the run trained to its end, with these settings?
    ///
    /// # Errors
    /// [`Error::Usage`] showing the difference if the folder holds a run with other settings, or a run that the reference did not
    /// finish and that is not to be adopted; [`Error::Data`] if a file that the run must have is missing or broken.
    pub fn is_done(&self) -> Result<bool> {
        let run = self.run_dir();
        if let Some(reference) = run.of_reference() {
            return self.is_reference_done(&run, &reference);
        }
        let Some(old) = run.read_record()? else { return Ok(false) };
        refuse_changes(&run, &old, self)?;
        let epochs = self.experiment.train.epochs;
        if !run.resume().is_file() {
            return if run.was_trained() { Err(incomplete(&run.resume())) } else { Ok(false) };
        }
        let is_done = resume::is_finished(&run.resume(), epochs)?;
        if is_done && !run.checkpoint(epochs).is_file() {
            return Err(incomplete(&run.checkpoint(epochs)));
        }
        Ok(is_done)
    }
}

impl TrainRequest {
    fn is_reference_done(&self, run: &RunDir, reference: &ReferenceRun) -> Result<bool> {
        let epochs = self.experiment.train.epochs;
        let last = reference.last;
        if let Some(last) = last {
            // A checkpoint that was cut off ends no run.
            Reader::open(&reference.checkpoint(last))?;
        }
        if last.is_some_and(|last| last >= epochs) || self.existing == Existing::Adopt {
            return Ok(last.is_some_and(|last| last >= epochs));
        }
        let until =
            last.map_or("without a checkpoint".to_owned(), |last| format!("up to epoch {last} of {epochs}"));
        let error = Error::usage(format!(
            "{} holds a run that the reference wrote, {until}, and nothing of ours is written into it",
            run.root().display()
        ));
        Err(error.with(if last.is_some() { Remedy::AdoptOrLeave } else { Remedy::StartOverOrLeave }))
    }
}

/// A description of devices without their memory: all that their rounding depends on.
fn kind(devices: &str) -> Vec<&str> {
    let is_memory = |part: &&str| part.ends_with("iB");
    devices.split("; ").flat_map(|device| device.split(", ").filter(|part| !is_memory(part))).collect()
}

fn incomplete(path: &Path) -> Error {
    Error::data(format!(
        "{} is missing, so the run can neither go on nor count as done; restore it, or start over with --force",
        path.display()
    ))
}

/// Trains what is asked for, or what is left of it.
///
/// # Errors
/// [`Error::Usage`] showing the difference if the folder holds a run with other settings; else as [`train`].
pub fn launch(request: &TrainRequest, job: &Job) -> Result<Outcome> {
    let experiment = &request.experiment;
    check(experiment)?;
    job.devices().try_for_each(|device| check_precision(experiment.train.precision, device))?;
    let run = request.run_dir();
    if let Some(source) = &experiment.train.finetune_from
        && let Some(old) = run.read_record()?
        && old.experiment.train.finetune_from.as_ref() != Some(source)
    {
        // What another URL names shows once it is here.
        remote::local(&Location::parse(source), job)?;
    }
    let start_over = request.existing == Existing::SetAside;
    if request.existing == Existing::Adopt && run.of_reference().is_none() && run.read_record()?.is_none() {
        return Err(Error::usage(format!(
            "{} holds no run of the reference to go on with; name the base folder of its runs with -b, or leave --adopt out",
            run.root().display()
        )));
    }
    if !start_over && request.is_done()? {
        return Ok(Outcome::AlreadyDone);
    }

    // Everything that can be wrong with the request shows before the first file is written.
    let data = Splits::open(experiment)?;
    let arch = architecture(experiment, data.train.outputs())?;
    check_normalisation(experiment, &arch, data.train.len(), job.devices().count())?;
    let adopted = match run.of_reference() {
        Some(reference) if request.existing == Existing::Adopt => {
            Some(Adopted::read(&run, &reference, experiment, &arch, data.train.len())?)
        }
        _ => None,
    };
    let start = if adopted.is_none() && (start_over || !run.resume().is_file()) {
        Some(start::start_state(experiment, &arch, &request.base, job)?)
    } else {
        None
    };
    if start_over {
        set_aside(&run)?;
    }
    let is_new = !run.root().exists();
    // Only what this process makes may it remove.
    let missing: Vec<PathBuf> =
        run.root().ancestors().skip(1).take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    let _lock = run.lock()?;
    run.remove_temporaries();
    let data_digests = data.digests();
    let devices: Vec<String> = job.devices().map(|device| describe(device).to_string()).collect();
    let device = devices.join("; ");
    let mut earlier_devices = Vec::new();
    let mut pretrained_sha256 = start.as_ref().and_then(|start| start.pretrained_sha256.clone());
    if let Some(old) = run.read_record()? {
        // Another process may have started the run since.
        refuse_changes(&run, &old, request)?;
        if old.data_digests != data_digests {
            return Err(Error::data(format!(
                "the images or labels in {} are not those that {} was trained on; restore them, or start over with --force",
                experiment.data.configs.data_dir,
                run.root().display()
            )));
        }
        pretrained_sha256 = old.pretrained_sha256;
        earlier_devices = old.earlier_devices;
        if start.is_none() && kind(&old.device) != kind(&device) {
            job.emit(Event::Note(format!(
                "the run began on {} and goes on on {device}, which rounds otherwise: its numbers will differ in their last digits from \
                 those of a run on either",
                old.device
            )));
            if !earlier_devices.contains(&old.device) {
                earlier_devices.push(old.device);
            }
        }
    } else if run.resume().is_file() {
        return Err(incomplete(&run.record_path()));
    }
    let mut recorded = experiment.clone();
    if !recorded.data.configs.data_dir.is_empty() {
        let folder = absolute(Path::new(&recorded.data.configs.data_dir));
        recorded.data.configs.data_dir = folder.display().to_string();
    }
    if let Some(source) = &mut recorded.train.finetune_from {
        *source = start::recorded(source, &request.base);
    }
    run.write_record(&RunRecord {
        experiment: recorded,
        replicate: request.replicate,
        device,
        earlier_devices,
        versions: BTreeMap::from([("basin".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        data_digests,
        pretrained_sha256,
    })?;

    if let Some(adopted) = adopted {
        adopted.write(&run, job)?;
    }

    let log = Log::open(&run.log())?;
    let emit = |event: Event| {
        log.write(&event);
        job.emit(event);
    };
    let logged = Job { device: job.device.clone(), others: job.others, emit: &emit, stop: job.stop };
    let result = guarded(|| train(experiment, &data, &run, start.map(|start| start.state), &logged));
    if let Err(error) = &result {
        log.line(&format!("error: {error}"));
        if is_new && !run.resume().is_file() {
            // Nothing to go on with: a broken image, or a stop before the first evaluation was over.
            remove_run(&run, &missing);
        }
    }
    result.map(|()| Outcome::Trained)
}

/// Removes a run's folder, and those above it that were made for it and are empty, the innermost first. What cannot be removed must
/// not hide why.
fn remove_run(run: &RunDir, above: &[PathBuf]) {
    std::fs::remove_dir_all(run.root()).ok();
    above.iter().try_for_each(std::fs::remove_dir).ok();
}

fn refuse_changes(run: &RunDir, old: &RunRecord, request: &TrainRequest) -> Result<()> {
    let mut wanted = request.experiment.clone();
    // However a data set's name is spelled.
    if source(&old.experiment.data.name).ok().map(|source| source.name())
        == source(&wanted.data.name).ok().map(|source| source.name())
    {
        wanted.data.name.clone_from(&old.experiment.data.name);
    }
    let mut difference = old.experiment.difference(&wanted);
    // The pre-trained checkpoint may lie elsewhere by now, or nowhere; it must not be another one.
    let known = old.experiment.train.finetune_from.as_ref();
    if let Some(source) = &request.experiment.train.finetune_from
        && known != Some(source)
        && let Ok(location) = start::find_pretrained(source, &request.base)
        && let Some(sha256) = remote::known_digest(&location)?
        && old.pretrained_sha256 != Some(sha256)
    {
        difference.push(format!("train.finetune_from: {location} is another checkpoint"));
    }
    if difference.is_empty() {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{} holds a run with other settings ({}); use its settings, another folder, or start over with --force",
        run.root().display(),
        difference.join(", ")
    )))
}

/// Renames a run's folder to the first free `<folder>.old-N`.
fn set_aside(run: &RunDir) -> Result<()> {
    let root = run.root();
    if run.read_record()?.is_none() && run.of_reference().is_none() {
        return Ok(());
    }
    let _lock = run.lock()?;
    let name = |n: usize| {
        let mut name = root.file_name().unwrap_or_default().to_owned();
        name.push(format!("{SET_ASIDE}{n}"));
        root.with_file_name(name)
    };
    let free = (1..).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(0));
    std::fs::rename(root, &free).map_err(Error::io("rename", root))
}

/// `run.log`: a line for each event that a reader would want to find later.
struct Log(Mutex<std::fs::File>);

impl Log {
    fn open(path: &Path) -> Result<Self> {
        open_to_append(path).map(|file| Self(Mutex::new(file)))
    }

    fn write(&self, event: &Event) {
        match event {
            Event::Note(note) => self.line(note),
            Event::Epoch { epoch, epochs, summary } => {
                self.line(&format!("epoch {epoch}/{epochs}: {summary}"))
            }
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
