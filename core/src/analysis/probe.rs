//! What features say of the classes: a linear probe (Alain and Bengio 2016) and k nearest neighbours (Wu et al. 2018; Caron et al.
//! 2021, DINO) on the features of a module, fitted to training images and measured on others.

mod chart;
mod neighbours;
mod record;
mod strengths;

use serde::{Deserialize, Serialize};

use self::record::Tries;
use super::features::{FeatureModule, FeatureSource, ModuleFeatures, feature_modules, pooling};
use super::measures::Accuracy;
use super::mistakes::class_names;
use super::record::{Inputs, Stored as _, Watch, claim, show};
use super::report::{FigureItem, FileNames, Report};
use super::request::Request;
use super::settings::{Commas, choices, settings};
use super::subject::Subject;
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks};
use crate::checkpoint::Location;
use crate::config::Experiment;
use crate::data::{Dataset, Labelling, Split};
use crate::error::{Error, Result};
use crate::evaluate::features::Pooling;
use crate::job::Job;
use crate::logistic::{HeldOut, Samples, Scaling, choose, without_sample};

pub use chart::{accuracies, strengths_chart, table};
pub use neighbours::{Neighbours, normalise};
pub use record::{ModuleProbe, Probe};
pub use strengths::Strengths;

choices!(Scaling, "scaling": None = "none", Standard = "standard");

settings! {
    /// Which features are probed, and how.
    pub struct ProbeSettings {
        /// Modules with commas, such as layer3,layer4,avgpool; a stage is its last block. The input of the head unless set. Maps of
        /// features are averaged over their positions (global average pooling).
        modules: Commas<String> = Commas::default() => "NAMES";
        /// Which tokens of a transformer stand for an image: class, the class token; mean, the mean of the patches' tokens. Those that
        /// the head reads unless set.
        tokens: Option<Pooling> = None => "TOKENS";
        /// Training images, as large a part of each class; all unless set.
        train_samples: Option<usize> = None => "N";
        /// Strengths C of the logistic regression as in scikit-learn, spaced logarithmically (first:last:count) or with commas: the
        /// smaller C, the stronger the L2 regularisation (weight decay). The one is taken that is best on training images that are
        /// held out.
        strengths: Strengths = Strengths::default() => "C";
        /// Share of the training images of each class that is held out to choose C; all are fitted to after that.
        held_out: f64 = 0.2 => "SHARE";
        /// What is done to features before the regression: none; standard, each is divided by its standard deviation.
        scaling: Scaling = Scaling::None => "SCALING";
        /// k: training images whose classes vote on an image, those with the largest cosine similarity.
        neighbours: usize = 20 => "K";
        /// Temperature T of the votes, whose weights are exp(similarity / T).
        temperature: f64 = 0.07 => "T";
    }
}

/// The networks of a study whose features are probed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbedNetworks {
    /// The networks.
    pub networks: Vec<String>,
    /// The modules; the input of the head unless set.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Training images; all unless set.
    #[serde(default)]
    pub train_samples: Option<usize>,
}

/// Linear probes and nearest neighbours on features of networks, one network after the other.
pub struct FeatureProbe;

impl Analysis for FeatureProbe {
    const ABOUT: About = About {
        name: "probe",
        command: "probe",
        title: "Probe",
        summary: "Measures what features say of the classes: linear probing (logistic regression) and k nearest neighbours (kNN)",
        details: "Features of training and test images are computed in evaluation mode, once, and kept below analysis/features; a probe with \
                  other settings reads them there.",
        networks: Some(Networks {
            least: 1,
            most: usize::MAX,
            value_name: "CHECKPOINT",
            help: "The checkpoints; the images of all are those of the first one's run",
            roles: &["Network"],
            unless: None,
        }),
        split: Some(Split::Test),
        takes_memory: false,
        takes_names: true,
    };
    type Settings = ProbeSettings;
    type Output = Probe;
    type Part = ProbedNetworks;

    /// Each module is written as it is done, and modules that the folder has already are kept. A result has the modules that were
    /// asked for, its folder may have more.
    fn run(
        request: &Request<ProbeSettings>,
        watch: Watch<Analysed<Probe>>,
        job: &Job,
    ) -> Result<AllAnalysed<Probe>> {
        let (experiment, names) = (request.experiment()?, request.names()?);
        let images = Images::open(request, &experiment)?;
        let networks = request.networks.iter().zip(names);
        let each = networks.map(|(location, name)| images.probe(location, name, request, watch, job));
        Ok(AllAnalysed::of_each(each.collect::<Result<_>>()?))
    }

    fn networks(probe: &Probe) -> Vec<Location> {
        probe.inputs.locations()
    }

    fn report(results: &[Analysed<Probe>], _shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        let labelled: Vec<(&str, &Probe)> =
            results.iter().map(|one| (one.names.first().map_or("", String::as_str), &one.output)).collect();
        report.row(
            vec![
                FigureItem::new(FileNames::both("accuracy", "probe-accuracy"), accuracies(&labelled)),
                FigureItem::new(FileNames::both("strengths", "probe-strengths"), strengths_chart(&labelled)),
            ],
            "Accuracy of linear probes and of nearest neighbours with 95 % intervals, and accuracy on held-out training images for each \
             strength C.",
        );
        report.table(FileNames::both("modules", "probes"), table(&labelled), record::DEFINITIONS);
        report.notes.extend(labelled.iter().flat_map(|(name, probe)| probe.warnings(name)));
        Ok(report)
    }

    fn asked(part: &ProbedNetworks) -> std::result::Result<Vec<Asked<ProbeSettings>>, String> {
        let settings = ProbeSettings {
            modules: Commas(part.modules.clone()),
            train_samples: part.train_samples,
            ..ProbeSettings::default()
        };
        Ok(part.networks.iter().map(|network| Asked::new(&[network], settings.clone())).collect())
    }
}

/// The images that probes are fitted to and measured on.
struct Images<'a> {
    experiment: &'a Experiment,
    train: Dataset,
    test: Dataset,
}

impl<'a> Images<'a> {
    fn open(request: &Request<ProbeSettings>, experiment: &'a Experiment) -> Result<Self> {
        let ProbeSettings { train_samples, held_out, .. } = &request.settings;
        let test = request.surroundings.selection.open(experiment)?;
        if test.labelling() != Labelling::Class {
            return Err(Error::usage(format!(
                "probes need a class for each image, and the labels of {} are findings; choose another data set",
                experiment.data.name
            )));
        }
        let train = Dataset::open(&experiment.data, Split::EvalTrain)?;
        let train = match train_samples {
            Some(count) => train.evenly_by_class(*count),
            None => train,
        };
        let labels = labels(&train);
        if let Some(class) = without_sample(&labels, train.outputs()) {
            let all = [&train, &test];
            let ids: Vec<&str> =
                all.iter().flat_map(|set| (0..set.len()).map(|sample| set.id(sample))).collect();
            let classes: Vec<usize> =
                all.iter().flat_map(|set| (0..set.len()).map(|sample| set.label(sample))).collect();
            let name = &class_names(&ids, &classes, train.outputs())[class];
            let remedy = match train_samples {
                Some(_) => "take more with --train-samples",
                None => "add some, or choose data without the class",
            };
            return Err(Error::usage(format!(
                "class {name} has none of the {} training images, and a probe needs one of each; {remedy}",
                train.len()
            )));
        }
        // What only the fit would notice shows before the images are decoded.
        HeldOut::new(&labels, train.outputs(), *held_out)?;
        voting(&request.settings).check(train.len())?;
        Ok(Self { experiment, train, test })
    }

    /// Probes one network.
    fn probe(
        &self,
        location: &Location,
        name: String,
        request: &Request<ProbeSettings>,
        watch: Watch<Analysed<Probe>>,
        job: &Job,
    ) -> Result<Analysed<Probe>> {
        let (settings, surroundings) = (&request.settings, &request.surroundings);
        let subject = Subject::load_as_it_is(location, self.experiment, job)?;
        let arch = &subject.network.arch;
        let modules = feature_modules(arch, &settings.modules.0)?;
        let pooling = pooling(arch, settings.tokens)?;
        let inputs =
            Inputs::new(self.experiment, &self.test, surroundings.selection.split, &[&subject.source]);
        let empty = Probe::new(inputs, &self.train, pooling, settings);
        let own = empty.name();
        // Of several networks each has a folder in the one that is asked for.
        let output = surroundings.output.as_ref();
        let output =
            output.map(|output| if request.networks.len() > 1 { output.join(&own) } else { output.clone() });
        let folder = subject.source.result_folder("probe", &own, &surroundings.base, output.as_deref());
        let mut result = empty.known(&folder)?.unwrap_or_else(|| empty.clone());
        let is_missing = |result: &Probe, module: &FeatureModule| result.module(&module.name).is_none();
        if modules.iter().any(|module| is_missing(&result, module)) {
            let _lock = claim(&folder)?;
            // Another process may have added modules since.
            result = empty.known(&folder)?.unwrap_or(empty);
            let missing: Vec<FeatureModule> =
                modules.iter().filter(|module| is_missing(&result, module)).cloned().collect();
            let source = FeatureSource {
                subject: &subject,
                experiment: self.experiment,
                pooling,
                base: &surroundings.base,
            };
            let train = source.features(&missing, &self.train, Split::EvalTrain, job)?;
            let test = source.features(&missing, &self.test, surroundings.selection.split, job)?;
            for (train, test) in train.iter().zip(&test) {
                result.modules.push(self.module(train, test, settings, job)?);
                result.save(&folder)?;
                show(
                    watch,
                    &Analysed { names: vec![name.clone()], output: result.clone(), folder: folder.clone() },
                );
            }
        }
        let asked = modules.iter().filter_map(|module| result.module(&module.name)).cloned().collect();
        result.modules = asked;
        let analysed = Analysed { names: vec![name], output: result, folder };
        show(watch, &analysed);
        Ok(analysed)
    }

    /// Probes one module, whose features are in memory meanwhile.
    fn module(
        &self,
        train: &ModuleFeatures,
        test: &ModuleFeatures,
        settings: &ProbeSettings,
        job: &Job,
    ) -> Result<ModuleProbe> {
        let (mut features, mut tested) = (train.load()?, test.load()?);
        let (train_labels, test_labels) = (labels(&self.train), labels(&self.test));
        let samples = Samples { features: &features, labels: &train_labels, classes: self.train.outputs() };
        let choice = choose(samples, &settings.strengths.0, settings.held_out, settings.scaling, job)?;
        let classifier = choice.problem.classifier(&choice.solution);
        let linear = Accuracy::of(&classifier.answers(&tested), &test_labels);
        let on_train = Accuracy::of(&classifier.answers(&features), &train_labels);
        let tries = Tries::of(&choice);
        let loss = choice.solution.loss;
        let voted =
            voting(settings).answers(&mut features, &train_labels, &mut tested, self.train.outputs(), job)?;
        Ok(ModuleProbe {
            module: train.module.clone(),
            width: train.width,
            strength: tries.strength,
            tried: tries.tried,
            linear,
            linear_on_train: on_train,
            train_loss: loss,
            is_converged: tries.is_converged,
            neighbours: Accuracy::of(&voted, &test_labels),
        })
    }
}

fn voting(settings: &ProbeSettings) -> Neighbours {
    Neighbours { count: settings.neighbours, temperature: settings.temperature }
}

fn labels(dataset: &Dataset) -> Vec<usize> {
    (0..dataset.len()).map(|sample| dataset.label(sample)).collect()
}
