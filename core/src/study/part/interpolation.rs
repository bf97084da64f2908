//! The straight lines between networks (paper section 3.3 and Figure 4).

use super::{Context, Pair};
use crate::analysis::interpolation::{Metric, Request, chart, interpolate};
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
        let request =
            Request { one: &one, two: &two, coefficients, experiment, base: context.base, output: None };
        let (line, folder) = interpolate(&request, context.job)?;
        let at: Vec<String> = coefficients.iter().map(f64::to_string).collect();
        let (one, two, at) = (one.display(), two.display(), at.join(","));
        section
            .commands
            .push(format!("runner interpolate {one} {two} --coefficients={at} -o {}", folder.display()));
        if let Some(barrier) = line.barrier {
            let networks = vec![from.clone(), to.clone()];
            section.measures.push(Measure { quantity: Quantity::Barrier, networks, value: barrier.accuracy });
        }
        lines.push((label, line));
    }
    let labelled: Vec<_> = lines.iter().map(|(label, line)| (label.as_str(), line)).collect();
    let charts = [Metric::Accuracy, Metric::Loss].map(|metric| {
        let chart: Box<dyn Figure> = Box::new(chart(metric, &labelled));
        (format!("interpolation-{}", metric.name()), chart)
    });
    section.row(
        charts.into(),
        "Accuracy and loss on the test images of networks on a line: coefficient 0 is the first network, 1 the second.",
    );
    Ok(section)
}
