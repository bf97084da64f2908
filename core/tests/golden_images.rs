//! Image files of every kind against Pillow (`images/`), and broken ones.

use std::fs;
use std::path::{Path, PathBuf};

use basin_core::data::decode;
use safetensors::SafeTensors;

/// Largest mean difference of a lossy WebP: decoders differ in how they enlarge the colour planes.
const LOSSY: f64 = 0.5;
/// Broken variants of each file.
const MUTATIONS: u64 = 250;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

#[test]
fn every_kind_of_file_is_read_as_pillow_reads_it() {
    let bytes = fs::read(folder().join("decoded.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(expected.len(), 28);
    let mut wrong = Vec::new();
    for (name, pillow) in expected.tensors() {
        let image = decode(&folder().join(&name)).unwrap();
        assert_eq!([image.height() as usize, image.width() as usize, 3], pillow.shape(), "{name}");
        let sum: f64 = image.iter().zip(pillow.data()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
        let mean = sum / image.len() as f64;
        if mean > if name == "lossy.webp" { LOSSY } else { 0.0 } {
            wrong.push((name, mean));
        }
    }
    assert!(wrong.is_empty(), "mean differences: {wrong:?}");
}

#[test]
fn jpegs_of_every_kind_have_pillows_pixels() {
    let drawn =
        std::env::var_os("BASIN_JPEGS").map_or_else(|| folder().join("jpegs.safetensors"), PathBuf::from);
    let bytes = fs::read(drawn).unwrap();
    let drawn = SafeTensors::deserialize(&bytes).unwrap();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("drawn.jpg");
    let count = drawn.len() / 2;
    assert!(count >= 200);
    for number in 0..count {
        fs::write(&path, drawn.tensor(&format!("{number}.file")).unwrap().data()).unwrap();
        let pillow = drawn.tensor(&format!("{number}.pixels")).unwrap();
        let image = decode(&path).unwrap();
        assert_eq!([image.height() as usize, image.width() as usize, 3], pillow.shape(), "{number}");
        assert!(image.as_raw() == pillow.data(), "{number}: other pixels");
    }
}

#[test]
fn broken_files_are_errors_that_name_them() {
    let folder = folder();
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("broken.jpg");
    // Knuth's generator: the same bytes are broken on every machine.
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut refused, mut read) = (0, 0);
    for entry in fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "py" || extension == "safetensors") {
            continue;
        }
        let whole = fs::read(&file).unwrap();
        for number in 0..MUTATIONS {
            let mut bytes = whole.clone();
            if number % 4 == 0 {
                bytes.truncate(draw(whole.len()));
            } else {
                for _ in 0..=draw(4) {
                    bytes[draw(whole.len())] = draw(256) as u8;
                }
            }
            fs::write(&path, &bytes).unwrap();
            match decode(&path) {
                Ok(image) => {
                    assert!(image.width() > 0 && image.height() > 0);
                    read += 1;
                }
                Err(error) => {
                    let message = error.to_string();
                    assert!(
                        message.contains("broken.jpg") && message.contains("replace the file"),
                        "{message}"
                    );
                    assert!(!message.contains('\n'), "{message}");
                    // Code 3: the user can mend the data.
                    assert_eq!(error.exit_code(), 3, "{message}");
                    refused += 1;
                }
            }
        }
    }
    // Many are refused; a changed pixel cannot be told from the true one.
    assert!(refused > 1000 && read > 100, "{refused} refused, {read} read");
}

#[test]
fn cut_off_files_are_refused() {
    let place = tempfile::tempdir().unwrap();
    for name in
        ["rgb.jpg", "progressive.jpg", "cmyk.jpg", "alpha.png", "rgb.bmp", "lossy.webp", "palette.gif"]
    {
        let whole = fs::read(folder().join(name)).unwrap();
        let path = place.path().join(name);
        for kept in [whole.len() / 3, whole.len() * 2 / 3, whole.len() - 20] {
            fs::write(&path, &whole[..kept]).unwrap();
            let error = decode(&path).err().unwrap_or_else(|| panic!("{kept} bytes of {name} were read"));
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
