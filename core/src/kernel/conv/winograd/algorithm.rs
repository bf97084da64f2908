//! Short convolutions by fewer multiplications (Winograd 1980; of images, Lavin and Gray 2016): inputs and weights are mapped
//! to some numbers each, these are multiplied one by one, and outputs are sums of the products.

use super::lanes::Lanes;

/// A linear map of `A` values to `B`.
pub trait Map<const A: usize, const B: usize> {
    /// The mapped values.
    fn map<L: Lanes>(x: [L; A]) -> [L; B];
}

/// `OUT` outputs of a convolution in one dimension, whose `IN` inputs and three weights are mapped to `MID` numbers each, as
/// [`Map`]s that are named after what they map: `output(input(x) * weight(w))`.
pub trait Scheme<const IN: usize, const MID: usize, const OUT: usize> {
    /// Source pixels before the first output, which padding covers.
    const BEFORE: usize;
    /// Maps inputs.
    type Input: Map<IN, MID>;
    /// Maps weights.
    type Weight: Map<3, MID>;
    /// Sums products.
    type Output: Map<MID, OUT>;
}

/// Four outputs by six multiplications: polynomials are multiplied at 0, ±3/4, ±3/2 and infinity. With these points the error
/// is half of that with the usual 0, ±1, ±2 and infinity.
pub struct Four;

impl Scheme<6, 6, 4> for Four {
    const BEFORE: usize = 1;
    type Input = FourInput;
    type Weight = FourWeight;
    type Output = FourOutput;
}

/// The points and their squares.
const A: f32 = 0.75;
const B: f32 = 1.5;
const AA: f32 = A * A;
const BB: f32 = B * B;

/// Of [`Four`].
pub struct FourInput;

impl Map<6, 6> for FourInput {
    #[inline(always)]
    fn map<L: Lanes>(x: [L; 6]) -> [L; 6] {
        let even = [x[2].times_plus(-BB, x[4]), x[2].times_plus(-AA, x[4])];
        let odd = [x[1].times_plus(-BB, x[3]), x[1].times_plus(-AA, x[3])];
        [
            x[0].times_plus(AA * BB, x[2].times_plus(-AA - BB, x[4])),
            odd[0].times_plus(A, even[0]),
            odd[0].times_plus(-A, even[0]),
            odd[1].times_plus(B, even[1]),
            odd[1].times_plus(-B, even[1]),
            x[1].times_plus(AA * BB, x[3].times_plus(-AA - BB, x[5])),
        ]
    }
}

/// Of [`Four`].
pub struct FourWeight;

impl Map<3, 6> for FourWeight {
    #[inline(always)]
    fn map<L: Lanes>(w: [L; 3]) -> [L; 6] {
        const SCALES: [f32; 2] = [0.5 / (AA * (AA - BB)), 0.5 / (BB * (BB - AA))];
        let even = [w[2].times_plus(AA, w[0]) * SCALES[0], w[2].times_plus(BB, w[0]) * SCALES[1]];
        let odd = [w[1] * (A * SCALES[0]), w[1] * (B * SCALES[1])];
        [
            w[0] * (1.0 / (AA * BB)),
            even[0] + odd[0],
            even[0] - odd[0],
            even[1] + odd[1],
            even[1] - odd[1],
            w[2],
        ]
    }
}

/// Of [`Four`].
pub struct FourOutput;

impl Map<6, 4> for FourOutput {
    #[inline(always)]
    fn map<L: Lanes>(m: [L; 6]) -> [L; 4] {
        let even = [m[1] + m[2], m[3] + m[4]];
        let odd = [m[1] - m[2], m[3] - m[4]];
        [
            m[0] + even[0] + even[1],
            odd[0].times_plus(A, odd[1] * B),
            even[0].times_plus(AA, even[1] * BB),
            odd[0].times_plus(A * AA, odd[1].times_plus(B * BB, m[5])),
        ]
    }
}

/// Two pixels with nothing but padding around them, by three multiplications.
pub struct Pair;

impl Scheme<2, 3, 2> for Pair {
    const BEFORE: usize = 0;
    type Input = PairInput;
    type Weight = PairWeight;
    type Output = PairOutput;
}

/// Of [`Pair`].
pub struct PairInput;

impl Map<2, 3> for PairInput {
    #[inline(always)]
    fn map<L: Lanes>(x: [L; 2]) -> [L; 3] {
        [x[0], x[0] + x[1], x[1]]
    }
}

/// Of [`Pair`].
pub struct PairWeight;

impl Map<3, 3> for PairWeight {
    #[inline(always)]
    fn map<L: Lanes>(w: [L; 3]) -> [L; 3] {
        [w[0] - w[1], w[1], w[2] - w[1]]
    }
}

/// Of [`Pair`].
pub struct PairOutput;

impl Map<3, 2> for PairOutput {
    #[inline(always)]
    fn map<L: Lanes>(m: [L; 3]) -> [L; 2] {
        [m[1] + m[2], m[1] + m[0]]
    }
}

/// Maps a square's rows, then its columns; the result is transposed.
#[inline(always)]
pub fn both_ways<M: Map<A, B>, L: Lanes, const A: usize, const B: usize>(square: [[L; A]; A]) -> [[L; B]; B] {
    let mut rows = [[square[0][0]; A]; B];
    for a in 0..A {
        let mapped = M::map(square[a]);
        for b in 0..B {
            rows[b][a] = mapped[b];
        }
    }
    let mut mapped = [[square[0][0]; B]; B];
    for b in 0..B {
        mapped[b] = M::map(rows[b]);
    }
    mapped
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{LANES, Single};
    use super::*;

    /// `output j = sum over k of x[j + k - (1 - before)] * w[k]`.
    fn check<S: Scheme<IN, MID, OUT>, const IN: usize, const MID: usize, const OUT: usize>() {
        // SAFETY: any machine has these.
        let value = |value: f32| unsafe { Single::load(&[value; LANES]) };
        for (position, weight) in (0..IN).flat_map(|p| (0..3).map(move |w| (p, w))) {
            let (mut x, mut w) = ([value(0.0); IN], [value(0.0); 3]);
            (x[position], w[weight]) = (value(2.0), value(3.0));
            let mut products = S::Input::map(x);
            for (product, weight) in products.iter_mut().zip(S::Weight::map(w)) {
                *product = *product * first(weight);
            }
            for (j, output) in S::Output::map(products).into_iter().enumerate() {
                let expected = if j + weight + S::BEFORE == position + 1 { 6.0 } else { 0.0 };
                assert!((first(output) - expected).abs() < 1e-5, "x{position} w{weight} y{j}");
            }
        }
    }

    fn first(value: Single) -> f32 {
        let mut floats = [0.0; LANES];
        value.store(&mut floats);
        floats[0]
    }

    #[test]
    fn schemes_are_convolutions() {
        check::<Four, 6, 6, 4>();
        check::<Pair, 2, 3, 2>();
    }
}
