//! RandAugment (Cubuk et al. 2020) as timm's `RandAugment`: which operations an image gets, and how strong they are.

use image::RgbImage;

use super::operation::Operation;
use crate::config::{Interpolation, RandAugment};
use crate::random::Keyed;

/// The magnitude at which an operation is as strong as the numbers below.
const FULL: f64 = 10.0;
/// Operations to draw from.
const COUNT: usize = 15;

/// Changes an image as the settings say; what moves in from outside has the colour `fill`.
pub(super) fn rand_augment(
    image: &mut RgbImage,
    settings: &RandAugment,
    fill: [u8; 3],
    by: Interpolation,
    draw: &mut Keyed,
) {
    let chosen: Vec<usize> = (0..settings.count).map(|_| draw.below(COUNT)).collect();
    for number in chosen {
        if settings.probability < 1.0 && draw.uniform() > settings.probability {
            continue;
        }
        let magnitude = match settings.deviation {
            0.0 => settings.magnitude,
            deviation if deviation.is_finite() => settings.magnitude + deviation * draw.normal(),
            _ => draw.range(0.0, settings.magnitude),
        };
        let level = magnitude.min(settings.largest).max(0.0) / FULL;
        operation(number, level, settings.is_increasing, draw).apply(image, fill, by);
    }
}

/// The operation of a number at a level, 1 for full strength.
fn operation(number: usize, level: f64, is_increasing: bool, draw: &mut Keyed) -> Operation {
    let mut signed = |value: f64| if draw.uniform() > 0.5 { -value } else { value };
    let mut enhanced = || match is_increasing {
        true => (1.0 + signed(0.9 * level)).max(0.1) as f32,
        false => (1.8 * level + 0.1) as f32,
    };
    let from_most = |most: i32, value: i32| if is_increasing { most - value } else { value };
    match number {
        0 => Operation::AutoContrast,
        1 => Operation::Equalize,
        2 => Operation::Invert,
        3 => Operation::Rotate(signed(30.0 * level)),
        4 => Operation::Posterize(from_most(4, (4.0 * level) as i32).max(0)),
        5 => Operation::Solarize(from_most(256, ((256.0 * level) as i32).min(256))),
        6 => Operation::SolarizeAdd(((110.0 * level) as i32).min(128)),
        7 => Operation::Color(enhanced()),
        8 => Operation::Contrast(enhanced()),
        9 => Operation::Brightness(enhanced()),
        10 => Operation::Sharpness(enhanced()),
        11 => Operation::ShearX(signed(0.3 * level)),
        12 => Operation::ShearY(signed(0.3 * level)),
        13 => Operation::TranslateX(signed(0.45 * level)),
        _ => Operation::TranslateY(signed(0.45 * level)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::random::Purpose;

    /// timm's names of the operations, without what tells the increasing ones.
    const NAMES: [&str; COUNT] = [
        "AutoContrast",
        "Equalize",
        "Invert",
        "Rotate",
        "Posterize",
        "Solarize",
        "SolarizeAdd",
        "Color",
        "Contrast",
        "Brightness",
        "Sharpness",
        "ShearX",
        "ShearY",
        "TranslateXRel",
        "TranslateYRel",
    ];

    fn golden() -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/augment.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// What an operation is given, as timm gives it; nothing where it is given nothing.
    fn argument(operation: &Operation) -> Option<f64> {
        match *operation {
            Operation::AutoContrast | Operation::Equalize | Operation::Invert => None,
            Operation::Posterize(value) | Operation::Solarize(value) | Operation::SolarizeAdd(value) => {
                Some(value.into())
            }
            Operation::Color(value)
            | Operation::Contrast(value)
            | Operation::Brightness(value)
            | Operation::Sharpness(value) => Some(value.into()),
            Operation::Rotate(value)
            | Operation::ShearX(value)
            | Operation::ShearY(value)
            | Operation::TranslateX(value)
            | Operation::TranslateY(value) => Some(value),
        }
    }

    #[test]
    fn operations_are_as_strong_as_timms() {
        for level in golden()["levels"].as_array().unwrap() {
            let (name, magnitude) = (level["name"].as_str().unwrap(), level["magnitude"].as_f64().unwrap());
            let expected: Vec<f64> =
                level["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let is_increasing = level["increasing"] == true;
            let number = NAMES.iter().position(|known| *known == name).unwrap();
            let found: Vec<f64> = (0..40)
                .filter_map(|sample| {
                    let draw = &mut Keyed::new(0, Purpose::Augment, 0, sample);
                    argument(&operation(number, magnitude / FULL, is_increasing, draw))
                })
                .collect();
            let is_one_of = |value: f64| expected.iter().any(|known| (known - value).abs() < 1e-6);
            assert!(
                found.iter().all(|&value| is_one_of(value)),
                "{name} {magnitude}: {found:?} {expected:?}"
            );
            for value in &expected {
                assert!(
                    found.iter().any(|known| (known - value).abs() < 1e-6),
                    "{name} {magnitude}: {value}"
                );
            }
        }
    }

    #[test]
    fn operations_are_pillows_to_the_level() {
        let golden = golden();
        let bytes = |value: &Value| -> Vec<u8> {
            value.as_array().unwrap().iter().map(|level| level.as_u64().unwrap() as u8).collect()
        };
        let [width, height] = [0, 1].map(|at| golden["size"][at].as_u64().unwrap() as u32);
        let fill: [u8; 3] = bytes(&golden["fill"]).try_into().unwrap();
        let images: Vec<RgbImage> = golden["images"]
            .as_array()
            .unwrap()
            .iter()
            .map(|image| RgbImage::from_raw(width, height, bytes(image)).unwrap())
            .collect();
        let mut checked = [0; COUNT];
        for case in golden["cases"].as_array().unwrap() {
            let number = NAMES.iter().position(|known| case["name"] == *known).unwrap();
            let value = case["value"].as_f64().unwrap_or_default();
            let operation = match operation(number, 0.0, false, &mut Keyed::new(0, Purpose::Augment, 0, 0)) {
                Operation::Posterize(_) => Operation::Posterize(value as i32),
                Operation::Solarize(_) => Operation::Solarize(value as i32),
                Operation::SolarizeAdd(_) => Operation::SolarizeAdd(value as i32),
                Operation::Color(_) => Operation::Color(value as f32),
                Operation::Contrast(_) => Operation::Contrast(value as f32),
                Operation::Brightness(_) => Operation::Brightness(value as f32),
                Operation::Sharpness(_) => Operation::Sharpness(value as f32),
                Operation::Rotate(_) => Operation::Rotate(value),
                Operation::ShearX(_) => Operation::ShearX(value),
                Operation::ShearY(_) => Operation::ShearY(value),
                Operation::TranslateX(_) => Operation::TranslateX(value),
                Operation::TranslateY(_) => Operation::TranslateY(value),
                simple => simple,
            };
            let by = if case["bicubic"] == true { Interpolation::Bicubic } else { Interpolation::Bilinear };
            let mut image = images[case["image"].as_u64().unwrap() as usize].clone();
            operation.apply(&mut image, fill, by);
            assert!(image.into_raw() == bytes(&case["result"]), "{} {value} {by:?}", case["name"]);
            checked[number] += 1;
        }
        assert!(checked.iter().all(|&count| count > 0), "{checked:?}");
    }

    #[test]
    fn every_operation_is_drawn_as_often_and_half_of_them_applied() {
        let settings: RandAugment = "rand-m9-n2-mstd0.5-inc1".parse().unwrap();
        let original =
            RgbImage::from_fn(8, 8, |x, y| image::Rgb([(40 + 20 * x) as u8, (60 + 10 * y) as u8, 90]));
        let unchanged = (0..2000).filter(|&sample| {
            let mut image = original.clone();
            let draw = &mut Keyed::new(3, Purpose::Augment, 1, sample);
            rand_augment(&mut image, &settings, [0; 3], Interpolation::Bilinear, draw);
            image == original
        });
        // A quarter gets none of its two; some operations do nothing to an image.
        let share = unchanged.count() as f64 / 2000.0;
        assert!((0.22..0.40).contains(&share), "{share}");
    }
}
