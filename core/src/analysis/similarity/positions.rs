//! HSICs of positions: second moments of the channels of every two units that are compared, summed over images.

use std::ops::Range;

use burn::tensor::Tensor;

use super::estimator::Estimator;
use super::extract::Extraction;
use super::hsics::Hsics;
use super::plan::{forward, image_bytes};
use super::unit::Choice;
use crate::error::{Error, Result};
use crate::evaluate::values;
use crate::number;

/// What is held at once.
pub(super) struct Plan {
    /// Images of one forward pass.
    images: usize,
    /// What each pass over the images collects: pairs of units.
    passes: Vec<Vec<[usize; 2]>>,
    /// Memory for all, bytes.
    pub bytes: usize,
}

impl Plan {
    /// Fits the pairs of units that have one height and width into `memory` bytes.
    ///
    /// # Errors
    /// [`Error::Usage`] with what is needed at least.
    pub fn new(choice: &Choice, shapes: &[[usize; 3]], memory: usize) -> Result<Self> {
        let units = shapes.len();
        let moments = |[one, two]: &[usize; 2]| {
            // Summed in double precision; a batch's in single.
            let rows = |unit: usize| shapes[unit][2] + EXTRA;
            rows(*one) * rows(*two) * (size_of::<f64>() + size_of::<f32>())
        };
        let all = (0..units).flat_map(|one| (one..units).map(move |two| [one, two]));
        let is_compared =
            |[one, two]: &[usize; 2]| choice.compares(*one, *two) && shapes[*one][..2] == shapes[*two][..2];
        let mut pairs: Vec<[usize; 2]> = all.filter(is_compared).collect();
        // Pairs of one grid together: the same modules serve many of them.
        pairs.sort_by_key(|[one, _]| std::cmp::Reverse(shapes[*one][..2].to_vec()));
        // The features of all units of a pass are held together, at most those of all.
        let widths = || shapes.iter().map(|shape| shape.iter().product::<usize>());
        let features: usize = widths().sum();
        let image = image_bytes(widths()) + 2 * features * size_of::<f32>();
        let largest = pairs.iter().map(moments).max().unwrap_or(0);
        let least = image + largest;
        if memory < least {
            return Err(Error::usage(format!(
                "{} are too little: the moments of one pair of modules and the features of one image take {}; allow more with \
                 --memory, or choose fewer modules with --modules",
                number::bytes(memory as u64),
                number::bytes(least as u64)
            )));
        }
        let images = forward(image, memory - least);
        let room = memory - images * image;
        let (mut passes, mut taken, mut most): (Vec<Vec<[usize; 2]>>, usize, usize) = (Vec::new(), 0, 0);
        for pair in pairs {
            let bytes = moments(&pair);
            match passes.last_mut() {
                Some(pass) if taken + bytes <= room => pass.push(pair),
                _ => {
                    passes.push(vec![pair]);
                    taken = 0;
                }
            }
            taken += bytes;
            most = most.max(taken);
        }
        Ok(Self { images, passes, bytes: images * image + most })
    }

    /// Passes over the images, of all networks together.
    pub fn count(&self, choice: &Choice) -> usize {
        let networks = |pass: &Vec<[usize; 2]>| {
            (0..choice.networks).filter(|network| !units_of(choice, pass, *network).is_empty()).count()
        };
        self.passes.iter().map(networks).sum()
    }
}

/// The units of a network that some pairs need.
fn units_of(choice: &Choice, pairs: &[[usize; 2]], network: usize) -> Vec<usize> {
    choice.of(network).filter(|unit| pairs.iter().any(|pair| pair.contains(unit))).collect()
}

/// Adds the HSIC of every two units that are compared, over the positions of `samples`.
pub(super) fn add_hsics(
    extraction: &Extraction,
    choice: &Choice,
    plan: &Plan,
    samples: &[usize],
    estimator: Estimator,
    hsics: &mut Hsics,
) -> Result<()> {
    for pairs in &plan.passes {
        let mut moments: Vec<Option<Moments>> = pairs.iter().map(|_| None).collect();
        let mut first: Vec<Option<Tensor<2>>> = vec![None; choice.units.len()];
        for samples in samples.chunks(plan.images) {
            let mut features: Vec<Option<Tensor<2>>> = vec![None; choice.units.len()];
            for network in 0..choice.networks {
                let units = units_of(choice, pairs, network);
                let stages: Vec<usize> = units.iter().map(|unit| choice.units[*unit].stage).collect();
                if stages.is_empty() {
                    continue;
                }
                extraction.show(network, samples, &stages, |stage, x| {
                    let same = units.iter().find(|unit| choice.units[**unit].stage == stage);
                    if let Some(&unit) = same {
                        features[unit] = Some(extended(x, &mut first[unit]));
                    }
                    Ok(())
                })?;
            }
            for ([one, two], moments) in pairs.iter().zip(&mut moments) {
                extraction.job.check()?;
                let (Some(x), Some(y)) = (&features[*one], &features[*two]) else { continue };
                let channels = [x.dims()[1] - EXTRA, y.dims()[1] - EXTRA];
                let products = values(x.clone().transpose().matmul(y.clone()))?;
                let sums =
                    moments.get_or_insert_with(|| Moments { channels, sums: vec![0.0; products.len()] });
                sums.sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += f64::from(product));
            }
        }
        for ([one, two], moments) in pairs.iter().zip(moments) {
            let hsic = moments.map_or(f64::NAN, |moments| moments.hsic(estimator));
            if !hsic.is_finite() {
                return Err(extraction.not_finite(choice, *one.max(two)));
            }
            hsics.add(*one, *two, hsic);
        }
    }
    Ok(())
}

/// Columns beside the channels: squared norm, one.
const EXTRA: usize = 2;

/// Channels of each position, less those of the first position of all; then their squared norm, and one. Products of such columns
/// hold all sums that HSIC needs.
///
/// # Shapes
/// - features: `[images, height, width, channels]`
/// - result: `[images * height * width, channels + 2]`
fn extended(features: Tensor<4>, first: &mut Option<Tensor<2>>) -> Tensor<2> {
    let x = features.flatten::<2>(0, 2);
    let first = first.get_or_insert_with(|| x.clone().narrow(0, 0, 1));
    let x = x - first.clone();
    let norms = x.clone().powi_scalar(2).sum_dim(1);
    let ones = norms.ones_like();
    Tensor::cat(vec![x, norms, ones], 1)
}

/// Sums over positions of products of the columns of two units.
struct Moments {
    channels: [usize; 2],
    /// `[channels + 2, channels + 2]`.
    sums: Vec<f64>,
}

impl Moments {
    /// HSIC, or HSIC_1, written in sums over examples: of the examples' own products `x x^T`, `y y^T`, of norms, and of both.
    fn hsic(&self, estimator: Estimator) -> f64 {
        let [rows, columns] = self.channels;
        let at = |row: usize, column: usize| self.sums[row * (columns + EXTRA) + column];
        let (norm, one) = (|channels: usize| channels, |channels: usize| channels + 1);
        let n = at(one(rows), one(columns));
        let all = |range: Range<usize>, value: &dyn Fn(usize) -> f64| range.map(value).sum::<f64>();
        let (sum_x, sum_y) = (|i: usize| at(i, one(columns)), |j: usize| at(one(rows), j));
        if estimator == Estimator::Exact {
            let covariance = |i: usize, j: usize| at(i, j) - sum_x(i) * sum_y(j) / n;
            return all(0..rows, &|i| all(0..columns, &|j| covariance(i, j).powi(2)));
        }
        let squares = all(0..rows, &|i| all(0..columns, &|j| at(i, j).powi(2)));
        let between = all(0..rows, &|i| sum_x(i) * all(0..columns, &|j| at(i, j) * sum_y(j)));
        let norms_xy = at(norm(rows), norm(columns));
        let (norms_x, norms_y) = (at(norm(rows), one(columns)), at(one(rows), norm(columns)));
        let total_x = all(0..rows, &|i| sum_x(i).powi(2)) - norms_x;
        let total_y = all(0..columns, &|j| sum_y(j).powi(2)) - norms_y;
        // Sums over examples of (row sum of K without the diagonal) times (the same of L).
        let rows_xy = between
            - all(0..columns, &|j| at(norm(rows), j) * sum_y(j))
            - all(0..rows, &|i| at(i, norm(columns)) * sum_x(i))
            + norms_xy;
        let trace = squares - norms_xy;
        (trace + total_x * total_y / ((n - 1.0) * (n - 2.0)) - 2.0 * rows_xy / (n - 2.0)) / (n * (n - 3.0))
    }
}
