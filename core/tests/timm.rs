//! What timm does in training, against timm 1.0.31 (`golden/timm.json`, made by `golden/make_timm.py`).

use basin_core::data::torchvision_architecture;
use basin_core::model::Arch;
use basin_core::optim::{LrScheduler, WarmUp, learning_rate};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/timm.json")).unwrap()
}

#[test]
fn layers_of_learning_rate_decay_are_timms() {
    for (name, layers) in golden()["layers"].as_object().unwrap() {
        let arch = Arch::new(name, 5).unwrap();
        let factors = arch.layer_rates(0.5);
        let layers: Vec<i32> =
            layers.as_array().unwrap().iter().map(|n| n.as_i64().unwrap() as i32).collect();
        let top = layers.iter().copied().max().unwrap();
        assert_eq!(factors.len(), layers.len(), "{name}");
        for ((spec, factor), layer) in arch.trained().zip(factors).zip(layers) {
            assert_eq!(factor, 0.5_f64.powi(top - layer), "{name} {}", spec.name);
        }
    }
}

#[test]
fn learning_rates_with_a_warm_up_are_timms() {
    for case in golden()["warm_up"].as_array().unwrap() {
        let scheduler: LrScheduler = serde_json::from_value(case["scheduler"].clone()).unwrap();
        let number = |key: &str| case[key].as_f64().unwrap();
        let warm_up = WarmUp { epochs: number("epochs") as usize, start: number("lr") / number("base") };
        for (epoch, theirs) in (1..).zip(case["rates"].as_array().unwrap()) {
            let ours = learning_rate(number("base"), warm_up, Some(&scheduler), epoch);
            assert!((ours - theirs.as_f64().unwrap()).abs() < 1e-12, "{case}: epoch {epoch}: {ours}");
        }
    }
}

#[test]
fn downloads_of_torchvision_say_their_architecture() {
    for (file, arch) in [
        ("resnet18-f37072fd.pth", "torchvision/resnet18"),
        ("resnext101_64x4d-173b62eb.pth", "torchvision/resnext101_64x4d"),
        ("wide_resnet50_2-9ba9bcbe.pth", "torchvision/wide_resnet50_2"),
        ("densenet161-8d451a50.pth", "densenet161"),
    ] {
        let found = torchvision_architecture(file).unwrap();
        assert!(found == arch && Arch::is_known(&found), "{file}: {found}");
    }
    assert_eq!(torchvision_architecture("resnet18.pth"), None);
}
