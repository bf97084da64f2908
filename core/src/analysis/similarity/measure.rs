//! CKA of all units that are compared.

use super::extract::Extraction;
use super::hsics::Hsics;
use super::plan::{Plan, bytes_text};
use super::unit::Choice;
use super::{Features, Request, grams, positions};
use crate::error::Result;
use crate::event::Event;

/// Adds up the HSICs, after saying what memory and how many passes that takes.
pub(super) fn measure(extraction: &Extraction, choice: &Choice, request: &Request) -> Result<Hsics> {
    let shapes = extraction.shapes(choice)?;
    let batches = request.estimator.batches(extraction.images.len());
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
            bytes_text(bytes),
            bytes_text(request.memory),
        )));
    };
    match request.features {
        Features::Flat => {
            let widths = shapes.iter().map(|shape| shape.iter().product()).collect();
            let plan = Plan::new(widths, longest, request.memory)?;
            announce(plan.bytes, plan.count(choice));
            for batch in batches {
                grams::add_hsics(extraction, choice, &plan, &batch, request.estimator, &mut hsics)?;
            }
        }
        Features::Position => {
            let plan = positions::Plan::new(choice, &shapes, request.memory)?;
            announce(plan.bytes, plan.count(choice));
            for batch in batches {
                positions::add_hsics(extraction, choice, &plan, &batch, request.estimator, &mut hsics)?;
            }
        }
    }
    Ok(hsics)
}
