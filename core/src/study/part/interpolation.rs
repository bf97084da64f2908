//! The straight lines between networks, and the basins around them (paper section 3.3 and Figure 4).

use super::{Context, Pair};
use crate::analysis::basin::{self, Loss, STATEMENT, Settings, basin};
use crate::analysis::interpolation::{Request, barrier_table, bars, chart, interpolate};
use crate::analysis::measures::Metric;
use crate::analysis::selection::Selection;
use crate::error::Result;
use crate::event::Event;
use crate::study::claim::{Measure, Quantity};
use crate::study::section::Section;

/// Draws of noise for each end and delta of a basin.
const DRAWS: usize = 3;

/// Measures the lines that are not measured yet.
pub(super) fn measure(pairs: &[Pair], coefficients: &[f64], context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let mut lines = Vec::new();
    for (from, to) in pairs {
        let (one, experiment) = context.network(from)?;
        let (two, _) = context.network(to)?;
        let label = format!("{from} to {to}");
        context.job.emit(Event::Note(format!("the line from {label}")));
        let request = Request {
            coefficients,
            experiment,
            selection: Selection::TEST,
            base: context.base,
            output: None,
            watch: None,
        };
        let (line, folder) = interpolate(&one, &two, &request, context.job)?;
        let at: Vec<String> = coefficients.iter().map(f64::to_string).collect();
        let (one, two, at) = (one.display(), two.display(), at.join(","));
        section
            .commands
            .push(format!("runner interpolate {one} {two} --coefficients={at} -o {}", folder.display()));
        if let Some(barrier) = line.barrier {
            let networks = vec![from.clone(), to.clone()];
            section.measures.push(Measure {
                quantity: Quantity::Barrier,
                networks,
                value: barrier.accuracy.value,
            });
        }
        lines.push((label, line));
    }
    let labelled: Vec<_> = lines.iter().map(|(label, line)| (label.as_str(), line)).collect();
    let metrics = lines.first().map_or(Vec::new(), |(_, line)| line.metrics());
    let name = |what: &str, metric: Metric| format!("{what}-{}", metric.name());
    section.row(
        metrics
            .iter()
            .map(|metric| super::figure(&name("interpolation", *metric), chart(*metric, &labelled)))
            .collect(),
        "Networks on a line, measured on test images: coefficient 0 is the first network, 1 the second.",
    );
    section.row(
        metrics.iter().map(|metric| super::figure(&name("barrier", *metric), bars(*metric, &labelled))).collect(),
        "The barrier: how far the line falls below the chord between its ends, at most. Error bars span 95 % intervals of a bootstrap \
         over test images.",
    );
    section.table(
        "barriers",
        barrier_table(&labelled),
        "For a metric m at coefficient c, the barrier is the maximum of (1 - c) m(0) + c m(1) - m(c) over c in [0, 1], with the sign \
         turned for the loss.",
    );
    Ok(section)
}

/// Searches the basins of pairs of networks.
pub(super) fn basins(pairs: &[Pair], context: &Context) -> Result<Section> {
    let mut section = Section::default();
    for (number, (from, to)) in pairs.iter().enumerate() {
        let (one, experiment) = context.network(from)?;
        let (two, _) = context.network(to)?;
        let loss = Loss::ErrorRate;
        let request = basin::Request {
            loss,
            settings: Settings { tolerance: loss.tolerance(), draws: DRAWS },
            experiment,
            selection: Selection::TEST,
            base: context.base,
            output: None,
        };
        let (result, folder) = basin(&one, &two, &request, context.job)?;
        let (one, two) = (one.display(), two.display());
        section.commands.push(format!("runner basin {one} {two} --draws {DRAWS} -o {}", folder.display()));
        if let Some(found) = &result.found {
            let note = format!("{from} and {to}: {}. {STATEMENT}", found.verdict());
            section.table(&format!("basin-{number}"), basin::table(found), &note);
        }
    }
    Ok(section)
}
