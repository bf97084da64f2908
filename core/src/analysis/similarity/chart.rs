//! The layer table of the paper's Table 1, and the heat map of all modules with all.

use super::{Features, PairSimilarity, Similarity};
use crate::figure::{HeatMap, Table};
use crate::number;

/// CKA in digits.
fn cell(cka: &Option<f64>) -> String {
    number::or_undefined(*cka, number::fraction)
}

/// A row for each pair of networks, then one for each network with itself; a column for each layer.
pub fn table(similarity: &Similarity, names: &[String]) -> Table {
    let row = |pair: &PairSimilarity| -> Vec<String> {
        let [one, two] = pair.networks;
        let other = if one == two { "itself" } else { &names[two] };
        std::iter::once(format!("{} & {other}", names[one])).chain(pair.layers.iter().map(cell)).collect()
    };
    let columns = std::iter::once("CKA").chain(similarity.layers.iter().map(String::as_str));
    Table { columns: columns.map(str::to_owned).collect(), rows: similarity.pairs.iter().map(row).collect() }
}

/// The heat map of two networks; none for more.
pub fn heat_map(similarity: &Similarity, names: &[String]) -> Option<HeatMap> {
    let [one, two] = &similarity.modules[..] else { return None };
    let pair = similarity.pairs.iter().find(|pair| pair.networks == [0, 1])?;
    let values = pair.modules.iter().map(|row| row.iter().map(|cka| cka.unwrap_or(f64::NAN)).collect());
    Some(HeatMap {
        x: names[1].clone(),
        y: names[0].clone(),
        unit: "CKA".to_owned(),
        columns: two.clone(),
        rows: one.clone(),
        values: values.collect(),
        range: Some((0.0, 1.0)),
        title: match similarity.features {
            Features::Flat => "images as examples".to_owned(),
            Features::Position => "positions as examples".to_owned(),
        },
    })
}

/// A row for each comparison of two networks, with its label, and a column for each layer of the first.
pub fn layer_table<'a>(compared: impl Iterator<Item = (String, &'a Similarity)> + Clone) -> Table {
    let layers = compared.clone().next().map_or(&[][..], |(_, first)| &first.layers);
    let columns = std::iter::once("networks").chain(layers.iter().map(String::as_str)).map(str::to_owned);
    let rows = compared.filter_map(|(label, similarity)| {
        let layers = &similarity.pairs.first()?.layers;
        Some(std::iter::once(label).chain(layers.iter().map(cell)).collect())
    });
    Table { columns: columns.collect(), rows: rows.collect() }
}
