//! How much of what is transferred are features: inputs with shuffled blocks (paper, Figure 3).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::statistic::cell;
use super::{Choice, Finished, Instance, Measured, Statistic, Summary, find, missing_note, name};
use crate::analysis::record::Stored;
use crate::config::{Experiment, Registry};
use crate::data::Shuffle;
use crate::error::Result;
use crate::figure::{BarSeries, Bars, Drawing, Table};
use crate::number;

/// Finds the reference's keys of the sweep.
pub const KEYS: &str = r"^(pix|blk\d+)_shuffle/|^train/DomainNet_\w+/fixup_resnet50_nzfc_noaug/";
/// The paper's names of the two starts.
const STARTS: [&str; 2] = ["P-T", "RI-T"];

/// The sweep over block sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shuffles {
    /// The regular expression that was found in the keys.
    pub keys: String,
    /// How runs became bars.
    pub choice: Choice,
    /// By data set, then from shuffled pixels to whole images.
    pub points: Vec<ShufflePoint>,
    /// Shuffles that move nothing.
    pub identities: Vec<String>,
    /// Runs that are not there.
    pub missing: Vec<String>,
}

/// One data set, shuffled in one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShufflePoint {
    /// Name of the data set.
    pub data: String,
    /// What was moved.
    pub block: Block,
    /// Runs that start from a pre-trained network (P-T).
    pub pretrained: Option<Measured>,
    /// Runs that start from random weights (RI-T).
    pub random: Option<Measured>,
    /// Relative accuracy drop, percent, over pairs of the same shuffle and replicate.
    pub drop: Option<Statistic>,
}

/// What a shuffle moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Block {
    /// Every value of the image by itself, across channels too.
    Pixels,
    /// Blocks of that side, pixels; that of the image where nothing is shuffled.
    Side(usize),
}

impl Block {
    fn of(experiment: &Experiment) -> Self {
        let configs = &experiment.data.configs;
        match (configs.shuffle_pixel_config, configs.shuffle_block_config) {
            (Some(_), _) => Self::Pixels,
            (None, Some(shuffle)) => Self::Side(shuffle.block_size),
            (None, None) => Self::Side(configs.image_size),
        }
    }

    fn label(self) -> String {
        match self {
            Self::Pixels => "*".to_owned(),
            Self::Side(side) => side.to_string(),
        }
    }
}

/// Relative accuracy drop, percent: `100 (A_PT - A_RIT) / A_PT`.
pub fn relative_drop(pretrained: f64, random: f64) -> f64 {
    100.0 * (pretrained - random) / pretrained
}

/// The sweep over the finished runs in whose key a regular expression is found, shuffled or not.
///
/// # Errors
/// Those of [`find`], and [`crate::error::Error::Usage`] for runs of one bar that differ in more than chance, and for a rate
/// that no run has.
pub fn shuffles(base: &Path, keys: &str, choice: Choice, registry: &Registry) -> Result<Shuffles> {
    let found = find(base, keys, registry)?;
    let mut groups: BTreeMap<(&str, Block), [Vec<&Finished>; 2]> = BTreeMap::new();
    for run in &found.runs {
        let experiment = &run.experiment;
        let arm = usize::from(experiment.train.finetune_from.is_none());
        groups.entry((&experiment.data.name, Block::of(experiment))).or_default()[arm].push(run);
    }
    let mut points = Vec::new();
    for ((data, block), [pretrained, random]) in groups {
        let (pretrained, random) = (choice.measure(&pretrained)?, choice.measure(&random)?);
        let drop = pretrained.as_ref().zip(random.as_ref()).and_then(|(one, two)| drop_of(one, two));
        if pretrained.is_some() || random.is_some() {
            points.push(ShufflePoint { data: data.to_owned(), block, pretrained, random, drop });
        }
    }
    if points.is_empty() {
        return Err(choice.nothing(&found.runs));
    }
    let identities = identities(&found.runs)?;
    Ok(Shuffles { keys: keys.to_owned(), choice, points, identities, missing: found.missing })
}

/// The drop between runs with the same permutation, of the same replicate.
fn drop_of(pretrained: &Measured, random: &Measured) -> Option<Statistic> {
    Statistic::of(pretrained.instances.iter().filter_map(|one| {
        let same = |two: &&Instance| (two.shuffle_seed, two.replicate) == (one.shuffle_seed, one.replicate);
        Some(relative_drop(one.test, random.instances.iter().find(same)?.test))
    }))
}

fn identities(runs: &[Finished]) -> Result<Vec<String>> {
    let shuffles: BTreeSet<(usize, usize, u32)> = runs
        .iter()
        .filter_map(|run| {
            let configs = &run.experiment.data.configs;
            let shuffle = configs.shuffle_block_config?;
            Some((configs.image_size, shuffle.block_size, shuffle.seed))
        })
        .collect();
    let mut identities = Vec::new();
    for (size, block, seed) in shuffles {
        if Shuffle::blocks(size, block, seed)?.is_identity() {
            let count = (size / block).pow(2);
            identities.push(format!(
                "with seed {seed}, blocks of {block} pixels stay where they are: RandomState({seed}).permutation({count}) is \
                 the identity"
            ));
        }
    }
    Ok(identities)
}

impl Shuffles {
    /// The names of the data sets.
    fn data(&self) -> BTreeSet<&str> {
        self.points.iter().map(|point| point.data.as_str()).collect()
    }

    /// Bars over the block sizes, one series for each of `labels`; `value` finds a bar's number.
    fn bars<'a>(
        &'a self,
        y: &str,
        labels: &[&str],
        value: impl Fn(&str, &'a ShufflePoint) -> Option<&'a Statistic>,
    ) -> Bars {
        let blocks: BTreeSet<Block> = self.points.iter().map(|point| point.block).collect();
        let series = labels.iter().map(|label| {
            let at = |block: &Block| {
                self.points.iter().filter(|point| point.block == *block).find_map(|point| value(label, point))
            };
            let found: Vec<Option<&Statistic>> = blocks.iter().map(at).collect();
            BarSeries {
                label: (*label).to_owned(),
                values: found.iter().map(|found| found.map_or(f64::NAN, |found| found.mean)).collect(),
                errors: found.iter().map(|found| found.map_or([f64::NAN; 2], Statistic::band)).collect(),
            }
        });
        Bars {
            x: "block size, pixels (* each value by itself)".to_owned(),
            y: y.to_owned(),
            categories: blocks.iter().map(|block| block.label()).collect(),
            series: series.collect(),
        }
    }
}

impl ShufflePoint {
    fn start(&self, label: &str) -> Option<&Measured> {
        if label == STARTS[0] { self.pretrained.as_ref() } else { self.random.as_ref() }
    }
}

impl Stored for Shuffles {
    fn name(&self) -> String {
        name("shuffles", &(&self.keys, self.choice))
    }
}

impl Summary for Shuffles {
    fn table(&self) -> Table {
        let columns = [
            "data",
            "block",
            "P-T test, %",
            "RI-T test, %",
            "relative drop, %",
            "P-T train, %",
            "RI-T train, %",
            "P-T rate",
            "RI-T rate",
            "P-T runs",
            "RI-T runs",
        ];
        let rows = self.points.iter().map(|point| {
            let both = STARTS.map(|start| point.start(start));
            let [test, train] = [|m: &Measured| Some(m.test), |m: &Measured| m.train].map(
                |part: fn(&Measured) -> Option<Statistic>| both.map(|m| cell(m.and_then(part).as_ref())),
            );
            let rates = both.map(|m| number::or_absent(m, |m| m.rate.to_string()));
            let runs = both.map(|m| m.map_or(0, |m| m.instances.len()).to_string());
            let drop = [cell(point.drop.as_ref())];
            let start = [point.data.clone(), point.block.label()];
            [&start[..], &test, &drop, &train, &rates, &runs].concat()
        });
        Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
    }

    fn figures(&self) -> Vec<(String, Drawing)> {
        let data: Vec<&str> = self.data().into_iter().collect();
        let drop = self.bars("relative accuracy drop, %", &data, |label, point| {
            point.drop.as_ref().filter(|_| point.data == label)
        });
        let mut figures: Vec<(String, Drawing)> = vec![("drop".to_owned(), Drawing::from(drop))];
        for data in data {
            let test = self.bars(&format!("{data}: test accuracy, %"), &STARTS, |label, point| {
                Some(&point.start(label).filter(|_| point.data == data)?.test)
            });
            let train = self.bars(&format!("{data}: mean training accuracy, %"), &STARTS, |label, point| {
                point.start(label).filter(|_| point.data == data)?.train.as_ref()
            });
            figures.push((format!("{data}-test"), Drawing::from(test)));
            figures.push((format!("{data}-train"), Drawing::from(train)));
        }
        figures
    }

    fn notes(&self) -> Vec<String> {
        let drop = "relative drop is 100 (A_PT - A_RIT) / A_PT over pairs of the same shuffle and replicate";
        let block =
            "block * moves each value of the image by itself, a block as large as the image moves nothing";
        let identities = self.identities.iter().map(|identity| format!("note: {identity}"));
        let about = [drop, block].map(str::to_owned).into_iter().chain(self.choice.notes());
        about.chain(identities).chain(missing_note(&self.missing)).collect()
    }
}
