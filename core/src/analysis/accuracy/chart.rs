//! The tables and the figure of accuracies.

use super::{Accuracies, OnData};
use crate::figure::{BarSeries, Bars, Table};
use crate::number;

/// A group of bars for each network, a bar for each data set; error bars are 95 % intervals.
pub fn bars(accuracies: &Accuracies, names: &[String]) -> Bars {
    let series = |data: &OnData| BarSeries {
        label: data.name.clone(),
        values: data.accuracies.iter().map(|accuracy| accuracy.percent).collect(),
        errors: data.accuracies.iter().map(|accuracy| accuracy.interval).collect(),
    };
    Bars {
        x: "network".to_owned(),
        y: "accuracy %".to_owned(),
        categories: names.to_vec(),
        series: accuracies.data.iter().map(series).collect(),
    }
}

/// A row for each network on each data set.
pub fn table(accuracies: &Accuracies, names: &[String]) -> Table {
    let columns = ["network", "data", "accuracy %", "from", "to (95 %)", "loss"].map(str::to_owned).to_vec();
    let rows = names.iter().enumerate().flat_map(|(network, name)| {
        accuracies.data.iter().filter_map(move |data| {
            let (accuracy, loss) = (data.accuracies.get(network)?, data.losses.get(network)?);
            let [low, high] = accuracy.interval.map(number::percent);
            let digits = [number::percent(accuracy.percent), low, high, number::loss(loss.0)];
            Some([vec![name.clone(), data.name.clone()], digits.to_vec()].concat())
        })
    });
    Table { columns, rows: rows.collect() }
}

/// The mean over networks that differ in their replicate alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Mean {
    /// What their names have in common.
    pub method: String,
    /// The data set's name.
    pub data: String,
    /// Mean accuracy, percent.
    pub percent: f64,
    /// Standard deviation (of a sample), percentage points.
    pub deviation: f64,
    /// How many networks.
    pub replicates: usize,
}

/// The means over replicates, of methods with two or more.
pub fn means(accuracies: &Accuracies, names: &[String]) -> Vec<Mean> {
    let mut methods: Vec<String> = Vec::new();
    for method in names.iter().filter_map(|name| method(name)) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    let mean = |name: &String, data: &OnData| {
        let own =
            names.iter().zip(&data.accuracies).filter(|(network, _)| method(network).as_ref() == Some(name));
        let own: Vec<f64> = own.map(|(_, accuracy)| accuracy.percent).collect();
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let squares: f64 = own.iter().map(|value| (value - mean).powi(2)).sum();
        Mean {
            method: name.clone(),
            data: data.name.clone(),
            percent: mean,
            deviation: (squares / (count - 1.0)).sqrt(),
            replicates: own.len(),
        }
    };
    let all = methods.iter().flat_map(|method| accuracies.data.iter().map(move |data| mean(method, data)));
    all.filter(|mean| mean.replicates > 1).collect()
}

/// A row for each method and data set.
pub fn means_table(means: &[Mean]) -> Table {
    let columns = ["method", "data", "mean accuracy %", "replicates"].map(str::to_owned).to_vec();
    let row = |mean: &Mean| {
        let digits = number::with_deviation(mean.percent, Some(mean.deviation), number::percent);
        vec![mean.method.clone(), mean.data.clone(), digits, mean.replicates.to_string()]
    };
    Table { columns, rows: means.iter().map(row).collect() }
}

/// A network's name without the number of its replicate: `LP-FT` of `LP-FT 2`, and `LP-FT@0` of `LP-FT 2@0`.
fn method(name: &str) -> Option<String> {
    let (run, which) = name.split_at(name.find('@').unwrap_or(name.len()));
    let (method, replicate) = run.rsplit_once(' ')?;
    replicate.parse::<u64>().is_ok().then(|| format!("{method}{which}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::measures::Accuracy;

    #[test]
    fn networks_that_differ_in_their_replicate_have_a_mean() {
        let names = ["FT 1", "LP-FT 1@0", "FT 2", "LP-FT 2@0", "P"].map(str::to_owned);
        let mut accuracies = Accuracies::new(Vec::new());
        let found = [70, 60, 74, 60, 10].map(|right| (Accuracy::new(right, 100), 1.0));
        accuracies.add("real", found.to_vec());
        let means = means(&accuracies, &names);
        let found: Vec<_> =
            means.iter().map(|mean| (mean.method.as_str(), mean.percent, mean.replicates)).collect();
        assert_eq!(found, [("FT", 72.0, 2), ("LP-FT@0", 60.0, 2)]);
        assert_eq!((means[0].deviation, means[1].deviation), (8.0_f64.sqrt(), 0.0));
    }
}
