//! The measuring itself: all draws at all points, as far as the journal has not got them.

use std::time::{Duration, Instant};

use super::Criticality;
use super::perturbation::{Perturbation, Place};
use super::plan::Plan;
use super::samples::{Sample, Samples, at, draws};
use crate::analysis::journal::Journal;
use crate::analysis::measures::Measures;
use crate::analysis::statistics::TrainingImages;
use crate::analysis::sweep::{Sweep, Visit};
use crate::data::EvalImages;
use crate::error::Result;
use crate::job::Job;

/// Between two looks at the surfaces so far.
const LOOK: Duration = Duration::from_millis(250);

/// Measures what the journal lacks: the end itself, then the modules bottom to top, each surface once over for each draw.
/// `empty` is the result without points.
pub fn measure(
    plan: &Plan,
    images: impl FnOnce() -> Result<(EvalImages, Option<TrainingImages>)>,
    memory_bytes: usize,
    empty: &Criticality,
    journal: &mut Journal<Sample>,
    show: Option<&dyn Fn(Criticality)>,
    job: &Job,
) -> Result<()> {
    let places = |module: usize| {
        let all = (0..plan.grid.draws).flat_map(move |draw| {
            (0..plan.positions.len()).flat_map(move |position| {
                let sigmas = plan.grid.sigmas.iter().filter(move |sigma| draw < draws(plan, **sigma));
                sigmas.map(move |&sigma| Some(Place { module, position, sigma, draw }))
            })
        });
        Visit { module, keys: all.collect() }
    };
    let mut visits: Vec<_> = plan.modules.iter().map(|module| places(*module)).collect();
    // The end itself: any module has the values of the end.
    visits[0].keys.insert(0, None);
    let known = Samples::new(&journal.points);
    visits.iter_mut().for_each(|visit| visit.keys.retain(|place| known.get(plan, *place).is_none()));
    if visits.iter().all(|visit| visit.keys.is_empty()) {
        return Ok(());
    }

    let (images, training) = images()?;
    let sweep = Sweep {
        network: &plan.end,
        images: &images,
        memory_bytes,
        training: training.as_ref(),
        what: "criticality",
    };
    let mut perturbation = Perturbation::new(plan);
    let own = |index: &usize| plan.end.parameters[*index].clone();
    let values = |module: usize, place: &Option<Place>| match place {
        Some(place) => perturbation.values(*place),
        None => Ok(plan.end.arch.modules()[module].parameters.iter().map(own).collect()),
    };
    let mut shown: Option<Instant> = None;
    let take = |place: &Option<Place>, evaluation: &_| {
        let at = place.map(|place| at(plan, place));
        journal.add(Sample { at, measures: Measures::from(evaluation) })?;
        if let Some(show) = show
            && shown.is_none_or(|shown| shown.elapsed() > LOOK)
        {
            show(empty.filled(plan, &journal.points, false)?);
            shown = Some(Instant::now());
        }
        Ok(())
    };
    sweep.run(&visits, values, take, job)
}
