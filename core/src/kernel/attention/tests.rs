//! Tests: attention and its gradients against the definition in double precision.

use super::*;

fn wave(count: usize, seed: f32) -> Vec<f32> {
    (0..count).map(|i| ((i as f32 + seed) * 12.9898).sin()).collect()
}

/// The definition, in double precision.
fn plain(shape: Shape, qkv: &[f64], rotation: Option<(&[f64], &[f64])>) -> Vec<f64> {
    let Shape { batch, tokens, heads, width } = shape;
    let place =
        |image, token, part, head| ((image * tokens + token) * 3 + part) * heads * width + head * width;
    let mut output = vec![0.0; batch * tokens * heads * width];
    for (image, head) in (0..batch).flat_map(|image| (0..heads).map(move |head| (image, head))) {
        let rows = |part: usize| -> Vec<Vec<f64>> {
            let row = |token: usize| {
                let row = &qkv[place(image, token, part, head)..][..width];
                let half = width / 2;
                let turned = |i: usize| match rotation {
                    Some((cosines, sines)) if part < 2 => {
                        let angle = token * half + i % half;
                        let other = if i < half { -row[i + half] } else { row[i - half] };
                        row[i] * cosines[angle] + other * sines[angle]
                    }
                    _ => row[i],
                };
                (0..width).map(turned).collect()
            };
            (0..tokens).map(row).collect()
        };
        let [queries, keys, values] = [0, 1, 2].map(rows);
        for (token, query) in queries.iter().enumerate() {
            let product = |key: &Vec<f64>| query.iter().zip(key).map(|(q, k)| q * k).sum::<f64>();
            let shares: Vec<f64> =
                keys.iter().map(|key| (product(key) / (width as f64).sqrt()).exp()).collect();
            let total: f64 = shares.iter().sum();
            for channel in 0..width {
                let sum: f64 = shares.iter().zip(&values).map(|(share, value)| share * value[channel]).sum();
                output[((image * tokens + token) * heads + head) * width + channel] = sum / total;
            }
        }
    }
    output
}

#[test]
fn values_and_gradients_are_those_of_the_definition() {
    for (batch, tokens, heads, width, is_turned) in
        [(2, 5, 2, 8, true), (1, 70, 1, 64, false), (1, 199, 2, 80, true), (1, 1, 1, 4, false)]
    {
        let shape = Shape { batch, tokens, heads, width };
        let qkv: Vec<f32> = wave(3 * batch * tokens * heads * width, 0.5).iter().map(|x| 2.0 * x).collect();
        let turns = wave(tokens * width / 2, 2.0);
        let cosines: Vec<f32> = turns.iter().map(|angle| angle.cos()).collect();
        let sines: Vec<f32> = turns.iter().map(|angle| angle.sin()).collect();
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|value| f64::from(*value)).collect() };
        let (wide_cosines, wide_sines) = (wide(&cosines), wide(&sines));
        let angles = Angles { cosines, sines };
        let angles = is_turned.then_some(&angles);
        let plain = |qkv: &[f64]| plain(shape, qkv, is_turned.then_some((&wide_cosines, &wide_sines)));

        let output = forward(shape, &qkv, angles);
        for (ours, right) in output.iter().zip(plain(&wide(&qkv))) {
            assert!((f64::from(*ours) - right).abs() < 1e-5, "{shape:?}: {ours} {right}");
        }
        let weights = wave(output.len(), 7.0);
        let slopes = gradient(shape, &qkv, angles, &weights);
        let weighted = |qkv: &[f64]| -> f64 {
            plain(qkv).iter().zip(&weights).map(|(value, weight)| value * f64::from(*weight)).sum()
        };
        for index in (0..qkv.len()).step_by(qkv.len() / 37 + 1) {
            let moved = |by: f64| {
                let mut qkv = wide(&qkv);
                qkv[index] += by;
                weighted(&qkv)
            };
            let right = (moved(1e-4) - moved(-1e-4)) / 2e-4;
            assert!((f64::from(slopes[index]) - right).abs() < 2e-5, "{shape:?}: {} {right}", slopes[index]);
        }
    }
}

#[test]
fn what_is_not_a_number_stays_in_its_image_and_head() {
    let shape = Shape { batch: 2, tokens: 3, heads: 2, width: 4 };
    let mut qkv = wave(2 * 3 * 24, 0.0);
    // A key of the first head of the second image.
    qkv[72 + 24 + 8] = f32::NAN;
    let output = forward(shape, &qkv, None);
    for (place, value) in output.iter().enumerate() {
        assert_eq!(value.is_nan(), place >= 24 && place % 8 < 4, "{place}");
    }
}
