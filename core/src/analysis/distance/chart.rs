//! Tables and figures of distances.

use super::{Distance, Distances, Length, PairDistance, Reference, Trajectory};
use crate::analysis::report::{FigureItem, FileNames, Report};
use crate::figure::{BarSeries, Bars, Chart, HeatMap, Series, Table};
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
fn module_bars<'a>(pairs: impl Iterator<Item = (String, &'a Distance)> + Clone) -> Bars {
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
    fn modules(&self, labels: &[String]) -> Table {
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
    fn totals(&self, labels: &[String]) -> Table {
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
    fn chart(&self, labels: &[String]) -> Bars {
        let label = |pair: &PairDistance| format!("{} to {}", labels[pair.one], labels[pair.two]);
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

    /// Adds `tensors.csv`, `totals.csv`, the modules, and of three networks or more the totals.
    pub(super) fn add_to(&self, report: &mut Report, labels: &[String]) {
        report.lead.push("l2 distance of each module".to_owned());
        report.table(FileNames::default(), self.modules(labels), "");
        report.table(FileNames::result("totals"), self.totals(labels), "");
        report.long_table(FileNames::result("tensors"), self.tensors(labels), "");
        report.row(vec![FigureItem::new(FileNames::result("modules"), self.chart(labels))], "");
        if labels.len() > 2 {
            let matrix =
                |total: Total| FigureItem::new(FileNames::result(total.0), self.matrix(total, labels));
            report.row(TOTALS.map(matrix).into(), "");
        }
    }
}

/// Adds what a study shows of labelled pairs.
pub(super) fn add_comparison(report: &mut Report, pairs: &[(String, &Distance)]) {
    let columns = ["networks", "sum over tensors", "sum over modules", "all parameters", "left out"];
    let rows = pairs.iter().map(|(label, distance)| {
        let numbers = TOTALS.iter().map(|(.., total)| number::fixed(total(distance).l2, 2));
        let left_out = if distance.left_out.is_empty() {
            number::ABSENT.to_owned()
        } else {
            distance.left_out.join(", ")
        };
        std::iter::once(label.clone()).chain(numbers).chain([left_out]).collect()
    });
    report.long_table(
        FileNames::study("distance"),
        Table { columns: owned(&columns), rows: rows.collect() },
        "Euclidean norms of differences. The sum over tensors is what the paper's Table 2 most likely shows; a head with other classes is \
         left out.",
    );
    let bars = module_bars(pairs.iter().cloned());
    report.row(
        vec![FigureItem::new(FileNames::study("distance-modules"), bars)],
        "The distance of each module, its parameters as one vector.",
    );
}

impl Trajectory {
    /// What there is a distance from.
    fn references(&self) -> Vec<Reference> {
        let is_there = |reference: &Reference| self.steps.iter().any(|step| step.from(*reference).is_some());
        Reference::ALL.into_iter().filter(is_there).collect()
    }

    /// The distances of whole networks, a row for each epoch.
    fn table(&self) -> Table {
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

    /// Adds `totals.csv`, the totals over epochs, and the modules over epochs from each reference.
    pub(super) fn add_to(&self, report: &mut Report) {
        report.table(FileNames::result("totals"), self.table(), "");
        let total = |total: Total| FigureItem::new(FileNames::result(total.0), self.chart(total));
        report.row(TOTALS.map(total).into(), "");
        let modules = |reference: Reference| {
            let files = FileNames::result(format!("modules_{}", reference.name()));
            FigureItem::new(files, self.module_map(reference))
        };
        report.row(self.references().into_iter().map(modules).collect(), "");
    }
}
