//! Every data set trains by its keys, on small images made here.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::*;

/// The key with the smallest network, on images of 32 pixels.
fn train_key(folder: &Path, key: &str, data_dir: &str, more: &[&str]) -> Command {
    let mut command = runner(folder);
    let data_dir = format!("data.configs.data_dir={data_dir}");
    let small = [
        "model.arch=fixup_resnet18",
        "data.configs.image_size=32",
        "data.configs.pre_crop_size=36",
        "train.batch_size=4",
        &data_dir,
    ];
    command.args(["-k", key]);
    small.iter().chain(more).for_each(|setting| {
        command.args(["--set", setting]);
    });
    command
}

/// The lines of a run's `metrics.jsonl`.
fn metrics(folder: &Path, key: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("experiments").join(key).join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Six X-rays in three lists; nobody in the dev list has an edema.
fn small_chexpert(folder: &Path) {
    let root = folder.join("chexpert");
    let header = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,\
                  Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,\
                  Fracture,Support Devices\n";
    let mut lists = [
        ("train.0-50k.csv", header.to_owned()),
        ("train.50k-100k.csv", header.to_owned()),
        ("dev.csv", header.to_owned()),
    ];
    for number in 0..12_u32 {
        let id = format!("train/patient{number:05}/study1/view1_frontal.jpg");
        fs::create_dir_all(root.join(&id).parent().unwrap()).unwrap();
        let shade = |x, y| image::Luma([((x * 5 + y * 3 * (number + 1)) % 251) as u8]);
        image::GrayImage::from_fn(50, 40 + number, shade).save(root.join(&id)).unwrap();
        let finding = |bit: u32| if (number >> bit) & 1 == 1 { "1.0" } else { "" };
        let list = &mut lists[number as usize % 3];
        let edema = if list.0 == "dev.csv" { "0.0" } else { finding(1) };
        list.1 += &format!(
            "{id},Female,60,Frontal,AP,,,{},,,{edema},-1.0,,{},,{},,,\n",
            finding(0),
            finding(2),
            finding(3)
        );
    }
    lists.iter().for_each(|(name, text)| fs::write(root.join(name), text).unwrap());
}

#[test]
fn the_four_keys_of_chexpert_train() {
    let here = folder();
    let path = here.path();
    small_chexpert(path);
    let start = "train/chexpert/fixup_resnet50_nzfc";
    let scratch = format!("{start}/randinit-lr0.1-bs256");
    success(train_key(path, &scratch, "chexpert", &["train.epochs=2", "data.configs.cache_bitmap=true"]));
    let from = format!("train.finetune_from={scratch}/ckpt-E002");
    for (key, more) in [
        (format!("{start}/randinit-lr0.02-bs256"), "train.mixup_alpha=0.3"),
        (format!("{start}/finetune-lr0.1-bs256"), from.as_str()),
        (format!("{start}/finetune-lr0.02-bs256"), from.as_str()),
    ] {
        success(train_key(path, &key, "chexpert", &["train.epochs=1", "optimizer.base_lr=0.001", more]));
    }

    let lines = metrics(path, &scratch);
    let last = lines.last().unwrap();
    for split in ["dev", "test", "eval_mode_train"] {
        for metric in ["acc", "auc"] {
            let value = last[format!("eval/{split}_{metric}")].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&value), "{split} {metric}: {value}");
        }
        assert!(last[format!("eval/{split}_loss")].is_f64(), "{last}");
    }
    // Of one class only: not a number there would be, and all others count.
    assert_eq!(last["eval/dev_auc/Edema"], Value::Null);
    assert!(last["eval/dev_auc/Cardiomegaly"].is_f64(), "{last}");
    assert_eq!(last["eval/dev_auc/Consolidation"], Value::Null);

    let best = path.join("experiments").join(&scratch).join("checkpoints/ckpt-best.safetensors");
    let eval = |more: &[&str]| {
        let mut command = runner(path);
        command.arg("eval").arg(&best).args(more);
        success(command)
    };
    let text = eval(&["--set", "data.index_paths.test=dev.csv"]);
    assert!(text.starts_with("test AUC 0.") && text.contains("\n  Pleural Effusion  AUC "), "{text}");
    assert!(text.contains("Edema             AUC undefined"), "{text}");
    let json: Value = serde_json::from_str(&eval(&["--json"])).unwrap();
    assert!(json["auc"].is_f64() && json["findings"]["Edema"]["auc"].is_f64(), "{json}");

    let line = |more: &[&str]| -> Value {
        let mut command = runner(path);
        let ends = ["ckpt-E000", "ckpt-E002"].map(|name| best.with_file_name(format!("{name}.safetensors")));
        command.arg("interpolate").args(ends).args(["--coefficients", "0:1:3", "--json"]).args(more);
        serde_json::from_str(&success(command)).unwrap()
    };
    let measured = line(&["-o", "line"]);
    let auc: Vec<f64> =
        measured["points"].as_array().unwrap().iter().map(|point| point["auc"].as_f64().unwrap()).collect();
    assert!((auc[2] - last["eval/test_auc"].as_f64().unwrap()).abs() < 1e-12, "{auc:?}");
    let drop = ((auc[0] + auc[2]) / 2.0 - auc[1]).max(0.0);
    let height = &measured["barrier"]["auc"];
    assert!((height["value"].as_f64().unwrap() - drop).abs() < 1e-12 && height["interval"][1].is_f64());
    let csv = fs::read_to_string(path.join("line/auc.csv")).unwrap();
    assert!(csv.contains("mean test AUC") && path.join("line/auc.svg").is_file(), "{csv}");
    // Of one X-ray there is none.
    let undefined = line(&["-o", "undefined", "--samples", "1"]);
    assert!(undefined["points"][1]["auc"].is_null() && undefined["barrier"]["auc"].is_null(), "{undefined}");
    assert!(!path.join("undefined/auc.svg").exists());
}

#[test]
fn a_densenet_trains_on_chexpert_with_the_pixels_of_torchxrayvision() {
    let here = folder();
    let path = here.path();
    small_chexpert(path);
    let key = "train/chexpert/fixup_resnet50_nzfc/randinit-lr0.02-bs256";
    let settings = [
        "model.arch=densenet121",
        "train.epochs=1",
        "optimizer.base_lr=0.0001",
        // Its range [-1024, 1024].
        "data.configs.xray.pixel_mean=127.5",
        "data.configs.xray.pixel_std=0.12451171875",
    ];
    success(train_key(path, key, "chexpert", &settings));
    let auc = metrics(path, key).last().unwrap()["eval/test_auc"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&auc), "{auc}");
    let last = path.join("experiments").join(key).join("checkpoints/ckpt-E001.safetensors");
    let state = basin_core::checkpoint::Checkpoint::load(&last).unwrap().state;
    assert_eq!(state.get("classifier.weight").unwrap().shape, [5, 1024]);
    assert_eq!(state.get("features.denseblock4.denselayer16.conv2.weight").unwrap().shape, [32, 128, 3, 3]);
}

#[test]
fn what_is_wrong_with_a_list_of_chexpert_is_named() {
    let here = folder();
    let path = here.path();
    let key = "train/chexpert/fixup_resnet50_nzfc/randinit-lr0.1-bs256";
    let missing = ["chexpert/train.0-50k.csv", "runner prepare chexpert", "data.index_paths.train"];
    failure(train_key(path, key, "chexpert", &[]), 3, &missing);
    small_chexpert(path);
    let list = path.join("chexpert/dev.csv");
    let text = fs::read_to_string(&list).unwrap();
    let check = |text: &str, parts: &[&str]| {
        fs::write(&list, text).unwrap();
        failure(train_key(path, key, "chexpert", &[]), 3, parts);
    };
    check(&text.replace("-1.0", "maybe"), &["dev.csv:2", "Consolidation is `maybe`"]);
    check(&text.replace("Edema", "Oedema"), &["dev.csv", "no column Edema"]);
    check(&text.replace("patient00002", "patient99999"), &["patient99999", "dev.csv:2", "not there"]);
    check(text.lines().next().unwrap(), &["dev.csv", "lists no image"]);
    assert!(!path.join("experiments").exists());
}

#[test]
fn the_keys_of_cifar10_train() {
    let here = folder();
    let path = here.path();
    let root = path.join("cifar/cifar-10-batches-bin");
    fs::create_dir_all(&root).unwrap();
    let record = |number: usize| {
        (0..3073).map(move |byte| if byte == 0 { number % 10 } else { (number + byte * 7) % 256 } as u8)
    };
    let bytes: Vec<u8> = (0..10_000).flat_map(record).collect();
    for name in (1..6).map(|number| format!("data_batch_{number}")).chain(["test_batch".to_owned()]) {
        fs::write(root.join(format!("{name}.bin")), &bytes).unwrap();
    }
    let few = ["train.epochs=1", "data.configs.subsample.size=12", "data.configs.subsample.seed=1"];
    let scratch = "train/cifar10/fixup_resnet50/randinit-lr0.1-MstepLR";
    success(train_key(path, scratch, "cifar", &few));
    let from = format!("train.finetune_from={scratch}/ckpt-E001");
    let tuned = "train/cifar10/fixup_resnet50/finetune-lr0.02-MstepLR";
    success(train_key(path, tuned, "cifar", &[&few[..], &[&from]].concat()));
    assert!(metrics(path, tuned).last().unwrap()["eval/train_acc"].is_f64());

    fs::remove_dir_all(path.join("experiments")).unwrap();
    fs::write(root.join("data_batch_3.bin"), &bytes[1..]).unwrap();
    failure(train_key(path, scratch, "cifar", &few), 3, &["data_batch_3.bin", "30729999 bytes"]);
}

/// `<split>/<class>/<image>` with two images of two classes, one of them deeper.
fn small_image_folder(folder: &Path) {
    for split in ["train", "val"] {
        for class in ["n01", "n02"] {
            let root = folder.join("images").join(split).join(class);
            fs::create_dir_all(root.join("more")).unwrap();
            for (number, name) in ["one.JPEG", "more/two.png"].iter().enumerate() {
                let shade = [90 * number as u8, 70, 200];
                let file = root.join(name);
                let format = image::ImageFormat::from_path(&file).unwrap();
                image::RgbImage::from_pixel(44, 40, image::Rgb(shade))
                    .save_with_format(file, format)
                    .unwrap();
            }
            fs::write(root.join("notes.txt"), "no image").unwrap();
        }
    }
}

#[test]
fn keys_that_tune_find_the_epochs_of_our_own_pre_training() {
    let here = folder();
    let path = here.path();
    small_image_folder(path);
    small_domainnet(path);
    let pretrain = "pretrain/imagenet/fixup_resnet50/lr0.1";
    success(train_key(path, pretrain, "images", &["train.epochs=2"]));
    let last = metrics(path, pretrain).pop().unwrap();
    assert!(last["eval/test_acc"].is_f64() && last["eval/train_acc"].is_null(), "{last}");
    for key in [
        "finetune_ckpt/DomainNet_real/fixup_resnet50_nzfc/finetune-lr0.02-MstepLR-ckpt001",
        "finetune_ckpt/DomainNet_real/fixup_resnet50_nzfc/finetune-lr0.02-MstepLR-ckpt002",
    ] {
        success(train_key(path, key, "data", &["train.epochs=1"]));
    }
    let far = "finetune_ckpt/DomainNet_real/fixup_resnet50_nzfc/finetune-lr0.02-MstepLR-ckpt090";
    failure(train_key(path, far, "data", &["train.epochs=1"]), 3, &["ckpt-E090.pth.tar", pretrain]);
}

#[test]
fn a_folder_of_ones_own_trains_without_code() {
    let here = folder();
    let path = here.path();
    small_image_folder(path);
    // Any key of the other data sets lends its recipe.
    let key = "train/cifar10/fixup_resnet50/randinit-lr0.1-MstepLR";
    let own = ["data.name=ImageFolder", "train.epochs=1"];
    success(train_key(path, key, "images", &own));
    assert!(metrics(path, key)[0]["eval/train_acc"].is_f64());
    let predictions =
        fs::read(path.join("experiments").join(key).join("predictions/last.safetensors")).unwrap();
    let predictions = String::from_utf8_lossy(&predictions);
    assert!(predictions.contains(r"val/n01/one.JPEG\nval/n01/more/two.png\nval/n02/one.JPEG"));

    let check = |parts: &[&str]| {
        failure(train_key(path, key, "images", &[&own[..], &["seed.init=1"]].concat()), 3, parts);
        fs::remove_dir_all(path.join("images")).ok();
        small_image_folder(path);
        fs::remove_dir_all(path.join("experiments")).ok();
    };
    fs::remove_dir_all(path.join("experiments")).unwrap();
    fs::create_dir(path.join("images/val/n03")).unwrap();
    check(&["images/val/n03", "train does not have"]);
    fs::write(path.join("images/train/n02/one.JPEG"), "").unwrap();
    check(&["images/train/n02/one.JPEG", "0 bytes"]);
    fs::remove_dir_all(path.join("images/train")).unwrap();
    check(&["images/train", "<data_dir>/train/<class>/<image>", "data.configs.data_dir"]);
}

#[test]
fn a_class_folder_without_images_is_named_by_whatever_reads_the_labels() {
    let here = folder();
    for class in ["b", "c"] {
        for split in ["train", "val"] {
            let folder = here.path().join("own").join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            for number in 0..2 {
                let shade = image::Rgb([class.as_bytes()[0], 90 * number, 40]);
                image::RgbImage::from_pixel(40, 40, shade)
                    .save(folder.join(format!("{number}.png")))
                    .unwrap();
            }
        }
    }
    let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
    let settings = ["data.name=ImageFolder", "train.epochs=1"];
    success(train_key(here.path(), key, "own", &settings));
    // It would give all others another number.
    fs::create_dir(here.path().join("own/train/a")).unwrap();
    let last = format!("experiments/{key}/checkpoints/ckpt-E001.safetensors");
    for command in ["eval", "spectrum"] {
        let mut reads = runner(here.path());
        reads.args([command, &last]);
        match command {
            "eval" => _ = failure(reads, 3, &["own/train/a", "without an image"]),
            // Weights alone have no labels.
            _ => _ = success(reads),
        }
    }
}
