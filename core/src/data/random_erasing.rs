//! Random erasing (Zhong et al. 2020) of normalized images, as timm's `RandomErasing` does it.

use crate::config::ErasingMode;
use crate::random::Keyed;

/// Area of what is erased as a fraction of the image, smallest and largest (timm's default).
const AREA: (f64, f64) = (0.02, 1.0 / 3.0);
/// Height over width of what is erased, smallest and largest (timm's default).
const ASPECT: (f64, f64) = (0.3, 1.0 / 0.3);
/// Draws of a rectangle before the image stays as it is (timm).
const TRIES: usize = 10;

/// How images are erased.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RandomErasing {
    /// The probability that something of an image is erased.
    pub probability: f64,
    /// What stands there instead.
    pub mode: ErasingMode,
}

impl RandomErasing {
    /// Erases a rectangle of the normalized `[3, side, side]`, or nothing.
    pub(super) fn erase(self, values: &mut [f32], side: usize, draw: &mut Keyed) {
        if draw.uniform() > self.probability {
            return;
        }
        let Some([top, left, height, width]) = rectangle(side, draw) else { return };
        for channel in values.chunks_exact_mut(side * side) {
            let colour = if self.mode == ErasingMode::Rand { draw.normal() as f32 } else { 0.0 };
            for row in channel[top * side..].chunks_exact_mut(side).take(height) {
                row[left..left + width].iter_mut().for_each(|value| {
                    *value = if self.mode == ErasingMode::Pixel { draw.normal() as f32 } else { colour };
                });
            }
        }
    }
}

/// Top, left, height and width of a rectangle; `None` if none that was drawn fits.
fn rectangle(side: usize, draw: &mut Keyed) -> Option<[usize; 4]> {
    let area = (side * side) as f64;
    (0..TRIES).find_map(|_| {
        let target = area * draw.range(AREA.0, AREA.1);
        let aspect = draw.range(ASPECT.0.ln(), ASPECT.1.ln()).exp();
        let height = (target * aspect).sqrt().round_ties_even() as usize;
        let width = (target / aspect).sqrt().round_ties_even() as usize;
        let fits = height < side && width < side;
        fits.then(|| [draw.below(side - height + 1), draw.below(side - width + 1), height, width])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    const SIDE: usize = 32;

    /// How much of each of many images is erased, and with what.
    fn erased(probability: f64, mode: ErasingMode) -> (Vec<f64>, Vec<f32>) {
        let (mut areas, mut inside) = (Vec::new(), Vec::new());
        for sample in 0..2000 {
            // Nothing that is drawn.
            let mut values = vec![99.0; 3 * SIDE * SIDE];
            let draw = &mut Keyed::new(1, Purpose::Erase, 2, sample);
            RandomErasing { probability, mode }.erase(&mut values, SIDE, draw);
            let is_erased = |channel: usize| -> Vec<usize> {
                (0..SIDE * SIDE).filter(|at| values[channel * SIDE * SIDE + at] != 99.0).collect()
            };
            let places = is_erased(0);
            assert!(places == is_erased(1) && places == is_erased(2));
            let of = |part: fn(usize) -> usize| -> Vec<usize> {
                let mut parts: Vec<usize> = places.iter().map(|&at| part(at)).collect();
                parts.sort_unstable();
                parts.dedup();
                parts
            };
            let (rows, columns) = (of(|at| at / SIDE), of(|at| at % SIDE));
            assert_eq!(rows.len() * columns.len(), places.len(), "a rectangle");
            areas.push(places.len() as f64 / (SIDE * SIDE) as f64);
            inside.extend(values.into_iter().filter(|&value| value != 99.0));
        }
        (areas, inside)
    }

    #[test]
    fn rectangles_are_as_large_and_as_frequent_as_timms() {
        let (areas, values) = erased(0.25, ErasingMode::Pixel);
        let share = areas.iter().filter(|&&area| area > 0.0).count() as f64 / areas.len() as f64;
        assert!((share - 0.25).abs() < 0.03, "{share}");
        let (areas, mean) = erased(1.0, ErasingMode::Const);
        // Uniform from 0.02 to 0.333, less what does not fit at the largest and longest.
        let average = areas.iter().sum::<f64>() / areas.len() as f64;
        assert!((0.15..0.18).contains(&average), "{average}");
        assert!(areas.iter().all(|area| (0.012..0.35).contains(area)));
        assert!(mean.iter().all(|&value| value == 0.0));
        let deviation =
            (values.iter().map(|value| f64::from(value * value)).sum::<f64>() / values.len() as f64).sqrt();
        assert!((deviation - 1.0).abs() < 0.02, "{deviation}");
        let (_, colours) = erased(1.0, ErasingMode::Rand);
        let same = colours.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!(same as f64 > 0.9 * colours.len() as f64);
    }
}
