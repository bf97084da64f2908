//! Running the program as a user would, on small data.

pub mod hub;
pub mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Settings under which the demo's pre-training takes half a second, with a network of 0.4 million parameters.
pub const SMALL: [&str; 7] = [
    "model.arch=test_vit",
    "data.configs.train_per_class=16",
    "data.configs.test_per_class=8",
    "train.batch_size=16",
    "train.epochs=2",
    "data.configs.disable_aug=false",
    "train.mixup_alpha=0.7",
];
/// The network of the key, for what needs its modules.
pub const FIXUP: [&str; 2] = ["--set", "model.arch=fixup_resnet18"];
/// A key that needs neither files nor another run.
pub const KEY: &str = "demo/Shapes_photo/fixup_resnet18/pretrain";

/// The program in a folder.
pub fn runner(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
    command.current_dir(folder);
    command
}

/// `runner -k KEY` with the small settings and more.
pub fn train(folder: &Path, more: &[&str]) -> Command {
    let mut command = runner(folder);
    command.args(["-k", KEY]);
    for setting in SMALL {
        command.args(["--set", setting]);
    }
    command.args(more);
    command
}

/// What it printed, if it ended well.
#[track_caller]
pub fn success(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// It must end with the code, and one sentence that holds all parts.
#[track_caller]
pub fn failure(mut command: Command, code: i32, parts: &[&str]) -> String {
    let output = command.output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {message}");
    let error =
        message.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{message}"));
    // The command line's parser adds where to find help.
    assert!(message.ends_with(&format!("{error}\n")) || message.contains("try '--help'"), "{message}");
    for part in parts {
        assert!(error.contains(part), "no `{part}` in: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
    message
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The run's folder under the default base.
pub fn run_folder(folder: &Path) -> PathBuf {
    folder.join("experiments").join(KEY)
}

pub fn checkpoint(folder: &Path, name: &str) -> PathBuf {
    run_folder(folder).join("checkpoints").join(format!("{name}.safetensors"))
}

/// DomainNet's layout with two classes, four images each, both splits; returns the list of the training split.
pub fn small_domainnet(folder: &Path) -> PathBuf {
    let root = folder.join("data/DomainNet");
    let mut list = String::new();
    for (label, class) in ["cat", "dog"].iter().enumerate() {
        std::fs::create_dir_all(root.join("real").join(class)).unwrap();
        for number in 0..4 {
            let id = format!("real/{class}/{number}.jpg");
            let shade = [60 * number as u8, 120 * label as u8, 200];
            image::RgbImage::from_pixel(48, 40, image::Rgb(shade)).save(root.join(&id)).unwrap();
            list += &format!("{id} {label}\n");
        }
    }
    for split in ["train", "test"] {
        std::fs::write(root.join(format!("real_{split}.txt")), &list).unwrap();
    }
    root.join("real_train.txt")
}

/// Trains a key of the reference on that data.
pub fn train_domainnet(folder: &Path, more: &[&str]) -> Command {
    let mut command = runner(folder);
    command.args(["-k", "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR"]);
    for setting in [
        "data.configs.data_dir=data",
        "data.configs.image_size=32",
        "data.configs.pre_crop_size=36",
        "model.arch=fixup_resnet18",
        "train.epochs=1",
        "train.batch_size=4",
    ] {
        command.args(["--set", setting]);
    }
    command.args(more);
    command
}

/// Runs a script on a small file system of its own that is mounted at `disk`; `None` where the system forbids that.
pub fn on_disk(here: &Path, options: &str, script: &str) -> Option<(i32, String)> {
    std::fs::create_dir_all(here.join("disk")).unwrap();
    let mount = format!("mount -t tmpfs -o {options} tmpfs disk");
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).current_dir(here);
        command.env("RUNNER", env!("CARGO_BIN_EXE_runner")).output()
    };
    if !unshare(&mount).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system does not let a test mount a file system");
        return None;
    }
    let output = unshare(&format!("{mount} && {script}")).unwrap();
    Some((output.status.code().unwrap(), stderr(&output)))
}

/// A folder of families for `--configs`, with keys that take half a second each.
pub fn tiny_families(folder: &Path) {
    std::fs::create_dir_all(folder.join("configs")).unwrap();
    std::fs::write(folder.join("configs/tiny.ron"), include_str!("tiny.ron")).unwrap();
}

/// The program in a folder with these families.
pub fn tiny(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = runner(folder);
    command.args(arguments).env("BASIN_CONFIGS", "configs");
    command
}

/// Waits for something, half a minute at most.
#[track_caller]
pub fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is_there() {
        assert!(start.elapsed().as_secs() < 30, "no {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Sends a signal, such as `-TERM`.
pub fn signal(child: &std::process::Child, signal: &str) {
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
}
