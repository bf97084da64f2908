//! Learning rates of twelve epochs, against PyTorch 2.15 (`golden/schedulers.json`: two groups, read before each epoch).

use basin_core::config::{Registry, apply_overrides, show};
use basin_core::optim::schedule::{CosineAnnealingLR, LrScheduler, WarmUp, learning_rate};
use serde_json::Value;

#[test]
fn rates_are_those_of_pytorch() {
    let cases: Value = serde_json::from_str(include_str!("golden/schedulers.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let scheduler = serde_json::json!({ "name": case["name"], "kwargs": case["kwargs"] });
        let scheduler: LrScheduler = serde_json::from_value(scheduler).unwrap();
        for (over, rates) in case["rates"].as_array().unwrap().iter().enumerate() {
            for (group, rate) in rates.as_array().unwrap().iter().enumerate() {
                let (base, none) = (case["base"][group].as_f64().unwrap(), WarmUp { epochs: 0, start: 0.0 });
                let ours = learning_rate(base, none, Some(&scheduler), over + 1);
                let theirs = rate.as_f64().unwrap();
                assert!((ours - theirs).abs() <= 1e-12, "{case}: epoch {}: {ours} {theirs}", over + 1);
            }
        }
    }
}

#[test]
fn a_scheduler_is_chosen_by_name_and_survives_the_run_record() {
    let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
    let change = |settings: &[&str]| {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        apply_overrides(Registry::load().unwrap().get(key).unwrap(), &settings)
    };
    let cosine = change(&["lr_scheduler.kwargs.T_max=100", "lr_scheduler.name=CosineAnnealingLR"]).unwrap();
    assert_eq!(
        cosine.lr_scheduler,
        Some(LrScheduler::CosineAnnealingLR(CosineAnnealingLR { t_max: 100, eta_min: 0.0 }))
    );
    let read: basin_core::config::Experiment = ron::from_str(&show(&cosine).unwrap()).unwrap();
    assert_eq!(read, cosine);
    assert_eq!(change(&["lr_scheduler=null"]).unwrap().lr_scheduler, None);
    let message = change(&["lr_scheduler.name=StepLR"]).unwrap_err().to_string();
    assert!(message.contains("step_size"), "{message}");
    let message = change(&["lr_scheduler.name=StepsLR"]).unwrap_err().to_string();
    assert!(message.contains("StepLR") && message.contains("LinearLR"), "{message}");
}
