//! Axes: where a value stands between two ends, and which values are labelled.

use crate::number;

/// How values are spread over an axis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps.
    #[default]
    Linear,
    /// Equal factors; what is not positive has no place and is left out.
    Log,
}

/// Shortest extent that is divided into steps.
const MIN_EXTENT: f64 = 1e-300;

/// A labelled place: share of the way along the axis, and what stands there.
pub(super) type Tick = (f64, String);

/// From one end to the other, in powers of ten on a logarithmic axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Axis {
    /// Around all values that have a place, with a share of the length as margin on both sides.
    pub fn around(scale: Scale, values: impl IntoIterator<Item = f64>, margin: f64) -> Self {
        let placed = values.into_iter().filter_map(|value| place(scale, value));
        let (low, high) = placed.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        // Numbers that are closer than steps between them can be are one number.
        let is_apart = high - low > 1e-12 * low.abs().max(high.abs()) && high - low > MIN_EXTENT;
        let (low, high, margin) = if low > high || !(high - low).is_finite() {
            (0.0, 1.0, 0.0)
        } else if is_apart {
            (low, high, margin * (high - low))
        } else {
            (low, high, if scale == Scale::Log { 0.5 } else { 0.1 * low.abs().max(1.0) })
        };
        Self { scale, low: low - margin, high: high + margin }
    }

    /// With a share of the length more at each end that is not zero, where bars stand.
    pub fn padded(self, margin: f64) -> Self {
        let margin = margin * (self.high - self.low);
        let pad = |end: f64| if end == 0.0 { 0.0 } else { margin };
        Self { low: self.low - pad(self.low), high: self.high + pad(self.high), ..self }
    }

    /// From end to end.
    pub fn length(&self) -> f64 {
        self.high - self.low
    }

    /// Where a value stands: 0 at the low end, 1 at the high one.
    pub fn share(&self, value: f64) -> Option<f64> {
        Some((place(self.scale, value)? - self.low) / (self.high - self.low))
    }

    /// Round values, about as many as asked for.
    pub fn ticks(&self, count: usize) -> Vec<Tick> {
        let values = match self.scale {
            Scale::Linear => round_values(self.low, self.high, count),
            Scale::Log => self.log_values(count),
        };
        let step = values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let label = |value: f64| match self.scale {
            Scale::Linear => linear_label(value, step),
            Scale::Log => number::significant(value, 6),
        };
        values.into_iter().filter_map(|value| Some((self.share(value)?, label(value)))).collect()
    }

    fn log_values(&self, count: usize) -> Vec<f64> {
        let decades = self.high - self.low;
        let mantissas: &[f64] = if decades > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let stride = (decades / count as f64).ceil().max(1.0) as usize;
        let powers =
            (self.low.floor() as i32..=self.high.ceil() as i32).filter(|p| p.rem_euclid(stride as i32) == 0);
        let values =
            powers.flat_map(|power| mantissas.iter().map(move |mantissa| mantissa * 10f64.powi(power)));
        let inside = |value: &f64| (self.low - 1e-9..=self.high + 1e-9).contains(&value.log10());
        let values: Vec<f64> = values.filter(inside).collect();
        if values.len() > 1 {
            return values;
        }
        round_values(10f64.powf(self.low), 10f64.powf(self.high), count)
    }
}

fn place(scale: Scale, value: f64) -> Option<f64> {
    let placed = if scale == Scale::Log { value.log10() } else { value };
    placed.is_finite().then_some(placed)
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn round_values(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= 0.999 * rough);
    let step = factor.unwrap_or(10.0) * power;
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|multiple| multiple as f64 * step).collect()
}

/// With the decimals that tell values apart that are a step from each other.
pub(super) fn linear_label(value: f64, step: f64) -> String {
    if value != 0.0 && (value.abs() >= 1e6 || step < 1e-4) {
        return number::significant(value, 2);
    }
    let decimals =
        if step.is_finite() { (-(step * 1.0001).log10().floor()).clamp(0.0, 6.0) as usize } else { 2 };
    number::fixed(value, decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: Scale, values: &[f64], labels: &[&str]) {
        let ticks = Axis::around(scale, values.iter().copied(), 0.0).ticks(5);
        assert_eq!(ticks.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), labels);
        assert!(ticks.iter().all(|(share, _)| (-1e-9..=1.0 + 1e-9).contains(share)));
    }

    #[test]
    fn labels_are_round_and_tell_values_apart() {
        check(Scale::Linear, &[0.0, 100.0], &["0", "20", "40", "60", "80", "100"]);
        check(Scale::Linear, &[-0.1, f64::NAN, 0.1], &["-0.10", "-0.05", "0.00", "0.05", "0.10"]);
        check(Scale::Linear, &[80.93, 81.02], &["80.94", "80.96", "80.98", "81.00", "81.02"]);
        check(Scale::Log, &[1.0, 224.0], &["1", "2", "5", "10", "20", "50", "100", "200"]);
        check(Scale::Log, &[0.0, 1e-9, 1e3], &["1e-9", "1e-6", "0.001", "1", "1000"]);
        check(Scale::Log, &[3.1, 4.2], &["3.5", "4"]);
    }

    #[test]
    fn an_axis_without_extent_or_without_values_has_one() {
        let linear = [vec![3.0], vec![0.0, 1e-323], vec![1e200, 1e200 * (1.0 + 1e-15)], vec![-1e308, 1e308]];
        let log = [vec![3.0], vec![-1.0], vec![1e-323, 1e308]];
        let linear = linear.map(|values| (Scale::Linear, values));
        for (scale, values) in linear.into_iter().chain(log.map(|values| (Scale::Log, values))) {
            let axis = Axis::around(scale, values, 0.05);
            assert!(axis.low < axis.high && axis.ticks(5).len() > 1, "{axis:?}");
        }
        // So close to zero that no step fits between them.
        Axis::around(Scale::Log, [1e-323, 2e-323], 0.05).ticks(5);
    }
}
