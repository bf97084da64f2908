//! One network in the list: a checkpoint that is decomposed, or a result that is stored.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use basin_core::analysis::record::Stored as _;
use basin_core::analysis::source::own_experiment;
use basin_core::analysis::spectrum::{Request, Spectrum, spectrum};
use basin_core::config::{Experiment, Registry};
use basin_core::error::{Error, Result};
use basin_core::job::Job;
use egui::{Context, Ui};

use crate::background::Slot;
use crate::context::Cx;
use crate::queue::Ticket;
use crate::widget::job::{is_open, job};
use crate::widget::picker::short;
use crate::widget::problem;

/// A spectrum, and the folder that holds its singular values.
#[derive(Debug, Clone)]
pub struct Network {
    /// Numbers of each layer.
    pub spectrum: Spectrum,
    /// Where they lie.
    pub folder: PathBuf,
}

/// What all networks of a comparison share.
#[derive(Clone)]
pub struct Settings {
    /// The checkpoint whose run says how large images are, unless a key does.
    first: PathBuf,
    key: String,
    layers: Option<String>,
    base: PathBuf,
    registry: Arc<Registry>,
}

impl Settings {
    /// As they are typed.
    pub fn new(first: &Path, key: &str, layers: &str, cx: &Cx) -> Self {
        let layers = layers.trim();
        Self {
            first: first.to_owned(),
            key: key.trim().to_owned(),
            layers: (!layers.is_empty()).then(|| layers.to_owned()),
            base: cx.runs.base().to_owned(),
            registry: cx.runs.shared_registry(),
        }
    }

    fn experiment(&self) -> Result<Experiment> {
        if !self.key.is_empty() {
            return self.registry.get(&self.key);
        }
        own_experiment(&self.first.as_path().into())?.ok_or_else(|| {
            let first = self.first.display();
            Error::usage(format!("{first} lies in no run of Basin; name the key whose image size to use"))
        })
    }
}

/// A line of the list.
pub struct Entry {
    place: Place,
    ticket: Option<Ticket<Network>>,
    opening: Slot<Network>,
    /// What is known of it.
    pub network: Option<Network>,
}

/// Where an entry comes from.
enum Place {
    Checkpoint(PathBuf),
    Result(PathBuf),
}

impl Entry {
    /// A checkpoint.
    pub fn new(path: PathBuf) -> Self {
        Self { place: Place::Checkpoint(path), ticket: None, opening: Slot::default(), network: None }
    }

    /// The result in a folder, which is read.
    pub fn stored(context: &Context, folder: PathBuf) -> Self {
        let mut opening = Slot::default();
        let from = folder.clone();
        let read = move || Ok(Network { spectrum: Spectrum::load(&from)?, folder: from });
        opening.start(context, read);
        Self { place: Place::Result(folder), ticket: None, opening, network: None }
    }

    /// The checkpoint, if it is one.
    pub fn checkpoint(&self) -> Option<&PathBuf> {
        match &self.place {
            Place::Checkpoint(path) => Some(path),
            Place::Result(_) => None,
        }
    }

    /// Decomposes it if it is a checkpoint and nobody does so yet.
    pub fn compute(&mut self, settings: &Settings, cx: &mut Cx) {
        let Some(path) = self.checkpoint().filter(|_| !is_open(&self.ticket)).cloned() else { return };
        let settings = settings.clone();
        let title = format!("Spectrum of {}", short(cx.runs.base(), &path));
        self.ticket = Some(cx.compute(title, move |job: &Job| {
            let (experiment, layers) = (settings.experiment()?, settings.layers.as_deref());
            let request =
                Request { checkpoint: &path, experiment: &experiment, layers, base: &settings.base };
            spectrum(&request, job).map(|(spectrum, folder)| Network { spectrum, folder })
        }));
    }

    /// Whether it waits for a job.
    #[cfg(test)]
    pub fn is_computing(&self) -> bool {
        is_open(&self.ticket)
    }

    /// Takes a result that was read; whether there is one.
    pub fn update(&mut self) -> bool {
        if !self.opening.poll() {
            return false;
        }
        self.network = self.opening.value().cloned();
        true
    }

    /// Draws it, and says by `is_news` whether its spectrum is new; whether it stays in the list.
    pub fn ui(&mut self, ui: &mut Ui, base: &Path, is_news: &mut bool) -> bool {
        let (Place::Checkpoint(path) | Place::Result(path)) = &self.place;
        let name = short(base, path);
        let stays = ui.horizontal(|ui| {
            let remove = ui.button("✖").on_hover_text("Takes it off the list; what is stored stays");
            remove.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Remove {name}"))
            });
            ui.label(&name);
            if let Some(network) = &self.network {
                ui.weak(format!("{} layers", network.spectrum.layers.len()));
            }
            !remove.clicked()
        });
        if let Some(network) = job(ui, &mut self.ticket) {
            (self.network, *is_news) = (Some(network), true);
        }
        if let Some(error) = self.opening.error() {
            problem(ui, error);
        }
        stays.inner
    }
}

impl Drop for Entry {
    /// Nobody waits for it any more; layers that are done stay on disk.
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            ticket.job.cancel();
        }
    }
}
