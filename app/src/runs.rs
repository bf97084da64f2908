//! The runs of a base folder: a list, the contents of those that are looked at, and the selection. A run that nobody looks at
//! is not read.

mod reader;
mod view;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use basin_core::config::{Registry, regex};
use basin_core::run::{Located, find_runs};
use egui::Context;

use crate::background::Slot;
use reader::{Answer, Reader};
pub use view::{RunView, StoredResult, stored_results};

/// Least time between two readings of a run.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Time between two searches of the folder.
const SEARCH_AGAIN: Duration = Duration::from_secs(5);

/// The runs of one base folder and its replicates.
pub struct Runs {
    base: PathBuf,
    registry: Arc<Registry>,
    listing: Slot<Listing>,
    searched: Instant,
    filter: String,
    wrong_filter: Option<String>,
    shown: Arc<[Group]>,
    /// The runs that were looked at, by their folders.
    known: RefCell<HashMap<PathBuf, Known>>,
    reader: Reader,
    selected: BTreeSet<PathBuf>,
    version: u64,
}

/// What a search finds.
struct Listing {
    runs: Vec<Located>,
    /// Results of checkpoints that lie in no run.
    results: Vec<StoredResult>,
}

/// The runs of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub key: String,
    /// In the order of their replicates.
    pub runs: Vec<Located>,
}

/// A run that was looked at.
struct Known {
    view: Option<Arc<RunView>>,
    asked: Instant,
    is_awaited: bool,
}

impl Runs {
    /// Starts to search a folder.
    pub fn open(base: PathBuf, filter: String, registry: Arc<Registry>, context: &Context) -> Self {
        let mut runs = Self {
            base,
            reader: Reader::new(Arc::clone(&registry), context),
            registry,
            listing: Slot::default(),
            searched: Instant::now(),
            filter: String::new(),
            wrong_filter: None,
            shown: Arc::default(),
            known: RefCell::default(),
            selected: BTreeSet::new(),
            version: 0,
        };
        runs.set_filter(filter);
        runs.search(context);
        runs
    }

    /// Looks for runs again.
    pub fn search(&mut self, context: &Context) {
        let base = self.base.clone();
        self.searched = Instant::now();
        self.listing.start(context, move || {
            Ok(Listing { runs: find_runs(&base)?, results: stored_results(&base.join("analysis")) })
        });
    }

    /// Takes what the background has read, and searches the folder again after a time.
    pub fn update(&mut self, context: &Context) {
        if self.listing.poll() {
            self.arrange();
        }
        if !self.listing.is_pending() && self.searched.elapsed() > SEARCH_AGAIN {
            self.search(context);
        }
        for Answer { folder, view } in self.reader.answers() {
            let Some(known) = self.known.get_mut().get_mut(&folder) else { continue };
            known.is_awaited = false;
            if let Some(view) = view {
                known.view = Some(Arc::new(view));
                self.version += 1;
            }
        }
        context.request_repaint_after(LOOK_AGAIN);
    }

    /// The contents of a run; `None` until they are read. A run that is looked at frame after frame is read again every second.
    pub fn view(&self, run: &Located) -> Option<Arc<RunView>> {
        let folder = run.run.root();
        let mut all = self.known.borrow_mut();
        match all.get_mut(folder) {
            None => {
                let known = Known { view: None, asked: Instant::now(), is_awaited: true };
                all.insert(folder.to_owned(), known);
                self.reader.ask(run.clone(), None);
                None
            }
            Some(known) => {
                if !known.is_awaited && known.asked.elapsed() > LOOK_AGAIN {
                    (known.is_awaited, known.asked) = (true, Instant::now());
                    self.reader.ask(run.clone(), known.view.as_ref().map(|view| view.stamp));
                }
                known.view.clone()
            }
        }
    }

    /// The base folder.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// All keys of the program.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The registry for a job that takes it with it.
    pub fn shared_registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// The keys that pass the filter. The list is replaced when it changes, so that `Arc::ptr_eq` tells.
    pub fn shown(&self) -> &Arc<[Group]> {
        &self.shown
    }

    /// How many runs there are in all; `None` until the folder was searched.
    pub fn count(&self) -> Option<usize> {
        self.listing.value().map(|listing| listing.runs.len())
    }

    /// Analyses of checkpoints that lie in no run.
    pub fn loose_results(&self) -> &[StoredResult] {
        self.listing.value().map_or(&[], |listing| &listing.results)
    }

    /// The error of the last search, if it failed.
    pub fn error(&self) -> Option<&str> {
        self.listing.error()
    }

    /// The filter, and an error if it is no regular expression.
    pub fn filter(&self) -> (&str, Option<&str>) {
        (&self.filter, self.wrong_filter.as_deref())
    }

    /// Filters keys by a regular expression; the list stays as it is if that is invalid.
    pub fn set_filter(&mut self, filter: String) {
        self.filter = filter;
        self.arrange();
    }

    /// A number that changes with the contents of runs and with the selection.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The selected runs, in the order of the list.
    pub fn selected(&self) -> Vec<Located> {
        let all = self.listing.value().into_iter().flat_map(|listing| &listing.runs);
        all.filter(|run| self.is_selected(run)).cloned().collect()
    }

    /// Whether a run is selected.
    pub fn is_selected(&self, run: &Located) -> bool {
        self.selected.contains(run.run.root())
    }

    /// Selects these runs, instead of the others or beside them.
    pub fn select(&mut self, runs: &[Located], beside: Beside) {
        let folders = || runs.iter().map(|run| run.run.root().to_owned());
        match beside {
            Beside::Nothing => self.selected = folders().collect(),
            Beside::Others if runs.iter().all(|run| self.is_selected(run)) => {
                folders().for_each(|folder| _ = self.selected.remove(&folder));
            }
            Beside::Others => self.selected.extend(folders()),
        }
        self.version += 1;
    }

    /// Moves the selection by this many keys: from the last selected one down, or from the first up if `by` is negative.
    pub fn step(&mut self, by: isize) {
        let is_selected = |group: &Group| group.runs.iter().any(|run| self.is_selected(run));
        let at = match by > 0 {
            true => self.shown.iter().rposition(is_selected),
            false => self.shown.iter().position(is_selected),
        };
        let last = self.shown.len() as isize - 1;
        let next = at.map_or(0, |at| (at as isize + by).clamp(0, last.max(0)));
        if let Some(group) = self.shown.get(next as usize).cloned() {
            self.select(&group.runs, Beside::Nothing);
        }
    }

    /// Groups the runs that pass the filter by key.
    fn arrange(&mut self) {
        let regex = match regex(&self.filter) {
            Ok(regex) => regex,
            Err(error) => {
                self.wrong_filter = Some(error.to_string());
                return;
            }
        };
        self.wrong_filter = None;
        let mut groups = std::collections::BTreeMap::<&str, Vec<Located>>::new();
        let all = self.listing.value().into_iter().flat_map(|listing| &listing.runs);
        for run in all.filter(|run| regex.is_match(&run.key)) {
            groups.entry(&run.key).or_default().push(run.clone());
        }
        let shown: Arc<[Group]> =
            groups.into_iter().map(|(key, runs)| Group { key: key.to_owned(), runs }).collect();
        if shown != self.shown {
            self.shown = shown;
            self.version += 1;
        }
    }
}

/// What a run is called: its key, and its replicate unless that is the first.
pub fn run_name(run: &Located) -> String {
    match run.replicate {
        0 => run.key.clone(),
        replicate => format!("{}, replicate {replicate}", run.key),
    }
}

/// What happens to the runs that are selected already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// They are selected no longer.
    Nothing,
    /// They stay selected, unless the new ones are among them: then these are deselected.
    Others,
}
