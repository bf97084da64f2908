//! Faults of the machine and of what lies on it: nothing is lost, nothing is believed that is not whole, and nothing hangs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::*;

/// The small run, of which every epoch is kept.
fn train_keeping_all(folder: &Path) {
    success(train(folder, &["--set", "train.keep_every=1"]));
}

/// Ends the test where a command takes longer than anybody would wait.
#[track_caller]
fn at_once(command: Command, code: i32, parts: &[&str]) {
    let start = Instant::now();
    failure(command, code, parts);
    assert!(start.elapsed() < Duration::from_secs(20), "it took {:?}", start.elapsed());
}

#[test]
fn gc_keeps_what_a_run_elsewhere_starts_from() {
    let here = folder();
    train_keeping_all(here.path());
    let source = "experiments/".to_owned() + KEY + "/checkpoints/ckpt-E001.safetensors";
    let from = format!("train.finetune_from={source}");
    let mut tuned = train(here.path(), &["--set", &from]);
    tuned.args(["-w", "experiments/mine/tuned"]);
    success(tuned);
    let mut gc = runner(Path::new("/"));
    gc.args(["gc", "pretrain", "-b"]).arg(here.path().join("experiments"));
    gc.args(["--set", "train.keep_every=0", "--set", "train.keep=[]"]);
    success(gc);
    assert!(here.path().join(source).is_file(), "another run starts from it");
}

#[test]
fn a_first_run_that_fails_removes_nothing_of_the_users() {
    let here = folder();
    let list = small_domainnet(here.path());
    std::fs::write(list.with_file_name("real/cat/2.jpg"), "no image").unwrap();
    std::fs::create_dir_all(here.path().join("mine/results")).unwrap();
    failure(train_domainnet(here.path(), &["-b", "mine/results/exp"]), 3, &["real/cat/2.jpg"]);
    assert!(here.path().join("mine/results").is_dir(), "the user made it");
    assert!(!here.path().join("mine/results/exp").exists(), "a run's folder was left behind");
}

#[test]
fn images_that_would_take_all_memory_are_named() {
    let here = folder();
    let list = small_domainnet(here.path());
    let image = list.with_file_name("real/cat/2.jpg");
    image::RgbImage::new(1, 65_000).save_with_format(&image, image::ImageFormat::Png).unwrap();
    let large = ["--set", "data.configs.pre_crop_size=256"];
    at_once(train_domainnet(here.path(), &large), 3, &["real/cat/2.jpg", "256 x", "BASIN_MAX_IMAGE_PIXELS"]);
    // A bitmap of 96 bytes that claims 40,000 x 30,000 pixels.
    let mut bitmap = b"BM\x60\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bitmap.extend(40_000_u32.to_le_bytes());
    bitmap.extend(30_000_u32.to_le_bytes());
    bitmap.extend([1, 0, 24, 0]);
    bitmap.resize(96, 0);
    std::fs::write(&image, bitmap).unwrap();
    at_once(train_domainnet(here.path(), &[]), 3, &["real/cat/2.jpg", "40000 x 30000 pixels"]);
    image::RgbImage::new(200, 200).save_with_format(&image, image::ImageFormat::Png).unwrap();
    let mut bounded = train_domainnet(here.path(), &[]);
    bounded.env("BASIN_MAX_IMAGE_PIXELS", "39999");
    at_once(bounded, 3, &["200 x 200 pixels", "BASIN_MAX_IMAGE_PIXELS allows 39999"]);
    let mut wrong = train_domainnet(here.path(), &[]);
    wrong.env("BASIN_MAX_IMAGE_PIXELS", "many");
    at_once(wrong, 3, &["BASIN_MAX_IMAGE_PIXELS is many", "no number of pixels"]);
}

#[test]
fn pipes_and_devices_in_a_list_are_named() {
    let here = folder();
    let list = small_domainnet(here.path());
    let image = list.with_file_name("real/cat/2.jpg");
    let key = "train/DomainNet_real/fixup_resnet50_nzfc/randinit-lr0.1-MstepLR";
    for make in ["mkfifo", "ln -s /dev/zero"] {
        std::fs::remove_file(&image).unwrap();
        let made = Command::new("sh").args(["-c", &format!("{make} \"$0\"")]).arg(&image).status().unwrap();
        assert!(made.success());
        let mut verify = runner(here.path());
        verify.args(["prepare", "verify", "-k", key, "--set", "data.configs.data_dir=data"]);
        let output = verify.output().unwrap();
        let listed = String::from_utf8(output.stdout).unwrap();
        assert!(listed.contains("real/cat/2.jpg") && listed.contains("no regular file"), "{listed}");
        assert_eq!(output.status.code(), Some(3));
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let here = folder();
    let letter = here.path().join("letter");
    for name in [".lock", "run.log"] {
        std::fs::write(&letter, "dear").unwrap();
        let run = run_folder(here.path());
        std::fs::create_dir_all(&run).unwrap();
        std::os::unix::fs::symlink(&letter, run.join(name)).unwrap();
        failure(train(here.path(), &[]), 3, &[name, "is a link", "remove it"]);
        assert_eq!(std::fs::read_to_string(&letter).unwrap(), "dear");
        std::fs::remove_dir_all(&run).unwrap();
    }
}

#[test]
fn a_hangup_saves_and_nohup_is_heard() {
    let here = folder();
    let start = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let many = ["--set", "train.epochs=200"];
    let begun = || checkpoint(here.path(), "ckpt-E001").is_file();
    let mut child = start(&mut train(here.path(), &many));
    wait_for("epoch", begun);
    signal(&child, "-HUP");
    assert_eq!(child.wait().unwrap().code(), Some(129));
    let epoch = |run: &Path| {
        let reader =
            basin_core::checkpoint::Reader::open(&run.join("checkpoints/resume.safetensors")).unwrap();
        reader.metadata["epoch"].parse::<usize>().unwrap()
    };
    let saved = epoch(&run_folder(here.path()));
    assert!(saved >= 1);

    let command = train(here.path(), &many);
    let mut nohup = Command::new("nohup");
    nohup.arg(command.get_program()).args(command.get_args()).current_dir(here.path());
    let mut child = start(&mut nohup);
    let later = || epoch(&run_folder(here.path())) > saved;
    wait_for("later epoch", later);
    signal(&child, "-HUP");
    let now = epoch(&run_folder(here.path()));
    wait_for("epoch after the hangup", || epoch(&run_folder(here.path())) > now + 1);
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_signal_ends_what_does_not_listen() {
    let here = folder();
    let tensors = vec![basin_core::checkpoint::NamedTensor {
        name: "w".to_owned(),
        shape: vec![1 << 26],
        data: vec![1.0; 1 << 26],
    }];
    let state = basin_core::checkpoint::StateDict { tensors };
    let large = here.path().join("large.safetensors");
    basin_core::checkpoint::Checkpoint { state, metadata: Default::default() }.save(&large).unwrap();
    let mut inspect = runner(here.path());
    let mut child =
        inspect.args(["checkpoint", "inspect"]).arg(&large).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "-INT");
    let ended = child.wait().unwrap();
    assert!(!ended.success(), "the signal was swallowed");
}

#[test]
fn an_edited_state_is_told_for_what_it_is() {
    let here = folder();
    success(train(here.path(), &[]));
    let resume = checkpoint(here.path(), "resume");
    let mut state = basin_core::checkpoint::Checkpoint::load(&resume).unwrap();
    state.metadata.insert("step".to_owned(), "1000000".to_owned());
    state.save(&resume).unwrap();
    let more = ["--set", "train.epochs=3"];
    failure(train(here.path(), &more), 3, &["resume.safetensors is broken", "step 1000000"]);
}

#[test]
fn a_key_that_leaves_the_base_folder_is_refused() {
    let here = folder();
    std::fs::create_dir(here.path().join("configs")).unwrap();
    let text =
        r#"(bases: {}, families: [(key: "../../evil", base: "demo/Shapes_photo/fixup_resnet18/pretrain")])"#;
    std::fs::write(here.path().join("configs/mine.ron"), text).unwrap();
    failure(
        tiny(here.path(), &["-k", "../../evil"]),
        2,
        &["mine.ron:1:", "../../evil", "no path of a folder"],
    );
}

#[test]
fn interpolations_side_by_side_lose_no_point() {
    let here = folder();
    train_keeping_all(here.path());
    let interpolate = || {
        let mut command = runner(here.path());
        command
            .arg("interpolate")
            .args([1, 2].map(|epoch| checkpoint(here.path(), &format!("ckpt-E00{epoch}"))));
        command.args(["--coefficients", "0:1:9", "--json", "-o", "line"]);
        command
    };
    let mut both =
        [(); 2].map(|()| interpolate().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let ended = both.each_mut().map(|child| child.wait().unwrap().code());
    assert!(
        ended.contains(&Some(0)) && ended.iter().all(|code| [Some(0), Some(1)].contains(code)),
        "{ended:?}"
    );
    let line: serde_json::Value = serde_json::from_str(&success(interpolate())).unwrap();
    assert_eq!(line["points"].as_array().unwrap().len(), 9);
}
