//! The straight lines between networks (paper section 3.3 and Figure 4).

use super::{Context, Pair};
use crate::analysis::interpolation::{Request, barrier_table, chart, interpolate};
use crate::analysis::selection::Selection;
use crate::error::Result;
use crate::event::Event;
use crate::figure::Figure;
use crate::study::claim::{Measure, Quantity};
use crate::study::section::Section;

/// Measures the lines that are not measured yet.
pub(super) fn measure(pairs: &[Pair], coefficients: &[f64], context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let mut lines = Vec::new();
    for (from, to) in pairs {
        let (one, experiment) = context.network(from)?;
        let (two, _) = context.network(to)?;
        let label = format!("{from} to {to}");
        context.job.emit(Event::Note(format!("the line from {label}")));
        let (selection, base) = (Selection::TEST, context.base);
        let request = Request { coefficients, experiment, selection, base, output: None };
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
    let charts = metrics.into_iter().map(|metric| {
        let chart: Box<dyn Figure> = Box::new(chart(metric, &labelled));
        (format!("interpolation-{}", metric.name()), chart)
    });
    section.row(
        charts.collect(),
        "What is measured on the test images of networks on a line: coefficient 0 is the first network, 1 the second.",
    );
    section.table(
        "barriers",
        barrier_table(&labelled),
        "The barrier is the largest drop of the line below the chord between its ends: for a metric m at coefficient c, the \
         maximum of (1 - c) m(0) + c m(1) - m(c) over c in [0, 1], with the sign turned for the loss; from and to bound its \
         95 % bootstrap interval over the images.",
    );
    Ok(section)
}
