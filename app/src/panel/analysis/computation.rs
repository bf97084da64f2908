//! Results of one request, computed by a job or read from disk, and known as far as they have got.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use basin_core::analysis::names::short_names;
use basin_core::analysis::request::Request;
use basin_core::analysis::{AllAnalysed, Analysed, Analysis, analyse, open};
use basin_core::checkpoint::Location;
use basin_core::event::Event;
use egui::{Context, TextEdit, Ui};

use crate::background::Slot;
use crate::context::Cx;
use crate::queue::Ticket;
use crate::widget::picker::short;
use crate::widget::{hint, job, problem};

/// How many of the last notes of a job are shown.
const NOTES: usize = 3;

/// Results with what is under way.
pub struct Computation<A: Analysis> {
    /// Tells it from others.
    number: usize,
    /// In the list of jobs.
    title: String,
    /// What is computed; nothing for a result that was read.
    request: Option<Request<A::Settings>>,
    ticket: Option<Ticket<AllAnalysed<A::Output>>>,
    stored: Slot<Analysed<A::Output>>,
    /// What the job has so far, if that is news.
    so_far: Arc<Mutex<Vec<Analysed<A::Output>>>>,
    notes: Vec<String>,
    /// What there is, in the order of the request.
    pub results: Vec<Analysed<A::Output>>,
    /// Names that were typed for the networks of a result, by its folder.
    typed: BTreeMap<PathBuf, String>,
    /// Changes with the results.
    version: u64,
}

/// What figures show of a computation: its number, its version, and what its networks are called.
pub type State = (usize, u64, Vec<Vec<String>>);

impl<A: Analysis> Computation<A> {
    /// A computation of which nothing is known.
    pub fn new(number: usize) -> Self {
        Self {
            number,
            title: A::ABOUT.title.to_owned(),
            request: None,
            ticket: None,
            stored: Slot::default(),
            so_far: Arc::default(),
            notes: Vec::new(),
            results: Vec::new(),
            typed: BTreeMap::new(),
            version: 0,
        }
    }

    /// Reads the result in a folder.
    pub fn open(&mut self, context: &Context, folder: PathBuf) {
        self.stored.start(context, move || open::<A>(&folder));
    }

    /// Computes, in the queue, what the folders of a request lack.
    pub fn start(&mut self, context: &Context, cx: &mut Cx, request: Request<A::Settings>) {
        self.cancel();
        (self.results, self.notes, self.so_far) = (Vec::new(), Vec::new(), Arc::default());
        self.version += 1;
        let networks = short_names(&request.networks);
        self.title = match networks.is_empty() {
            true => A::ABOUT.title.to_owned(),
            false => format!("{}: {}", A::ABOUT.title, networks.join(", ")),
        };
        self.request = Some(request.clone());
        let (place, context) = (Arc::clone(&self.so_far), context.clone());
        self.ticket = Some(cx.compute(self.title.clone(), move |job| {
            let watch = |so_far: &Analysed<A::Output>| {
                let mut news = place.lock().unwrap_or_else(PoisonError::into_inner);
                put(&mut news, so_far.clone());
                context.request_repaint();
            };
            analyse::<A>(&request, Some(&watch), job)
        }));
    }

    /// Whether it is of the same networks on the same images.
    pub fn is_of(&self, request: &Request<A::Settings>) -> bool {
        self.request.as_ref().is_some_and(|own| {
            let of = |request: &Request<A::Settings>| {
                let images = &request.surroundings;
                (request.networks.clone(), images.key.clone(), images.set.clone(), images.selection)
            };
            of(own) == of(request) && (!own.networks.is_empty() || own.settings == request.settings)
        })
    }

    /// Takes what has come.
    pub fn update(&mut self) {
        for event in self.ticket.iter().flat_map(Ticket::events) {
            if let Event::Note(note) = event {
                self.notes.push(note);
            }
        }
        let first = self.notes.len().saturating_sub(NOTES);
        self.notes.drain(..first);
        let news = std::mem::take(&mut *self.so_far.lock().unwrap_or_else(PoisonError::into_inner));
        let stored = if self.stored.poll() { self.stored.value().cloned() } else { None };
        for result in news.into_iter().chain(stored) {
            put(&mut self.results, result);
            self.version += 1;
        }
    }

    /// Draws names, how far it is and what went wrong; whether it stays.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut Cx, names: &BTreeMap<String, String>) -> bool {
        let mut stays = true;
        ui.push_id(self.number, |ui| {
            ui.horizontal(|ui| {
                ui.strong(&self.title);
                let is_broken_off = self.ticket.is_some() && !job::is_open(&self.ticket);
                if is_broken_off
                    && ui.button("Go on").clicked()
                    && let Some(request) = self.request.clone()
                {
                    self.start(ui.ctx(), cx, request);
                }
                stays = !ui.button("Remove").on_hover_text("What is stored stays").clicked();
            });
            if let Some(all) = job::job(ui, &mut self.ticket) {
                // What there was before the whole is no news any more.
                (self.results, self.so_far, self.version) = (all.each, Arc::default(), self.version + 1);
            }
            if let Some(error) = self.stored.error() {
                problem(ui, error);
            }
            self.notes.iter().for_each(|note| hint(ui, note));
            for number in 0..self.results.len() {
                self.name_ui(ui, number, names);
                let folder = &self.results[number].folder;
                hint(ui, &format!("In {}", short(cx.runs.base(), folder)));
            }
        });
        if !stays {
            self.cancel();
        }
        stays
    }

    /// Draws the names of a result's networks.
    fn name_ui(&mut self, ui: &mut Ui, number: usize, names: &BTreeMap<String, String>) {
        let result = &self.results[number];
        let own = own_names::<A>(result, names);
        if own.is_empty() {
            return;
        }
        let (folder, count) = (result.folder.clone(), own.len());
        ui.horizontal(|ui| {
            let label = ui.label("Names");
            let mut text = self.typed.get(&folder).cloned().unwrap_or_else(|| own.join(", "));
            let edit = TextEdit::singleline(&mut text).desired_width(300.0);
            if ui.add(edit).labelled_by(label.id).changed() {
                self.typed.insert(folder.clone(), text.clone());
            }
            if split(&text).len() != count {
                hint(ui, &format!("Give each of the {count} networks a name, with commas."));
            }
        });
    }

    /// The networks of the results.
    pub fn networks(&self) -> impl Iterator<Item = Location> {
        self.results.iter().flat_map(|result| A::networks(&result.output))
    }

    /// Changes with what figures show of it.
    pub fn state(&self, names: &BTreeMap<String, String>) -> State {
        (self.number, self.version, self.results.iter().map(|result| self.called(result, names)).collect())
    }

    /// The results with names for their networks.
    pub fn named(&self, names: &BTreeMap<String, String>) -> Vec<Analysed<A::Output>> {
        let named =
            |result: &Analysed<A::Output>| Analysed { names: self.called(result, names), ..result.clone() };
        self.results.iter().map(named).collect()
    }

    /// What the networks of a result are called: the names that were typed, if there is one for each.
    fn called(&self, result: &Analysed<A::Output>, names: &BTreeMap<String, String>) -> Vec<String> {
        let own = own_names::<A>(result, names);
        let typed = self.typed.get(&result.folder).map(|text| split(text));
        typed.filter(|typed| typed.len() == own.len()).unwrap_or(own)
    }

    fn cancel(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.job.cancel();
        }
    }
}

/// The names of a result's networks unless others are typed.
fn own_names<A: Analysis>(result: &Analysed<A::Output>, names: &BTreeMap<String, String>) -> Vec<String> {
    let name = |network: Location| {
        let network = network.to_string();
        names.get(&network).cloned().unwrap_or(network)
    };
    A::networks(&result.output).into_iter().map(name).collect()
}

/// Names with commas between them.
fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Puts a result in the place of what its folder held before, or behind all others.
fn put<O>(results: &mut Vec<Analysed<O>>, result: Analysed<O>) {
    match results.iter_mut().find(|known| known.folder == result.folder) {
        Some(known) => *known = result,
        None => results.push(result),
    }
}
