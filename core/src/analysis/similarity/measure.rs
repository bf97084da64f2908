//! CKA of all units that are compared.

use super::extract::Extraction;
use super::hsics::Hsics;
use super::plan::Plan;
use super::unit::Choice;
use super::{Estimator, Features, grams, positions};
use crate::error::Result;
use crate::event::Event;
use crate::number;

/// What is measured.
pub(super) struct Wanted {
    /// What an example is.
    pub features: Features,
    /// The estimate of CKA.
    pub estimator: Estimator,
    /// Memory that features and their products may take, bytes.
    pub memory: usize,
}

/// Adds up the HSICs, after saying what memory and how many passes that takes.
pub(super) fn measure(extraction: &Extraction, choice: &Choice, wanted: &Wanted) -> Result<Hsics> {
    let shapes = extraction.shapes(choice)?;
    let batches = wanted.estimator.batches(extraction.images.len());
    let longest = batches.iter().map(Vec::len).max().unwrap_or(0);
    let mut hsics = Hsics::new(choice.units.len());
    let announce = |bytes: usize, passes: usize| {
        extraction.expect(passes);
        extraction.job.emit(Event::Note(format!(
            "{} modules of {} networks on {} images: features and their products take {} of {}, the networks {passes} passes over \
             the images in all",
            choice.units.len(),
            choice.networks,
            extraction.images.len(),
            number::bytes(bytes as u64),
            number::bytes(wanted.memory as u64),
        )));
    };
    match wanted.features {
        Features::Flat => {
            let widths = shapes.iter().map(|shape| shape.iter().product()).collect();
            let plan = Plan::new(widths, longest, wanted.memory)?;
            announce(plan.bytes, plan.count(choice));
            for batch in batches {
                grams::add_hsics(extraction, choice, &plan, &batch, wanted.estimator, &mut hsics)?;
            }
        }
        Features::Position => {
            let plan = positions::Plan::new(choice, &shapes, wanted.memory)?;
            announce(plan.bytes, plan.count(choice));
            for batch in batches {
                positions::add_hsics(extraction, choice, &plan, &batch, wanted.estimator, &mut hsics)?;
            }
        }
    }
    Ok(hsics)
}
