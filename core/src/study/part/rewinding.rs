//! One module at a time set back to where it started (paper section 3.5 and Figure 5).

use super::{Context, MEMORY};
use crate::analysis::measures::Metric;
use crate::analysis::named::Named;
use crate::analysis::rewinding::{Request, Rewinding, chart, rewind, table};
use crate::analysis::selection::Selection;
use crate::error::Result;
use crate::study::section::Section;

/// Rewinds each module of the networks to epoch 0 of their runs, and sets it to a fresh draw.
pub(super) fn measure(networks: &[String], redraw: bool, context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let seeds: &[u64] = if redraw { &[0] } else { &[] };
    let mut results: Vec<(&str, Rewinding)> = Vec::new();
    for name in networks {
        let (checkpoint, experiment) = context.network(name)?;
        let request = Request {
            checkpoint: &checkpoint,
            to: &[Named::Epoch(0)],
            seeds,
            modules: &[],
            selection: Selection::TEST,
            experiment,
            memory_bytes: MEMORY,
            base: context.base,
            output: None,
            watch: None,
        };
        let (result, folder) = rewind(&request, context.job)?;
        let redraw = if redraw { " --rerandomise 0" } else { "" };
        section.commands.push(format!(
            "runner rewind {}{redraw} -o {}",
            checkpoint.display(),
            folder.display()
        ));
        results.push((name, result));
    }
    let labelled: Vec<(&str, &Rewinding)> = results.iter().map(|(name, result)| (*name, result)).collect();
    let metric = results.first().map_or(Metric::Accuracy, |(_, result)| Metric::of_network(&result.none)[0]);
    section.row(
        vec![super::figure("rewinding", chart(metric, &labelled))],
        "Test images, after one module was set to its value before training, or to a fresh draw; `none` is the network itself.",
    );
    for (number, (name, result)) in results.iter().enumerate() {
        section.table(&format!("rewinding-{number}"), table(result), name);
    }
    Ok(section)
}
