//! The heat maps of Figure 6, bars of scores, and their tables.

use super::{Bound, Criticality, PathKind, Surface};
use crate::analysis::measures::Metric;
use crate::figure::{BarSeries, Bars, HeatMap, Table};
use crate::number::{self, ABSENT, significant};

/// A surface: from left to right the distance from the start, from bottom to top the noise.
pub fn heat_map(result: &Criticality, surface: &Surface, metric: Metric) -> HeatMap {
    let sigmas = &result.grid.sigmas;
    let columns = surface.points.chunks(sigmas.len());
    let values = (0..sigmas.len())
        .rev()
        .map(|row| columns.clone().map(|column| metric.of(&column[row].mean)).collect());
    let end = result.inputs.networks.last().map_or_else(String::new, |source| source.stem());
    HeatMap {
        x: format!("distance from the start, {} path", result.path),
        y: "standard deviation of the noise".to_owned(),
        unit: metric.title(&result.inputs.split),
        columns: columns.clone().map(|column| significant(column[0].distance, 3)).collect(),
        rows: sigmas.iter().rev().map(|sigma| significant(*sigma, 3)).collect(),
        values: values.collect(),
        range: None,
        title: format!("{} up to {end}", surface.module),
    }
}

/// A bar for each module, a series for each labelled network or path; all must have the same modules. The axis is
/// `log10(1 + mu)`: scores differ by powers of ten, and may be 0. An infinite one has no bar.
pub fn score_bars(results: &[(&str, &Criticality)]) -> Bars {
    let first = results.first().map(|(_, result)| *result);
    let scores =
        |result: &Criticality| result.modules.iter().map(|surface| surface.score.mu).collect::<Vec<_>>();
    let is_infinite = results.iter().flat_map(|(_, result)| scores(result)).any(f64::is_infinite);
    let height = |mu: f64| if mu.is_finite() { mu.ln_1p() / std::f64::consts::LN_10 } else { f64::NAN };
    let series = results.iter().map(|(label, result)| BarSeries {
        label: (*label).to_owned(),
        values: scores(result).into_iter().map(height).collect(),
        errors: Vec::new(),
    });
    Bars {
        x: if is_infinite { "module (no bar: infinite)" } else { "module" }.to_owned(),
        y: "log10(1 + criticality)".to_owned(),
        categories: first
            .map(|result| result.modules.iter().map(|surface| surface.module.clone()).collect())
            .unwrap_or_default(),
        series: series.collect(),
    }
}

/// A row for each module, and one for the network.
pub fn table(result: &Criticality) -> Table {
    let place = match result.path {
        PathKind::Direct => "alpha",
        PathKind::Optimisation => "epoch",
    };
    let columns = ["module", "distance", "criticality", place, "sigma"];
    let row = |surface: &Surface| {
        let (position, sigma) = match surface.score.at {
            Some((position, sigma)) => (significant(position, 4), significant(sigma, 4)),
            None => [ABSENT, ABSENT].map(str::to_owned).into(),
        };
        let mu = significant(surface.score.mu, 4);
        vec![surface.module.clone(), significant(surface.distance, 4), mu, position, sigma]
    };
    let mut rows: Vec<_> = result.modules.iter().map(row).collect();
    let sum = significant(result.network, 4);
    rows.push(["sum", ABSENT, &sum, ABSENT, ABSENT].map(str::to_owned).to_vec());
    Table { columns: columns.map(str::to_owned).to_vec(), rows }
}

/// The scores alone: a row for each module and one for the network, a column for each labelled result. All must have the same
/// modules.
pub fn score_table(results: &[(&str, &Criticality)]) -> Table {
    let modules = results.first().map_or(&[][..], |(_, result)| &result.modules);
    let names = modules.iter().map(|surface| surface.module.clone()).chain(["sum".to_owned()]);
    let rows = names.enumerate().map(|(row, name)| {
        let mu =
            |result: &Criticality| result.modules.get(row).map_or(result.network, |surface| surface.score.mu);
        std::iter::once(name).chain(results.iter().map(|(_, result)| significant(mu(result), 4))).collect()
    });
    let labels = results.iter().map(|(label, _)| (*label).to_owned());
    Table { columns: std::iter::once("module".to_owned()).chain(labels).collect(), rows: rows.collect() }
}

impl Criticality {
    /// The epsilon and where it comes from, in a sentence.
    pub fn epsilon_in_words(&self) -> String {
        let objective = self.rule.objective;
        let of_end = significant(self.rule.objective.of(&self.end), 4);
        match self.rule.bound {
            Bound::Relative(factor) => format!(
                "epsilon is {} ({factor} times the {objective} of the end, {of_end})",
                significant(self.epsilon, 4)
            ),
            Bound::Absolute(epsilon) => {
                format!("epsilon is {epsilon} (the {objective} of the end is {of_end})")
            }
        }
    }
}

/// All points with as many digits as a CSV has.
pub fn points_table(result: &Criticality) -> Table {
    let metrics = Metric::of_network(&result.end);
    let places = ["module", "position", "distance", "sigma"].map(str::to_owned);
    let heads =
        metrics.iter().flat_map(|metric| [metric.name().to_owned(), format!("{}_deviation", metric.name())]);
    let rows = result.modules.iter().flat_map(|surface| {
        surface.points.iter().map(|point| {
            let place = [point.position, point.distance, point.sigma].map(number::csv);
            let cells = metrics.iter().flat_map(|metric| {
                let deviation = point.deviation.map(|deviation| number::csv(metric.of(&deviation)));
                [number::csv(metric.of(&point.mean)), deviation.unwrap_or_default()]
            });
            std::iter::once(surface.module.clone()).chain(place).chain(cells).collect()
        })
    });
    Table { columns: places.into_iter().chain(heads).collect(), rows: rows.collect() }
}
