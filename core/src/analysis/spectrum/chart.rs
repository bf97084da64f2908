//! Spectra of several networks beside each other: singular values by rank, norms and stable ranks by layer.

use std::path::Path;

use super::{LayerSpectrum, SingularValues, Spectrum};
use crate::error::Result;
use crate::figure::{BarSeries, Bars, Chart, Scale, Series, Table};
use crate::number;

/// A number of each layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summary {
    /// The largest singular value.
    Norm,
    /// The stable rank as a share of the number of singular values.
    StableRank,
}

impl Summary {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Norm, Self::StableRank];

    /// Name of the chart's files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Norm => "spectral_norm",
            Self::StableRank => "stable_rank",
        }
    }

    /// The vertical axis.
    fn title(self) -> &'static str {
        match self {
            Self::Norm => "spectral norm",
            Self::StableRank => "stable rank / number of singular values",
        }
    }

    fn of(self, layer: &LayerSpectrum) -> Option<f64> {
        match self {
            Self::Norm => Some(layer.norm),
            Self::StableRank => layer.stable_rank.map(|rank| rank / layer.values as f64),
        }
    }
}

/// Spectra of several networks with their labels, and the folders that hold their singular values.
#[derive(Debug)]
pub struct Spectra<'a>(pub Vec<(&'a str, &'a Spectrum, &'a Path)>);

impl Spectra<'_> {
    /// The names of all layers that some network has, in the order of the first.
    pub fn layers(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for layer in self.0.iter().flat_map(|(_, spectrum, _)| &spectrum.layers) {
            if !names.contains(&layer.name.as_str()) {
                names.push(&layer.name);
            }
        }
        names
    }

    /// The singular values of a layer by relative rank, 0 for the largest and 1 for the smallest, on a logarithmic axis; those
    /// that are rounding errors are left out, and long lines are thinned.
    ///
    /// # Errors
    /// Those of [`SingularValues::load`].
    pub fn ranks(&self, layer: &str) -> Result<Chart> {
        let networks = self
            .0
            .iter()
            .filter_map(|(label, spectrum, folder)| Some((label, spectrum.layer(layer)?, folder)));
        let series = networks.map(|(label, numbers, folder)| {
            let values = SingularValues::load(folder, layer)?;
            Ok(Series::new(*label, numbers.by_rank(&values)))
        });
        Ok(Chart {
            x: format!("{layer}: rank / number of singular values"),
            y: "singular value".to_owned(),
            y_scale: Scale::Log,
            series: series.collect::<Result<_>>()?,
            ..Chart::default()
        })
    }

    /// A number of each layer, bottom to top.
    pub fn summary(&self, what: Summary) -> Bars {
        let names = self.layers();
        let series = self.0.iter().map(|(label, spectrum, _)| {
            let value =
                |name: &&str| spectrum.layer(name).and_then(|layer| what.of(layer)).unwrap_or(f64::NAN);
            BarSeries {
                label: (*label).to_owned(),
                values: names.iter().map(value).collect(),
                errors: Vec::new(),
            }
        });
        Bars {
            x: "layer".to_owned(),
            y: what.title().to_owned(),
            series: series.collect(),
            categories: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// All numbers of all layers, and what they are exact for.
    pub fn table(&self) -> Table {
        let columns = [
            "layer",
            "network",
            "weight",
            "input",
            "values",
            "largest",
            "smallest",
            "rank",
            "stable rank",
            "exact for",
        ];
        let names = self.layers();
        let cells = names.iter().flat_map(|name| {
            self.0.iter().filter_map(move |(label, spectrum, _)| Some((*label, spectrum.layer(name)?)))
        });
        let rows = cells.map(|(label, layer)| {
            let shape: Vec<String> = layer.shape.iter().map(usize::to_string).collect();
            let groups = match layer.groups {
                1 => String::new(),
                groups => format!(", {groups} groups"),
            };
            let wraps = if layer.wraps { ", kernel larger than its input" } else { "" };
            vec![
                layer.name.clone(),
                label.to_owned(),
                shape.join(" x ") + &groups,
                format!("{0} x {0}", layer.side),
                layer.values.to_string(),
                number::fixed(layer.norm, 6),
                number::significant(layer.smallest, 4),
                layer.rank.to_string(),
                number::or_absent(layer.stable_rank, |rank| number::fixed(rank, 1)),
                format!("{}{wraps}", layer.exact_for.words()),
            ]
        });
        Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
    }
}
