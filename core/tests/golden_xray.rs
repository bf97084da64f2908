//! CheXpert's images under settings that the reference's keys have not, against OpenCV (`golden/xray.json`).

use basin_core::config::{Registry, apply_overrides};
use basin_core::data::{Augment, Pipeline, RgbImage};
use serde_json::Value;

use crate::common::list;

/// OpenCV weighs with other roundings; of 255 levels, which may be divided by 50.
const TOLERANCE: f32 = 2e-3;

#[test]
fn every_setting_prepares_as_opencv_does() {
    let golden: Value = serde_json::from_str(include_str!("golden/xray.json")).unwrap();
    let key = "train/chexpert/fixup_resnet50_nzfc/finetune-lr0.02-bs256";
    let experiment = Registry::load().unwrap().get(key).unwrap();
    for case in list(&golden["cases"]) {
        let mut set = vec![
            format!("data.configs.image_size={}", golden["side"]),
            "data.configs.xray.use_transforms_type=None".to_owned(),
        ];
        for (name, value) in case["settings"].as_object().unwrap() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            set.push(format!("data.configs.xray.{name}={value}"));
        }
        let data = apply_overrides(experiment.clone(), &set).unwrap().data;
        let image = &golden["images"][case["image"].as_u64().unwrap() as usize];
        let number = |name: &str| image[name].as_u64().unwrap() as u32;
        let levels: Vec<u8> = serde_json::from_value(image["levels"].clone()).unwrap();
        let image = RgbImage::from_raw(
            number("width"),
            number("height"),
            levels.into_iter().flat_map(|level| [level; 3]).collect(),
        );
        let pipeline = Pipeline::new(&data, Augment::Train { seed: 0 }).unwrap();
        let mut ours = vec![0.0; pipeline.values()];
        pipeline.apply(&image.unwrap(), 0, 0, &mut ours).unwrap();
        let expected: Vec<f32> = serde_json::from_value(case["input"].clone()).unwrap();
        for channel in ours.chunks_exact(expected.len()) {
            let worst = channel.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < TOLERANCE, "{}: {worst}", case["settings"]);
        }
    }
}
