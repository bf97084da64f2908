//! Checkpoints as the reference writes them (`upstream-*`, `bare-state-dict.pth`), against `checkpoint.json`.
//!
//! `upstream-legacy-partial` in the small copy is `upstream-cuda-partial`, saved again by `torch.save` with
//! `_use_new_zipfile_serialization=False`.

use std::path::{Path, PathBuf};

use basin_core::checkpoint::Checkpoint;
use basin_core::model::{Arch, Network};
use burn::tensor::Device;
use serde_json::Value;

use crate::common;

#[test]
fn golden_checkpoints_of_the_reference_open() {
    let unpacked = tempfile::tempdir().unwrap();
    let files =
        [common::golden_files("upstream-", ""), common::golden_files("bare-state-dict", ".pth")].concat();
    for path in files {
        let golden = common::json(&path.with_file_name("checkpoint.json"));
        check(&unpack(&path, unpacked.path()), &golden);
    }
}

fn check(path: &Path, golden: &Value) {
    let name = path.display();
    let checkpoint = Checkpoint::load(path).unwrap();
    let expected = golden["tensors"].as_object().unwrap();
    let tensors = &checkpoint.state.tensors;
    assert!(tensors.len() >= expected.len().min(43), "{name}: {} tensors", tensors.len());
    for tensor in tensors {
        let expected = &expected[&tensor.name];
        assert_eq!(serde_json::json!(tensor.shape), expected["shape"], "{name}: {}", tensor.name);
        let sum: f64 = tensor.data.iter().map(|v| f64::from(*v)).sum();
        let l2 = tensor.data.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        for (ours, key) in [(sum, "sum"), (l2, "l2")] {
            let theirs = expected[key].as_f64().unwrap();
            assert!(
                (ours - theirs).abs() <= 1e-4 * l2.max(theirs.abs()),
                "{name}: {} {key} {ours} {theirs}",
                tensor.name
            );
        }
    }
    if name.to_string().contains("upstream") {
        assert_eq!(checkpoint.metadata["epoch"], golden["epoch"].to_string(), "{name}");
        assert_eq!(checkpoint.metadata["best_acc1"].parse::<f64>().unwrap(), golden["best_acc1"], "{name}");
    }
    if tensors.len() == expected.len() {
        let length = |name: &str| Some(checkpoint.state.get(name)?.data.len());
        let arch = Arch::with_head_of("fixup_resnet18", length).unwrap();
        Network::new(arch, &checkpoint.state, &Device::flex()).unwrap();
    }
}

/// The file itself, or what is in it if its name ends in `.gz`.
fn unpack(path: &Path, folder: &Path) -> PathBuf {
    let Some(stem) = path.to_str().unwrap().strip_suffix(".gz") else { return path.to_owned() };
    let target = folder.join(Path::new(stem).file_name().unwrap());
    let mut packed = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    std::io::copy(&mut packed, &mut std::fs::File::create(&target).unwrap()).unwrap();
    target
}

/// Every cut and many flipped bytes: an error or other numbers, never a crash.
#[test]
fn damaged_files_are_errors_and_never_crashes() {
    let here = tempfile::tempdir().unwrap();
    for path in common::golden_files("upstream-", "partial.pth.tar") {
        let bytes = std::fs::read(&path).unwrap();
        let broken = here.path().join("broken.pth");
        let load = |bytes: &[u8]| {
            std::fs::write(&broken, bytes).unwrap();
            Checkpoint::load(&broken).map_err(|error| (error.exit_code(), error.to_string()))
        };
        for length in (0..bytes.len()).step_by(97) {
            let (code, message) = load(&bytes[..length]).unwrap_err();
            assert!(
                code == 3 && message.contains("broken.pth") && !message.contains('\n'),
                "{length}: {message}"
            );
        }
        let mut random = basin_core::random::Keyed::new(0, basin_core::random::Purpose::Draw, 0, 0);
        let mut refused = 0;
        for _ in 0..2000 {
            let mut bytes = bytes.clone();
            for _ in 0..1 + random.below(4) {
                let place = random.below(bytes.len());
                bytes[place] = random.next_u32() as u8;
            }
            if let Err((code, message)) = load(&bytes) {
                assert!(code == 3 && !message.contains('\n'), "{message}");
                refused += 1;
            }
        }
        assert!(refused > 0, "{} is read whatever is broken in it", path.display());
    }
}

#[test]
fn a_negative_view_has_the_other_sign() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/negative-view.pth");
    let state = Checkpoint::load(&file).unwrap().state;
    assert_eq!(state.get("neg").unwrap().data, [-1.0, 2.5, 0.0]);
    assert_eq!(state.get("plain").unwrap().data, [3.0]);
}
