//! How far apart networks are in parameter space (paper section 3.4 and Table 2).

use super::{Context, Pair};
use crate::analysis::distance::{Distance, distances, module_bars};
use crate::error::Result;
use crate::figure::Table;
use crate::number;
use crate::study::claim::{Measure, Quantity};
use crate::study::section::Section;

/// Measures the pairs.
pub(super) fn measure(pairs: &[Pair], context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let mut results: Vec<(String, Distance)> = Vec::new();
    for (one, two) in pairs {
        let (first, experiment) = context.network(one)?;
        let (second, _) = context.network(two)?;
        section.commands.push(format!("runner distance {} {}", first.display(), second.display()));
        let arch = Some(experiment.model.arch.as_str());
        let (result, _) = distances(&[&first, &second], arch, context.base, context.job)?;
        for pair in result.pairs {
            let networks = vec![one.clone(), two.clone()];
            let value = pair.distance.sum_of_tensors.l2;
            section.measures.push(Measure { quantity: Quantity::Distance, networks, value });
            results.push((format!("{one} to {two}"), pair.distance));
        }
    }
    section.table(
        "distance",
        totals(&results),
        "Euclidean norms of differences. The sum over tensors is what the paper's Table 2 most likely shows; a head with other classes is \
         left out.",
    );
    let labelled = results.iter().map(|(label, distance)| (label.clone(), distance));
    section.row(
        vec![super::figure("distance-modules", module_bars(labelled))],
        "The distance of each module, its parameters as one vector.",
    );
    Ok(section)
}

fn totals(results: &[(String, Distance)]) -> Table {
    let columns = ["networks", "sum over tensors", "sum over modules", "all parameters", "left out"];
    let rows = results.iter().map(|(label, distance)| {
        let lengths = [distance.sum_of_tensors, distance.sum_of_modules, distance.global];
        let numbers = lengths.map(|length| number::fixed(length.l2, 2));
        let left_out = if distance.left_out.is_empty() {
            number::ABSENT.to_owned()
        } else {
            distance.left_out.join(", ")
        };
        std::iter::once(label.clone()).chain(numbers).chain([left_out]).collect()
    });
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}
