//! Numbers as text: for a person in tables, figures and messages, and for other programs in CSV.

/// Stands for a value that cannot be computed, such as the area under a curve of a finding that no image has.
pub const UNDEFINED: &str = "undefined";
/// Stands for a value that is not there, such as the epoch of a run that has not begun.
pub const ABSENT: &str = "-";
/// Stands for a value that is too large, such as the loss of a network that overflows.
pub const INFINITE: &str = "infinite";

/// Significant digits in CSV: more than single precision holds, fewer than the rounding errors of double precision reach.
const CSV_DIGITS: usize = 10;

/// So many decimals.
pub fn fixed(value: f64, decimals: usize) -> String {
    if let Some(word) = not_finite(value) {
        return word;
    }
    let text = format!("{value:.decimals$}");
    let is_zero = text.bytes().all(|byte| b"-0.".contains(&byte));
    if is_zero { text.replace('-', "") } else { text }
}

/// A number of percent or of percentage points, without a unit: `71.25`.
pub fn percent(value: f64) -> String {
    fixed(value, 2)
}

/// A loss, nats: `0.6931`.
pub fn loss(value: f64) -> String {
    fixed(value, 4)
}

/// A similarity, an area under a curve, or another number of at most 1: `0.9375`.
pub fn fraction(value: f64) -> String {
    fixed(value, 4)
}

/// A number of things that is a mean or a rate, such as images a second: `1250`.
pub fn count(value: f64) -> String {
    fixed(value, 0)
}

/// So many significant digits, or more before the point; without zeros at the end. By powers of ten where it is far from 1.
pub fn significant(value: f64, digits: usize) -> String {
    if let Some(word) = not_finite(value) {
        return word;
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-3..1e6).contains(&value.abs()) {
        let text = format!("{value:.*e}", digits.saturating_sub(1));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", without_end_zeros(mantissa));
    }
    let before_point = value.abs().log10().floor() as i32 + 1;
    let decimals = usize::try_from(digits as i32 - before_point).unwrap_or(0);
    without_end_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// A number of any size: five significant digits.
pub fn general(value: f64) -> String {
    significant(value, 5)
}

/// A number of any size in a column of a terminal: four decimals, or powers of ten with as many.
pub fn column(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || (1e-3..1e5).contains(&size) || !size.is_finite() => fixed(value, 4),
        _ => format!("{value:.4e}"),
    }
}

/// A value and what it may be off, both written by `digits`: `71.25 ± 0.30`.
pub fn with_deviation(value: f64, deviation: Option<f64>, digits: impl Fn(f64) -> String) -> String {
    match deviation {
        Some(deviation) => format!("{} ± {}", digits(value), digits(deviation)),
        None => digits(value),
    }
}

/// A value written by `digits`, or [`UNDEFINED`].
pub fn or_undefined(value: Option<f64>, digits: impl Fn(f64) -> String) -> String {
    digits(value.unwrap_or(f64::NAN))
}

/// A value written by `digits`, or [`ABSENT`].
pub fn or_absent<T>(value: Option<T>, digits: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| ABSENT.to_owned(), digits)
}

/// A number of bytes: `20 MiB`, `1.50 GiB`. Rounded up: what needs so many bytes fits into the number that is read.
pub fn bytes(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1000.0 {
        format!("{:.0} MiB", mib.ceil())
    } else {
        format!("{:.2} GiB", (100.0 * mib / 1024.0).ceil() / 100.0)
    }
}

/// A number of seconds in two parts at most: `45 s`, `12 min`, `2 h 5 min`, `2 d 7 h`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (1..24, _) => format!("{hours} h {minutes} min"),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// The cell of a CSV: the value rounded to ten significant digits and then written as short as it can be, so that
/// `100 x 0.686` is `68.6` and not `68.60000000000001`. A whole number keeps all its digits; NaN is an empty cell.
pub fn csv(value: f64) -> String {
    if value.is_nan() {
        return String::new();
    }
    let rounded = match value.fract() {
        0.0 => value,
        // The text of a number is a number.
        _ => format!("{value:.*e}", CSV_DIGITS - 1).parse().unwrap_or(value),
    };
    match rounded.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-4 || (size >= 1e16 && size.is_finite()) => format!("{rounded:e}"),
        _ => rounded.to_string(),
    }
}

fn not_finite(value: f64) -> Option<String> {
    match value {
        _ if value.is_nan() => Some(UNDEFINED.to_owned()),
        f64::INFINITY => Some(INFINITE.to_owned()),
        f64::NEG_INFINITY => Some(format!("-{INFINITE}")),
        _ => None,
    }
}

fn without_end_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Copy>(write: impl Fn(T) -> String, cases: &[(T, &str)]) {
        for (value, text) in cases {
            assert_eq!(write(*value), *text);
        }
    }

    #[test]
    fn percentages_have_two_decimals() {
        check(
            percent,
            &[(68.60000000000001, "68.60"), (100.0, "100.00"), (-0.001, "0.00"), (-3.456, "-3.46")],
        );
        check(percent, &[(f64::NAN, "undefined"), (f64::INFINITY, "infinite")]);
    }

    #[test]
    fn losses_and_fractions_have_four_decimals() {
        check(loss, &[(0.651_742, "0.6517"), (f64::INFINITY, "infinite"), (f64::NAN, "undefined")]);
        check(fraction, &[(0.9375, "0.9375"), (1.0, "1.0000"), (-0.5, "-0.5000")]);
    }

    #[test]
    fn counts_are_whole() {
        check(count, &[(1249.7, "1250"), (0.2, "0"), (f64::NAN, "undefined")]);
    }

    #[test]
    fn significant_digits_are_as_many_as_asked_for() {
        let four = |value| significant(value, 4);
        check(four, &[(0.0, "0"), (0.5, "0.5"), (0.123_456, "0.1235"), (12.0, "12"), (123_456.7, "123457")]);
        check(four, &[(-1.0 / 3.0, "-0.3333"), (1.25e-7, "1.25e-7"), (4e9, "4e9"), (f64::NAN, "undefined")]);
        check(
            column,
            &[(0.0, "0.0000"), (-0.25, "-0.2500"), (123_456.0, "1.2346e5"), (f64::NAN, "undefined")],
        );
        check(general, &[(71.25, "71.25"), (1.0 / 3.0, "0.33333"), (0.001, "0.001")]);
    }

    #[test]
    fn what_is_not_there_has_a_word() {
        check(|value| or_undefined(value, fraction), &[(Some(0.75), "0.7500"), (None, "undefined")]);
        check(|value| or_absent(value, percent), &[(Some(71.25), "71.25"), (None, "-")]);
        check(|error| with_deviation(71.25, error, percent), &[(Some(0.3), "71.25 ± 0.30"), (None, "71.25")]);
    }

    #[test]
    fn bytes_are_rounded_up() {
        check(bytes, &[(0, "0 MiB"), (100 << 10, "1 MiB"), (20 << 20, "20 MiB"), ((20 << 20) + 1, "21 MiB")]);
        check(bytes, &[(1 << 30, "1.00 GiB"), (8 << 30, "8.00 GiB"), ((3 << 29) + 1, "1.51 GiB")]);
    }

    #[test]
    fn durations_have_two_parts_at_most() {
        check(duration, &[(3.4, "3 s"), (61.0, "1 min"), (7500.0, "2 h 5 min"), (200_000.0, "2 d 7 h")]);
        check(duration, &[(-1.0, "0 s"), (f64::NAN, "0 s")]);
    }

    #[test]
    fn csv_holds_numbers_as_a_person_would_write_them() {
        check(
            csv,
            &[(68.60000000000001, "68.6"), (100.0 * 0.289, "28.9"), (80.2 - 79.9, "0.3"), (0.1 + 0.2, "0.3")],
        );
        check(
            csv,
            &[(1.0 / 3.0, "0.3333333333"), (f64::from(0.1_f32), "0.1000000015"), (-2.5e-7, "-2.5e-7")],
        );
        check(csv, &[(1e20, "1e20"), (12_345_678_901_234.0, "12345678901234"), (2.0, "2"), (-0.0, "0")]);
        check(
            csv,
            &[(f64::NAN, ""), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf"), (0.0001, "0.0001")],
        );
    }
}
