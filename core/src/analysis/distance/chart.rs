//! Tables and figures of distances.

use std::path::Path;

use super::{Distance, Distances, Length, Pair, Reference, Trajectory};
use crate::error::Result;
use crate::figure::{BarSeries, Bars, Chart, Figure as _, HeatMap, Series, Table};
use crate::file::write_atomically;
use crate::number;

/// What is measured of a whole network: its name, the vertical axis, and the number.
type Total = (&'static str, &'static str, fn(&Distance) -> Length);

const TOTALS: [Total; 3] = [
    ("sum_of_tensors", "sum of the tensors' l2 distances", |distance| distance.sum_of_tensors),
    ("sum_of_modules", "sum of the modules' l2 distances", |distance| distance.sum_of_modules),
    ("global", "l2 distance", |distance| distance.global),
];

/// A distance as tables show it.
fn digits(length: f64) -> String {
    number::fixed(length, 4)
}

fn percent(length: Length) -> String {
    number::or_absent(length.relative, |relative| number::percent(100.0 * relative))
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The distance of a module; NaN if it is left out.
fn of_module(distance: &Distance, name: &str) -> f64 {
    distance.modules.iter().find(|part| part.name == name).map_or(f64::NAN, |part| part.distance.l2)
}

/// Names of all modules that are compared or left out.
fn modules(distance: &Distance) -> Vec<String> {
    distance.modules.iter().map(|part| &part.name).chain(&distance.left_out).cloned().collect()
}

/// The distance of each module, bottom to top, as bars for each labelled pair; all must be of one architecture.
pub fn module_bars<'a>(pairs: impl Iterator<Item = (String, &'a Distance)> + Clone) -> Bars {
    let categories = pairs.clone().next().map(|(_, distance)| modules(distance)).unwrap_or_default();
    let series = pairs.map(|(label, distance)| BarSeries {
        label,
        values: categories.iter().map(|name| of_module(distance, name)).collect(),
        errors: Vec::new(),
    });
    Bars { x: "module".to_owned(), y: "l2 distance".to_owned(), series: series.collect(), categories }
}

impl Distances {
    /// The distance of each module, a column for each pair; `labels` are those of the networks.
    pub fn modules(&self, labels: &[String]) -> Table {
        let pairs = self.pairs.iter().map(|pair| format!("{} to {}", labels[pair.one], labels[pair.two]));
        let names = self.pairs.first().map(|pair| modules(&pair.distance)).unwrap_or_default();
        let rows = names.into_iter().map(|name| {
            let cells = self.pairs.iter().map(|pair| of_module(&pair.distance, &name));
            let cells = cells.map(|value| if value.is_nan() { "left out".to_owned() } else { digits(value) });
            let cells: Vec<String> = cells.collect();
            [vec![name], cells].concat()
        });
        Table { rows: rows.collect(), columns: std::iter::once("module".to_owned()).chain(pairs).collect() }
    }

    /// The distances of whole networks, a row for each pair.
    pub fn totals(&self, labels: &[String]) -> Table {
        let rows = self.pairs.iter().map(|pair| {
            let totals = TOTALS.iter().map(|(.., total)| total(&pair.distance));
            let cells = totals.flat_map(|length| [digits(length.l2), percent(length)]);
            [&labels[pair.one], &labels[pair.two]].into_iter().cloned().chain(cells).collect()
        });
        let columns =
            ["one", "two", "sum of tensors", "% of one", "sum of modules", "% of one", "global", "% of one"];
        Table { rows: rows.collect(), columns: owned(&columns) }
    }

    /// Every tensor of every pair.
    fn tensors(&self, labels: &[String]) -> Table {
        let rows = self.pairs.iter().flat_map(|pair| {
            pair.distance.tensors.iter().map(|part| {
                let [one, two] = [pair.one, pair.two].map(|place| labels[place].clone());
                let relative = part.distance.relative.map(number::csv).unwrap_or_default();
                vec![one, two, part.name.clone(), number::csv(part.distance.l2), relative]
            })
        });
        Table { rows: rows.collect(), columns: owned(&["one", "two", "tensor", "l2", "relative"]) }
    }

    /// The distance of each module as bars for each pair; see [`module_bars`].
    pub fn chart(&self, labels: &[String]) -> Bars {
        let label = |pair: &Pair| format!("{} to {}", labels[pair.one], labels[pair.two]);
        module_bars(self.pairs.iter().map(|pair| (label(pair), &pair.distance)))
    }

    /// The distances of whole networks, each to each.
    fn matrix(&self, (_, title, total): Total, labels: &[String]) -> HeatMap {
        let mut values = vec![vec![0.0; labels.len()]; labels.len()];
        for pair in &self.pairs {
            let distance = total(&pair.distance).l2;
            values[pair.one][pair.two] = distance;
            values[pair.two][pair.one] = distance;
        }
        HeatMap {
            x: "network".to_owned(),
            y: "network".to_owned(),
            unit: title.to_owned(),
            columns: labels.to_vec(),
            rows: labels.to_vec(),
            values,
            range: None,
            title: String::new(),
        }
    }

    /// Writes `tensors.csv`, `totals.csv`, and as SVG, PNG and CSV the modules, and of three networks or more the totals.
    ///
    /// # Errors
    /// Those of [`crate::figure::Figure::save`].
    pub fn save_figures(&self, labels: &[String], folder: &Path) -> Result<()> {
        save_table(&self.tensors(labels), &folder.join("tensors.csv"))?;
        save_table(&self.totals(labels), &folder.join("totals.csv"))?;
        self.chart(labels).save(&folder.join("modules"))?;
        if labels.len() > 2 {
            for total in TOTALS {
                self.matrix(total, labels).save(&folder.join(total.0))?;
            }
        }
        Ok(())
    }
}

impl Trajectory {
    /// What there is a distance from.
    fn references(&self) -> Vec<Reference> {
        let is_there = |reference: &Reference| self.steps.iter().any(|step| step.from(*reference).is_some());
        Reference::ALL.into_iter().filter(is_there).collect()
    }

    /// The distances of whole networks, a row for each epoch.
    pub fn table(&self) -> Table {
        let references = self.references();
        let rows = self.steps.iter().map(|step| {
            let lengths = references.iter().filter_map(|reference| step.from(*reference));
            let cells = lengths.flat_map(|distance| TOTALS.map(|(.., total)| digits(total(distance).l2)));
            std::iter::once(step.epoch.to_string()).chain(cells).collect()
        });
        let columns = references.iter().flat_map(|reference| {
            ["sum of tensors", "sum of modules", "global"]
                .map(|what| format!("to {}: {what}", reference.words()))
        });
        Table { rows: rows.collect(), columns: std::iter::once("epoch".to_owned()).chain(columns).collect() }
    }

    /// The distances of whole networks over epochs.
    fn chart(&self, (_, title, total): Total) -> Chart {
        let series = self.references().into_iter().map(|reference| {
            let points = self
                .steps
                .iter()
                .filter_map(|step| Some((step.epoch as f64, total(step.from(reference)?).l2)));
            Series::new(format!("to {}", reference.words()), points.collect())
        });
        Chart { x: "epoch".to_owned(), y: title.to_owned(), series: series.collect(), ..Chart::default() }
    }

    /// The distance of each module over epochs.
    fn module_map(&self, reference: Reference) -> HeatMap {
        let steps = self.steps.iter().filter_map(|step| Some((step.epoch, step.from(reference)?)));
        let (epochs, distances): (Vec<usize>, Vec<&Distance>) = steps.unzip();
        let rows = distances.first().map(|distance| modules(distance)).unwrap_or_default();
        let values =
            rows.iter().map(|name| distances.iter().map(|distance| of_module(distance, name)).collect());
        HeatMap {
            x: "epoch".to_owned(),
            y: "module".to_owned(),
            unit: "l2 distance".to_owned(),
            columns: epochs.iter().map(usize::to_string).collect(),
            values: values.collect(),
            rows,
            range: None,
            title: format!("to {}", reference.words()),
        }
    }

    /// Writes `totals.csv`, and as SVG, PNG and CSV the totals over epochs, and the modules over epochs from each reference.
    ///
    /// # Errors
    /// Those of [`crate::figure::Figure::save`].
    pub fn save_figures(&self, folder: &Path) -> Result<()> {
        save_table(&self.table(), &folder.join("totals.csv"))?;
        for total in TOTALS {
            self.chart(total).save(&folder.join(total.0))?;
        }
        for reference in self.references() {
            self.module_map(reference).save(&folder.join(format!("modules_{}", reference.name())))?;
        }
        Ok(())
    }
}

fn save_table(table: &Table, path: &Path) -> Result<()> {
    write_atomically(path, |file| file.write_all(table.csv().as_bytes()))
}
