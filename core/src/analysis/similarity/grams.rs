//! HSICs of whole images: Gram matrices of all units, then the inner products of these.

use std::ops::Range;

use rayon::prelude::*;

use super::estimator::{Estimator, Gram};
use super::extract::Extraction;
use super::hsics::Hsics;
use super::plan::{Plan, Slice};
use super::unit::Choice;
use crate::error::{Error, Result};
use crate::evaluate::values;
use crate::kernel::gram::add_gram;

/// Adds the HSIC of every two units that are compared, over `samples`.
pub(super) fn add_hsics(
    extraction: &Extraction,
    choice: &Choice,
    plan: &Plan,
    samples: &[usize],
    estimator: Estimator,
    hsics: &mut Hsics,
) -> Result<()> {
    let compute = |block: &Range<usize>| {
        let mut grams = Vec::new();
        for network in 0..choice.networks {
            grams.extend(grams_of(extraction, choice, plan, network, block, samples, estimator)?);
        }
        Ok::<_, Error>(grams)
    };
    let mut add = |ones: &[(usize, Gram)], twos: &[(usize, Gram)]| {
        let pairs: Vec<_> = ones.iter().flat_map(|one| twos.iter().map(move |two| (one, two))).collect();
        let wanted = pairs.into_par_iter().filter(|((one, _), (two, _))| choice.compares(*one, *two));
        let inner: Vec<_> = wanted.map(|((i, one), (j, two))| (*i, *j, one.inner(two))).collect();
        inner.into_iter().for_each(|(one, two, hsic)| hsics.add(one, two, hsic));
    };
    for (number, block) in plan.blocks.iter().enumerate() {
        let grams = compute(block)?;
        // Each pair inside the block once.
        for last in 0..grams.len() {
            add(&grams[..=last], &grams[last..=last]);
        }
        for other in plan.partners(choice, number) {
            add(&grams, &compute(other)?);
        }
    }
    Ok(())
}

/// The centred Gram matrices of a network's units in a block.
fn grams_of(
    extraction: &Extraction,
    choice: &Choice,
    plan: &Plan,
    network: usize,
    block: &Range<usize>,
    samples: &[usize],
    estimator: Estimator,
) -> Result<Vec<(usize, Gram)>> {
    let count = samples.len();
    let mut grams = Vec::new();
    let mut products = Vec::new();
    for slices in plan.passes(choice, network, block) {
        let mut held: Vec<Held> = slices.into_iter().map(|slice| Held::new(slice, count)).collect();
        let stages: Vec<usize> = held.iter().map(|held| choice.units[held.slice.unit].stage).collect();
        for (number, samples) in samples.chunks(plan.images).enumerate() {
            extraction.show(network, samples, &stages, |stage, x| {
                let same = |held: &&mut Held| choice.units[held.slice.unit].stage == stage;
                if let Some(held) = held.iter_mut().find(same) {
                    let width = x.dims()[1..].iter().product();
                    held.put(number * plan.images, values(x)?, width);
                }
                Ok(())
            })?;
        }
        for Held { slice, values, .. } in held {
            if slice.columns.start == 0 {
                products = vec![0.0; count * count];
            }
            add_gram(&values, count, &mut products);
            if slice.is_last {
                let gram = Gram::centred(&products, count, estimator);
                grams.push((slice.unit, gram.ok_or_else(|| extraction.not_finite(choice, slice.unit))?));
            }
        }
    }
    Ok(grams)
}

/// Columns of a unit's features, less those of the first image: features that are the same for every image become zero exactly,
/// and what is left has about the size of their differences, which single precision then resolves.
struct Held {
    slice: Slice,
    /// `[images, columns]`.
    values: Vec<f32>,
    first: Vec<f32>,
}

impl Held {
    fn new(slice: Slice, images: usize) -> Self {
        Self { values: vec![0.0; images * slice.columns.len()], first: Vec::new(), slice }
    }

    /// Takes `features` of some images, `[images, height * width * channels]`, as rows from `row` on.
    fn put(&mut self, row: usize, features: Vec<f32>, width: usize) {
        let Range { start, end } = self.slice.columns;
        if self.first.is_empty() {
            self.first = features[start..end].to_vec();
        }
        let rows = self.values[row * (end - start)..].par_chunks_exact_mut(end - start);
        rows.zip(features.par_chunks_exact(width)).for_each(|(held, features)| {
            for ((held, value), first) in held.iter_mut().zip(&features[start..end]).zip(&self.first) {
                *held = value - first;
            }
        });
    }
}
