//! The layer table of the paper's Table 1, and the heat map of all modules with all.

use super::{Features, Pair, Similarity};
use crate::figure::{HeatMap, Table};
use crate::number;

/// A row for each pair of networks, then one for each network with itself; a column for each layer.
pub fn table(similarity: &Similarity) -> Table {
    let names = similarity.names();
    let cell = |cka: &Option<f64>| number::or_undefined(*cka, number::fraction);
    let row = |pair: &Pair| -> Vec<String> {
        let [one, two] = pair.networks;
        let other = if one == two { "itself" } else { &names[two] };
        std::iter::once(format!("{} & {other}", names[one])).chain(pair.layers.iter().map(cell)).collect()
    };
    let columns = std::iter::once("CKA").chain(similarity.layers.iter().map(String::as_str));
    Table { columns: columns.map(str::to_owned).collect(), rows: similarity.pairs.iter().map(row).collect() }
}

/// The heat map of two networks; none for more.
pub fn heat_map(similarity: &Similarity) -> Option<HeatMap> {
    let [one, two] = &similarity.modules[..] else { return None };
    let pair = similarity.pairs.iter().find(|pair| pair.networks == [0, 1])?;
    let names = similarity.names();
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
