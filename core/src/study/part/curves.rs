//! What finished runs said while they trained: learning curves, shuffled blocks, epochs of pre-training (paper, Figures 2, 3
//! and 7).

use super::Context;
use crate::analysis::curves::{Choice, Summary, learning_curves, pretraining, shuffles};
use crate::error::Result;
use crate::study::section::Section;

/// Curves over the epochs, a chart for each tag.
pub(super) fn learning(tags: &[String], keys: &str, context: &Context) -> Result<Section> {
    let mut section = Section::default();
    let mut charts = Vec::new();
    for tag in tags {
        let curves = learning_curves(context.base, keys, tag, context.registry)?;
        charts.push(super::figure(&format!("curves-{}", tag.replace('/', "-")), curves.chart()));
        section.commands.push(command("curves", keys, context) + &format!(" --tag {tag}"));
    }
    section.row(charts, "Epoch 0 is before training; bands are the deviation over instances of a key.");
    Ok(section)
}

/// The relative accuracy drop and the mean training accuracy by block size.
pub(super) fn shuffled(keys: &str, context: &Context) -> Result<Section> {
    let result = shuffles(context.base, keys, Choice::default(), context.registry)?;
    Ok(summary("shuffles", keys, &result, context))
}

/// Final and mean training accuracy by the epoch of pre-training.
pub(super) fn pretrained(keys: &str, context: &Context) -> Result<Section> {
    let result = pretraining(context.base, keys, Choice::default(), context.registry)?;
    Ok(summary("pretraining", keys, &result, context))
}

fn summary(name: &str, keys: &str, summary: &impl Summary, context: &Context) -> Section {
    let mut section = Section::default();
    let figures = summary.figures().into_iter().map(|(file, figure)| (format!("{name}-{file}"), figure));
    let notes = summary.notes().join(" ");
    section.row(figures.collect(), &notes);
    section.table(name, summary.table(), "");
    section.commands.push(command(name, keys, context));
    section
}

fn command(name: &str, keys: &str, context: &Context) -> String {
    format!("runner {name} '{keys}' -b {}", context.base.display())
}
