//! What a part of a study contributes to the report: an analysis of the study's networks, and the commands that make it again.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use super::{Run, network};
use crate::analysis::report::Report;
use crate::analysis::request::{Request, Surroundings};
use crate::analysis::{Analysis, Asked, PartVisitor, analyse};
use crate::checkpoint::Location;
use crate::config::Registry;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;

/// A section of the report.
#[derive(Debug)]
pub(super) struct Section {
    /// Figures, tables and numbers.
    pub report: Report,
    /// The words of each command that makes a part of it again.
    pub commands: Vec<Vec<String>>,
}

/// Measures a part, with what it is measured with.
#[derive(Clone, Copy)]
pub(super) struct Measuring<'a> {
    /// The base folder of all runs.
    pub base: &'a Path,
    /// Settings of all runs, as `path=value`.
    pub set: &'a [String],
    /// All keys.
    pub registry: &'a Arc<Registry>,
    /// All runs of the study, trained.
    pub runs: &'a [Run],
    /// Where to compute and whom to tell.
    pub job: &'a Job<'a>,
}

impl PartVisitor for Measuring<'_> {
    type Output = Result<Section>;

    fn visit<A: Analysis>(self, part: &A::Part) -> Result<Section> {
        let (mut results, mut commands) = (Vec::new(), Vec::new());
        for asked in A::asked(part).map_err(Error::usage)? {
            let request = self.request(asked)?;
            if !request.surroundings.names.is_empty() {
                let names = request.surroundings.names.join(", ");
                self.job.emit(Event::Note(format!("{} of {names}", A::ABOUT.name)));
            }
            results.extend(analyse::<A>(&request, None, self.job)?.each);
            commands.push(request.command(&A::ABOUT));
        }
        Ok(Section { report: A::report(&results, &A::shown(part))?, commands })
    }
}

impl Measuring<'_> {
    /// What is asked, of the checkpoints of the study's networks.
    fn request<S>(&self, asked: Asked<S>) -> Result<Request<S>> {
        let Asked { networks: names, settings, selection } = asked;
        let mut surroundings = Surroundings::new(Arc::clone(self.registry), selection);
        (surroundings.base, surroundings.set) = (self.base.to_owned(), self.set.to_vec());
        let mut networks: Vec<Location> = Vec::new();
        for name in &names {
            let (run, location) = network::find(name, self.runs, self.base)?;
            let folder = run.request.run_dir();
            let is_own = location.file().is_some_and(|file| file.starts_with(folder.root()));
            if networks.is_empty() && !is_own {
                // The images are those of the run that the study names, not those of the checkpoint's own.
                surroundings.key = Some(run.member.key.clone());
                surroundings.set = [run.member.set.as_slice(), self.set].concat();
            }
            networks.push(location);
        }
        surroundings.names = names;
        Ok(Request { networks, settings, surroundings })
    }
}

/// Says what is wrong with a part, given the names of the runs.
pub(super) struct Checking<'a>(pub &'a HashSet<&'a str>);

impl PartVisitor for Checking<'_> {
    type Output = std::result::Result<(), String>;

    fn visit<A: Analysis>(self, part: &A::Part) -> Self::Output {
        let asked = A::asked(part)?;
        let mut networks = asked.iter().flat_map(|asked| &asked.networks);
        networks.try_for_each(|name| network::check(name, |run| self.0.contains(run)))
    }
}
