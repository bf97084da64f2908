//! How alike the features of two networks are: linear CKA (Kornblith et al. 2019; paper section 3.2 and Table 1).
//!
//! With centred Gram matrices K and L of two sets of features over the same images, `CKA = <K, L> / (|K| |L|)`. Exact and unbiased
//! CKA need each module's Gram matrix once; all pairs of modules are then inner products of these.

mod chart;
mod estimator;
mod extract;
mod grams;
mod hsics;
mod measure;
mod plan;
mod positions;
mod record;
mod unit;

use serde::{Deserialize, Serialize};

use super::record::{Inputs, Stored as _, Watch, claim};
use super::report::{FigureItem, FileNames, Quantity, Report};
use super::request::Request;
use super::selection::Selection;
use super::settings::{Commas, choices, settings};
use super::subject::Subject;
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks, Pair};
use crate::checkpoint::Location;
use crate::data::Split;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::Job;

pub use chart::{heat_map, layer_table, table};
pub use estimator::{Estimator, linear_cka};
pub use record::{Features, PairSimilarity, Similarity};

/// Unbiased estimates divide by `n - 3`.
const MIN_SAMPLES: usize = 4;

/// The estimate of CKA, as it is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EstimatorName {
    /// [`Estimator::Exact`].
    #[default]
    Exact,
    /// [`Estimator::Unbiased`].
    Unbiased,
    /// [`Estimator::Minibatch`].
    Minibatch,
}

choices!(EstimatorName, "estimator": Exact = "exact", Unbiased = "unbiased", Minibatch = "minibatch");

settings! {
    /// What is compared, and how.
    pub struct SimilaritySettings {
        /// Modules with commas, such as conv1,layer2.1,layer4,avgpool,fc; a stage is its last block. All unless set.
        modules: Commas<String> = Commas::default() => "NAMES";
        /// How CKA (centered kernel alignment) is estimated: exact, the definition, too high where samples are fewer than features;
        /// unbiased (debiased), HSIC as a U-statistic, zero on average for unrelated features, may be negative; minibatch, the
        /// unbiased estimate averaged over minibatches, for many samples.
        estimator: EstimatorName = EstimatorName::Exact => "ESTIMATOR";
        /// Batch size of minibatch CKA, 256 unless set.
        batch: Option<usize> = None => "N";
        /// Which part of an activation map is one example: flat, an image, all positions and channels flattened into one vector, so
        /// that any two modules can be compared; position, a position of an image with its channels as features, for modules of the
        /// same height and width.
        features: Features = Features::Flat => "FEATURES";
    }
}

impl SimilaritySettings {
    /// The estimate, with the size of its batches.
    fn estimator(&self) -> Result<Estimator> {
        let estimator = match (self.estimator, self.batch) {
            (EstimatorName::Minibatch, batch) => {
                Estimator::Minibatch { batch: batch.unwrap_or(Estimator::BATCH) }
            }
            (_, Some(_)) => return Err(Error::usage("--batch belongs to --estimator minibatch; set both")),
            (EstimatorName::Exact, None) => Estimator::Exact,
            (EstimatorName::Unbiased, None) => Estimator::Unbiased,
        };
        estimator.check()?;
        Ok(estimator)
    }
}

/// The comparisons of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparisons {
    /// The networks that are compared, all modules with all.
    pub pairs: Vec<Pair>,
    /// Test images, evenly spaced over their list; all unless set.
    #[serde(default)]
    pub samples: Option<usize>,
}

/// The comparison of features by linear CKA: of two networks, all modules of one with all of the other; of more, the modules that
/// all have.
pub struct FeatureSimilarity;

impl Analysis for FeatureSimilarity {
    const ABOUT: About = About {
        name: "similarity",
        command: "similarity",
        title: "Similarity",
        summary: "Compares the features of networks by linear CKA (centered kernel alignment)",
        details: "",
        networks: Some(Networks {
            least: 2,
            most: usize::MAX,
            value_name: "CHECKPOINT",
            help: "Two checkpoints: every module of the first is compared with every module of the second. Three or more: each pair, layer by layer",
            roles: &["Network", "Compared with"],
            unless: None,
        }),
        split: Some(Split::Test),
        takes_memory: true,
        takes_names: false,
    };
    type Settings = SimilaritySettings;
    type Output = Similarity;
    type Part = Comparisons;

    fn run(
        request: &Request<SimilaritySettings>,
        _watch: Watch<Analysed<Similarity>>,
        job: &Job,
    ) -> Result<AllAnalysed<Similarity>> {
        if request.networks.len() < 2 {
            return Err(Error::usage("similarity compares two networks or more; name another checkpoint"));
        }
        let (estimator, features) = (request.settings.estimator()?, request.settings.features);
        let (experiment, surroundings) = (request.experiment()?, &request.surroundings);
        let dataset = surroundings.selection.open(&experiment)?;
        if dataset.len() < MIN_SAMPLES {
            return Err(Error::usage(format!(
                "CKA needs at least {MIN_SAMPLES} samples, and the selection has {}; choose more with --samples or another split",
                dataset.len()
            )));
        }
        let load = |location: &Location| Subject::load_as_it_is(location, &experiment, job);
        let subjects = request.networks.iter().map(load).collect::<Result<Vec<_>>>()?;
        // A ReLU turns what is no number into zero, so that features of a broken network can look sound.
        let choice = unit::choose(&subjects, &request.settings.modules.0)?;
        let sources: Vec<_> = subjects.iter().map(|subject| &subject.source).collect();
        let inputs = Inputs::new(&experiment, &dataset, surroundings.selection.split, &sources);
        let empty = Similarity::new(inputs, features, estimator, &choice);
        let (name, output) = (empty.name(), surroundings.output.as_deref());
        let folder = subjects[0].source.result_folder("similarity", &name, &surroundings.base, output);
        let result = match empty.known(&folder)? {
            Some(known) => {
                job.emit(Event::Note(format!("taken from {}", folder.display())));
                known
            }
            None => {
                let _lock = claim(&folder)?;
                let images = surroundings.selection.decode(&dataset, &experiment, job)?;
                let extraction = extract::Extraction::new(&subjects, &images, job);
                let measured = measure::Wanted { features, estimator, memory: surroundings.memory_bytes };
                let hsics = measure::measure(&extraction, &choice, &measured)?;
                let result = empty.filled(&choice, |one, two| hsics.cka(one, two));
                result.save(&folder)?;
                result
            }
        };
        Ok(AllAnalysed::one(request.names()?, result, folder))
    }

    fn networks(similarity: &Similarity) -> Vec<Location> {
        similarity.inputs.locations()
    }

    fn report(results: &[Analysed<Similarity>], _shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        for result in results {
            report.table(FileNames::result("layers"), table(&result.output, &result.names), "");
            if let (Some(pair), [_, _]) = (result.output.pairs.first(), result.names.as_slice()) {
                let layers: Vec<f64> = pair.layers.iter().flatten().copied().collect();
                let mean = layers.iter().sum::<f64>() / layers.len() as f64;
                report.measure(Quantity::Similarity, &result.names, mean);
            }
        }
        let compared = results.iter().map(|result| (result.names.join(" and "), &result.output));
        report.long_table(
            FileNames::study("similarity"),
            layer_table(compared),
            "Linear CKA of flattened features; 1 for features that differ by no more than a rotation and a scale.",
        );
        let maps = results.iter().enumerate().filter_map(|(number, result)| {
            let files = FileNames::both("modules", format!("similarity-{number}"));
            Some(FigureItem::new(files, heat_map(&result.output, &result.names)?))
        });
        report
            .row(maps.collect(), "Linear CKA of every module of one network with every module of the other.");
        Ok(report)
    }

    fn asked(part: &Comparisons) -> std::result::Result<Vec<Asked<SimilaritySettings>>, String> {
        let selection = Selection { samples: part.samples, ..Selection::TEST };
        let asked =
            |(one, two): &Pair| Asked { selection, ..Asked::new(&[one, two], SimilaritySettings::default()) };
        Ok(part.pairs.iter().map(asked).collect())
    }
}
