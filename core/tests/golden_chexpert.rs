//! CheXpert's labels and doubled rows (`chexpert.csv`, `chexpert_labels.json`), and the area under the ROC curve
//! (`metrics.json`).

use basin_core::config::{IndexPaths, Registry};
use basin_core::data::{Dataset, Split};
use basin_core::evaluate::metric::roc_auc;
use serde_json::{Value, json};

use crate::common;

#[test]
fn golden_labels_are_the_references() {
    for path in common::golden_files("chexpert_labels", ".json") {
        let golden = common::json(&path);
        let folder = tempfile::tempdir().unwrap();
        for row in common::list(&golden["dev"]) {
            let image = folder.path().join(row[0].as_str().unwrap());
            std::fs::create_dir_all(image.parent().unwrap()).unwrap();
            std::fs::write(image, "only its presence is checked").unwrap();
        }
        let key = "train/chexpert/fixup_resnet50_nzfc/randinit-lr0.1-bs256";
        let mut data = Registry::load().unwrap().get(key).unwrap().data;
        data.configs.data_dir = folder.path().display().to_string();
        let list = path.with_file_name("chexpert.csv").display().to_string();
        data.index_paths = Some(IndexPaths { train: Some(list), ..Default::default() });
        for (name, split) in [("train", Split::Train), ("dev", Split::EvalTrain)] {
            let dataset = Dataset::open(&data, split).unwrap();
            let bits = |label: usize| (0..dataset.outputs()).map(|bit| label >> bit & 1).collect::<Vec<_>>();
            let ours =
                (0..dataset.len()).map(|sample| json!([dataset.id(sample), bits(dataset.label(sample))]));
            assert_eq!(Value::from_iter(ours), golden[name], "{}: {name}", path.display());
        }
    }
}

#[test]
fn golden_areas_are_scikit_learns() {
    for path in common::golden_files("metrics", ".json") {
        for (number, curve) in common::list(&common::json(&path)["roc_auc"]).iter().enumerate() {
            let of = |name: &str| curve[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
            let scores: Vec<f32> = of("scores").map(|score| score as f32).collect();
            let positive: Vec<bool> = of("labels").map(|label| label == 1.0).collect();
            let (ours, theirs) = (roc_auc(&scores, &positive).unwrap(), curve["auc"].as_f64().unwrap());
            assert!((ours / theirs - 1.0).abs() < 1e-6, "{} curve {number}: {ours}", path.display());
        }
    }
}
