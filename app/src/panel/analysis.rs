//! The panel of an analysis, whichever it is: networks, images and settings are chosen, jobs compute, and results that they or
//! the runner have written are drawn beside each other. All of it is made from what the analysis says of itself.

mod computation;
mod networks;
mod settings;
mod shown;
mod surroundings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use basin_core::analysis::names::short_names;
use basin_core::analysis::request::Request;
use basin_core::analysis::settings::Values;
use basin_core::analysis::{Analysed, Analysis};
use basin_core::checkpoint::Location;
use egui::{Button, ScrollArea, Ui};

use self::computation::Computation;
use self::networks::NetworkChoice;
use self::settings::SettingsForm;
use self::shown::ShownReport;
use self::surroundings::SurroundingsChoice;
use crate::context::Cx;
use crate::panel::Panel;
use crate::widget::source::Source;
use crate::widget::{hint, problem, results};

/// What a panel has beside all that follows from its analysis.
pub trait Extra<A: Analysis>: Default + 'static {
    /// Draws the control of an option in place of the usual one, and returns whether it has one. `words` are those of all options.
    fn control(
        &mut self,
        _ui: &mut Ui,
        _cx: &mut Cx,
        _option: &str,
        _words: &mut Values,
        _network: Option<&Path>,
    ) -> bool {
        false
    }

    /// Draws more of the newest result than its tables and figures.
    fn view(&mut self, _ui: &mut Ui, _cx: &mut Cx, _result: &Analysed<A::Output>, _source: &Source) {}
}

/// Nothing more.
impl<A: Analysis> Extra<A> for () {}

/// What the panel of an analysis remembers.
pub struct AnalysisPanel<A: Analysis, E = ()> {
    /// On the button that starts.
    start: &'static str,
    networks: NetworkChoice,
    surroundings: SurroundingsChoice,
    settings: SettingsForm,
    computations: Vec<Computation<A>>,
    /// How many computations there were so far: the number of the next.
    count: usize,
    shown: ShownReport,
    extra: E,
}

impl<A: Analysis, E: Extra<A>> AnalysisPanel<A, E> {
    /// A panel whose button that starts says this.
    pub fn new(start: &'static str) -> Self {
        let about = &A::ABOUT;
        Self {
            start,
            networks: NetworkChoice::of(about.networks.as_ref()),
            surroundings: SurroundingsChoice::of(about),
            settings: SettingsForm::of::<A::Settings>(),
            computations: Vec::new(),
            count: 0,
            shown: ShownReport::default(),
            extra: E::default(),
        }
    }

    /// The same with another value at first than the runner's default.
    pub fn with(mut self, option: &str, word: &str) -> Self {
        self.settings.set(option, vec![word.to_owned()]);
        self
    }

    fn form(&mut self, ui: &mut Ui, cx: &mut Cx) {
        let about = &A::ABOUT;
        let summary = ui.label(about.summary);
        if !about.details.is_empty() {
            summary.on_hover_text(about.details);
        }
        self.networks.ui(ui, cx);
        self.surroundings.ui(ui, cx);
        let (extra, network) = (&mut self.extra, self.networks.first());
        self.settings.ui(ui, cx, |ui, cx, option, words| extra.control(ui, cx, option, words, network));
        let asked = self.settings.typed::<A::Settings>();
        if let Err(error) = &asked {
            problem(ui, &error.to_string());
        }
        ui.horizontal(|ui| {
            let is_instead = |option: &str| self.settings.is_set(option);
            let request = asked.ok().zip(self.networks.chosen(is_instead));
            let button = ui.add_enabled(request.is_some(), Button::new(self.start));
            let button = button.on_disabled_hover_text("Choose the checkpoints first.");
            if let Some((settings, networks)) = request.filter(|_| button.clicked()) {
                let surroundings = self.surroundings.chosen(cx);
                self.start(
                    ui,
                    cx,
                    Request {
                        networks: networks.into_iter().map(Location::from).collect(),
                        settings,
                        surroundings,
                    },
                );
            }
            if let Some(folder) = results::stored(ui, cx, about.name) {
                self.add(|one| one.open(ui.ctx(), folder));
            }
        });
    }

    /// Computes what is asked: again where it was computed of the same networks on the same images.
    fn start(&mut self, ui: &Ui, cx: &mut Cx, request: Request<A::Settings>) {
        match self.computations.iter_mut().find(|one| one.is_of(&request)) {
            Some(known) => known.start(ui.ctx(), cx, request),
            None => self.add(|one| one.start(ui.ctx(), cx, request)),
        }
    }

    fn add(&mut self, begin: impl FnOnce(&mut Computation<A>)) {
        let mut computation = Computation::new(self.count);
        begin(&mut computation);
        self.count += 1;
        self.computations.push(computation);
    }

    /// What networks are called, by their paths: what tells all of them apart.
    fn names(&self) -> BTreeMap<String, String> {
        let mut networks: Vec<Location> = Vec::new();
        for network in self.computations.iter().flat_map(|one| one.networks()) {
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        let names = short_names(&networks);
        networks.iter().map(Location::to_string).zip(names).collect()
    }
}

impl<A: Analysis, E: Extra<A>> Panel for AnalysisPanel<A, E> {
    fn title(&self) -> &'static str {
        A::ABOUT.title
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut Cx) {
        ScrollArea::both().id_salt(A::ABOUT.command).auto_shrink(false).show(ui, |ui| {
            self.form(ui, cx);
            ui.separator();
            self.computations.iter_mut().for_each(Computation::update);
            let names = self.names();
            self.computations.retain_mut(|one| one.ui(ui, cx, &names));
            // A job may have ended, or a result may be off the list.
            let names = self.names();
            let state = self.computations.iter().map(|one| one.state(&names)).collect();
            let results = || self.computations.iter().flat_map(|one| one.named(&names)).collect();
            self.shown.update::<A>(ui.ctx(), state, results);
            match self.computations.iter().rev().find_map(|one| one.results.last()) {
                Some(newest) => {
                    self.shown.ui(ui, cx, A::ABOUT.name);
                    self.extra.view(ui, cx, newest, &self.surroundings.source);
                }
                None if self.computations.is_empty() => {
                    hint(ui, "Choose checkpoints and start, or open a result. Results are shown beside each other.");
                }
                None => {}
            }
        });
    }
}

#[cfg(test)]
impl<A: Analysis, E: Extra<A>> AnalysisPanel<A, E> {
    /// Chooses a network.
    pub fn add_network(&mut self, path: std::path::PathBuf) {
        self.networks.add(path);
    }

    /// What it has of its own.
    pub fn extra(&self) -> &E {
        &self.extra
    }

    /// The same, to be changed.
    pub fn extra_mut(&mut self) -> &mut E {
        &mut self.extra
    }
}
