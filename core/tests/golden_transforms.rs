//! Decoding, resizes, crops, shuffles and CheXpert's chain against Pillow, torchvision and OpenCV (`transforms.safetensors`,
//! `images/`).

use std::collections::HashMap;
use std::path::Path;

use basin_core::config::{Interpolation, Registry, XraySettings};
use basin_core::data::xray::{self, Affine};
use basin_core::data::{
    Augment, Pipeline, RgbImage, Shuffle, center_crop, decode, resize_shorter_side, resized_crop,
};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::common;

/// Largest difference of a resized pixel: Pillow rounds its weights to 22 bits, the library used here to 15.
const RESIZE: u8 = 1;
/// Largest mean difference of a decoded JPEG: decoders differ in how they enlarge the colour planes.
const DECODE: f64 = 0.5;

#[test]
fn golden_transforms_are_those_of_torchvision() {
    for path in common::golden_files("transforms", ".safetensors") {
        let bytes = std::fs::read(&path).unwrap();
        let arrays: HashMap<String, TensorView<'_>> =
            SafeTensors::deserialize(&bytes).unwrap().tensors().into_iter().collect();
        let images = path.with_file_name("images");
        let mut checked = 0;
        for (name, expected) in &arrays {
            let (stem, what) = name.split_once('/').expect("names are <image>/<what>");
            let image = match arrays.get(&format!("{stem}/decoded")) {
                // Decoders differ, so what follows starts from Pillow's pixels.
                Some(pillow) if what != "decoded" => to_image(pillow),
                _ => decode(&image_file(&images, stem)).unwrap(),
            };
            if what.starts_with("chexpert") {
                check_xray(name, what, &image, expected);
            } else {
                check(name, what, &image, expected, arrays.get(&format!("{stem}/normalized")));
            }
            checked += 1;
        }
        println!("{}: {checked} arrays agree", path.display());
        assert!(checked > 0, "nothing in {} was checked", path.display());
    }
}

fn check(
    name: &str,
    what: &str,
    image: &RgbImage,
    expected: &TensorView<'_>,
    normalized: Option<&TensorView<'_>>,
) {
    let shuffled = |shuffle: Shuffle| {
        let input = floats(normalized.expect("a shuffle has its `normalized`"));
        let mut output = vec![0.0; input.len()];
        shuffle.apply(&input, &mut output);
        assert!(output == floats(expected), "{name}: the order differs");
    };
    let side = expected.shape()[1];
    match numbers(what).as_slice() {
        [] if what == "decoded" => {
            assert_eq!([image.height() as usize, image.width() as usize], expected.shape()[..2], "{name}");
            let sum: f64 = differences(image, expected).map(f64::from).sum();
            let mean = sum / image.len() as f64;
            assert!(mean < DECODE, "{name}: mean difference {mean}");
        }
        [] if what == "normalized" => check_normalized(name, image, expected),
        &[resize, crop] if what.starts_with("eval") => {
            let out =
                center_crop(&resize_shorter_side(image, resize, Interpolation::Bilinear).unwrap(), crop);
            check_pixels(name, &out, expected);
        }
        &[top, left, height, width, size] if what.starts_with("resized_crop") => {
            let window = ((top as i64, left as i64), (height as u32, width as u32));
            check_pixels(
                name,
                &resized_crop(image, window.0, window.1, size, Interpolation::Bilinear).unwrap(),
                expected,
            );
        }
        &[block, seed] if what.starts_with("block") => {
            shuffled(Shuffle::blocks(side, block, seed as u32).unwrap());
        }
        &[seed] if what.starts_with("pixel") => shuffled(Shuffle::pixels(side, seed as u32)),
        _ => panic!("{name} is not understood"),
    }
}

/// The side says which crop it is: 256 before 224 as in the paper, 40 before 32 in the small copy.
fn check_normalized(name: &str, image: &RgbImage, expected: &TensorView<'_>) {
    let size = expected.shape()[1];
    let mut data = Registry::load().unwrap().get("demo/Shapes_line/fixup_resnet18/scratch").unwrap().data;
    (data.configs.image_size, data.configs.pre_crop_size) = (size, if size == 224 { 256 } else { 40 });
    let pipeline = Pipeline::new(&data, Augment::Eval).unwrap();
    let mut output = vec![0.0; pipeline.values()];
    pipeline.apply(image, 0, 0, &mut output).unwrap();
    // One level of 255 over the smallest deviation, 0.224, is 0.0175.
    let worst = output.iter().zip(floats(expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 0.0176, "{name}: {worst}");
}

/// CheXpert's chain, from the decoded image.
fn check_xray(name: &str, what: &str, image: &RgbImage, expected: &TensorView<'_>) {
    let gray = xray::gray(image);
    let differing = |out: &[u8]| out.iter().zip(expected.data()).filter(|(a, b)| a != b).count();
    let parts: Vec<&str> = what.split('_').skip(1).collect();
    match parts.as_slice() {
        ["gray"] => assert_eq!(differing(&gray), 0, "{name}"),
        ["equalized"] => assert_eq!(differing(&xray::equalize(gray)), 0, "{name}"),
        ["affine", numbers @ ..] => {
            let numbers: Vec<f64> = numbers.iter().map(|number| number.parse().unwrap()).collect();
            let &[degrees, right, down, scale] = numbers.as_slice() else { panic!("{name}") };
            let turned = Affine { degrees, shift: (right, down), scale }.apply(&gray);
            let differing = differing(&turned);
            assert!(differing * 1000 <= turned.len(), "{name}: {differing} pixels differ");
        }
        ["input"] => {
            let side = expected.shape()[0];
            let mut output = vec![0.0; side * side];
            let width = gray.width() as usize;
            xray::input(width, &xray::equalize(gray), side, &XraySettings::default(), &mut output);
            let worst = output.iter().zip(floats(expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "{name}: {worst}");
        }
        _ => panic!("{name} is not understood"),
    }
}

fn check_pixels(name: &str, out: &RgbImage, expected: &TensorView<'_>) {
    assert_eq!([out.height() as usize, out.width() as usize, 3], expected.shape(), "{name}");
    let worst = differences(out, expected).max().unwrap();
    assert!(worst <= RESIZE, "{name}: {worst} of 255 apart");
}

fn differences(out: &RgbImage, expected: &TensorView<'_>) -> impl Iterator<Item = u8> {
    out.as_raw().iter().zip(expected.data()).map(|(a, b)| a.abs_diff(*b))
}

/// The whole numbers in a name, in order.
fn numbers(what: &str) -> Vec<usize> {
    what.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

fn to_image(array: &TensorView<'_>) -> RgbImage {
    let [height, width] = [0, 1].map(|axis| array.shape()[axis] as u32);
    RgbImage::from_raw(width, height, array.data().to_vec()).unwrap()
}

fn floats(array: &TensorView<'_>) -> Vec<f32> {
    array.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn image_file(images: &Path, stem: &str) -> std::path::PathBuf {
    ["png", "jpg"]
        .map(|extension| images.join(format!("{stem}.{extension}")))
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("no image {stem} in {}", images.display()))
}

/// At most one level from Pillow, which rounds to 8 bits after each direction.
#[test]
fn bicubic_resizes_are_pillows() {
    for path in common::golden_files("bicubic", ".json") {
        let golden = common::json(&path);
        for entry in common::list(&golden) {
            let pair = |name: &str| [0, 1].map(|axis| entry[name][axis].as_u64().unwrap() as u32);
            let ([width, height], [side, _]) = (pair("before"), pair("after"));
            let levels = (0..u64::from(width * height * 3)).map(|place| (place * place * 31 % 256) as u8);
            let image = RgbImage::from_raw(width, height, levels.collect()).unwrap();
            let (whole, side) = ((height, width), side as usize);
            let scaled = resized_crop(&image, (0, 0), whole, side, Interpolation::Bicubic).unwrap();
            let expected = common::list(&entry["levels"]);
            assert_eq!(scaled.as_raw().len(), expected.len());
            for (ours, right) in scaled.as_raw().iter().zip(expected) {
                let right = right.as_u64().unwrap() as i64;
                assert!((i64::from(*ours) - right).abs() <= 1, "{width}x{height}: {ours} {right}");
            }
        }
    }
}
