//! Tests: the convolution agrees with sums in double precision, by Winograd's algorithms and without.

use rayon::ThreadPoolBuilder;

use super::winograd::is_faster;
use super::*;

/// Taps of a 3 x 3 filter.
const TAPS: usize = 9;

/// Numbers from -1 to 1 that look like chance (SplitMix64), so that few sums of products cancel.
fn values(count: usize, seed: u64) -> Vec<f32> {
    let number = |i: u64| {
        let mixed = (seed << 32 | i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count as u64).map(number).collect()
}

/// Calls `add(input pixel, output pixel, tap)` for all of an image that meet.
fn for_each_tap(g: &Geometry, mut add: impl FnMut(usize, usize, usize)) {
    for (image, y, x) in (0..g.batch * g.height * g.width)
        .map(|pixel| (pixel / g.width / g.height, pixel / g.width % g.height, pixel % g.width))
    {
        for tap in 0..TAPS {
            let (row, column) = ((y + tap / 3).wrapping_sub(1), (x + tap % 3).wrapping_sub(1));
            if row < g.height && column < g.width {
                let pixel = |y, x| (image * g.height + y) * g.width + x;
                add(pixel(row, column), pixel(y, x), tap);
            }
        }
    }
}

/// The differences' norm over that of what is exact.
fn error(values: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(values.len(), exact.len());
    let differences = values.iter().zip(exact).map(|(value, exact)| (f64::from(*value) - exact).powi(2));
    (differences.sum::<f64>() / exact.iter().map(|value| value * value).sum::<f64>()).sqrt()
}

/// Forward pass and image gradient agree with sums in double precision, and are the same with one thread and two.
#[track_caller]
fn check([batch, height, width, in_channels, out_channels]: [usize; 5], by_winograd: [bool; 2]) {
    let g = Geometry { batch, height, width, in_channels, out_channels, kernel: 3, stride: 1, padding: 1 };
    let swapped = Geometry { in_channels: out_channels, out_channels: in_channels, ..g };
    assert_eq!([is_faster(&g), is_faster(&swapped)], by_winograd);
    let images = values(g.in_pixels() * in_channels, 1);
    let weights = values(TAPS * in_channels * out_channels, 2);
    let residual = values(g.out_pixels() * out_channels, 3);
    let output_bias = values(out_channels, 4);
    let around = Surround { input_bias: 0.25, output_bias: &output_bias, relu: true };

    let mut sums: Vec<f64> =
        residual.iter().enumerate().map(|(i, r)| f64::from(r + output_bias[i % out_channels])).collect();
    let mut gradients = vec![0.0; images.len()];
    for_each_tap(&g, |from, to, tap| {
        for i in 0..in_channels {
            let weights = &weights[(tap * in_channels + i) * out_channels..][..out_channels];
            let input = f64::from(images[from * in_channels + i] + 0.25);
            let outputs = to * out_channels..(to + 1) * out_channels;
            for ((sum, weight), gradient) in
                sums[outputs.clone()].iter_mut().zip(weights).zip(&residual[outputs])
            {
                *sum += input * f64::from(*weight);
                gradients[from * in_channels + i] += f64::from(*gradient) * f64::from(*weight);
            }
        }
    });
    sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));

    let run = |threads: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let output = forward(&g, &images, &weights, Some(&residual), around);
            (output, image_gradient(&g, &weights, &residual))
        })
    };
    let (output, (gradient, total)) = run(2);
    assert_eq!((&output, &(gradient.clone(), total)), (&run(1).0, &run(1).1));
    for (values, exact) in [(&output, &sums), (&gradient, &gradients)] {
        let error = error(values, exact);
        // Direct sums of so many products are off by up to 3e-7, those of Winograd's algorithms by four times as much.
        assert!(error < 2e-6, "{g:?}: {error:e}");
    }
    let exact: f64 = gradients.iter().sum();
    let scale = gradients.iter().map(|gradient| gradient * gradient).sum::<f64>().sqrt();
    assert!((f64::from(total) - exact).abs() < 1e-4 * scale, "{total} {exact}");
}

#[test]
fn outputs_and_gradients_are_those_of_the_convolution() {
    check([1, 28, 28, 16, 64], [true, true]);
    check([5, 13, 15, 32, 70], [true, false]);
    check([48, 4, 4, 5, 16], [false, true]);
    check([50, 4, 4, 48, 144], [true, true]);
    check([48, 2, 2, 16, 5], [true, false]);
    check([100, 2, 2, 112, 80], [true, true]);
    check([40, 3, 3, 16, 16], [false, false]);
    check([2, 9, 6, 20, 3], [false, false]);
}
