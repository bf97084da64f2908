//! NumPy's generator, bit for bit (`numpy_rng.json`).

use basin_core::random::numpy::RandomState;
use serde_json::Value;

use crate::common;

#[test]
fn golden_random_state_is_that_of_numpy() {
    for path in common::golden_files("numpy_rng", ".json") {
        for seed in common::list(&common::json(&path)["seeds"]) {
            let fresh = || RandomState::new(seed["seed"].as_u64().unwrap() as u32);
            for (name, expected) in seed.as_object().unwrap() {
                check(name, expected, &fresh, &format!("{} seed {} {name}", path.display(), seed["seed"]));
            }
        }
    }
}

/// Each entry starts from a fresh generator.
fn check(name: &str, expected: &Value, fresh: &impl Fn() -> RandomState, what: &str) {
    let mut random = fresh();
    let parts: Vec<&str> = name.split('_').collect();
    match parts.as_slice() {
        ["seed"] => {}
        ["random", "sample"] => {
            for expected in common::list(expected) {
                assert_eq!(random.random_sample(), hex(expected), "{what}");
            }
        }
        ["randint", low, high] => {
            let [low, high] = [low, high].map(|bound| bound.parse().unwrap());
            for expected in common::list(expected) {
                assert_eq!(Value::from(random.randint(low, high)), *expected, "{what}");
            }
        }
        // `beta_07` is beta(0.7, 0.7).
        ["beta", alpha] => {
            let alpha: f64 = format!("{}.{}", &alpha[..1], &alpha[1..]).parse().unwrap();
            for expected in common::list(expected) {
                assert_eq!(random.beta(alpha, alpha), hex(expected), "{what}");
            }
        }
        ["permutation"] => {
            for (length, expected) in expected.as_object().unwrap() {
                let order = fresh().permutation(length.parse().unwrap());
                check_first(&order, expected, what);
                let checksum = order.iter().enumerate().map(|(i, p)| i * p).sum::<usize>() % 1_000_000_007;
                assert_eq!(Value::from(checksum), expected["checksum"], "{what} {length}");
            }
        }
        ["choice"] => {
            for (arguments, expected) in expected.as_object().unwrap() {
                let (length, size) = arguments.split_once(',').unwrap();
                let chosen = fresh().choice(length.parse().unwrap(), size.parse().unwrap());
                check_first(&chosen, expected, what);
                assert_eq!(Value::from(chosen.iter().sum::<usize>()), expected["sum"], "{what} {arguments}");
            }
        }
        ["permutation", "of", "lines"] => {
            let mut lines: Vec<String> = (0..12).map(|i| format!("line{i}")).collect();
            random.shuffle(&mut lines);
            assert_eq!(Value::from(lines), *expected, "{what}");
        }
        _ => panic!("{what} is not checked"),
    }
}

fn check_first(ours: &[usize], expected: &Value, what: &str) {
    let expected = expected["first"].as_array().unwrap();
    assert_eq!(&ours.iter().take(8).map(|v| Value::from(*v)).collect::<Vec<_>>(), expected, "{what}");
}

/// A float as Python's `float.hex` writes it.
fn hex(value: &Value) -> f64 {
    let text = value.as_str().unwrap();
    let (mantissa, exponent) = text.trim_start_matches("0x").split_once('p').unwrap();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = u64::from_str_radix(&format!("{whole}{fraction}"), 16).unwrap();
    digits as f64 * 2f64.powi(exponent.parse::<i32>().unwrap() - 4 * fraction.len() as i32)
}
