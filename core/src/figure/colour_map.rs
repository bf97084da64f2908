//! Numbers as colours: viridis, which rises evenly in lightness, so it reads in grey and by the colour-blind.

use super::style::Colour;

/// Red, green and blue at even steps from the lowest to the highest value (matplotlib's viridis).
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// The colour at a share of the way from the lowest to the highest value of a heat map.
pub fn colour(share: f64) -> Colour {
    let position = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let from = (position as usize).min(VIRIDIS.len() - 2);
    let part = position - from as f64;
    let mix = |channel: usize| {
        let [low, high] = [from, from + 1].map(|point| f64::from(VIRIDIS[point][channel]));
        (low + part * (high - low)).round() as u8
    };
    Colour([0, 1, 2].map(mix))
}

/// The whole map as a gradient named `viridis`, from bottom to top.
pub(super) fn gradient() -> String {
    let stop = |number: usize| {
        let share = number as f64 / (VIRIDIS.len() - 1) as f64;
        format!("<stop offset=\"{share}\" stop-color=\"{}\"/>", Colour(VIRIDIS[number]))
    };
    let stops: String = (0..VIRIDIS.len()).map(stop).collect();
    format!(
        "<defs><linearGradient id=\"viridis\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0\">{stops}</linearGradient></defs>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lightness_rises_with_the_value_so_that_the_map_reads_in_grey() {
        let lightness: Vec<f64> =
            (0..=100).map(|share| colour(f64::from(share) / 100.0).luminance()).collect();
        assert!(lightness.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!([colour(-1.0).0, colour(2.0).0], [VIRIDIS[0], VIRIDIS[8]]);
    }
}
