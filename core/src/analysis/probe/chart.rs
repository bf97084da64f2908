//! The tables and figures of probes.

use super::{ModuleProbe, Probe};
use crate::analysis::measures::{Accuracy, Metric};
use crate::figure::{BarSeries, Bars, Chart, Scale, Series, Table};
use crate::number;

/// The names of all modules, in the order of the first network that has them.
fn modules<'a>(probes: &[(&str, &'a Probe)]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for module in probes.iter().flat_map(|(_, probe)| &probe.modules) {
        if !names.contains(&module.module.as_str()) {
            names.push(&module.module);
        }
    }
    names
}

/// The split that accuracy is measured on.
fn split<'a>(probes: &[(&str, &'a Probe)]) -> &'a str {
    probes.first().map_or("test", |(_, probe)| &probe.inputs.split)
}

/// Accuracy of linear probes and of nearest neighbours by module, a bar for each labelled network; error bars are 95 % intervals.
pub fn accuracies(probes: &[(&str, &Probe)]) -> Bars {
    let names = modules(probes);
    let series = |label: &str, probe: &Probe, method: &str, of: fn(&ModuleProbe) -> Accuracy| {
        let found: Vec<Option<Accuracy>> = names.iter().map(|name| probe.module(name).map(of)).collect();
        BarSeries {
            label: if probes.len() > 1 { format!("{label}, {method}") } else { method.to_owned() },
            values: found.iter().map(|found| found.map_or(f64::NAN, |found| found.percent)).collect(),
            errors: found.iter().map(|found| found.map_or([f64::NAN; 2], |found| found.interval)).collect(),
        }
    };
    let of_network = |(label, probe): &(&str, &Probe)| {
        [
            series(label, probe, "linear", |module| module.linear),
            series(label, probe, "kNN", |module| module.neighbours),
        ]
    };
    Bars {
        x: "module".to_owned(),
        y: Metric::Accuracy.title(split(probes)),
        series: probes.iter().flat_map(of_network).collect(),
        categories: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Accuracy on held-out training images over the strength C, a line for each module of each labelled network.
pub fn strengths_chart(probes: &[(&str, &Probe)]) -> Chart {
    let line = |label: &str, module: &ModuleProbe| {
        let points = module.tried.iter().map(|tried| (tried.strength, tried.held_out.percent)).collect();
        let name =
            if probes.len() > 1 { format!("{label}, {}", module.module) } else { module.module.clone() };
        Series::new(name, points)
    };
    let lines =
        probes.iter().flat_map(|(label, probe)| probe.modules.iter().map(move |module| line(label, module)));
    Chart {
        x: "strength C".to_owned(),
        y: "held-out accuracy %".to_owned(),
        x_scale: Scale::Log,
        series: lines.collect(),
        ..Chart::default()
    }
}

/// A row for each module of each labelled network.
pub fn table(probes: &[(&str, &Probe)]) -> Table {
    let title = Metric::Accuracy.title(split(probes));
    let columns = [
        "network",
        "module",
        "width",
        &format!("linear {title}"),
        "from",
        "to (95 %)",
        "C",
        "held-out %",
        "train %",
        &format!("kNN {title}"),
        "from",
        "to (95 %)",
    ]
    .map(str::to_owned);
    let row = |label: &str, module: &ModuleProbe| {
        let digits = |accuracy: &Accuracy| {
            let [low, high] = accuracy.interval;
            [accuracy.percent, low, high].map(number::percent)
        };
        let chosen = module.tried.iter().find(|tried| tried.strength == module.strength);
        let [linear, from, to] = digits(&module.linear);
        let [voted, voted_from, voted_to] = digits(&module.neighbours);
        vec![
            label.to_owned(),
            module.module.clone(),
            module.width.to_string(),
            linear,
            from,
            to,
            number::significant(module.strength, 4),
            number::or_absent(chosen, |tried| number::percent(tried.held_out.percent)),
            number::percent(module.linear_on_train.percent),
            voted,
            voted_from,
            voted_to,
        ]
    };
    let rows =
        probes.iter().flat_map(|(label, probe)| probe.modules.iter().map(move |module| row(label, module)));
    Table { columns: columns.to_vec(), rows: rows.collect() }
}
