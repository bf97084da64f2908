//! How alike features are, layer by layer (paper section 3.2 and Table 1).

use super::{Context, MEMORY, Pair};
use crate::analysis::selection::Selection;
use crate::analysis::similarity::{Estimator, Features, Request, Similarity, heat_map, similarity};
use crate::error::Result;
use crate::figure::Table;
use crate::number;
use crate::study::claim::{Measure, Quantity};
use crate::study::section::Section;

/// Compares the networks of each pair on test images, all modules with all.
pub(super) fn measure(pairs: &[Pair], samples: Option<usize>, context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let mut results: Vec<(String, Similarity)> = Vec::new();
    for (one, two) in pairs {
        let (first, experiment) = context.network(one)?;
        let (second, _) = context.network(two)?;
        let [a, b] = [first.display(), second.display()];
        let selected = samples.map_or(String::new(), |samples| format!(" --samples {samples}"));
        section.commands.push(format!("runner similarity {a} {b}{selected}"));
        let request = Request {
            checkpoints: &[first, second],
            modules: &[],
            features: Features::Flat,
            estimator: Estimator::Exact,
            memory: MEMORY,
            selection: Selection { samples, ..Selection::TEST },
            experiment,
            base: context.base,
        };
        let (result, _) = similarity(&request, context.job)?;
        let layers: Vec<f64> = result.pairs[0].layers.iter().flatten().copied().collect();
        let value = layers.iter().sum::<f64>() / layers.len() as f64;
        let networks = vec![one.clone(), two.clone()];
        section.measures.push(Measure { quantity: Quantity::Similarity, networks, value });
        results.push((format!("{one} and {two}"), result));
    }
    section.table(
        "similarity",
        layers(&results),
        "Linear CKA of flattened features; 1 for features that differ by no more than a rotation and a scale.",
    );
    let maps = pairs.iter().zip(&results).enumerate().filter_map(|(number, ((one, two), (_, result)))| {
        let mut map = heat_map(result)?;
        (map.y, map.x) = (one.clone(), two.clone());
        Some(super::figure(&format!("similarity-{number}"), map))
    });
    section.row(maps.collect(), "Linear CKA of every module of one network with every module of the other.");
    Ok(section)
}

/// A row for each pair, and the mean over layers.
fn layers(results: &[(String, Similarity)]) -> Table {
    let names = results.first().map_or(&[][..], |(_, result)| &result.layers);
    let columns = std::iter::once("networks").chain(names.iter().map(String::as_str)).map(str::to_owned);
    let rows = results.iter().map(|(label, result)| {
        let cell = |cka: &Option<f64>| number::or_undefined(*cka, number::fraction);
        std::iter::once(label.clone()).chain(result.pairs[0].layers.iter().map(cell)).collect()
    });
    Table { columns: columns.collect(), rows: rows.collect() }
}
