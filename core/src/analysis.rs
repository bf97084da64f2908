//! What trained networks have in common: every analysis of the paper, each in a module of its own that implements [`Analysis`] and
//! a line in [`ANALYSES`]. The runner's subcommands, the parts of studies and the window's panels are made from these.

pub mod coefficients;
pub mod named;
pub mod names;
pub mod record;
pub mod report;
pub mod request;
pub mod selection;
pub mod settings;
pub mod subject;
pub mod weights;

pub mod evaluation;
pub mod features;
pub mod journal;
pub mod measures;
pub mod sweep;

pub mod accuracy;
pub mod architecture;
pub mod basin;
pub mod criticality;
pub mod curves;
pub mod distance;
pub mod interpolation;
pub mod mistakes;
pub mod probe;
pub mod rewinding;
pub mod similarity;
pub mod source;
pub mod spectrum;
pub mod statistics;

use std::fmt::Debug;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::names::short_names;
use self::record::{Stored, Watch};
use self::report::Report;
use self::request::Request;
use self::selection::Selection;
use self::settings::{SettingOption, Settings, Values};
use crate::checkpoint::Location;
use crate::data::Split;
use crate::error::{Error, Result};
use crate::file::digest;
use crate::job::Job;

/// An analysis: what can be asked, how it is computed, and what it shows.
pub trait Analysis: 'static {
    /// Its names, and what it is asked about.
    const ABOUT: About;
    /// What can be chosen of it alone.
    type Settings: Settings;
    /// What it computes of one network, or of networks that it compares: `result.json`.
    type Output: Stored + Clone + Send + 'static;
    /// What a study writes of it.
    type Part: Debug + Clone + PartialEq + Serialize + DeserializeOwned;

    /// Computes what is asked, and writes `result.json` and all that it needs to go on where it is stopped. What the folders have
    /// already is not computed again. `watch` is shown each result as far as it has got.
    ///
    /// # Errors
    /// [`Error::Usage`] for settings that make no sense, [`Error::Data`] for a checkpoint that is missing, broken or of another
    /// architecture, [`Error::Diverged`] for one with values that are not finite, [`Error::Interrupted`] with what was computed so
    /// far written.
    fn run(
        request: &Request<Self::Settings>,
        watch: Watch<Analysed<Self::Output>>,
        job: &Job,
    ) -> Result<AllAnalysed<Self::Output>>;

    /// Tables and figures of one result, or of several together; `shown` is what a study draws of them, where there is a choice.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Data`] naming a file of a result that is missing or broken.
    fn report(results: &[Analysed<Self::Output>], shown: &[String]) -> Result<Report>;

    /// The networks that names are given to, by their paths, or by the names that a result holds; none for finished runs.
    fn networks(_output: &Self::Output) -> Vec<Location> {
        Vec::new()
    }

    /// What programs read: a JSON object a line, one for each result.
    ///
    /// # Errors
    /// [`Error::Run`] if it cannot be written.
    fn json(results: &AllAnalysed<Self::Output>) -> Result<String> {
        results.each.iter().map(|result| json_line(&result.output)).collect()
    }

    /// What a part of a study asks.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the part.
    fn asked(part: &Self::Part) -> std::result::Result<Vec<Asked<Self::Settings>>, String>;

    /// What a part of a study draws, where there is a choice.
    fn shown(_part: &Self::Part) -> Vec<String> {
        Vec::new()
    }
}

/// A line of JSON.
///
/// # Errors
/// [`Error::Run`] if it cannot be written.
pub fn json_line(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(value).map_err(Error::run)? + "\n")
}

/// The names of an analysis, and what it is asked about.
#[derive(Debug)]
pub struct About {
    /// The folder of its results below `analysis/`.
    pub name: &'static str,
    /// The runner's subcommand.
    pub command: &'static str,
    /// Its name in the window.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// How it does it, for those who ask; may be empty.
    pub details: &'static str,
    /// The checkpoints that it is asked about; none if it is about finished runs.
    pub networks: Option<Networks>,
    /// The split whose images are used unless another is chosen; none if no images are used, or no others than those of the test
    /// split.
    pub split: Option<Split>,
    /// Whether it computes something once and uses it many times.
    pub takes_memory: bool,
    /// Whether names can be given to networks.
    pub takes_names: bool,
}

/// The checkpoints that an analysis is asked about.
#[derive(Debug)]
pub struct Networks {
    /// How many at least.
    pub least: usize,
    /// How many at most.
    pub most: usize,
    /// What stands for one in a synopsis.
    pub value_name: &'static str,
    /// What they are.
    pub help: &'static str,
    /// What each is called where it is chosen; the last stands for all after it.
    pub roles: &'static [&'static str],
    /// The option in place of which they are named.
    pub unless: Option<&'static str>,
}

/// A result, or what there is of it so far.
#[derive(Debug, Clone)]
pub struct Analysed<O> {
    /// What its networks are called.
    pub names: Vec<String>,
    /// What was computed.
    pub output: O,
    /// Its folder.
    pub folder: PathBuf,
}

/// All results of a request.
#[derive(Debug)]
pub struct AllAnalysed<O> {
    /// Each, in the order in which networks were named.
    pub each: Vec<Analysed<O>>,
    /// The folder of the report on all of them together; none if each has one of its own.
    pub together: Option<PathBuf>,
}

impl<O> AllAnalysed<O> {
    /// A result of each network. The report on several lies in a folder beside that of the first.
    pub fn of_each(each: Vec<Analysed<O>>) -> Self {
        let together = each.first().filter(|_| each.len() > 1).map(|first| {
            let names = each.iter().filter_map(|one| one.folder.file_name());
            let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
            first.folder.with_file_name(format!("compared-{}", &digest(names.join("\n"))[..8]))
        });
        Self { each, together }
    }

    /// One result.
    pub fn one(names: Vec<String>, output: O, folder: PathBuf) -> Self {
        Self { each: vec![Analysed { names, output, folder }], together: None }
    }
}

/// What a study asks of an analysis.
#[derive(Debug, Clone)]
pub struct Asked<S> {
    /// The networks, as the study names them.
    pub networks: Vec<String>,
    /// The settings.
    pub settings: S,
    /// The images.
    pub selection: Selection,
}

impl<S> Asked<S> {
    /// About networks on all images of the test split.
    pub fn new(networks: &[&String], settings: S) -> Self {
        let networks = networks.iter().map(|name| (*name).clone()).collect();
        Self { networks, settings, selection: Selection::TEST }
    }
}

/// Names of two networks of a study.
pub type Pair = (String, String);

/// Computes what is asked, and writes results with their tables and figures.
///
/// # Errors
/// Those of [`Analysis::run`] and [`Report::save`].
pub fn analyse<A: Analysis>(
    request: &Request<A::Settings>,
    watch: Watch<Analysed<A::Output>>,
    job: &Job,
) -> Result<AllAnalysed<A::Output>> {
    let results = A::run(request, watch, job)?;
    let save = |results: &[Analysed<A::Output>], folder: &PathBuf| {
        A::report(results, &[])?.save(folder, |place| place.result.clone())
    };
    match &results.together {
        Some(folder) => save(&results.each, folder)?,
        None => results.each.iter().try_for_each(|one| save(std::slice::from_ref(one), &one.folder))?,
    }
    Ok(results)
}

/// Reads the result in a folder, whoever computed it.
///
/// # Errors
/// Those of [`Stored::load`].
pub fn open<A: Analysis>(folder: &Path) -> Result<Analysed<A::Output>> {
    let output = A::Output::load(folder)?;
    let names = short_names(&A::networks(&output));
    Ok(Analysed { names, output, folder: folder.to_owned() })
}

/// An analysis whose settings are words, for programs that know none of them.
pub trait Entry: Sync {
    /// Its names, and what it is asked about.
    fn about(&self) -> &'static About;

    /// Its own options.
    fn options(&self) -> Vec<SettingOption>;

    /// Computes what is asked and writes it; see [`analyse`].
    ///
    /// # Errors
    /// Those of [`analyse`].
    fn run(&self, request: &Request<Values>, job: &Job) -> Result<Printed>;
}

/// A report for a terminal.
#[derive(Debug)]
pub struct Printed {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: String,
}

/// The entry of an analysis.
struct Of<A>(PhantomData<fn() -> A>);

impl<A: Analysis> Entry for Of<A> {
    fn about(&self) -> &'static About {
        &A::ABOUT
    }

    fn options(&self) -> Vec<SettingOption> {
        A::Settings::options()
    }

    fn run(&self, request: &Request<Values>, job: &Job) -> Result<Printed> {
        let results = analyse::<A>(&request.typed()?, None, job)?;
        let mut text = String::new();
        match &results.together {
            Some(folder) => {
                text += &A::report(&results.each, &[])?.text();
                for one in &results.each {
                    text += &format!("{}: {}\n", one.names.join(" to "), one.folder.display());
                }
                text += &format!("together: {}\n", folder.display());
            }
            None => {
                for one in &results.each {
                    text += &A::report(std::slice::from_ref(one), &[])?.text();
                    text += &format!("written to {}\n", one.folder.display());
                }
            }
        }
        Ok(Printed { text, json: A::json(&results)? })
    }
}

/// Does the same for a part of a study of whichever analysis.
pub trait PartVisitor {
    /// What comes of it.
    type Output;

    /// Does it.
    fn visit<A: Analysis>(self, part: &A::Part) -> Self::Output;
}

macro_rules! analyses {
    ($($(#[$documentation:meta])* $part:ident: $analysis:ty,)*) => {
        /// All analyses, in the order in which the runner lists them.
        pub static ANALYSES: &[&dyn Entry] = &[$(&Of::<$analysis>(PhantomData)),*];

        /// What a part of a study measures: an analysis, and what is asked of it.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum Part {
            $($(#[$documentation])* $part(<$analysis as Analysis>::Part),)*
        }

        impl Part {
            /// Lets a visitor do its work for the analysis.
            pub fn visit<V: PartVisitor>(&self, visitor: V) -> V::Output {
                match self {
                    $(Self::$part(part) => visitor.visit::<$analysis>(part),)*
                }
            }
        }
    };
}

analyses! {
    /// The straight lines between networks, and the barriers on them.
    Interpolation: interpolation::LinearInterpolation,
    /// The basin that two networks lie in.
    Basin: basin::BasinSearch,
    /// One module set back to where it started.
    Rewinding: rewinding::ModuleRewinding,
    /// One module between its start and its end, with noise.
    Criticality: criticality::ModuleCriticality,
    /// Mistakes that networks share.
    Mistakes: mistakes::SharedMistakes,
    /// Similarity of features by linear CKA.
    Similarity: similarity::FeatureSimilarity,
    /// Accuracy in domain and out of domain.
    Accuracy: accuracy::DomainAccuracy,
    /// Linear probes and nearest neighbours on features.
    Probe: probe::FeatureProbe,
    /// Curves over the epochs of finished runs.
    Curves: curves::LearningCurveSummary,
    /// What pre-training gives where blocks of the images are shuffled.
    Shuffles: curves::ShuffleSummary,
    /// What fine-tuning makes of the epochs of pre-training.
    PretrainingEpochs: curves::PretrainingSummary,
    /// Distances in parameter space.
    Distance: distance::ParameterDistance,
    /// Singular values of layers.
    Spectra: spectrum::LayerSpectra,
}
