//! Whatever is wrong with what the program is given: one sentence that names it, the exit code, and nothing left behind.

use std::path::Path;

use crate::common::*;

fn nothing_was_written(folder: &Path) {
    let run = "experiments/train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
    assert!(!folder.join(run).exists(), "a run's folder was left behind");
    assert!(!run_folder(folder).exists(), "a run's folder was left behind");
}

#[test]
fn a_missing_data_folder() {
    let here = folder();
    failure(train_domainnet(here.path(), &[]), 3, &["data/DomainNet", "--set data.configs.data_dir="]);
    nothing_was_written(here.path());
}

#[test]
fn a_list_that_names_an_absent_image_or_a_label_without_class() {
    let here = folder();
    let list = small_domainnet(here.path());
    let good = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, good.replace("dog/3.jpg", "dog/33.jpg")).unwrap();
    failure(train_domainnet(here.path(), &[]), 3, &["real/dog/33.jpg", "real_train.txt:8", "not there"]);
    std::fs::write(&list, good.replace("dog/3.jpg 1", "dog/3.jpg 7")).unwrap();
    failure(train_domainnet(here.path(), &[]), 3, &["real_train.txt:8", "2 classes", ": 7"]);
    nothing_was_written(here.path());
}

#[test]
fn an_image_that_is_empty_or_broken() {
    let here = folder();
    let list = small_domainnet(here.path());
    let image = list.with_file_name("real/cat/2.jpg");
    let good = std::fs::read(&image).unwrap();
    std::fs::write(&image, b"").unwrap();
    failure(train_domainnet(here.path(), &[]), 3, &["real/cat/2.jpg", "empty (0 bytes)"]);
    std::fs::write(&image, &good[..good.len() / 2]).unwrap();
    failure(train_domainnet(here.path(), &[]), 3, &["cannot decode", "real/cat/2.jpg"]);
    nothing_was_written(here.path());
}

#[test]
fn unknown_keys_paths_values_and_commands() {
    let here = folder();
    let with = |arguments: &[&str]| {
        let mut command = runner(here.path());
        command.args(arguments);
        command
    };
    failure(with(&["-k", "demo/Shapes_foto/fixup_resnet18/pretrain"]), 2, &["unknown key", KEY]);
    failure(with(&["show", "nonsense"]), 2, &["unknown key nonsense"]);
    failure(train(here.path(), &["--set", "train.epoch=3"]), 2, &["train.epoch;", "train.epochs"]);
    failure(train(here.path(), &["--set", "train.epochs=many"]), 2, &["train.epochs=many"]);
    failure(train(here.path(), &["--set", "train.epochs=0"]), 2, &["train.epochs is 0", "from 1"]);
    failure(
        train(here.path(), &["--set", "model.arch=resnet1"]),
        2,
        &["resnet1", "resnet18", "runner models"],
    );
    failure(
        train(
            here.path(),
            &[
                "--set",
                "data.configs.shuffle_block_config.seed=1234",
                "--set",
                "data.configs.shuffle_block_config.block_size=5",
            ],
        ),
        2,
        &["block_size is 5", "divisor", "32: 1, 2, 4, 8, 16, 32"],
    );
    failure(with(&["study", "dmo"]), 2, &["dmo", "demo"]);
    failure(with(&["configs", "("]), 2, &["( is not a regular expression"]);
    failure(with(&["interpolate", "a", "b", "--coefficients", "0:1"]), 2, &["0:1", "first:last:count"]);
    failure(with(&["-k", KEY, "--device", "tpu"]), 2, &["tpu", "auto, cpu, wgpu"]);
    nothing_was_written(here.path());
}

#[test]
fn a_data_set_that_there_is_not() {
    let here = folder();
    let check = |arguments: &[&str]| {
        let mut command = runner(here.path());
        command.args(arguments).args(["--set", "data.name=Shapes_foto"]);
        failure(
            command,
            2,
            &["unknown data set Shapes_foto; the nearest are Shapes_photo", "DomainNet_clipart"],
        );
    };
    check(&["-k", KEY]);
    check(&["show", KEY]);
    check(&["eval", "any.safetensors", "-k", KEY]);
    check(&["prepare", "verify", "-k", KEY]);
    check(&["study", "demo"]);
    check(&["sweep", KEY]);
    nothing_was_written(here.path());
}

#[test]
fn checkpoints_that_are_missing_broken_or_of_another_architecture() {
    let here = folder();
    let path = here.path();
    success(train(path, &[FIXUP, ["--set", "train.epochs=1"]].concat()));
    let good = checkpoint(path, "ckpt-E001");
    let good = good.to_str().unwrap();
    let tune = |more: &[&str]| {
        let mut command = train(path, &[&FIXUP[..], &["--set", "train.epochs=1", "-w", "tuned"]].concat());
        command.args(more);
        command
    };
    let from = |file: &str| format!("train.finetune_from={file}");
    failure(
        tune(&["--set", &from("none/ckpt-E009.pth.tar")]),
        3,
        &["none/ckpt-E009.pth.tar", "none/ckpt-E009.safetensors", "train.finetune_from"],
    );
    failure(
        tune(&["--set", &from(good), "--set", "model.arch=fixup_resnet34"]),
        3,
        &["ckpt-E001", "layer1.2.conv1.weight is missing", "model.arch"],
    );

    let cut = path.join("cut.safetensors");
    std::fs::write(&cut, &std::fs::read(good).unwrap()[..1 << 20]).unwrap();
    let cut = cut.to_str().unwrap();
    failure(tune(&["--set", &from(cut)]), 3, &["cut.safetensors", "not a whole safetensors file"]);
    assert!(!path.join("tuned").exists());

    let analyse = |arguments: &[&str]| {
        let mut command = runner(path);
        command.args(arguments);
        command
    };
    failure(analyse(&["interpolate", good, cut]), 3, &["cut.safetensors", "not a whole safetensors file"]);
    failure(analyse(&["interpolate", good, "gone.safetensors"]), 3, &["gone.safetensors"]);
    failure(analyse(&["eval", cut]), 2, &["lies in no run", "-k KEY"]);
    failure(analyse(&["eval", good, "--set", "model.arch=fixup_resnet50"]), 3, &["ckpt-E001", "model.arch"]);
    std::fs::write(path.join("huge.safetensors"), u64::MAX.to_le_bytes()).unwrap();
    failure(analyse(&["eval", "huge.safetensors", "-k", KEY]), 3, &["huge.safetensors"]);
    assert!(!run_folder(path).join("analysis").exists(), "no partial analysis is left");
}

#[test]
fn a_loss_that_is_not_finite() {
    let here = folder();
    failure(
        train(here.path(), &["--set", "optimizer.base_lr=1e30"]),
        4,
        &["the loss is", "optimizer.base_lr", "--force"],
    );
    assert!(checkpoint(here.path(), "ckpt-E000").is_file() && !checkpoint(here.path(), "ckpt-E001").exists());
}

#[test]
fn a_full_disk_and_a_read_only_one() {
    let here = folder();
    let settings: String = SMALL.map(|setting| format!("--set {setting} ")).concat();
    let train = format!("$RUNNER -k {KEY} {settings} {} -b disk/experiments", FIXUP.join(" "));
    // A checkpoint takes 45 MB.
    let script = format!("{train}; code=$?; find disk -name '*.tmp' | grep -q . && exit 99; exit $code");
    if let Some((code, message)) = on_disk(here.path(), "size=60m", &script) {
        assert_eq!(code, 1, "{message}");
        assert!(
            message.contains("error: cannot write disk/experiments") && message.contains("free some space"),
            "{message}"
        );
    }
    let script = format!("mount -o remount,ro disk && {train}");
    if let Some((code, message)) = on_disk(here.path(), "size=60m", &script) {
        assert_eq!(code, 1, "{message}");
        assert!(
            message.contains("error: cannot create disk/experiments") && message.contains("may write to"),
            "{message}"
        );
    }
}
