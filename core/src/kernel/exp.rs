//! The exponential function, in steps that the compiler turns into vector instructions.

/// `e^x` to within two units of the last place for x from -86 to 88.7; `e^-86` and `e^88.7` stand for what lies beyond. NaN stays
/// NaN.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    /// ln 2 in two parts, of which a small integer times the first is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -0.000_212_194_44];
    /// Added to a small number, it leaves the nearest integer in the last bits.
    const ROUND: f32 = 12_582_912.0;
    /// e^r for |r| <= ln 2 / 2: a fit of least relative error, 2e-9.
    const FIT: [f32; 6] = [1.0, 0.499_999_94, 0.166_664_32, 0.041_668, 0.008_374_162, 0.001_384_364_3];

    let x = if x < -86.0 { -86.0 } else { x };
    let x = if x > 88.72 { 88.72 } else { x };
    let rounded = x * LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    let tail = FIT[1] + r * (FIT[2] + r * (FIT[3] + r * (FIT[4] + r * FIT[5])));
    let fraction = 1.0 + (r + r * r * tail);
    // 2^n in two factors, of which each is a normal float.
    let half = (rounded.to_bits() << 23).wrapping_add(0x3F80_0000 - (1 << 23));
    fraction * f32::from_bits(half) * 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_standard_library() {
        let mut worst = 0.0f64;
        for step in 0..1_000_000 {
            let x = -86.0 + 174.5 * step as f32 / 1e6;
            let right = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) / right - 1.0).abs());
        }
        assert!(worst < 2.4e-7, "{worst:e}");
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NAN).is_nan());
        assert!((0.0..5e-38).contains(&exp(f32::NEG_INFINITY)) && exp(f32::INFINITY) > 3e38);
    }
}
