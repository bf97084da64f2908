//! Tables and figures of mistakes.

use super::comparison::{Comparison, Estimate};
use super::counts::Quadrant;
use super::record::{Mistakes, PairMistakes};
use crate::figure::{BarSeries, Bars, HeatMap, Table};
use crate::number;

/// Classes in one figure, those with most mistakes.
const SHOWN: usize = 20;

/// A row for each pair of networks.
pub fn pairs_table(result: &Mistakes) -> Table {
    table(None, result.pairs.iter().map(|pair| (result.names(pair).join(", "), None, &pair.all)))
}

/// A row for each class or finding of each pair.
pub fn parts_table(result: &Mistakes) -> Table {
    let rows = result.pairs.iter().flat_map(|pair| {
        let name = result.names(pair).join(", ");
        pair.parts.iter().map(move |part| (name.clone(), Some(part.name.clone()), part))
    });
    table(Some(&result.parts), rows)
}

fn table<'a>(
    part: Option<&str>,
    rows: impl Iterator<Item = (String, Option<String>, &'a Comparison)>,
) -> Table {
    let counts = ["both right", "only 1st wrong (g1)", "only 2nd wrong (g2)", "both wrong (g3)"];
    let numbers = [
        "uncommon of mistakes %",
        "alike of common %",
        "agreement %",
        "kappa, correctness",
        "kappa, answers",
    ];
    let columns = ["1st, 2nd"].into_iter().chain(part).chain(["decisions"]).chain(counts).chain(numbers);
    let row = |(names, part, comparison): (String, Option<String>, &Comparison)| {
        let Comparison { counts, .. } = comparison;
        let counts = [
            counts.decisions(),
            counts.both_right,
            counts.only_one_wrong,
            counts.only_two_wrong,
            counts.both_wrong,
        ];
        let percent = |estimate| digits(estimate, |share| number::percent(100.0 * share));
        let kappa = |estimate| digits(estimate, |kappa| number::fixed(kappa, 3));
        let numbers = [
            percent(comparison.uncommon),
            percent(comparison.alike),
            percent(comparison.agreement),
            kappa(comparison.kappa_of_correctness),
            kappa(comparison.kappa_of_answers),
        ];
        [names].into_iter().chain(part).chain(counts.map(|count| count.to_string())).chain(numbers).collect()
    };
    Table { columns: columns.map(str::to_owned).collect(), rows: rows.map(row).collect() }
}

fn digits(estimate: Option<Estimate>, digits: impl Fn(f64) -> String) -> String {
    let Some(Estimate { value, error }) = estimate else { return number::UNDEFINED.to_owned() };
    number::with_deviation(value, error, digits)
}

/// The contingency of two networks: the first's answers are the rows, the second's the columns, right before wrong.
pub fn contingency(comparison: &Comparison) -> HeatMap {
    let share = |quadrant| comparison.counts.share(quadrant).map_or(f64::NAN, |share| 100.0 * share);
    let answers = ["right", "wrong"].map(str::to_owned).to_vec();
    HeatMap {
        x: "2nd".to_owned(),
        y: "1st".to_owned(),
        unit: "share of decisions %".to_owned(),
        columns: answers.clone(),
        rows: answers,
        values: vec![
            vec![share(Quadrant::BothRight), share(Quadrant::OnlyTwoWrong)],
            vec![share(Quadrant::OnlyOneWrong), share(Quadrant::BothWrong)],
        ],
        range: Some((0.0, 100.0)),
        title: String::new(),
    }
}

/// Uncommon and common mistakes of each pair.
pub fn pairs_figure(result: &Mistakes) -> Bars {
    let pairs = result.pairs.iter().map(|pair| (result.names(pair).join(", "), &pair.all));
    bars("1st, 2nd", pairs.collect())
}

/// Uncommon and common mistakes of one pair by class or finding; of many classes those with most mistakes.
pub fn parts_figure(result: &Mistakes, pair: &PairMistakes) -> Bars {
    let mistakes = |part: &Comparison| part.counts.decisions() - part.counts.both_right;
    let mut parts: Vec<&Comparison> = pair.parts.iter().collect();
    let mut x = result.parts.clone();
    if parts.len() > SHOWN {
        x = format!("{x}, the {SHOWN} of {} with most mistakes", parts.len());
        parts.sort_by_key(|part| std::cmp::Reverse(mistakes(part)));
        parts.truncate(SHOWN);
    }
    bars(&x, parts.into_iter().map(|part| (part.name.clone(), part)).collect())
}

fn bars(x: &str, rows: Vec<(String, &Comparison)>) -> Bars {
    let series = |label: &str, share: fn(&Comparison) -> Option<Estimate>| {
        let shares: Vec<Option<Estimate>> = rows.iter().map(|(_, comparison)| share(comparison)).collect();
        let value = |share: &Option<Estimate>| share.map_or(f64::NAN, |share| 100.0 * share.value);
        let ends = |share: &Option<Estimate>| {
            let Some(Estimate { value, error: Some(error) }) = share else { return [f64::NAN; 2] };
            [100.0 * (value - error), 100.0 * (value + error)]
        };
        BarSeries {
            label: label.to_owned(),
            values: shares.iter().map(value).collect(),
            errors: shares.iter().map(ends).collect(),
        }
    };
    Bars {
        x: x.to_owned(),
        y: "share of decisions %".to_owned(),
        series: vec![
            series("only 1st wrong", |comparison| comparison.only_one_wrong),
            series("only 2nd wrong", |comparison| comparison.only_two_wrong),
            series("both wrong", |comparison| comparison.both_wrong),
        ],
        categories: rows.into_iter().map(|(name, _)| name).collect(),
    }
}
