//! Accuracy in domain and out of domain: networks on the test images of the data that they were trained on, and of other data sets
//! with the same classes (distribution shift; Kumar et al. 2022).

mod chart;
mod record;

use serde::{Deserialize, Serialize};

use super::measures::{Accuracy, finite_or_endless};
use super::record::{Inputs, Stored as _, Watch, claim, show};
use super::report::{FigureItem, FileNames, Quantity, Report};
use super::request::Request;
use super::settings::{Commas, settings};
use super::subject::Subject;
use super::{About, AllAnalysed, Analysed, Analysis, Asked, Networks};
use crate::checkpoint::Location;
use crate::config::Experiment;
use crate::data::{Labelling, Split};
use crate::error::{Error, Result};
use crate::evaluate::evaluate;
use crate::job::Job;
use crate::train::check;

pub use chart::{bars, means, means_table, table};
pub use record::{Accuracies, OnData};

settings! {
    /// Which data sets networks are measured on.
    pub struct AccuracySettings {
        /// Other data sets with the same classes, with commas, such as DomainNet_clipart,DomainNet_painting: out of domain. Their images
        /// are prepared as those of the run, which are always measured.
        on: Commas<String> = Commas::default() => "DATA";
    }
}

/// The networks of a study whose accuracy is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasuredNetworks {
    /// The networks; the data of the first one's run are in domain.
    pub networks: Vec<String>,
    /// Other data sets.
    #[serde(default)]
    pub on: Vec<String>,
}

/// The accuracy of networks on one or several data sets.
pub struct DomainAccuracy;

impl Analysis for DomainAccuracy {
    const ABOUT: About = About {
        name: "accuracy",
        command: "accuracy",
        title: "Accuracy",
        summary: "Measures accuracy in domain and out of domain (distribution shift), with intervals",
        details: "",
        networks: Some(Networks {
            least: 1,
            most: usize::MAX,
            value_name: "CHECKPOINT",
            help: "The checkpoints; the data of the first one's run are in domain",
            roles: &["Network"],
            unless: None,
        }),
        split: Some(Split::Test),
        takes_memory: false,
        takes_names: true,
    };
    type Settings = AccuracySettings;
    type Output = Accuracies;
    type Part = MeasuredNetworks;

    /// Each data set is written as it is done, and those that the folder has already are not measured again.
    fn run(
        request: &Request<AccuracySettings>,
        watch: Watch<Analysed<Accuracies>>,
        job: &Job,
    ) -> Result<AllAnalysed<Accuracies>> {
        let (experiment, surroundings) = (request.experiment()?, &request.surroundings);
        let (selection, names) = (surroundings.selection, request.names()?);
        let own = selection.open(&experiment)?;
        if own.labelling() != Labelling::Class {
            return Err(Error::usage(format!(
                "intervals of accuracy are for classes, and the labels of {} are findings; use `runner eval`",
                experiment.data.name
            )));
        }
        let mut measured = vec![(experiment.clone(), own)];
        for name in &request.settings.on.0 {
            let other = on(&experiment, name)?;
            let dataset = selection.open(&other)?;
            let (classes, same) = (dataset.outputs(), measured[0].1.outputs());
            if classes != same {
                return Err(Error::usage(format!(
                    "{name} has {classes} classes, and {} has {same}; choose data sets with the same classes",
                    experiment.data.name
                )));
            }
            measured.push((other, dataset));
        }
        let load = |location: &Location| Subject::load(location, &experiment, &measured[0].1, job);
        let subjects = request.networks.iter().map(load).collect::<Result<Vec<_>>>()?;
        let sources: Vec<_> = subjects.iter().map(|subject| &subject.source).collect();
        let inputs = |(experiment, dataset): &(Experiment, _)| {
            Inputs::new(experiment, dataset, selection.split, &sources)
        };
        let empty = Accuracies::new(measured.iter().map(inputs).collect());
        let (name, output) = (empty.name(), surroundings.output.as_deref());
        let folder = sources[0].result_folder("accuracy", &name, &surroundings.base, output);
        let mut result = empty.known(&folder)?.unwrap_or_else(|| empty.clone());
        let analysed = |result: &Accuracies| Analysed {
            names: names.clone(),
            output: result.clone(),
            folder: folder.clone(),
        };
        if !result.is_whole() {
            let _lock = claim(&folder)?;
            for (experiment, dataset) in &measured[result.data.len()..] {
                let images = selection.decode(dataset, experiment, job)?;
                let accuracy = |subject: &Subject| {
                    let evaluation = evaluate(&subject.network, &images, job)?;
                    let right = (evaluation.accuracy() * dataset.len() as f64).round() as usize;
                    Ok((Accuracy::new(right, dataset.len()), finite_or_endless(evaluation.loss())))
                };
                let found = subjects.iter().map(accuracy).collect::<Result<Vec<_>>>()?;
                result.add(&experiment.data.name, found);
                result.save(&folder)?;
                show(watch, &analysed(&result));
            }
        }
        Ok(AllAnalysed::one(names.clone(), result, folder.clone()))
    }

    fn networks(accuracies: &Accuracies) -> Vec<Location> {
        accuracies.inputs.first().map(Inputs::locations).unwrap_or_default()
    }

    fn report(results: &[Analysed<Accuracies>], _shown: &[String]) -> Result<Report> {
        let mut report = Report::default();
        for Analysed { names, output, .. } in results {
            let files = FileNames::both("accuracy", "accuracy");
            report.row(
                vec![FigureItem::new(files, bars(output, names))],
                "Accuracy on each data set with its 95 % interval; the first is in domain.",
            );
            report.table(
                FileNames::both("networks", "accuracy"),
                table(output, names),
                "Top-1 accuracy with its 95 % Wilson interval, which is about chance in the choice of the test images.",
            );
            let means = means(output, names);
            if !means.is_empty() {
                report.table(
                    FileNames::both("means", "accuracy-means"),
                    means_table(&means),
                    "Mean and standard deviation over replicates: networks whose names differ in their last number.",
                );
            }
            for data in &output.data {
                for (name, accuracy) in names.iter().zip(&data.accuracies) {
                    report.measure(Quantity::Accuracy, &[name.clone(), data.name.clone()], accuracy.percent);
                }
            }
            for mean in means {
                report.measure(Quantity::Accuracy, &[mean.method, mean.data], mean.percent);
            }
        }
        Ok(report)
    }

    fn asked(part: &MeasuredNetworks) -> std::result::Result<Vec<Asked<AccuracySettings>>, String> {
        let settings = AccuracySettings { on: Commas(part.on.clone()) };
        Ok(vec![Asked::new(&part.networks.iter().collect::<Vec<_>>(), settings)])
    }
}

/// The same experiment on another data set.
fn on(experiment: &Experiment, name: &str) -> Result<Experiment> {
    let mut other = experiment.clone();
    other.data.name = name.to_owned();
    check(&other)?;
    Ok(other)
}
